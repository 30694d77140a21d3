"""The clips of a data set from the copies of its databases, in the order in which they are stored."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mer_jax.mistakes import UserMistake
from mer_jax.progress_bar import ProgressBar
from tfds_builders.annotated.annotation import Annotation
from tfds_builders.annotated.rows import annotations
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.clips_on_disk import ClipOnDisk, clips_on_disk
from tfds_builders.data_set import DataSet, Labelled
from tfds_builders.database import Database
from tfds_builders.database_options import options_by_database
from tfds_builders.licensed_copy.index import Copy, index_copy
from tfds_builders.options import Options
from tfds_builders.records import Shown, shown_clips


class Taken(NamedTuple):
    """A clip of a data set: whose it is, where its frames are, and its class."""

    database: Database
    copy: Copy
    clip: ClipOnDisk
    label: int

    @property
    def labelled(self) -> Labelled:
        return self.database, self.clip.annotation, self.label


def gathered(data_set: DataSet, sources: Mapping[str, Path], options: Options, findings: Findings
             ) -> tuple[list[Labelled], list[Taken]]:
    """What the data set takes of the annotations, and of it what has frames. Raises UserMistake where a database has none."""
    expected, taken = [], []
    own = options_by_database(data_set, options)
    for database in data_set.databases:
        copy = index_copy(sources[database.name], findings)
        read, clips = clips_on_disk(database, copy, own[database.name], findings)
        expected += labelled(data_set, database, read)
        for clip in clips:
            if (label := data_set.label(database, clip.annotation)) >= 0:
                taken.append(Taken(database, copy, clip, label))
    if not taken:
        raise UserMistake(f"{data_set.title} takes none of the clips that were found; wanted {data_set.layout()}")
    return expected, taken


def labelled(data_set: DataSet, database: Database, read: Sequence[Annotation]) -> list[Labelled]:
    """The expressions that a data set takes, with their classes."""
    found = [(database, one, data_set.label(database, one)) for one in read]
    return [one for one in found if one[2] >= 0]


def annotated(data_set: DataSet, sources: Mapping[str, Path], options: Options, findings: Findings) -> list[Labelled]:
    """The same from the annotations alone, whether there are frames or not."""
    found: list[Labelled] = []
    own = options_by_database(data_set, options)
    for database in data_set.databases:
        if not database.tables:
            raise UserMistake(f"{database.title} has no annotation table: its folders are its annotation; leave --tables-alone")
        copy = index_copy(sources[database.name], findings)
        found += labelled(data_set, database, annotations(database, copy, own[database.name], findings))
    return found


def shown(taken: Sequence[Taken], findings: Findings, bar: ProgressBar) -> Iterator[tuple[int, Shown]]:
    """(number, frames) of those clips whose frames can be read, in order. bar: which counts all of them."""
    for number, found in enumerate(shown_clips([(one.clip, one.copy) for one in taken], findings)):
        bar.advance()
        if found is not None:
            yield number, found


def none_can_be_stored(taken: Sequence[Taken], findings: Findings) -> UserMistake:
    """Of clips of which each was left out: what was said of the first."""
    first = taken[0].clip.place
    said = [finding for finding in findings if finding.kind == "problem" and finding.place.startswith(first)]
    return UserMistake(f"{taken[0].copy.root}: none of {len(taken)} clips can be used; of the first, {said[-1].place}: "
                       f"{said[-1].text}")
