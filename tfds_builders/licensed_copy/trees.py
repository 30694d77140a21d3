"""Which of a copy's folders are the frames of which clip: told by what the folders hold, not by where they lie, and said."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mer_jax.mistakes import UserMistake
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.database import Database, Key, Tree
from tfds_builders.licensed_copy.index import Copy

Folder = tuple[str, ...]


class Frames(NamedTuple):
    """One tree of frames: its kind, the folder that it begins with, and the clip folders in it by (subject, clip)."""

    kind: str
    root: str
    folders: dict[tuple[str, str], Folder]


def frame_trees(database: Database, copy: Copy, keys: Iterable[tuple[str, str]] | None) -> list[Frames]:
    """The trees that hold folders of these (subject, clip), the fullest first, of equal ones the better kind first.

    None takes every folder that a clip may have. Folders of other parts of the database are left aside.
    """
    by_folder = None if keys is None else {(subject, clip.casefold()): (subject, clip) for subject, clip in keys}
    trees: dict[tuple[str, str], dict[tuple[str, str], Folder]] = {}
    for folder, images in copy.folders.items():
        subject, clip, root = place_of_folder(folder, database.key)
        path = "/".join((*(() if root else (copy.root.name,)), *folder[:-1], images[0]))       # a tree's own name tells, too
        key = (subject, clip) if by_folder is None else by_folder.get((subject, clip.casefold()))
        if not clip or key is None or not database.owns(path):
            continue
        kind = kind_of(database.trees, path)
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
        findings.note(taken.root or ".", f"frames of the kind {taken.kind} are taken ({len(taken.folders)} clips); there are "
                                           f"also {said} (--frames=KIND or --frames=FOLDER)")
    return taken
