"""Clips from a table of one's own: a CSV file that names images of optical flow, folders of frames, or both.

Columns (a header of these names, in any order and case; others are ignored): dataset, subject, clip, emotion, and at
least one of flow and frames; optional onset, apex, offset, fps, flow_coding. Paths are relative to one folder, the
table's own or the `root`, and stay in it. Commas, semicolons or tabs separate cells; the text is UTF-8.
"""

import csv
import difflib
import io
import os
import re
from pathlib import Path

import numpy as np

from mer_jax.data.clips import FLOW_CODINGS, Clips, clips_of
from mer_jax.data.frame_stack import (
    distinct_keys,
    marked_indices,
    one_shape,
    one_spelling,
    one_spelling_of_subjects,
    padded_stack,
)
from mer_jax.data.image_files import numbered_frames, path_below, read_flow_array, read_image
from mer_jax.data.resizing import Size, resized
from mer_jax.mistakes import UserMistake, nearest

REQUIRED = ("dataset", "subject", "clip", "emotion")
OPTIONAL = ("flow", "frames", "onset", "apex", "offset", "fps", "flow_coding")
MARKS = ("onset", "apex", "offset")
FASTEST_CAMERA = 1e6


def clips_from_table(path: str | os.PathLike, classes: tuple[str, ...] | None = None,
                     root: str | os.PathLike | None = None, size: Size | None = None) -> Clips:
    """The N clips of a CSV file, in its order.

    classes: the emotions in the order of their indices; None takes those of the file, sorted. None is ever renamed.
    root: the folder that relative paths start from, and that no path leaves, by a link neither; None: the table's own.
    size: (height, width) that every frame is brought to as it is read, so that clips of several sizes go together; None leaves
        them, and they must be of one size.
    flow: one 8-bit RGB image a clip, kept as (N, H, W, 3) uint8 "minmax8"; or one .npy of floats (H, W, 3), kept as
        float32 "pixels". flow_coding may say which; it is the same in all rows.
    frames: a folder of images or a pattern such as `s1/*.jpg`, sorted by the last integer of each name; 8-bit RGB, or
        8-bit grey (C = 1) if all are; kept as (N, L, H, W, C) uint8, padded with zeros.
    onset, apex, offset: frame numbers as in the names, turned into indices into L. Empty cells give the first frame,
        -1, and the last frame. fps: frames a second, nan where empty. All four need frames, and are None without.

    Raises UserMistake with the file, the row (its line in an editor), what was found and what was wanted.
    """
    path = Path(path)
    folder = path.parent if root is None else Path(root)
    if not folder.is_dir() and root is not None:
        raise UserMistake(f"root {root}: no such folder; wanted the one that the paths in {path} start from")
    rows, places = _rows(path)
    distinct_keys([(row["dataset"], row["subject"], row["clip"]) for row in rows], places)
    one_spelling([row["dataset"] for row in rows], places, "dataset")
    one_spelling_of_subjects([(row["dataset"], row["subject"]) for row in rows], places)
    one_spelling([row["emotion"] for row in rows], places, "emotion")
    classes = _classes(path, rows, places, classes)
    numbers = [{name: _number(row, name, place) for name in (*MARKS, "fps")}
               for row, place in zip(rows, places, strict=True)]
    arrays = {}
    held = [name for name in ("flow", "frames") if any(row.get(name) for row in rows)]
    if not held:
        raise UserMistake(f"{path}: flow and frames are empty in every row; wanted paths in at least one of the two")
    for name in held:
        for row, place in zip(rows, places, strict=True):
            if not row[name]:
                raise UserMistake(f"{place}: empty {name}; wanted a path in every row or in none")
    if "flow" in held:
        arrays |= _flow(folder, rows, places)
    if "frames" in held:
        arrays |= _frames(folder, rows, places, numbers, size)
    elif size:
        raise UserMistake(f"{path}: size {size[0]}x{size[1]} was asked for, and there are no frames; wanted a column frames")
    keys = [(row["dataset"], row["subject"], row["clip"]) for row in rows]
    return clips_of(keys, [row["emotion"] for row in rows], classes, **arrays)


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        found = ("is a folder" if path.is_dir() else "does not exist" if isinstance(error, FileNotFoundError)
                 else f"cannot be read ({error})")
        raise UserMistake(f"{path}: {found}; wanted a CSV file of clips") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = len(re.findall(rb"\r\n|\r|\n", raw[:error.start])) + 1
        raise UserMistake(f"{path}, row {row}: not UTF-8 (byte 0x{raw[error.start]:02x}); wanted UTF-8 text") from None
    if not text.strip():
        raise UserMistake(f"{path}: the file is empty; wanted a header and rows of clips")
    return text


def _cells(path: Path) -> list[tuple[int, list[str]]]:
    """The rows that are not blank, each with the 1-based line it begins at; cells without the space around them."""
    text = _text(path)
    header = next(line for line in text.splitlines() if line.strip())
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True)
    rows, line = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) or len(cells) > 1:
                rows.append((line, [cell.strip() for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserMistake(f"{path}, row {line}: not CSV ({error}); wanted cells with paired quotes") from None
    if not rows:
        raise UserMistake(f"{path}: the file is empty; wanted a header and rows of clips")
    return rows


def _rows(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    """Every clip's cells by column name, and its place, "FILE, row LINE"."""
    (line, header), *rows = _cells(path)
    columns = [name.lower() for name in header]
    place = f"{path}, row {line}"
    for number, name in enumerate(columns, 1):
        if not name:
            raise UserMistake(f"{place}: column {number} has no name; wanted one for every column")
        if columns.index(name) < number - 1:
            raise UserMistake(f"{place}: duplicate column {name!r}; wanted it once")
        misspelt = difflib.get_close_matches(name, [known for known in OPTIONAL if known not in columns], 1, 0.8)
        if misspelt and name not in (*REQUIRED, *OPTIONAL):
            raise UserMistake(f"{place}: unknown column {name!r}; did you mean {misspelt[0]!r}?")
    for name in REQUIRED:
        if name not in columns:
            raise UserMistake(f"{place}: no column {name!r}{nearest(name, columns)}; found {', '.join(columns)}; "
                              f"wanted {', '.join(REQUIRED)}, and flow or frames")
    if "flow" not in columns and "frames" not in columns:
        raise UserMistake(f"{place}: no column flow or frames; found {', '.join(columns)}; wanted at least one")
    if not rows:
        raise UserMistake(f"{path}: a header and no rows; wanted one row a clip")
    for line, cells in rows:
        if len(cells) != len(columns):
            raise UserMistake(f"{path}, row {line}: {len(cells)} cells; wanted {len(columns)}, as in the header")
    return [dict(zip(columns, cells, strict=True)) for _, cells in rows], [f"{path}, row {line}" for line, _ in rows]


def _classes(
    path: Path, rows: list[dict[str, str]], places: list[str], classes: tuple[str, ...] | None
) -> tuple[str, ...]:
    for row, place in zip(rows, places, strict=True):
        if not row["emotion"]:
            raise UserMistake(f"{place}: empty emotion; wanted its name")
        if classes is not None and row["emotion"] not in classes:
            raise UserMistake(f"{place}: unknown emotion {row['emotion']!r}{nearest(row['emotion'], classes)}; "
                              f"wanted one of {', '.join(classes)}")
    found = tuple(sorted({row["emotion"] for row in rows}))
    if len(found) < 2:
        raise UserMistake(f"{path}: all {len(rows)} clips are of one class, {found[0]!r}; wanted at least two classes")
    return found if classes is None else tuple(classes)


def _number(row: dict[str, str], name: str, place: str) -> int | float | None:
    """The number in a cell, None if it is empty or absent; for the marks a whole one, `46` or `46.0`."""
    cell = row.get(name, "")
    if not cell:
        return None
    if name == "fps":
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", cell) or not 1 / FASTEST_CAMERA < float(cell) < FASTEST_CAMERA:
            raise UserMistake(f"{place}: fps {cell!r}; wanted a number of frames a second, or an empty cell")
        return float(cell)
    if not re.fullmatch(r"[0-9]{1,18}(\.0+)?", cell):
        raise UserMistake(f"{place}: {name} {cell!r}; wanted a frame number as in the file names, or an empty cell")
    return int(cell.partition(".")[0])


def _flow_coding(row: dict[str, str], place: str) -> str:
    is_array = row["flow"].lower().endswith(".npy")
    fitting = "pixels" if is_array else "minmax8"
    coding = row.get("flow_coding") or fitting
    if coding not in FLOW_CODINGS:
        raise UserMistake(f"{place}: unknown flow_coding {coding!r}{nearest(coding, FLOW_CODINGS)}; "
                          f"wanted one of {', '.join(FLOW_CODINGS)}")
    if coding != fitting:
        raise UserMistake(f"{place}: flow_coding {coding!r} of {row['flow']!r}; wanted 'minmax8' for an image, "
                          "'pixels' for a .npy array of floats")
    return coding


def _flow(folder: Path, rows: list[dict[str, str]], places: list[str]) -> dict:
    codings = [_flow_coding(row, place) for row, place in zip(rows, places, strict=True)]
    for coding, place in zip(codings, places, strict=True):
        if coding != codings[0]:
            raise UserMistake(f"{place}: flow_coding {coding!r}, but {codings[0]!r} in {places[0]}; "
                              "wanted one for all rows")
    read = read_flow_array if codings[0] == "pixels" else read_image
    flow = [read(path_below(folder, row["flow"], place), place) for row, place in zip(rows, places, strict=True)]
    one_shape(flow, places, "flow")
    return {"flow": np.stack(flow), "flow_coding": codings[0]}


def _frames(folder: Path, rows: list[dict[str, str]], places: list[str], numbers: list[dict], size: Size | None) -> dict:
    clips, marks, kinds = [], [], ("8-bit RGB", "8-bit grey")
    for row, place, number in zip(rows, places, numbers, strict=True):
        files = numbered_frames(folder, row["frames"], place)
        marks.append(marked_indices(list(files), *(number[name] for name in MARKS), place=place))
        images = []
        for file in files.values():
            image = read_image(file, place, kinds)
            images.append(resized(image, size) if size else image)
            kinds = ("8-bit RGB",) if images[0].shape[2] == 3 else ("8-bit grey",)
        one_shape(images, [f"{place}: {file.name}" for file in files.values()], "frame")
        clips.append(np.stack(images))
    one_shape(clips, places, "frame")
    frames, length = padded_stack(clips)
    fps = np.array([np.nan if number["fps"] is None else number["fps"] for number in numbers], np.float32)
    return {"frames": frames, "length": length, "fps": fps,
            **{name: np.array(column, np.int32) for name, column in zip(MARKS, zip(*marks, strict=True), strict=True)}}
