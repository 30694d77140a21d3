"""TFDS's own tests of each builder, on fake copies; run where TensorFlow is installed (extra test-tf)."""

import tempfile
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="TensorFlow is not installed (extra test-tf)")

import tensorflow_datasets as tfds
from fake_copies import casme2_copy, samm_copy, smic_copy

from tfds_builders import casme2, megc2018, megc2019, samm, smic

MANUAL = tempfile.TemporaryDirectory(prefix="mer_jax_manual_")
SMIC_CLIPS = {"s1_ne_01": (559740, 5), "s3_po_08": (12, 4), "s18_sur_03": (99997, 6)}


def setUpModule():
    root = Path(MANUAL.name)
    casme2_copy(root / "casme2")
    casme2_copy(root / "casme2", tree="Cropped", prefix="reg_img", table=False, objective=False)
    samm_copy(root / "samm")
    smic_copy(root / "smic", SMIC_CLIPS)


class Licensed(tfds.testing.DatasetBuilderTestCase):
    EXAMPLE_DIR = MANUAL.name
    BUILDER_CONFIG_NAMES_TO_TEST = ["frames"]


class TestCasme2(Licensed):
    DATASET_CLASS, SPLITS, BUILDER_CONFIG_NAMES_TO_TEST = casme2.Builder, {"clips": 9}, ["frames", "frames_cropped"]


class TestCasme2Flow(Licensed):
    DATASET_CLASS, SPLITS, BUILDER_CONFIG_NAMES_TO_TEST = casme2.Builder, {"clips": 8}, ["flow"]


class TestSamm(Licensed):
    DATASET_CLASS, SPLITS = samm.Builder, {"clips": 8}


class TestSmic(Licensed):
    DATASET_CLASS, SPLITS = smic.Builder, {"clips": 3}


class TestMegc2019(Licensed):
    DATASET_CLASS, SPLITS = megc2019.Builder, {"clips": 14}


class TestMegc2018(Licensed):
    DATASET_CLASS, SPLITS = megc2018.Builder, {"clips": 10}


del Licensed, tfds
