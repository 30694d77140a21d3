"""Onset, apex and offset of a row: frame numbers put right where that can be done, and said."""

from collections.abc import Mapping

from tfds_builders.annotation_tables.repairs import Findings, whole

UNKNOWN = ("", "/", "-", "nan", "none", "n/a")                   # how people write that a number is not known
LONGEST = 2.0                                                    # seconds: four times what the field calls micro
NO_VALUE = ", a formula without a stored value (open the file in a spreadsheet and save it)"


def marks_of(cells: Mapping[str, str], rate: float, place: str, findings: Findings) -> tuple[int, int, int, str] | None:
    """(onset, apex, offset, where the apex is from); None where onset or offset cannot be told, which is said.

    An apex outside of [onset, offset], or none, is the middle frame. rate: frames a second.
    """
    onset, apex = (whole(cells.get(name, "")) for name in ("onset", "apex"))
    offset = offset_of(cells, onset, apex, place, findings)
    for name, number in (("onset", onset), ("offset", offset)):
        if number is None:
            formula = NO_VALUE if cells[name].startswith("=") else ""
            findings.problem(place, f"{name} {cells[name]!r} is no frame number{formula}: left out")
            return None
    if onset >= offset:
        findings.problem(place, f"onset {onset} is not before offset {offset}: left out")
        return None
    length = whole(cells.get("length", ""))
    if length is not None and length != offset - onset + 1:
        findings.problem(place, f"its length is given as {length}, but {onset} to {offset} are {offset - onset + 1} frames: "
                                "kept as marked")
    if 0 < rate * LONGEST <= offset - onset:
        findings.problem(place, f"{onset} to {offset} are {(offset - onset + 1) / rate:.1f} s, long for a micro-expression: "
                                "kept as marked")
    if apex is not None and onset <= apex <= offset:
        return onset, apex, offset, "annotation"
    if "apex" not in cells:
        return onset, middle(onset, offset), offset, "midpoint"
    where = ("is none" if apex is None else f"lies after offset {offset}" if apex > offset else f"lies before onset {onset}")
    findings.repair(place, f"apex {apex if apex is not None else repr(cells.get('apex', ''))} {where}: middle frame used")
    return onset, middle(onset, offset), offset, "midpoint"


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
