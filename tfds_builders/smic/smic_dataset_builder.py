"""The facts of SMIC (Li et al., FG 2013) and of its long form SMIC-E (Li et al., IEEE T-AFFC 9(4), 2018), and the builder.

SMIC itself has no annotation: a clip folder is one expression, and its name tells the class. SMIC-E has tables of onset and
offset in longer clips; one of their emotions contradicts its clip's name (s18_sur_03), so the name is believed there too.
"""

import re

from mer_jax.data.emotion_labels import THREE
from tfds_builders.data_set import alone
from tfds_builders.database import Database, Key, Tree, numbered_key
from tfds_builders.licensed_builder import LicensedBuilder, configs, instructions

CLASS_OF_TOKEN = {"ne": "negative", "po": "positive", "sur": "surprise"}
CLIP = re.compile(r"s0*([1-9]|1\d|20)_(ne|po|sur)_0*(\d{1,3})", re.IGNORECASE | re.ASCII)
NAME = r"(^|[/_ -]){0}([/_ -]|$)"                                # HS in SMIC_all_raw/HS, HS_long, SMIC-HS-E, SMIC_HS_E
LONG = r"_long([/_ -]|$)|(HS|VIS|NIR)[_ -]E([/_ -]|$)|SMIC[_ -]E([/_ -]|$)"
RATES = {"HS": 100.0, "VIS": 25.0, "NIR": 25.0}
CLIPS = {"HS": (164,), "VIS": (71,), "NIR": (71,)}


def clip_key(text: str) -> str | None:
    """'s1_ne_01' and 's01_ne_01' are 's01_ne_01', as the composite's list spells it."""
    found = CLIP.fullmatch(text.strip())
    return f"s{int(found[1]):02d}_{found[2].lower()}_{int(found[3]):02d}" if found else None


def emotion_of_clip(clip: str) -> str:
    return CLASS_OF_TOKEN[clip.split("_")[1]]


def part(camera: str, long: bool) -> Database:
    """One camera's clips, cut to the expression or long."""
    others = "|".join(NAME.format(other) for other in RATES if other != camera)
    return Database(
        name="smic",
        part=f"{camera}_E" if long else camera,
        title=f"SMIC-{camera}{'-E' if long else ''}",
        fps=RATES[camera],
        classes=THREE,
        key=Key(numbered_key(r"s?0*([1-9]|1\d|20)", "s{:02d}"), clip_key, lambda clip: clip[:3]),
        needed=("subject", "clip", "onset", "offset"),
        tables=(rf".*SMIC[_ -]{camera}[_ -]E.*2019.*", rf".*SMIC[_ -]{camera}[_ -]E.*",
                rf"(?!.*({'|'.join(one for one in RATES if one != camera)})).*annotation.*") if long else (),
        sheets=camera,
        columns={"second_onset": ("onset2f",), "second_offset": ("offset2f",)} if long else {},
        folders=LONG if long else ".*" if camera == "HS" else NAME.format(camera),
        telling=f"{'|'.join(map(NAME.format, RATES))}|{LONG}",
        not_folders=others if long else f"{others}|{LONG}|non_micro",
        emotion_of_clip=emotion_of_clip,
        trees=(Tree("raw", ()), Tree("cropped", ("crop", "reg_"))),
        rows=(162, 157) if long and camera == "HS" else CLIPS[camera],
        licence_page="https://www.oulu.fi/cmvs/node/41319 (Center for Machine Vision and Signal Analysis, by e-mail)",
        layout=(f"SMIC-E_raw image/{camera}_long/SMIC-{camera}-E_annotation.xlsx and .../SMIC-{camera}-E/s03/s3_po_08/*.jpg"
                if long else f"SMIC_all_raw/{camera}/s1/micro/negative/s1_ne_01/image559740.bmp or SMIC_all_cropped/..."),
    )


PARTS = {f"{camera}{'_E' if long else ''}": part(camera, long) for long in (False, True) for camera in RATES}


class Builder(LicensedBuilder):
    """SMIC, from a licensed copy in manual_dir: HS (the default), VIS, NIR, and their long forms HS_E, VIS_E, NIR_E."""

    DATA_SETS = tuple(alone(database) for database in PARTS.values())
    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions(DATA_SETS)
    BUILDER_CONFIGS = configs(DATA_SETS)
