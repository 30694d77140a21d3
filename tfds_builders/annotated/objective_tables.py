"""Objective classes in a table of their own, beside the annotation."""

from mer_jax.data.emotion_labels import objective_index
from tfds_builders.annotated.annotation import Annotation
from tfds_builders.annotated.table_choice import fitting_tables, unread_sheets
from tfds_builders.annotation_tables.columns import Table
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.database import Database
from tfds_builders.licensed_copy.index import Copy


def objective_classes(database: Database, copy: Copy, annotation: Table, findings: Findings
                      ) -> dict[tuple[str, str], tuple[int, str]]:
    """(subject, clip) -> (objective class 1 to 7, place), of a table of its own where the database has one.

    annotation: where such a table is not missed if it has a column of them.
    """
    if not database.objective_tables:
        return {}
    needed = ("subject", "clip", "objective")
    fitting, _ = fitting_tables(copy, database.objective_tables, database.meanings(), needed)
    if not fitting:
        if "objective" not in annotation.columns:
            findings.problem(str(copy.root), "no table of objective classes: objective_class is 0, in_megc2018 false")
        return {}
    classes: dict[tuple[str, str], tuple[int, str]] = {}
    table = fitting[0][0]
    unread_sheets(fitting[0], findings)
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


def with_classes(annotation: Annotation, classes: dict, findings: Findings) -> Annotation:
    """With its objective class, of the table of its own."""
    if classes and annotation.key not in classes:
        findings.problem(annotation.place, f"{'/'.join(annotation.key)} has no objective class")
    return annotation._replace(objective=classes[annotation.key][0]) if annotation.key in classes else annotation
