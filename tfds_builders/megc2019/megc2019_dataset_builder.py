"""The composite of the Micro-Expression Grand Challenge 2019 (See et al., FG 2019): 442 clips of 68 people in three classes.

Its official list is no file of the databases; the rule of `megc` gives it, and its digests, of keys and labels, tell whether
it did. Whole: a2e78cc9f74136549dec88564360641acca97adc986a4f034e7c6ab8536a12ea.
"""

from mer_jax.data.emotion_labels import THREE, scheme
from tfds_builders.annotated.annotation import Annotation
from tfds_builders.casme2.casme2_dataset_builder import CASME2
from tfds_builders.data_set import DataSet, Official, keys_digest
from tfds_builders.database import Database
from tfds_builders.licensed_builder import LicensedBuilder, configs, instructions
from tfds_builders.megc import in_megc2019
from tfds_builders.samm.samm_dataset_builder import SAMM
from tfds_builders.smic.smic_dataset_builder import PARTS


def label(database: Database, annotation: Annotation) -> int:
    """The class of an expression, -1 where the list has it not."""
    label3 = scheme(database.name, 3).index(annotation.emotion)
    return label3 if in_megc2019(database.name, *annotation.key, label3) else -1


MEGC2019 = DataSet(
    name="megc2019",
    title="MEGC 2019",
    databases=(CASME2, SAMM, PARTS["HS"]),
    classes=THREE,
    label=label,
    digest=keys_digest,
    official={"casme2": Official((88, 32, 25), "7fb13a820860a0bea766029180566ee6fcc9fbb49cfa4d5113e13ae8f88a15a1"),
              "samm": Official((92, 26, 15), "0596c3281677a9fa73a8217b78b99203c32131fbfb67bb73a3a428d232d5fab4"),
              "smic": Official((70, 51, 43), "49072961c3c8471c78a0474f87f59dd4ff4f41619eb6f78aacf4dca8c5983e01")},
)


class Builder(LicensedBuilder):
    """The composite of 2019, from licensed copies of CASME II, SAMM and SMIC-HS."""

    DATA_SETS = (MEGC2019,)
    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions(DATA_SETS)
    BUILDER_CONFIGS = configs(DATA_SETS)
