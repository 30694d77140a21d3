"""A user's own landmarks, of a table: subject, clip, and the 68 points of the onset frame as x_0 to x_67 and y_0 to y_67."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from mer_jax.mistakes import UserMistake
from tfds_builders.annotated.annotation import Annotation
from tfds_builders.annotation_tables.columns import COMMON, Table, table_of
from tfds_builders.annotation_tables.repairs import whole
from tfds_builders.annotation_tables.workbook import SUFFIXES, Row, read_sheets
from tfds_builders.database import Database

POINTS = 68
NAMES = tuple(f"{axis}_{point}" for point in range(POINTS) for axis in "xy")
MEANINGS = {**{name: COMMON[name] for name in ("subject", "clip", "onset")}, "dataset": ("dataset", "database"),
            **{name: (name,) for name in NAMES}}


def is_table(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES


class OwnLandmarks:
    """The points of a table, by clip of these databases; a row with an onset is of that expression alone.

    Raises UserMistake, with file and row, where there are no such columns, a point is no number, or a clip is there twice.
    """

    def __init__(self, file: Path, databases: Sequence[Database]):
        self.table = table_of(read_sheets(file)[0], MEANINGS, ("subject", "clip", *NAMES))
        self._points = [points_of(self.table, row) for row in self.table.rows]
        self._rows = {database.name: self._keyed(database) for database in databases}

    def of(self, database: Database, annotation: Annotation) -> Float32[np.ndarray, "68 2"] | None:
        """Those of an expression; None where the table has none."""
        rows = self._rows[database.name]
        for onset in (annotation.onset, None):
            for dataset in (annotation.dataset, ""):
                if (row := rows.get((dataset, *annotation.key, onset))) is not None:
                    return self._points[row]
        return None

    def _keyed(self, database: Database) -> dict[tuple, int]:
        """Rows by (dataset, subject, clip, onset), as the database writes them."""
        rows: dict[tuple, int] = {}
        for number, row in enumerate(self.table.rows):
            cells = {name: self.table.cell(row, name) for name in ("dataset", "subject", "clip", "onset")}
            subject, clip = database.key.subject(cells["subject"]), database.key.clip(cells["clip"])
            if subject is None or clip is None:
                continue
            dataset = cells["dataset"] if "dataset" in database.columns else cells["dataset"].lower()
            before = rows.setdefault((dataset, subject, clip, whole(cells["onset"])), number)
            if before != number:
                raise UserMistake(f"{self.table.place(row)}: landmarks of {subject}/{clip}, which row "
                                  f"{self.table.rows[before].number} has too; wanted one row a clip, or onsets")
        return rows


def points_of(table: Table, row: Row) -> Float32[np.ndarray, "68 2"]:
    """The points of a row."""
    values = []
    for name in NAMES:
        try:
            values.append(float(table.cell(row, name)))
        except ValueError:
            raise UserMistake(f"{table.place(row)}: {name} is {table.cell(row, name)!r}; wanted a number of pixels") from None
    return np.array(values, np.float32).reshape(POINTS, 2)
