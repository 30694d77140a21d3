"""Onset, apex and offset of a row: frame numbers put right where that can be done, and said."""

from collections.abc import Mapping

from tfds_builders.annotation_tables.repairs import Findings, whole

UNKNOWN = ("", "/", "-", "nan", "none", "n/a")                   # how people write that a number is not known
LONGEST = 2.0                                                    # seconds: four times what the field calls micro
NO_VALUE = ", a formula without a stored value (open the file in a spreadsheet and save it)"


def marks_of(cells: Mapping[str, str], rate: float, place: str, findings: Findings) -> tuple[int, int, int, str] | None:
    """(onset, apex, offset, where the apex is from); None where onset or offset cannot be told, which is said.

    An apex outside of [onset, offset], or none, is the middle frame. rate: frames a second. A mark of which the table has no
    column is -1, and an apex in the middle too while an end is -1: see `whole_marks`.
    """
    onset, apex = (whole(cells.get(name, "")) for name in ("onset", "apex"))
    offset = offset_of(cells, onset, apex, place, findings) if "offset" in cells else None
    for name, number in (("onset", onset), ("offset", offset)):
        if number is None and name in cells:
            formula = NO_VALUE if cells[name].startswith("=") else ""
            findings.problem(place, f"{name} {cells[name]!r} is no frame number{formula}: left out")
            return None
    onset, offset = (-1 if number is None else number for number in (onset, offset))
    if min(onset, offset) >= 0 and not believable(cells, onset, offset, rate, place, findings):
        return None
    if apex is None and "apex" in cells:
        findings.repair(place, f"apex {cells['apex']!r} is none: middle frame used")
    apex, source = apex_of(onset, -1 if apex is None else apex, offset, "annotation", place, findings)
    return onset, apex, offset, source


def believable(cells: Mapping[str, str], onset: int, offset: int, rate: float, place: str, findings: Findings) -> bool:
    """Whether an onset is before its offset; a length that contradicts them, and one too long, is said alone."""
    if onset >= offset:
        findings.problem(place, f"onset {onset} is not before offset {offset}: left out")
        return False
    length = whole(cells.get("length", ""))
    if length is not None and length != offset - onset + 1:
        findings.problem(place, f"its length is given as {length}, but {onset} to {offset} are {offset - onset + 1} frames: "
                                "kept as marked")
    if 0 < rate * LONGEST <= offset - onset:
        findings.problem(place, f"{onset} to {offset} are {(offset - onset + 1) / rate:.1f} s, long for a micro-expression: "
                                "kept as marked")
    return True


def whole_marks(marks: tuple[int, int, int], source: str, ends: tuple[int, int], place: str, folder: str, findings: Findings
                ) -> tuple[int, int, int, str] | None:
    """Marks with the folder's first frame for an onset of -1, its last for an offset of -1, and the middle for an apex of -1;
    None where the onset is not before the offset then, which is said.

    source: of the apex. ends: the folder's first and last frame.
    """
    onset, offset = (end if mark < 0 else mark for mark, end in zip(marks[::2], ends, strict=True))
    if onset >= offset:
        which = f"offset {offset}, the last of {folder}" if marks[2] < 0 else f"offset {offset}"
        first = f"onset {onset}, the first of {folder}," if marks[0] < 0 else f"onset {onset}"
        findings.problem(place, f"{first} is not before {which}: left out")
        return None
    apex, source = apex_of(onset, marks[1], offset, source, place, findings)
    return onset, apex, offset, source


def apex_of(onset: int, apex: int, offset: int, source: str, place: str, findings: Findings) -> tuple[int, str]:
    """(apex, where it is from): the apex where it lies in [onset, offset], ends of -1 being open, else the middle frame."""
    if apex >= 0 and onset <= apex and (apex <= offset or offset < 0):
        return apex, source
    if apex >= 0:
        where = f"after offset {offset}" if onset <= apex else f"before onset {onset}"
        findings.repair(place, f"apex {apex} lies {where}: middle frame used")
    return middle(onset, offset) if min(onset, offset) >= 0 else -1, "midpoint"


def middle(onset: int, offset: int) -> int:
    return onset + (offset - onset) // 2


def offset_of(cells: Mapping[str, str], onset: int | None, apex: int | None, place: str, findings: Findings) -> int | None:
    """The offset; of a formula without a value what its length says, of 0 or an empty cell the apex; else None."""
    offset, length, shown = whole(cells["offset"]), whole(cells.get("length", "")), cells["offset"]
    if offset:
        return offset
    unknown = offset == 0 or shown.lower() in UNKNOWN or shown.startswith("=")
    if not unknown or onset is None:
        return None
    if length:
        findings.repair(place, f"offset {shown!r} has no value: onset {onset} + length {length} - 1 used")
        return onset + length - 1
    if apex is not None and apex > onset and not shown.startswith("="):
        findings.repair(place, f"offset {shown!r} is none: the apex {apex} used")
        return apex
    return None
