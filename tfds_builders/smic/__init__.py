"""SMIC as a TFDS data set, from a licensed copy."""

from tfds_builders.smic.smic_dataset_builder import Builder

__all__ = ["Builder"]
