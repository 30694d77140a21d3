"""Annotated expressions and their frames on disk: which files are each one's, and what is missing."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from mer_jax.mistakes import UserMistake
from tfds_builders.annotated.annotation import Annotation
from tfds_builders.annotated.folders import annotated_folders
from tfds_builders.annotated.marks import whole_marks
from tfds_builders.annotated.rows import annotations
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.database import Database
from tfds_builders.frame_folders import Located, frame_folders
from tfds_builders.licensed_copy.frames import numbered
from tfds_builders.licensed_copy.index import Copy
from tfds_builders.licensed_copy.trees import Folder, chosen_frames, frame_trees
from tfds_builders.options import Options

FEWEST = 2                                                       # frames of a clip: in one nothing moves
NEAR = 2                                                         # frames: that a flow's ends may be off the marks
MARKS = ("onset", "apex", "offset")


class ClipOnDisk(NamedTuple):
    """One expression and its frames. name: the clip's, with "@onset" where a clip has several expressions, see `named`.

    marks: onset, apex, offset as numbered on disk. files: names in the folder by frame number, ascending, all in
    [onset, offset]; missing: how many of that interval are not there; fewest: how many of them it cannot be without.
    """

    annotation: Annotation
    name: str
    kind: str
    folder: Folder
    marks: tuple[int, int, int]
    files: dict[int, str]
    missing: int
    fewest: int = FEWEST

    @property
    def place(self) -> str:
        return "/".join(self.folder) or "."


def clips_on_disk(database: Database, copy: Copy, options: Options, findings: Findings
                  ) -> tuple[list[Annotation], list[ClipOnDisk]]:
    """Every expression of a copy, and those that have frames, in order. Raises UserMistake where there is none."""
    if database.tables:
        read = annotations(database, copy, options, findings)
        located = frame_folders(database, copy, read, options, findings)
    else:
        tree = chosen_frames(database, frame_trees(database, copy, None), options.frames, findings, copy)
        read = annotated_folders(database, copy, tree, findings)
        located = [Located(tree.kind, tree.folders[annotation.key]) for annotation in read]
    files: dict[Folder, dict[int, str]] = {}
    found = []
    for annotation, at in zip(read, located, strict=True):
        if at is None:
            continue
        place = "/".join(at.folder) or "."
        if at.folder not in files:
            files[at.folder] = numbered(copy.folders[at.folder], place, findings)
        annotation = with_ends(annotation, files[at.folder], place, findings)
        marked = annotation and cut(annotation, files[at.folder], place, findings)
        if marked:
            found.append(ClipOnDisk(annotation, annotation.clip, at.kind, at.folder, *marked))
    if not found:
        raise UserMistake(f"{copy.root}: none of {len(read)} clips of {database.title} has the frames that its row names"
                          + (f", such as {read[0].onset} to {read[0].offset} of {'/'.join(read[0].key)}" if read else ""))
    return read, named(read, found)


def named(read: Sequence[Annotation], found: Sequence[ClipOnDisk]) -> list[ClipOnDisk]:
    """The clips by names that no other of their database and subject has: with "@onset" where a clip has several expressions,
    and behind that ".2", ".3" where several folders of one clip have expressions from one onset."""
    several = Counter(annotation.full_key for annotation in read)
    used: Counter[tuple] = Counter()
    clips = []
    for clip in found:
        key, onset = clip.annotation.full_key, clip.annotation.onset
        used[key, onset] += 1
        number = used[key, onset]
        name = f"{clip.annotation.clip}@{onset}" if several[key] > 1 else clip.annotation.clip
        clips.append(clip._replace(name=name if number == 1 else f"{name}.{number}"))
    return clips


def with_ends(annotation: Annotation, files: dict[int, str], place: str, findings: Findings) -> Annotation | None:
    """The annotation with the marks of its folder where its table has none; None where that cannot be, which is said."""
    if min(annotation.onset, annotation.offset) >= 0:
        return annotation
    if not files:
        findings.problem(annotation.place, f"none of the images in {place} has a number: left out")
        return None
    marks = whole_marks((annotation.onset, annotation.apex, annotation.offset), annotation.apex_source,
                        (min(files), max(files)), annotation.place, place, findings)
    if marks is None:
        return None
    onset, apex, offset, source = marks
    return annotation._replace(onset=onset, apex=apex, offset=offset, apex_source=source)


def cut(annotation: Annotation, files: dict[int, str], place: str, findings: Findings
        ) -> tuple[tuple[int, int, int], dict[int, str], int] | None:
    """(marks, files from onset to offset, how many are missing); None where too few are there, which is said."""
    marks = (annotation.onset, annotation.apex, annotation.offset)
    wanted = annotation.offset - annotation.onset + 1
    shift = renumbering(annotation, files)
    if shift:
        findings.repair(place, f"its {len(files)} frames begin at {min(files)}, the annotation's at {annotation.onset} "
                               f"({annotation.place}): they are taken as onset to offset")
        marks = tuple(mark - shift for mark in marks)
    onset, _, offset = marks
    held = {number: name for number, name in files.items() if onset <= number <= offset}
    if len(held) < FEWEST:
        findings.problem(annotation.place, f"{len(held)} of {wanted} frames, {onset} to {offset}, are in {place}, which has "
                                           f"{len(files)} of {span(files)}: left out")
        return None
    if not shift and doubtful(annotation, files):
        findings.problem(annotation.place, f"{place} has {len(files)} frames, {span(files)}, of {wanted}, {onset} to {offset}: "
                                           "they may be numbered anew with some lost: left out")
        return None
    missing = wanted - len(held)
    if missing:
        first = islice((number for number in range(onset, offset + 1) if number not in held), 3)
        more = f" and {missing - 3} more" if missing > 3 else ""
        findings.repair(place, f"{missing} of {wanted} frames are missing ({', '.join(map(str, first))}{more}; "
                               f"{annotation.place}): the others used")
    return marks, held, missing


def renumbering(annotation: Annotation, files: dict[int, str]) -> int:
    """By how much the numbers on disk are lower than the annotation's: 0, unless the folder holds exactly the frames from
    onset to offset, numbered anew from 0 or 1 without a gap."""
    first, count = min(files, default=0), annotation.offset - annotation.onset + 1
    anew = first in (0, 1) and first < annotation.onset and len(files) == count and max(files) == first + count - 1
    return annotation.onset - first if anew else 0


def doubtful(annotation: Annotation, files: dict[int, str]) -> bool:
    """Whether a folder may hold frames numbered anew of which some are lost: from 0 or 1, before the onset, to before the
    offset, and no more of them than the expression has. Which frame is which cannot be told then."""
    first = min(files, default=0)
    return (first in (0, 1) and first < annotation.onset and max(files, default=0) < annotation.offset
            and len(files) <= annotation.offset - annotation.onset + 1)


def span(files: dict[int, str]) -> str:
    return f"{min(files)} to {max(files)}" if files else "no numbers"


def key_frames(clip: ClipOnDisk, findings: Findings) -> ClipOnDisk:
    """A clip of its onset, apex and offset alone; a frame that is not there is replaced by the nearest, which is said.

    They do not follow each other at the camera's rate, so the clip has none: where a rate is told, networks take windows of
    consecutive frames.
    """
    return with_frames(clip, [instead(clip, name, mark, findings) for name, mark in zip(MARKS, clip.marks, strict=True)])


def moving_frames(clip: ClipOnDisk, findings: Findings) -> ClipOnDisk | None:
    """A clip of its onset and apex alone, likewise; None where they are one frame, or one is more than NEAR frames off, which
    is said: its motion would be that of another moment."""
    marks = dict(zip(MARKS[:2], clip.marks, strict=False))
    if marks["onset"] == marks["apex"]:
        findings.problem(clip.annotation.place, f"onset and apex are one frame, {marks['apex']}: without motion, left out")
        return None
    numbers = [instead(clip, name, mark, findings) for name, mark in marks.items()]
    if any(abs(number - mark) > NEAR for number, mark in zip(numbers, marks.values(), strict=True)) or len(set(numbers)) < 2:
        findings.problem(clip.annotation.place, f"onset {marks['onset']} and apex {marks['apex']}, or frames up to {NEAR} from "
                                                f"them, are not both in {clip.place}: left out")
        return None
    return with_frames(clip, numbers)


def instead(clip: ClipOnDisk, name: str, mark: int, findings: Findings) -> int:
    """The number of the frame that is nearest to a mark."""
    number = list(clip.files)[nearest(list(clip.files), mark)]
    if number != mark:
        findings.repair(clip.place, f"its {name} {mark} is not there ({clip.annotation.place}): frame {number} in its place")
    return number


def with_frames(clip: ClipOnDisk, numbers: Sequence[int]) -> ClipOnDisk:
    """A clip of some frames, none of which it can be without."""
    kept = {number: clip.files[number] for number in sorted(set(numbers))}
    return clip._replace(files=kept, fewest=max(len(kept), FEWEST), annotation=clip.annotation._replace(fps=-1.0))


def nearest(numbers: Sequence[int], number: int) -> int:
    """The index of the number that is nearest, the lower of two."""
    return min(range(len(numbers)), key=lambda index: abs(numbers[index] - number))
