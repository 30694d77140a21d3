"""The composite of MEGC 2019 as a TFDS data set, from licensed copies."""

from tfds_builders.megc2019.megc2019_dataset_builder import Builder

__all__ = ["Builder"]
