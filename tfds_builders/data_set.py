"""A data set to be built: one database, or several with one labelling, and which expressions it takes."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from mer_jax.data.emotion_labels import COUNTS, SCHEMES
from tfds_builders.annotated.annotation import Annotation
from tfds_builders.database import Database

Labelled = tuple[Database, Annotation, int]


class Official(NamedTuple):
    """Of one database in an official list: its clips of each class, and their `keys_digest`, "" where it is not known."""

    counts: tuple[int, ...]
    digest: str = ""


@dataclasses.dataclass(frozen=True)
class DataSet:
    """name: as TFDS knows it. databases: in the order of the records. classes: of the feature `emotion`. label: the class
    of an expression, -1 where it is not taken. digest: of what was taken; see `marks_digest`. part: which of the parts of a
    database, "" of one that has none. official: of a composite, what is known of each database's clips in the official list.
    """

    name: str
    title: str
    databases: tuple[Database, ...]
    classes: tuple[str, ...]
    label: Callable[[Database, Annotation], int]
    digest: Callable[[Sequence[Labelled]], str]
    part: str = ""
    official: Mapping[str, "Official"] = dataclasses.field(default_factory=dict)

    @property
    def licence_page(self) -> str:
        return self.databases[0].licence_page

    def schemes(self) -> list[int]:
        """The counts of classes in which every database of it is labelled, and all with the same classes."""
        return [count for count in COUNTS
                if len({SCHEMES[database.name, count].classes if (database.name, count) in SCHEMES else None
                        for database in self.databases} - {None}) == 1
                and all((database.name, count) in SCHEMES for database in self.databases)]

    def layout(self) -> str:
        return "; ".join(f"{database.title}: {database.layout}" for database in self.databases)


def alone(database: Database) -> DataSet:
    """A database by itself, all of it, with its own classes."""
    return DataSet(database.name, database.title, (database,), database.classes,
                   lambda _, annotation: database.classes.index(annotation.emotion), marks_digest, database.part)


def marks_digest(taken: Sequence[Labelled]) -> str:
    """sha256 of the sorted lines DATABASE/SUBJECT/CLIP/ONSET/APEX/OFFSET/EMOTION/PART: equal where two copies have the same
    expressions with the same marks and labels, wherever their files lie."""
    return sha256_of(f"{one.dataset}/{one.subject}/{one.clip}/{one.onset}/{one.apex}/{one.offset}/{one.emotion}/{database.part}"
                     for database, one, _ in taken)


def keys_digest(taken: Sequence[Labelled]) -> str:
    """sha256 of the sorted lines DATABASE/SUBJECT/CLIP/LABEL, the label as a number: what composites are known by."""
    return sha256_of(f"{one.dataset}/{one.subject}/{one.clip}/{label}" for _, one, label in taken)


def sha256_of(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
