"""Annotated expressions and their frames on disk: which files are each one's, and what is missing."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import PurePosixPath
from typing import NamedTuple

from mer_jax.mistakes import UserMistake
from tfds_builders.annotated.folders import annotated_folders
from tfds_builders.annotated.marks import middle
from tfds_builders.annotated.rows import Annotation, annotations
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.database import Database
from tfds_builders.licensed_copy.frames import numbered
from tfds_builders.licensed_copy.index import Copy
from tfds_builders.licensed_copy.trees import Folder, Frames, chosen_frames, frame_trees
from tfds_builders.options import Options

FEWEST = 2                                                       # frames of a clip: in one nothing moves


class ClipOnDisk(NamedTuple):
    """One expression and its frames. name: the clip's, with "@onset" where a clip folder has several expressions.

    marks: onset, apex, offset as numbered on disk. files: names in the folder by frame number, ascending, all in
    [onset, offset]; missing: how many of that interval are not there.
    """

    annotation: Annotation
    name: str
    kind: str
    folder: Folder
    marks: tuple[int, int, int]
    files: dict[int, str]
    missing: int

    @property
    def place(self) -> str:
        return "/".join(self.folder) or "."


def clips_on_disk(database: Database, copy: Copy, options: Options, findings: Findings
                  ) -> tuple[list[Annotation], list[ClipOnDisk]]:
    """Every expression of a copy, and those that have frames, in order. Raises UserMistake where there is none."""
    read = annotations(database, copy, options, findings) if database.tables else None
    if read and all(annotation.folder for annotation in read):
        tree = named_frames(copy, read, findings)
    else:
        trees = frame_trees(database, copy, None if read is None else [annotation.key for annotation in read])
        tree = chosen_frames(database, trees, options.frames, findings, copy)
    read = annotated_folders(database, copy, tree, findings) if read is None else read
    files: dict[Folder, dict[int, str]] = {}
    several = {key for key, count in Counter(annotation.key for annotation in read).items() if count > 1}
    found = []
    for annotation in read:
        folder = tree.folders.get(annotation.key)
        if folder is None:
            findings.problem(annotation.place, f"no folder of {'/'.join(annotation.key)} in {tree.root or '.'}: left out")
            continue
        if folder not in files:
            files[folder] = numbered(copy.folders[folder], "/".join(folder), findings)
        if annotation.onset < 0 and files[folder]:
            first, last = min(files[folder]), max(files[folder])
            annotation = annotation._replace(onset=first, apex=middle(first, last), offset=last)
        marked = cut(annotation, files[folder], "/".join(folder), findings)
        if marked is not None:
            name = f"{annotation.clip}@{annotation.onset}" if annotation.key in several else annotation.clip
            found.append(ClipOnDisk(annotation, name, tree.kind, folder, *marked))
    if not found:
        raise UserMistake(f"{copy.root}: none of {len(read)} clips of {database.title} has the frames that its row names"
                          + (f", such as {read[0].onset} to {read[0].offset} of {'/'.join(read[0].key)}" if read else ""))
    return read, found


def named_frames(copy: Copy, read: list[Annotation], findings: Findings) -> Frames:
    """The folders that a table itself names, as paths below the copy."""
    folders = {}
    for annotation in read:
        named = PurePosixPath(annotation.folder.replace("\\", "/"))
        parts = tuple(part for part in named.parts if part != ".")
        if parts in copy.folders:
            folders[annotation.key] = parts
        else:
            findings.problem(annotation.place, f"frames {annotation.folder!r} are no folder with images below the copy")
    return Frames("own", ".", folders)


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


def span(files: dict[int, str]) -> str:
    return f"{min(files)} to {max(files)}" if files else "no numbers"


def key_frames(clip: ClipOnDisk) -> ClipOnDisk:
    """A clip of its onset, apex and offset alone, each the nearest frame that is there.

    They do not follow each other at the camera's rate, so the clip has none: where a rate is told, networks take windows of
    consecutive frames.
    """
    numbers = list(clip.files)
    kept = sorted({numbers[nearest(numbers, mark)] for mark in clip.marks})
    return clip._replace(files={number: clip.files[number] for number in kept}, annotation=clip.annotation._replace(fps=-1.0))


def nearest(numbers: Sequence[int], number: int) -> int:
    """The index of the number that is nearest, the lower of two."""
    return min(range(len(numbers)), key=lambda index: abs(numbers[index] - number))
