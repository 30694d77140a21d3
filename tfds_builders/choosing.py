"""Which of a copy's tables are the annotation, and which of its folders are the frames: chosen by what they hold, and said."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mer_jax.mistakes import UserMistake
from tfds_builders.annotation_tables.columns import Table, table_of
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.annotation_tables.workbook import read_sheets
from tfds_builders.database import Database, Key, Tree
from tfds_builders.licensed_copy.index import Copy

MOST_TABLES = 200                                                # that are opened; a copy has a handful
Folder = tuple[str, ...]


def annotation_table(database: Database, copy: Copy, wanted: str, findings: Findings) -> Table:
    """The annotation: of the tables that name all needed columns the one whose file name is the best known.

    wanted: a file's name, or its path below the copy; '' takes the best. Others that would fit are named in the findings.
    Raises UserMistake where none fits, with what the nearest lacks.
    """
    if wanted:
        named = [path for path in copy.tables if wanted in (path.name, path.relative_to(copy.root).as_posix())]
        if not named:
            found = ", ".join(path.relative_to(copy.root).as_posix() for path in copy.tables[:5]) or "none"
            raise UserMistake(f"--table={wanted}: no such table below {copy.root}; found {found}")
        copy = copy._replace(tables=tuple(named))
    fitting, refused = fitting_tables(copy, database.tables, database.meanings(), database.needed)
    if not fitting:
        first = f": {refused[0]}" if refused else ""
        raise UserMistake(f"{copy.root}: no annotation table of {database.title} among {len(copy.tables)} tables{first}; "
                          f"wanted {database.layout}")
    for mistake in refused:
        if re.fullmatch(database.tables[0], mistake.partition(",")[0].partition(":")[0].rpartition("/")[2], re.IGNORECASE):
            findings.problem(fitting[0].sheet.file, f"is read instead of a better known table: {mistake}")
    if len(fitting) > 1:
        others = ", ".join(sorted({table.sheet.file for table in fitting[1:]}))
        findings.choice(fitting[0].sheet.file, f"is taken as the annotation; {others} would fit as well (--table=FILE)")
    return fitting[0]


def fitting_tables(copy: Copy, patterns: Sequence[str], meanings: dict, needed: Sequence[str]) -> tuple[list[Table], list[str]]:
    """The first sheet of every file that names the needed columns, the best known file first; and what refused the others."""
    def rank(path) -> tuple:
        known = [number for number, pattern in enumerate(patterns) if re.fullmatch(pattern, path.name, re.IGNORECASE)]
        return min(known, default=len(patterns)), len(path.parts), path

    fitting, refused = [], []
    for path in sorted((path for path in copy.tables if rank(path)[0] < len(patterns)), key=rank)[:MOST_TABLES]:
        mistakes = []
        try:
            for sheet in read_sheets(path, path.relative_to(copy.root).as_posix()):
                try:
                    fitting.append(table_of(sheet, meanings, needed))
                    mistakes = []
                    break
                except UserMistake as mistake:
                    mistakes.append(str(mistake))
        except UserMistake as mistake:
            mistakes = [str(mistake)]
        refused += mistakes[:1]
    return fitting, refused


class Frames(NamedTuple):
    """One tree of frames: its kind, the folder that it begins with, and the clip folders in it by (subject, clip)."""

    kind: str
    root: str
    folders: dict[tuple[str, str], Folder]


def frame_trees(database: Database, copy: Copy, keys: Iterable[tuple[str, str]]) -> list[Frames]:
    """The trees that hold folders of these (subject, clip), the fullest first, of equal ones the better kind first."""
    by_folder = {(subject, clip.casefold()): (subject, clip) for subject, clip in keys}
    trees: dict[tuple[str, str], dict[tuple[str, str], Folder]] = {}
    for folder, images in copy.folders.items():
        subject, clip, root = place_of_folder(folder, database.key)
        if (key := by_folder.get((subject, clip.casefold()))) is None:
            continue
        kind = kind_of(database.trees, "/".join((copy.root.name, *folder[:-1], images[0])))
        tree = trees.setdefault((kind, "/".join(root)), {})
        if key not in tree or folder[-1] == key[1]:                # of two spellings on disk the annotation's own
            tree[key] = folder
    order = database.kinds()
    return sorted((Frames(kind, root, folders) for (kind, root), folders in trees.items()),
                  key=lambda tree: (-len(tree.folders), order.index(tree.kind), tree.root.count("/"), tree.root))


def place_of_folder(folder: Folder, key: Key) -> tuple[str, str, Folder]:
    """(subject, clip, the folder that the tree begins with) of a folder's path, ("", "", ()) where it is no clip's.

    The clip is the last part; the subject is what the clip's name tells, or else the part above.
    """
    clip = key.clip(folder[-1]) if folder else None
    if clip is None:
        return "", "", ()
    if key.subject_of_clip is None:
        subject = (key.subject(folder[-2]) if len(folder) > 1 else None) or ""
        return subject, clip, folder[:-2]
    subject = key.subject_of_clip(clip)
    above = [depth for depth, part in enumerate(folder[:-1]) if key.subject(part) == subject]
    return subject, clip, folder[: above[-1]] if above else folder[:-1]


def kind_of(trees: Sequence[Tree], path: str) -> str:
    """The kind of tree that a path belongs to, by the words in it; the kind without words where it has none."""
    named = [tree.kind for tree in trees if any(word in path.lower() for word in tree.words)]
    return (named or [tree.kind for tree in trees if not tree.words])[0]


def chosen_frames(database: Database, trees: Sequence[Frames], wanted: str, findings: Findings, copy: Copy) -> Frames:
    """The tree whose frames are taken. wanted: a kind or a folder; '' takes the fullest.

    Raises UserMistake where there is none that is wanted.
    """
    fitting = [tree for tree in trees if wanted in ("", tree.kind, tree.root)]
    if not fitting:
        found = ", ".join(f"{tree.kind} ({tree.root or '.'}, {len(tree.folders)} clips)" for tree in trees) or "none"
        raise UserMistake(f"{copy.root}: no frames{f' of the kind {wanted!r}' if wanted else ''} of the annotated clips; "
                          f"found {found}; wanted {database.layout}")
    taken = fitting[0]
    if others := [tree for tree in trees if tree is not taken]:
        said = ", ".join(f"{tree.kind} in {tree.root or '.'} ({len(tree.folders)} clips)" for tree in others)
        findings.choice(taken.root or ".", f"frames of the kind {taken.kind} are taken ({len(taken.folders)} clips); there are "
                                           f"also {said} (--frames=KIND or --frames=FOLDER)")
    return taken
