"""SynthME as a TFDS data set."""

from tfds_builders.synthme.synthme_dataset_builder import Builder

__all__ = ["Builder"]
