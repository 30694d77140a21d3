"""A table of one's own as a TFDS data set."""

from tfds_builders.table.table_dataset_builder import Builder

__all__ = ["Builder"]
