"""The facts of SAMM (Davison et al., IEEE Trans. Affective Computing 9(1), 2018), and its builder.

The sheet's header stands in row 14 as released, in row 1 of many copies. Two of its apexes lie outside of their expressions
(028_4_1, 032_3_1); copies in the wild carry several other numbers for them, so the middle frame is used.
"""

from tfds_builders.annotation_tables.repairs import Patch
from tfds_builders.data_set import alone
from tfds_builders.database import Database, Key, Tree, numbered_key
from tfds_builders.licensed_builder import LicensedBuilder, configs, instructions

SAMM = Database(
    name="samm",
    title="SAMM",
    fps=200.0,
    classes=("anger", "contempt", "disgust", "fear", "happiness", "other", "sadness", "surprise"),
    words={"others": "other"},
    key=Key(numbered_key(r"0*([1-9]\d{0,2})", "{:03d}"), numbered_key(r"0*([1-9]\d{0,2})_(\d{1,2})_(\d{1,2})", "{:03d}_{}_{}"),
            lambda clip: clip[:3]),
    tables=(r"SAMM.*Micro_FACS_Codes_v2.*", r".*Micro.*FACS.*", r".*"),
    trees=(Tree("raw", ()), Tree("cropped", ("crop",))),
    rows=(159,),
    licence_page="http://www2.docm.mmu.ac.uk/STAFF/M.Yap/dataset.php",
    layout="SAMM_Micro_FACS_Codes_v2.xlsx and the frames as SAMM/006/006_1_2/006_05562.jpg, at any depth",
    patches=(
        Patch("013_1_9_offset", "013", "013_1_9", None, "offset", ("5793",), "5739",
              "the released sheet, whose digits some copies have transposed"),
    ),
)


class Builder(LicensedBuilder):
    """SAMM, from a licensed copy in manual_dir."""

    DATA_SETS = (alone(SAMM),)
    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions(DATA_SETS)
    BUILDER_CONFIGS = configs(DATA_SETS)
