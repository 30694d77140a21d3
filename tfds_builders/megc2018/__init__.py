"""The composite of MEGC 2018 as a TFDS data set, from licensed copies."""

from tfds_builders.megc2018.megc2018_dataset_builder import Builder

__all__ = ["Builder"]
