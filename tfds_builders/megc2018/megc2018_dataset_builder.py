"""The composite of the Micro-Expression Grand Challenge 2018 (Yap et al., FG 2018): 253 clips of 47 people in the objective
classes I to V, 185 of CASME II and 68 of SAMM. No digest of its list is public; its counts are what can be held against it.
"""

from mer_jax.data.emotion_labels import OBJECTIVE_OF_MEGC2018
from tfds_builders.annotated.annotation import Annotation
from tfds_builders.casme2.casme2_dataset_builder import CASME2
from tfds_builders.data_set import DataSet, Official, keys_digest
from tfds_builders.database import Database
from tfds_builders.licensed_builder import LicensedBuilder, configs, instructions
from tfds_builders.megc import in_megc2018
from tfds_builders.samm.samm_dataset_builder import SAMM


def label(database: Database, annotation: Annotation) -> int:
    """The class of an expression, 0 to 4 for I to V, -1 where it has none of them."""
    return annotation.objective - 1 if in_megc2018(database.name, annotation.objective) else -1


MEGC2018 = DataSet(
    name="megc2018",
    title="MEGC 2018",
    databases=(CASME2, SAMM),
    classes=OBJECTIVE_OF_MEGC2018,
    label=label,
    digest=keys_digest,
    official={"casme2": Official((25, 15, 99, 26, 20)), "samm": Official((24, 13, 20, 8, 3))},
)


class Builder(LicensedBuilder):
    """The composite of 2018, from licensed copies of CASME II and SAMM."""

    DATA_SETS = (MEGC2018,)
    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions(DATA_SETS)
    BUILDER_CONFIGS = configs(DATA_SETS)
