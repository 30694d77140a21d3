"""What has to be known of a database to read any copy of it: one `Database` of facts each, nothing else."""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tfds_builders.annotation_tables.columns import COMMON
from tfds_builders.annotation_tables.repairs import Patch


class Tree(NamedTuple):
    """One kind of folder tree with frames. words: what a folder or image name of it holds; a tree of no such word is that
    whose words are empty."""

    kind: str
    words: tuple[str, ...]


class Key(NamedTuple):
    """How names are made keys. subject, clip: text -> key, None where the text is none. subject_of_clip: the subject that a
    clip's name tells; None where it tells none."""

    subject: Callable[[str], str | None]
    clip: Callable[[str], str | None]
    subject_of_clip: Callable[[str], str] | None


@dataclasses.dataclass(frozen=True)
class Database:
    """The facts of one database.

    name: as in `mer-jax data build NAME`. title: its own. fps: frames a second. classes: its emotions. words: other words
    for them. tables: patterns of file names, the better first. needed: the meanings that a table must have. columns: its
    own names of columns, over the common ones. trees: the better first. patches: known errors. rows: how many clips the
    released sheets have. licence_page: where it is asked for. layout: what a copy looks like. part: of a database of several
    recordings, which. sheets: a pattern of the names that its sheet has. folders, not_folders: what a path of its frames has
    somewhere, and has not; telling: the words that tell the part: where a path in the copy has none of them, the names of the
    copy's own folder and of the one above count too. emotion_of_clip: the class that a clip's name tells, where names do. Where
    `tables` is empty the folders are the annotation.
    """

    name: str
    title: str
    fps: float
    classes: tuple[str, ...]
    key: Key
    tables: tuple[str, ...]
    trees: tuple[Tree, ...]
    licence_page: str
    layout: str
    rows: tuple[int, ...]
    part: str = ""
    sheets: str = ".*"
    folders: str = ".*"
    not_folders: str = "(?!)"
    telling: str = "(?!)"
    emotion_of_clip: Callable[[str], str] | None = None
    words: Mapping[str, str] = dataclasses.field(default_factory=dict)
    needed: tuple[str, ...] = ("subject", "clip", "onset", "apex", "offset", "emotion")
    columns: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    objective_tables: tuple[str, ...] = ()
    patches: Sequence[Patch] = ()

    def meanings(self) -> dict[str, tuple[str, ...]]:
        return {**COMMON, **self.columns}

    def emotion(self, word: str) -> str | None:
        """The class of a word, in any case and with any space around it; None where it is none of the database's."""
        plain = " ".join(word.lower().split())
        plain = self.words.get(plain, plain)
        return plain if plain in self.classes else None

    def owns(self, path: str, above: str) -> bool:
        """Whether frames below a path in the copy may be this database's; above: the path that leads to the copy."""
        path = path if re.search(self.telling, path, re.IGNORECASE) else f"{above}/{path}"
        return bool(re.search(self.folders, path, re.IGNORECASE)) and not re.search(self.not_folders, path, re.IGNORECASE)

    def kinds(self) -> tuple[str, ...]:
        return tuple(tree.kind for tree in self.trees)


def numbered_key(pattern: str, form: str) -> Callable[[str], str | None]:
    """A function: a text that a pattern matches whole, its groups as numbers in `form`; None where it does not match."""
    compiled = re.compile(pattern, re.IGNORECASE | re.ASCII)

    def key(text: str) -> str | None:
        found = compiled.fullmatch(re.sub(r"(?<=[0-9])\.0+$", "", text.strip()))           # 1.0: a CSV that a program wrote
        return form.format(*map(int, found.groups())) if found else None
    return key


def worded_key(pattern: str, form: str) -> Callable[[str], str | None]:
    """The same with groups as lower-case words: "EP02_01F" -> "EP02_01f"."""
    compiled = re.compile(pattern, re.IGNORECASE | re.ASCII)

    def key(text: str) -> str | None:
        found = compiled.fullmatch(text.strip())
        return form.format(*map(str.lower, found.groups())) if found else None
    return key
