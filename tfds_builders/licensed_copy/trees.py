"""Which of a copy's folders are the frames of which clip: told by what the folders hold, not by where they lie, and said."""

import os
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mer_jax.mistakes import UserMistake
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.database import Database, Key, Tree
from tfds_builders.licensed_copy.index import Copy

Folder = tuple[str, ...]


# Words in the names of folders that hold something made of a database's frames, and not the frames.
DERIVED = re.compile(r"magnif|flow|strain|landmark|mask|interpol|augment|align|resiz|backup|copy|\bold\b", re.IGNORECASE)


class Frames(NamedTuple):
    """One tree of frames: its kind, the folder that it begins with, and the clip folders in it by (subject, clip).

    doubles: folders of clips that have another in `folders`. pieces: the trees that it was joined from, itself where none.
    """

    kind: str
    root: str
    folders: dict[tuple[str, str], Folder]
    doubles: tuple[tuple[Folder, Folder], ...] = ()
    pieces: tuple["Frames", ...] = ()

    def said(self) -> str:
        return f"{self.kind} in {self.root or '.'} ({len(self.folders)} clips)"


def frame_trees(database: Database, copy: Copy, keys: Iterable[tuple[str, str]] | None) -> list[Frames]:
    """The trees that hold folders of these (subject, clip), the best first, see `rank`; pieces of one are joined.

    None takes every folder that a clip may have. Folders of other parts of the database are left aside.
    """
    by_folder = None if keys is None else {(subject, clip.casefold()): (subject, clip) for subject, clip in keys}
    trees: dict[tuple[str, str], dict[tuple[str, str], list[Folder]]] = {}
    for folder, images in copy.folders.items():
        subject, clip, root = place_of_folder(folder, database.key)
        path = "/".join((*(() if root else (copy.root.name,)), *folder[:-1], images[0]))       # a tree's own name tells, too
        key = (subject, clip) if by_folder is None else by_folder.get((subject, clip.casefold()))
        if not clip or key is None or not database.owns("/".join((*folder[:-1], images[0])), copy.above):
            continue
        trees.setdefault((kind_of(database.trees, path), "/".join(root)), {}).setdefault(key, []).append(folder)
    whole = [tree_of(kind, root, folders) for (kind, root), folders in trees.items()]
    return sorted(joined(sorted(whole, key=lambda tree: rank(database, tree))), key=lambda tree: rank(database, tree))


def tree_of(kind: str, root: str, found: dict[tuple[str, str], list[Folder]]) -> Frames:
    """A tree, where a clip may have several folders: of two spellings the annotation's own, else the one that lies higher."""
    best = {key: sorted(folders, key=lambda folder: (folder[-1] != key[1], len(folder), folder))
            for key, folders in found.items()}
    doubles = tuple((folders[0], other) for folders in best.values() for other in folders[1:])
    return Frames(kind, root, {key: folders[0] for key, folders in best.items()}, doubles)


def rank(database: Database, tree: Frames) -> tuple:
    """What is taken before what: frames before what was made of them, more clips, the better kind, a folder that is called
    after the database, the one that lies higher."""
    named = re.search(database.name.replace("casme2", r"casme[ _-]?(2|ii)"), tree.root, re.IGNORECASE)
    return (bool(DERIVED.search(tree.root)), -len(tree.folders), database.kinds().index(tree.kind), not named,
            tree.root.count("/"), tree.root)


def joined(trees: Sequence[Frames]) -> list[Frames]:
    """Trees of one kind that share no clip are pieces of one, divided by emotion or by archive, say; the larger ones first."""
    whole: list[Frames] = []
    for tree in trees:
        tree = tree._replace(pieces=(tree,))
        for place, other in enumerate(whole):
            same = other.kind == tree.kind and bool(DERIVED.search(other.root)) == bool(DERIVED.search(tree.root))
            if same and not other.folders.keys() & tree.folders.keys():
                roots = [tuple(piece.root.split("/")) for piece in (*other.pieces, tree)]
                whole[place] = Frames(tree.kind, "/".join(os.path.commonprefix(roots)), {**other.folders, **tree.folders},
                                      other.doubles + tree.doubles, (*other.pieces, tree))
                break
        else:
            whole.append(tree)
    return whole


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
    """The tree whose frames are taken. wanted: a kind or a folder; '' takes the first.

    Raises UserMistake where there is none that is wanted.
    """
    fitting = [tree for tree in trees if wanted in ("", tree.kind, tree.root or ".")] or [
        piece for tree in trees for piece in tree.pieces if wanted == (piece.root or ".")]
    if not fitting:
        raise UserMistake(f"{copy.root}: no frames{f' of the kind {wanted!r}' if wanted else ''} of the annotated clips; "
                          f"found {', '.join(tree.said() for tree in trees) or 'none'}; wanted {database.layout}")
    taken = fitting[0]
    if others := [tree for tree in trees if tree is not taken and taken not in tree.pieces]:
        text = (f"frames of the kind {taken.kind} are taken ({len(taken.folders)} clips); there are also "
                f"{', '.join(tree.said() for tree in others)} (--frames=KIND or --frames=FOLDER)")
        equal = [tree for tree in fitting[1:] if rank(database, tree)[:4] == rank(database, taken)[:4]]
        (findings.problem if equal else findings.note)(taken.root or ".", text)
    if len(taken.pieces) > 1:
        findings.note(taken.root or ".", f"its frames come from {len(taken.pieces)} folders that share no clip: "
                                         f"{', '.join(piece.said() for piece in taken.pieces)}")
    if taken.doubles:
        used, other = ("/".join(folder) for folder in taken.doubles[0])
        findings.problem(taken.root or ".", f"a second folder of {len(taken.doubles)} clips, such as {other} beside {used}: "
                                            "used is the one spelt as the clip is, then the one that lies higher")
    return taken
