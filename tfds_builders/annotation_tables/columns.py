"""Columns by what their names mean: the header is hunted for, and case, spaces, punctuation and width do not matter."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mer_jax.mistakes import UserMistake
from tfds_builders.annotation_tables.workbook import Row, Sheet

DEEPEST_HEADER = 60                                              # rows that are looked at; the deepest known one is row 14

COMMON = {
    "subject": ("subject", "sub", "subject id", "sub id", "subject number"),
    "clip": ("filename", "file name", "clip", "clip name"),
    "onset": ("onset", "onset frame", "onset f", "on set", "onset frame number"),
    "apex": ("apex", "apex frame", "apex f", "apex frame number"),
    "offset": ("offset", "offset frame", "offset f", "off set", "offset frame number"),
    "length": ("duration", "total mf1", "total mf"),
    "action_units": ("action units", "action unit", "au", "aus", "facs"),
    "emotion": ("estimated emotion", "emotion", "emotions", "emotion label"),
    "objective": ("objective classes", "objective class", "objective"),
    "self_report": ("self report", "self reported emotion"),
}


class Table(NamedTuple):
    """A sheet whose header was found: which column each meaning has, and the rows below the header."""

    sheet: Sheet
    header: int
    columns: Mapping[str, int]
    rows: tuple[Row, ...]

    def cell(self, row: Row, meaning: str) -> str:
        """The text of a cell, '' where the table has no such column or the row ends before it."""
        column = self.columns.get(meaning, len(row.cells))
        return row.cells[column] if column < len(row.cells) else ""

    def place(self, row: Row) -> str:
        return self.sheet.place(row.number)


def folded(name: str) -> str:
    """A name without what does not matter: "Onset Frame", "onset_frame" and "ＯｎｓｅｔＦｒａｍｅ" are one."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).lower())


def meanings_of(row: Row, meanings: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """The columns that each meaning might be in a row, taken as a header."""
    known = {folded(alias): meaning for meaning, aliases in meanings.items() for alias in aliases}
    found: dict[str, list[int]] = {}
    for column, name in enumerate(row.cells):
        if (meaning := known.get(folded(name))) is not None:
            found.setdefault(meaning, []).append(column)
    return found


def table_of(sheet: Sheet, meanings: Mapping[str, Sequence[str]], needed: Sequence[str]) -> Table:
    """The table of a sheet: the first row that names every needed meaning is its header.

    meanings: each with the names it goes by. Columns of no meaning are left aside.
    Raises UserMistake where there is no such row, with the row that comes nearest, or where two columns mean the same.
    """
    best, most = None, []
    for position, row in enumerate(sheet.rows[:DEEPEST_HEADER]):
        found = meanings_of(row, meanings)
        here = [meaning for meaning in needed if meaning in found]
        if len(here) == len(needed):
            for meaning, columns in found.items():
                if len(columns) > 1:
                    names = " and ".join(repr(row.cells[column]) for column in columns)
                    raise UserMistake(f"{sheet.place(row.number)}: the columns {names} both mean {meaning}; wanted one")
            columns = {meaning: at[0] for meaning, at in found.items()}
            return Table(sheet, row.number, columns, tuple(rows_below(sheet, position)))
        if len(here) > len(most):
            best, most = row, here
    lacking = [meaning for meaning in needed if meaning not in most]
    nearest = f"; the nearest, row {best.number}, lacks {', '.join(lacking)}" if best else ""
    raise UserMistake(f"{sheet.place()}: no header that names {', '.join(needed)}{nearest}")


def rows_below(sheet: Sheet, position: int) -> Iterator[Row]:
    """The rows below a header, without those that only repeat it."""
    header = tuple(map(folded, sheet.rows[position].cells))
    for row in sheet.rows[position + 1 :]:
        if tuple(map(folded, row.cells)) != header:
            yield row
