"""The folder with the frames of each annotated expression: what its row names, or else what is found by its keys."""

from collections.abc import Sequence
from typing import NamedTuple

from mer_jax.mistakes import UserMistake
from tfds_builders.annotated.annotation import Annotation
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.database import Database
from tfds_builders.licensed_copy.index import Copy
from tfds_builders.licensed_copy.trees import Folder, Frames, chosen_frames, frame_trees
from tfds_builders.options import Options


class Located(NamedTuple):
    """Where the frames of an expression are: the kind of their tree, and their folder."""

    kind: str
    folder: Folder


def frame_folders(database: Database, copy: Copy, read: Sequence[Annotation], options: Options,
                  findings: Findings) -> list[Located | None]:
    """Of each expression its folder; None where it has none, which is said.

    Raises UserMistake where there is no tree of frames at all, or a tree is wanted of a table that names its folders.
    """
    if read[0].folder:
        if options.frames not in ("", *database.kinds()):
            raise UserMistake(f"--frames={options.frames}: {read[0].place} names its own folder, {read[0].folder!r}; wanted "
                              "the one or the other")
        return [named_folder(database, copy, annotation, findings) for annotation in read]
    trees = trees_by_dataset(database, copy, read, options, findings)
    located = []
    for annotation in read:
        tree = trees.get(annotation.dataset)
        folder = tree.folders.get(annotation.key) if tree else None
        if folder is None:
            findings.problem(annotation.place, f"no folder of {'/'.join(annotation.key)} in {tree.root if tree else '.'}"
                             ": left out")
        located.append(None if folder is None else Located(tree.kind, folder))
    return without_shared(read, located, findings)


def named_folder(database: Database, copy: Copy, annotation: Annotation, findings: Findings) -> Located | None:
    """The folder that a row itself names, as a path below the copy."""
    if annotation.folder_parts in copy.folders:
        return Located(database.trees[0].kind, annotation.folder_parts)
    findings.problem(annotation.place, f"frames {annotation.folder!r} are no folder with images below the copy: left out")
    return None


def trees_by_dataset(database: Database, copy: Copy, read: Sequence[Annotation], options: Options,
                     findings: Findings) -> dict[str, Frames]:
    """The tree of each database that the rows name: of those below a folder of its name, or else not below another's."""
    keys: dict[str, list[tuple[str, str]]] = {}
    for annotation in read:
        keys.setdefault(annotation.dataset, []).append(annotation.key)
    named = {dataset.casefold() for dataset in keys if dataset != database.name}
    found = {}
    for dataset, wanted in keys.items():
        own = {dataset.casefold()} & named
        inside = frame_trees(database, part_of(copy, own, inside=True), wanted) if own else []
        found[dataset] = inside or frame_trees(database, part_of(copy, named - own, inside=False), wanted)
    some = any(found.values())
    return {dataset: chosen_frames(database, trees, options.frames, findings, copy) for dataset, trees in found.items()
            if trees or not some}


def part_of(copy: Copy, names: set[str], inside: bool) -> Copy:
    """The copy with those folders SUBJECT/CLIP alone that lie below a folder of these names, or with the others alone."""
    return copy._replace(folders={folder: images for folder, images in copy.folders.items()
                                  if inside == any(part.casefold() in names for part in folder[:-2])})


def without_shared(read: Sequence[Annotation], located: list[Located | None], findings: Findings) -> list[Located | None]:
    """Without the folders that were found for clips of two databases: whose frames they are cannot be told."""
    first: dict[Folder, Annotation] = {}
    shared = set()
    for annotation, at in zip(read, located, strict=True):
        if at is None:
            continue
        other = first.setdefault(at.folder, annotation)
        if other.full_key != annotation.full_key:
            shared.add(at.folder)
            findings.problem(annotation.place, f"{'/'.join(at.folder)} would be of {'/'.join(annotation.full_key)} and of "
                             f"{'/'.join(other.full_key)} in {other.place}: both left out; wanted folders named like the "
                             "databases above them, or a column frames")
    return [None if at is None or at.folder in shared else at for at in located]
