"""A user's own landmarks, of a table: subject, clip, and the 68 points of the onset frame as x_0 to x_67 and y_0 to y_67."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from mer_jax.mistakes import UserMistake
from tfds_builders.annotated.annotation import Annotation
from tfds_builders.annotation_tables.columns import COMMON, Table, table_of
from tfds_builders.annotation_tables.repairs import whole
from tfds_builders.annotation_tables.workbook import SUFFIXES, Row, Sheet, read_sheets
from tfds_builders.database import Database

POINTS = 68
NAMES = tuple(f"{axis}_{point}" for point in range(POINTS) for axis in "xy")
MEANINGS = {**{name: COMMON[name] for name in ("subject", "clip", "onset")}, "dataset": ("dataset", "database"),
            **{name: (name,) for name in NAMES}}


def is_table(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES


class OwnLandmarks:
    """The points of a table, by clip of these databases; a row with an onset is of that expression alone.

    Raises UserMistake, with file and row, where there are no such columns, a point or an onset is no number, a row is of none
    of these databases, or a clip is there twice.
    """

    def __init__(self, file: Path, databases: Sequence[Database]):
        self.file = file.name
        self.table = table_of(without_space(read_sheets(file)[0]), MEANINGS, ("subject", "clip", NAMES[0], NAMES[-1]))
        if lacking := [name for name in NAMES if name not in self.table.columns]:
            raise UserMistake(f"{self.table.sheet.place()}: lacks {lacking[0]}, of the {2 * POINTS} columns {NAMES[0]} to "
                              f"{NAMES[-1]}")
        self._points = [points_of(self.table, row) for row in self.table.rows]
        self._rows: dict[str, dict[tuple, int]] = {database.name: {} for database in databases}
        for number, row in enumerate(self.table.rows):
            owners = [database for database in databases if self._add(database, number, row)]
            if not owners:
                raise UserMistake(f"{self.table.place(row)}: wanted subject and clip of "
                                  f"{' or '.join(database.title for database in databases)}, and onset or nothing")

    def of(self, database: Database, annotation: Annotation) -> Float32[np.ndarray, "68 2"] | None:
        """Those of an expression; None where the table has none."""
        row = self._row(database, annotation)
        return None if row is None else self._points[row]

    def unused(self, clips: Iterable[tuple[Database, Annotation]]) -> list[Row]:
        """The rows that are of none of these expressions."""
        used = {self._row(*one) for one in clips}
        return [row for number, row in enumerate(self.table.rows) if number not in used]

    def _row(self, database: Database, annotation: Annotation) -> int | None:
        rows = self._rows[database.name]
        keys = [(dataset, *annotation.key, onset) for onset in (annotation.onset, None) for dataset in (annotation.dataset, "")]
        return next((rows[key] for key in keys if key in rows), None)

    def _add(self, database: Database, number: int, row: Row) -> bool:
        """Whether a row is of a database; it is then kept by (dataset, subject, clip, onset), as that writes them."""
        subject, clip = database.key.subject(self.table.cell(row, "subject")), database.key.clip(self.table.cell(row, "clip"))
        dataset, onset = self.table.cell(row, "dataset"), self.table.cell(row, "onset")
        several = "dataset" in database.columns
        if subject is None or clip is None or (onset and whole(onset) is None) or (
                not several and dataset.lower() not in ("", database.name)):
            return False
        key = (dataset if several else dataset.lower(), subject, clip, whole(onset))
        before = self._rows[database.name].setdefault(key, number)
        if before != number:
            raise UserMistake(f"{self.table.place(row)}: landmarks of {subject}/{clip}, which row "
                              f"{self.table.rows[before].number} has too; wanted one row a clip, or onsets")
        return True


def without_space(sheet: Sheet) -> Sheet:
    """A sheet without the names of the points in space, X_0 to Z_67, which OpenFace writes beside those in the picture."""
    rows = [row._replace(cells=tuple("" if re.fullmatch("[XYZ]_[0-9]+", cell) else cell for cell in row.cells))
            for row in sheet.rows]
    return sheet._replace(rows=tuple(rows))


def points_of(table: Table, row: Row) -> Float32[np.ndarray, "68 2"]:
    """The points of a row."""
    values = []
    for name in NAMES:
        try:
            values.append(float(table.cell(row, name)))
        except ValueError:
            raise UserMistake(f"{table.place(row)}: {name} is {table.cell(row, name)!r}; wanted a number of pixels") from None
    return np.array(values, np.float32).reshape(POINTS, 2)
