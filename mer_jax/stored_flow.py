"""Stored flow: a folder of flow fields from onset to apex, and the small pictures that the field's networks are fed with.

    flow/DATASET/SUBJECT/CLIP.npy        (height, width, 3) float32: motion to the right, downwards (pixels), strain
    pictures/DATASET/SUBJECT/CLIP.png    the same at 28 x 28, each channel stretched to 0..255 (`minmax8`)
    clips.csv                            the table of the pictures, which `mer_jax.load` and every benchmark read
    flow.json                            how they were made, and of which data

Every file is there whole or not at all, and the table comes last: while one is missing there is no table. Each picture holds
the sha256 of its flow's file, in a PNG text chunk, and PNG a sum of everything in it: so damage to either is noticed.
"""

import csv
import functools
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mer_jax.data.clips import Clips, data_digest
from mer_jax.evaluation.identity import code_digest, decisive_versions
from mer_jax.folder_lock import locked
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.motion.apex import GRID, boxes_around, divide_and_conquer, largest_motion, middle
from mer_jax.motion.flow_features import THIRD_CHANNELS
from mer_jax.motion.flow_picture import SIDE, field_between, picture_of
from mer_jax.motion.luma import luma
from mer_jax.motion.tvl1 import FAITHFUL, FAST, TVL1
from mer_jax.progress_bar import ProgressBar
from mer_jax.whole_files import read_json, write_json, write_whole

FORMS = {"faithful": FAITHFUL, "fast": FAST}
ESTIMATES = {"middle": lambda _, onset, offset, boxes: middle(onset, offset), "largest_motion": largest_motion,
             "divide_and_conquer": divide_and_conquer}
SUM = "flow sha256"                                           # the text chunk of a picture
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
PIXELS_AT_ONCE = 2**20                                        # of one call; more clips in a call are no faster on a CPU


def store_flow(clips: Clips, folder: Path, form: str = "faithful", apex: str = "middle",
               channels: str = "ststnet") -> dict:
    """Makes what `folder` lacks; gives {"clips", "made", "table", "estimated": clips whose apex the data have not}.

    form: of TV-L1, "faithful" or "fast". apex: how it is estimated where it is unknown, a name of ESTIMATES. channels: what
    the third one is, a source of THIRD_CHANNELS; of the default the optical strain.

    Raises UserMistake where the clips have no frames, a name is not known, or the folder holds other flow.
    """
    check_words(folder, form, apex, channels)
    if clips.frames is None:
        raise UserMistake(f"the data have no frames to find motion in (they have: {', '.join(clips.inputs())})")
    made_of = {"flow": form, "apex": apex, "channels": channels, "side": SIDE, "data": data_digest(clips),
               "code": code_digest(), "versions": decisive_versions()}
    check_folder(folder, made_of)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        write_json(folder / "flow.json", made_of)
        for left in folder.rglob(".*.part"):                       # by a start that was killed while it wrote
            left.unlink(missing_ok=True)
        missing = [row for row in range(len(clips)) if not is_stored(folder, clips.ids[row])]
        if missing:
            (folder / "clips.csv").unlink(missing_ok=True)
        with ProgressBar(len(clips), "flow") as bar:
            bar.skip(len(clips) - len(missing))
            for row, field in fields(clips, missing, FORMS[form], apex, channels):
                write_field(folder, clips.ids[row], field)
                bar.advance()
        write_whole(folder / "clips.csv", table(clips, apex))
    return {"clips": len(clips), "made": len(missing), "table": str(folder / "clips.csv"),
            "estimated": int((np.asarray(clips.apex) < 0).sum())}


def check_words(folder: Path, form: str, apex: str, channels: str) -> None:
    """Raises UserMistake for a word that is not known, and where the folder is a file."""
    for value, known, name in ((form, FORMS, "flow"), (apex, ESTIMATES, "apex"), (channels, THIRD_CHANNELS, "channels")):
        if value not in known:
            raise UserMistake(f"{name} {value!r} is not known{nearest(value, known)}; there are: {', '.join(known)}")
    if folder.exists() and not folder.is_dir():
        raise UserMistake(f"{folder}: wanted a folder for the flow, found a file")


def check_folder(folder: Path, made_of: dict) -> None:
    """Raises UserMistake where the folder holds other things, or flow that was made in another way."""
    if not folder.exists():
        return
    if (path := folder / "flow.json").exists():
        for name, value in read_json(path).items():
            if made_of.get(name) != value and name == "data":
                raise UserMistake(f"{folder}: its flow is of other clips, or of these with another label, split or size; name "
                                  "another --out, or remove it")
            if made_of.get(name) != value:
                raise UserMistake(f"{folder}: its flow is of another kind: {name} was {value!r}, now it is "
                                  f"{made_of.get(name)!r}; name another --out, or remove it")
    elif strange := sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith(".")):
        raise UserMistake(f"{folder}: no folder of flow: it has {strange[0]!r}, but no flow.json; name another --out")


def apex_of(clips: Clips, row: int, apex: str) -> int:
    """The index of a clip's apex frame: the one recorded, or where none is, the estimated one."""
    if clips.apex[row] >= 0:
        return int(clips.apex[row])
    height, width = clips.frames.shape[2:4]
    boxes = GRID if clips.landmarks is None else np.asarray(boxes_around(jnp.asarray(clips.landmarks[row]), height, width))
    return int(estimated(clips.frames[row], clips.onset[row], clips.offset[row], boxes, apex))


@functools.partial(jax.jit, static_argnums=4)
def estimated(frames: Array, onset: Array, offset: Array, boxes: Array, apex: str) -> Array:
    """() the apex of one clip (L, H, W, C) uint8; the estimates want sides of multiples of 4."""
    height, width = (side // 4 * 4 for side in frames.shape[1:3])
    return ESTIMATES[apex](luma(frames[:, :height, :width].astype(jnp.float32) / 255), onset, offset, boxes)


def fields(clips: Clips, rows: list[int], settings: TVL1, apex: str,
           channels: str) -> Iterator[tuple[int, np.ndarray]]:
    """(row, (H, W, 3) float32: u, v and the third channel) of some clips, several a call; the last call is filled up by
    repeating."""
    height, width = clips.frames.shape[2:4]
    count = max(1, min(len(clips), PIXELS_AT_ONCE // (height * width)))       # the same program, whatever is missing
    for start in range(0, len(rows), count):
        part = rows[start : start + count]
        filled, apexes = np.resize(part, count), np.resize([apex_of(clips, row, apex) for row in part], count)
        first, second = (np.asarray(clips.frames)[filled, marks] for marks in (np.asarray(clips.onset)[filled], apexes))
        yield from zip(part, np.asarray(field_between(first, second, settings, channels)), strict=False)


def place(folder: Path, kind: str, clip: str) -> Path:
    """Where a clip's file lies, without its suffix; whatever its key holds, it stays in the folder."""
    return folder.joinpath(kind, *(quote(part, safe=" ").replace(".", "%2E") for part in clip.split("/")))


def files_of(folder: Path, clip: str) -> tuple[Path, Path]:
    """The flow's and the picture's."""
    return place(folder, "flow", clip).with_suffix(".npy"), place(folder, "pictures", clip).with_suffix(".png")


def is_stored(folder: Path, clip: str) -> bool:
    """Whether both files of a clip are there, each bit as it was written."""
    flow, picture = files_of(folder, clip)
    try:
        with Image.open(picture) as image, flow.open("rb") as file:
            image.verify()                                         # every chunk but the last, which is the same in all files
            return (picture.read_bytes().endswith(PNG_END)
                    and image.info.get(SUM) == hashlib.file_digest(file, "sha256").hexdigest())
    except (OSError, ValueError, SyntaxError, EOFError):
        return False


def write_field(folder: Path, clip: str, field: np.ndarray) -> None:
    """The flow and its picture, the picture last."""
    flow, picture = files_of(folder, clip)
    for path in (flow, picture):
        path.parent.mkdir(parents=True, exist_ok=True)
    np.save(file := io.BytesIO(), field)
    write_whole(flow, file.getvalue())
    (words := PngInfo()).add_text(SUM, hashlib.sha256(file.getvalue()).hexdigest())
    Image.fromarray(np.asarray(picture_of(field))).save(file := io.BytesIO(), "PNG", pnginfo=words)
    write_whole(picture, file.getvalue())


def table(clips: Clips, apex: str) -> str:
    """The text of clips.csv; apex_source says which apexes are those of the data (whose own apex_source says where they are
    from), and how the others were estimated."""
    rows = [("dataset", "subject", "clip", "emotion", "flow", "apex_source")]
    for row, clip in enumerate(clips.ids):
        picture = place(Path(), "pictures", clip).with_suffix(".png").as_posix()
        source = "data" if clips.apex[row] >= 0 else apex
        rows.append((*clip.split("/"), clips.classes[int(clips.label[row])], picture, source))
    csv.writer(text := io.StringIO(), lineterminator="\n").writerows(rows)
    return text.getvalue()
