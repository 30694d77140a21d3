"""Tables beside the annotation: objective classes in a file of their own, and a user's own apexes."""

from pathlib import Path

from mer_jax.data.emotion_labels import objective_index
from mer_jax.mistakes import UserMistake
from tfds_builders.annotated.table_choice import fitting_tables
from tfds_builders.annotation_tables.columns import table_of
from tfds_builders.annotation_tables.repairs import Findings, whole
from tfds_builders.annotation_tables.workbook import read_sheets
from tfds_builders.database import Database
from tfds_builders.licensed_copy.index import Copy


def objective_classes(database: Database, copy: Copy, findings: Findings) -> dict[tuple[str, str], tuple[int, str]]:
    """(subject, clip) -> (objective class 1 to 7, place), of a table of its own where the database has one."""
    if not database.objective_tables:
        return {}
    needed = ("subject", "clip", "objective")
    fitting, _ = fitting_tables(copy, database.objective_tables, database.meanings(), needed)
    if not fitting:
        findings.problem(str(copy.root), "no table of objective classes: objective_class is 0, in_megc2018 false")
        return {}
    classes: dict[tuple[str, str], tuple[int, str]] = {}
    table = fitting[0]
    for row in table.rows:
        subject, clip = database.key.subject(table.cell(row, "subject")), database.key.clip(table.cell(row, "clip"))
        number = objective_index(table.cell(row, "objective"))
        if subject is None or clip is None:
            continue
        if number is None:
            findings.problem(table.place(row), f"objective class {table.cell(row, 'objective')!r} is not known: none used")
        elif classes.setdefault((subject, clip), (number + 1, table.place(row)))[0] != number + 1:
            findings.problem(table.place(row), f"objective class {number + 1} of {subject}/{clip}, but "
                             f"{classes[subject, clip][0]} in {classes[subject, clip][1]}: none used")
            classes[subject, clip] = (0, table.place(row))
    return classes


def override(path: Path, database: Database) -> dict[tuple[str, str, int | None], tuple[int, str]]:
    """(subject, clip, onset or None) -> (apex, place) of a CSV of one's own. Raises UserMistake where a row is none."""
    table = table_of(read_sheets(path)[0], database.meanings(), ("subject", "clip", "apex"))
    apexes = {}
    for row in table.rows:
        subject, clip = database.key.subject(table.cell(row, "subject")), database.key.clip(table.cell(row, "clip"))
        apex, onset = whole(table.cell(row, "apex")), table.cell(row, "onset")
        if subject is None or clip is None or apex is None or (onset and whole(onset) is None):
            raise UserMistake(f"{table.place(row)}: wanted subject, clip and apex of {database.title}, and onset or nothing")
        apexes[subject, clip, whole(onset)] = (apex, table.place(row))
    return apexes
