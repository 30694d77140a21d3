"""Which of a copy's tables is the annotation: told by the columns it has and by the name it is known under, and said."""

import re
from collections.abc import Sequence
from pathlib import Path

from mer_jax.mistakes import UserMistake
from tfds_builders.annotation_tables.columns import Table, table_of
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.annotation_tables.workbook import read_sheets
from tfds_builders.database import Database
from tfds_builders.licensed_copy.index import Copy

MOST_TABLES = 200                                                # that are opened; a copy has a handful


def annotation_table(database: Database, copy: Copy, wanted: str, findings: Findings) -> Table:
    """The annotation: of the tables that name all needed columns the one whose file name is the best known.

    wanted: a file's name, or its path below the copy; '' takes the best. Others that would fit are named in the findings.
    Raises UserMistake where none fits, with what the nearest lacks.
    """
    if wanted:
        named = [path for path in copy.tables if wanted in (path.name, path.relative_to(copy.root).as_posix())]
        if not named:
            found = ", ".join(path.relative_to(copy.root).as_posix() for path in copy.tables[:5]) or "none"
            raise UserMistake(f"--table={wanted}: no such table below {copy.root}; found {found}")
        copy = copy._replace(tables=tuple(named))
    fitting, refused = fitting_tables(copy, database.tables, database.meanings(), database.needed, database.sheets)
    if not fitting:
        first = f": {refused[0]}" if refused else ""
        raise UserMistake(f"{copy.root}: no annotation table of {database.title} among {len(copy.tables)} tables{first}; "
                          f"wanted {database.layout}")
    taken = fitting[0][0]
    for mistake in refused:
        if re.fullmatch(database.tables[0], mistake.partition(",")[0].partition(":")[0].rpartition("/")[2], re.IGNORECASE):
            findings.problem(taken.sheet.file, f"is read instead of a better known table: {mistake}")
    if len(fitting) > 1:
        others = ", ".join(sorted({tables[0].sheet.file for tables in fitting[1:]}))
        findings.note(taken.sheet.file, f"is taken as the annotation; {others} would fit as well (--table=FILE)")
    unread_sheets(fitting[0], findings)
    return taken


def unread_sheets(tables: Sequence[Table], findings: Findings) -> None:
    """Says which sheets of a file have rows as well; the first is read."""
    for other in tables[1:]:
        if other.rows:
            findings.note(other.sheet.place(), f"{len(other.rows)} rows under the same header are not read; sheet "
                                               f"{tables[0].sheet.name} is")


def fitting_tables(copy: Copy, patterns: Sequence[str], meanings: dict, needed: Sequence[str], sheets: str = ".*"
                   ) -> tuple[list[list[Table]], list[str]]:
    """Of every file the sheets that name the needed columns, the best known file first; and what refused the others.

    patterns: of file names, the better first; files of other names are left closed. sheets: see `tables_in`.
    """
    def rank(path: Path) -> tuple:
        known = [number for number, pattern in enumerate(patterns) if re.fullmatch(pattern, path.name, re.IGNORECASE)]
        again = re.search(r"copy|kopie|副本|\(\d+\)|~|backup|\bold\b", path.stem, re.IGNORECASE)
        return min(known, default=len(patterns)), bool(again), len(path.stem), len(path.parts), path

    fitting, refused = [], []
    for path in sorted((path for path in copy.tables if rank(path)[0] < len(patterns)), key=rank)[:MOST_TABLES]:
        try:
            fitting.append(tables_in(path, path.relative_to(copy.root).as_posix(), meanings, needed, sheets))
        except UserMistake as mistake:
            refused.append(str(mistake))
    return fitting, refused


def tables_in(path: Path, name: str, meanings: dict, needed: Sequence[str], sheets: str = ".*") -> list[Table]:
    """The sheets of a file that name the needed columns: those whose names match `sheets`, or else the first of the others.

    Raises UserMistake where no sheet does, with what the first lacks.
    """
    first, found, others = None, [], []
    for sheet in read_sheets(path, name):
        known = re.fullmatch(sheets, sheet.name, re.IGNORECASE)
        try:
            (found if known else others).append(table_of(sheet, meanings, needed))
        except UserMistake as mistake:
            first = first or mistake
    if not found and not others:
        raise first or UserMistake(f"{name}: has no sheet")
    return found or others[:1]
