"""The clips of a data set from the copies of its databases, in the order in which they are stored."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mer_jax.mistakes import UserMistake
from mer_jax.progress_bar import ProgressBar
from tfds_builders.annotated.rows import Annotation, annotations
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.clips_on_disk import ClipOnDisk, clips_on_disk
from tfds_builders.data_set import DataSet, Labelled
from tfds_builders.database import Database
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
    for database in data_set.databases:
        copy = index_copy(sources[database.name], findings)
        read, clips = clips_on_disk(database, copy, options, findings)
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
    for database in data_set.databases:
        if not database.tables:
            raise UserMistake(f"{database.title} has no annotation table: its folders are its annotation; leave --tables-alone")
        copy = index_copy(sources[database.name], findings)
        found += labelled(data_set, database, annotations(database, copy, options, findings))
    return found


def shown(taken: Sequence[Taken], title: str, findings: Findings) -> Iterator[tuple[int, Taken, Shown]]:
    """(number, clip, its frames) of those clips that can be read, in order; at the end how large they are is said.

    Raises UserMistake where none can be read.
    """
    lengths, sizes = [], set()
    with ProgressBar(len(taken), title) as bar:
        frames = shown_clips([(one.clip, one.copy) for one in taken], findings)
        for number, (one, found) in enumerate(zip(taken, frames, strict=True)):
            bar.advance()
            if found is not None:
                first = next(iter(found.pictures.values()))
                lengths.append(len(found.pictures))
                sizes.add((first.height, first.width))
                yield number, one, found
    if not lengths:
        raise UserMistake(f"{taken[0].copy.root}: of {len(taken)} clips none has frames that can be read, such as "
                          f"{taken[0].clip.place}")
    findings.note(title, in_memory(lengths, sorted(sizes)))


def in_memory(lengths: Sequence[int], sizes: Sequence[tuple[int, int]]) -> str:
    """What the clips are as one array, which `mer_jax.load` makes of them."""
    (height, width), count = sizes[-1], len(lengths)
    if len(sizes) > 1:
        return (f"frames of {len(sizes)} sizes, {sizes[0][1]} x {sizes[0][0]} to {width} x {height}: to be read as one array "
                "they have to be made one size first")
    return (f"{count} clips of up to {max(lengths)} frames of {width} x {height}: "
            f"{count * max(lengths) * height * width * 3 / 2**30:.1f} GiB as one array")
