"""Copies of licensed databases as people have them, with made-up pictures and tables: every layout, revision and error."""

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openpyxl
import xlwt
from PIL import Image

CASME2_HEADER = ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units",
                 "Estimated Emotion")
SAMM_HEADER = ("Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration", "Micro",
               "Action Units", "Estimated Emotion", "Objective Classes", "Notes")


@dataclasses.dataclass(frozen=True)
class Row:
    """One expression as an annotation says it; objective 1 to 7."""

    subject: str
    clip: str
    onset: object
    apex: object
    offset: object
    emotion: str
    units: object = "4+7"
    objective: object = 3


CASME2_ROWS = (
    Row("01", "EP02_01f", 46, 59, 86, "happiness", 12, 1),
    Row("01", "EP19_05f", 3, 8, 12, "disgust", "4+7", 3),
    Row("04", "EP12_01f", 261, "/", 265, "disgust", "L10", 4),
    Row("05", "EP09_05f", 69, 69, 75, "disgust", "4+5+L10", 7),
    Row("05", "EP16_04f", 10, 14, 14, "surprise", "1+2", 2),
    Row("16", "EP01_08", 90, 94, 110, "repression", "15", 5),
    Row("24", "EP07_01", 5, 7, 9, "sadness", "?", 7),
    Row("26", "EP09f", 98, 101, 104, "fear", "R6+R12", 6),
    Row("26", "EP06_02_01", 1, 3, 5, "others", "4", 7),
)
SAMM_ROWS = (
    Row("006", "006_1_2", 5562, 5565, 5568, "Anger", "4D+ref(6)+7C+43E", 3),
    Row("006", "006_1_3", 998, 1000, 1003, "Other", "R12 or R14", 7),
    Row("013", "013_1_9", 5734, 5736, 5739, "Contempt", "R14+17+soft focus", 7),
    Row("020", "020_1_1", 20, 22, 24, "Happiness", "L12 + 61", 1),
    Row("028", "028_4_1", 1130, 1143, 1134, "Surprise", "(R6 or R12) + R15", 2),
    Row("032", "032_3_1", 4896, 1931, 4902, "Disgust", "10A/B", 4),
    Row("036", "036_7_4", 30, 33, 36, "Sadness", "12+15 ", 5),
    Row("037", "037_3_1", 40, 43, 46, "Fear", 37, 6),
)


def picture(seed: int, color: bool = True, form: str = "JPEG", size: int = 4) -> bytes:
    """The bytes of one small image file."""
    shape = (size, size, 3) if color else (size, size)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(file := io.BytesIO(), form)
    return file.getvalue()


def write_frames(folder: Path, names: Sequence[str], color: bool = True) -> None:
    """Image files of these names, each of other pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        form = "BMP" if name.endswith(".bmp") else "JPEG"
        (folder / name).write_bytes(picture(sum(map(ord, f"{folder.name}{name}")) + number, color, form))


def write_xlsx(path: Path, sheets: dict[str, Sequence[Sequence]]) -> Path:
    """A workbook of these sheets of rows of cells; a text beginning with "=" is a formula without a stored value."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def write_xls(path: Path, sheets: dict[str, Sequence[Sequence]]) -> Path:
    """The same in the old binary format."""
    book = xlwt.Workbook()
    for title, rows in sheets.items():
        sheet = book.add_sheet(title)
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if value is not None:
                    sheet.write(number, column, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(str(path))
    return path


def casme2_cells(rows: Sequence[Row] = CASME2_ROWS) -> list[Sequence]:
    """The sheet as released: text subjects, two columns without names."""
    return [CASME2_HEADER, *((row.subject, row.clip, None, row.onset, row.apex, row.offset, None, row.units, row.emotion)
                             for row in rows)]


def samm_cells(rows: Sequence[Row] = SAMM_ROWS) -> list[Sequence]:
    """The sheet as released: thirteen rows before the header, durations as formulas."""
    preamble = [("SAMM Micro FACS Codes",), (), ("Version", 2), *[()] * 9, ("Onset, apex and offset are frame numbers",)]
    assert len(preamble) == 13
    return [*preamble, SAMM_HEADER,
            *((row.subject, row.clip, 1, row.onset, row.apex, row.offset, f"=SUM(F{n}-D{n})+1", "Micro - 1/2", row.units,
               row.emotion, row.objective, None) for n, row in enumerate(rows, 15))]


def casme2_copy(root: Path, rows: Sequence[Row] = CASME2_ROWS, tree: str = "CASME2_RAW_selected", prefix: str = "img",
                before: int = 0, objective: bool = True, table: bool = True) -> Path:
    """A copy of CASME II: frames from `before` frames before the onset to as many behind the offset."""
    for row in rows:
        first, last = max(int(row.onset) - before, 1), int(row.offset) + before
        write_frames(root / tree / f"sub{row.subject}" / row.clip, [f"{prefix}{n}.jpg" for n in range(first, last + 1)])
    if table:
        write_xlsx(root / "CASME2-coding-20140508.xlsx", {"Sheet1": casme2_cells(rows), "Sheet2": [], "Sheet3": []})
    if objective:
        classes = [("Subject", "Filename", "Objective Class"), *((row.subject, row.clip, row.objective) for row in rows)]
        write_xlsx(root / "CASME2-ObjectiveClasses.xlsx", {"Sheet1": classes, "Sheet2": [("x", 1), ("y", 2)]})
    return root


def samm_copy(root: Path, rows: Sequence[Row] = SAMM_ROWS, tree: str = "SAMM", table: bool = True) -> Path:
    """A copy of SAMM: grey frames, numbers of four and of five digits."""
    for row in rows:
        width = 5 if row.subject == "006" else 4
        names = [f"{row.subject}_{n:0{width}d}.jpg" for n in range(int(row.onset), int(row.offset) + 1)]
        write_frames(root / tree / row.subject / row.clip, names, color=False)
    if table:
        write_xlsx(root / "SAMM_Micro_FACS_Codes_v2.xlsx", {"MICRO_ONLY": samm_cells(rows)})
    return root


def smic_copy(root: Path, clips: dict[str, tuple[int, int]], camera: str = "HS", tree: str = "SMIC_all_raw",
              prefix: str = "image") -> Path:
    """A copy of SMIC: name of a clip -> (first frame, how many); subjects and clips are not padded, files have 6 digits."""
    words = {"ne": "negative", "po": "positive", "sur": "surprise"}
    for clip, (first, count) in clips.items():
        subject, token, _ = clip.split("_")
        write_frames(root / tree / camera / subject / "micro" / words[token] / clip,
                     [f"{prefix}{n:06d}.bmp" for n in range(first, first + count)])
    return root
