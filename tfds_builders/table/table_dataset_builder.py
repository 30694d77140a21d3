"""A table of one's own: any .xlsx, .xls or .csv with subject, clip and emotion, beside folders of frames.

Optional columns: onset, apex, offset (numbers in the names of the frames; without the column onset an expression begins with
the first frame of its folder, without offset it ends with the last, and without apex that is the middle), dataset, fps, action
units, objective class, self report, and frames (a folder below that of the copy, in every row or in none; without it the
folders are found by SUBJECT/CLIP, below one named like the dataset where there is such a one). The classes are the words of
the column emotion, sorted.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from mer_jax.mistakes import UserMistake
from tfds_builders.annotated.table_choice import annotation_table
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.data_set import DataSet, alone
from tfds_builders.database import Database, Key, Tree
from tfds_builders.licensed_builder import LicensedBuilder, configs
from tfds_builders.licensed_copy.index import index_copy
from tfds_builders.options import Options


def named(text: str) -> str | None:
    """A name as it is written; None where it is empty or holds a '/', which joins keys."""
    return text.strip() if text.strip() and "/" not in text else None


OWN = Database(
    name="table",
    title="your table",
    fps=-1.0,
    classes=(),
    key=Key(named, named, None),
    tables=(".*",),
    needed=("subject", "clip", "emotion"),
    columns={"dataset": ("dataset", "database"), "frames": ("frames", "folder"), "fps": ("fps", "frame rate")},
    trees=(Tree("own", ()),),
    rows=(),
    licence_page="",
    layout="a .xlsx, .xls or .csv with the columns subject, clip and emotion, and a folder of images SUBJECT/CLIP each",
)


class Builder(LicensedBuilder):
    """A table of one's own: Builder(sources={"table": FOLDER})."""

    DATA_SETS = (alone(OWN),)
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"Name the folder of your copy: sources={{'table': FOLDER}}. It has {OWN.layout}."
    BUILDER_CONFIGS = configs(DATA_SETS)

    @classmethod
    def data_set_for(cls, options: Options, sources: Mapping[str, Path] | None) -> DataSet:
        """The data set whose classes are the words of the table."""
        if sources is None:
            raise UserMistake(cls.MANUAL_DOWNLOAD_INSTRUCTIONS)
        table = annotation_table(OWN, index_copy(Path(sources["table"]), Findings()), options.table, Findings())
        words = {" ".join(table.cell(row, "emotion").lower().split()) for row in table.rows} - {""}
        if len(words) < 2:
            raise UserMistake(f"{table.sheet.place()}: {len(words)} different emotions; wanted two or more")
        return alone(dataclasses.replace(OWN, classes=tuple(sorted(words))))
