"""CASME II as a TFDS data set, from a licensed copy."""

from tfds_builders.casme2.casme2_dataset_builder import Builder

__all__ = ["Builder"]
