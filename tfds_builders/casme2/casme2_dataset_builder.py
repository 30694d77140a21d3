"""The facts of CASME II (Yan et al., PLoS ONE 9(1), 2014), and its builder.

Revisions of its sheet differ: 255 rows of 2014-05-08, a later one with three relabelled clips and corrected marks, copies
with blank columns removed, one with a 256th row. All are read; which one was, the findings say.
"""

from tfds_builders.annotation_tables.repairs import Patch
from tfds_builders.data_set import alone
from tfds_builders.database import Database, Key, Tree, numbered_key, worded_key
from tfds_builders.licensed_builder import LicensedBuilder, configs, instructions

LATER = "the sheet's later revision, of 2019-07-01"
CASME2 = Database(
    name="casme2",
    title="CASME II",
    fps=200.0,
    classes=("disgust", "fear", "happiness", "others", "repression", "sadness", "surprise"),
    words={"other": "others"},
    key=Key(numbered_key(r"(?:sub|s)?0*([1-9]|1\d|2[0-6])", "sub{:02d}"), worded_key(r"EP(\d[\w-]*)", "EP{}"), None),
    tables=(r"CASME2-coding-20140508.*", r"CASME2-coding.*", r"CASME2_label.*", r".*"),
    objective_tables=(r"CASME2-ObjectiveClasses.*", r".*objective.*"),
    trees=(Tree("selected", ("select",)), Tree("raw", ()), Tree("cropped", ("crop", "reg_"))),
    rows=(255, 256, 247),
    licence_page="http://casme.psych.ac.cn/casme/e2",
    layout="CASME2-coding-20140508.xlsx, CASME2-ObjectiveClasses.xlsx (optional), and the frames as "
           "CASME2_RAW_selected/sub01/EP02_01f/img46.jpg, CASME2-RAW/... or Cropped/..., at any depth",
    patches=(
        Patch("ep01_08_offset", "sub16", "EP01_08", None, "offset", ("110",), "96",
              f"{LATER}; the cropped frames end at 96 too"),
        *(Patch("relabelled_2019", "sub24", clip, None, "emotion", ("sadness",), "surprise", LATER, usual=False)
          for clip in ("EP07_01", "EP07_04f", "EP10_03")),
    ),
)


class Builder(LicensedBuilder):
    """CASME II, from a licensed copy in manual_dir."""

    DATA_SETS = (alone(CASME2),)
    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions(DATA_SETS)
    BUILDER_CONFIGS = configs(DATA_SETS)
