"""Rows that tell of the same frames twice: repeats are left out, contradictions on both sides, and all are said."""

import math
from collections.abc import Sequence

from tfds_builders.annotated.annotation import Annotation
from tfds_builders.annotation_tables.repairs import Findings


def without_repeats(read: Sequence[Annotation], findings: Findings) -> list[Annotation]:
    """Expressions of which no two share frames, in their order.

    Of one clip, or of one folder where the rows name theirs, expressions that overlap by more than a border are the same one:
    of equal emotions the first is kept, and where emotions differ none is.
    """
    clips: dict[tuple, list[int]] = {}
    for number, annotation in enumerate(read):
        clips.setdefault(annotation.folder_parts or annotation.full_key, []).append(number)
    overlapping = [(first, second) for numbers in clips.values() for position, second in enumerate(numbers)
                   for first in numbers[:position] if overlap(read[first], read[second])]
    doubtful = {number for pair in overlapping if read[pair[0]].emotion != read[pair[1]].emotion for number in pair}
    repeated: set[int] = set()
    for first, second in overlapping:
        contradict = read[first].emotion != read[second].emotion
        if contradict or not {first, second} & (doubtful | repeated):
            said(read[first], read[second], findings)
            repeated |= set() if contradict else {second}
    return [annotation for number, annotation in enumerate(read) if number not in doubtful | repeated]


def overlap(one: Annotation, other: Annotation) -> bool:
    """Whether two expressions of one clip share more than the frame at which one ends and the other begins."""
    ends = [math.inf if annotation.offset < 0 else annotation.offset for annotation in (one, other)]
    return max(one.onset, other.onset) < min(ends)


def said(first: Annotation, second: Annotation, findings: Findings) -> None:
    """A problem that names both rows."""
    spans = [f"from {one.onset} to {one.offset}" if min(one.onset, one.offset) >= 0 else f"in {'/'.join(one.folder_parts)}"
             if one.folder else "" for one in (first, second)]
    there = f", {spans[0]}" if spans[0] and spans[0] != spans[1] else ""
    what = " ".join(part for part in ("/".join(second.key), spans[1]) if part)
    findings.problem(second.place, f"{what} is also in {first.place}{there}, " + (
        "left out here" if first.emotion == second.emotion
        else f"as {first.emotion}, not {second.emotion}: both left out"))
