"""A user's own apexes, of a table of their own: each goes to the database whose clip it names, and before the annotation's."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mer_jax.mistakes import UserMistake
from tfds_builders.annotated.annotation import Annotation
from tfds_builders.annotation_tables.columns import COMMON, Table, table_of
from tfds_builders.annotation_tables.repairs import Findings, whole
from tfds_builders.annotation_tables.workbook import Row, read_sheets
from tfds_builders.database import Database

MEANINGS = {**{name: COMMON[name] for name in ("subject", "clip", "onset", "apex")}, "dataset": ("dataset", "database")}


class OwnApex(NamedTuple):
    """An apex. dataset: '' of any. onset: of the expression, None of any in the clip. place: the row it was read in."""

    dataset: str
    subject: str
    clip: str
    onset: int | None
    apex: int
    place: str

    @property
    def name(self) -> str:
        return f"{self.subject}/{self.clip}" + ("" if self.onset is None else f" at onset {self.onset}")

    def fits(self, annotation: Annotation) -> bool:
        return ((self.subject, self.clip) == annotation.key and self.dataset in ("", annotation.dataset)
                and self.onset in (None, annotation.onset))


def own_apexes(path: Path, database: Database) -> list[OwnApex]:
    """The apexes of a file that are of a database; see `check_apexes`."""
    table = apex_table(path)
    return [apex for row in table.rows if (apex := own_apex(database, table, row)) is not None]


def check_apexes(path: Path, databases: Sequence[Database]) -> None:
    """Raises UserMistake where a row is of none of these databases."""
    table = apex_table(path)
    for row in table.rows:
        if all(own_apex(database, table, row) is None for database in databases):
            raise UserMistake(f"{table.place(row)}: wanted subject, clip and apex of "
                              f"{' or '.join(database.title for database in databases)}, and onset or nothing")


def apex_table(path: Path) -> Table:
    return table_of(read_sheets(path)[0], MEANINGS, ("subject", "clip", "apex"))


def own_apex(database: Database, table: Table, row: Row) -> OwnApex | None:
    """The apex of a row; None where it is none of this database."""
    subject, clip = database.key.subject(table.cell(row, "subject")), database.key.clip(table.cell(row, "clip"))
    dataset, onset, apex = table.cell(row, "dataset"), table.cell(row, "onset"), whole(table.cell(row, "apex"))
    several = "dataset" in database.columns
    other = not several and dataset.lower() not in ("", database.name)
    if subject is None or clip is None or apex is None or other or (onset and whole(onset) is None):
        return None
    return OwnApex(dataset if several else "", subject, clip, whole(onset), apex, table.place(row))


def with_own_apexes(read: Sequence[Annotation], apexes: Sequence[OwnApex], database: Database, findings: Findings
                    ) -> list[Annotation]:
    """The expressions with the apexes of the user's own table, where that has one for them; a row of no clip is said.

    Raises UserMistake where a row is of clips of two databases, or its apex outside of its expression.
    """
    by_clip: dict[tuple[str, str], list[OwnApex]] = {}
    for apex in apexes:
        by_clip.setdefault((apex.subject, apex.clip), []).append(apex)
    used: dict[OwnApex, str] = {}
    changed = []
    for annotation in read:
        fitting = [apex for apex in by_clip.get(annotation.key, ()) if apex.fits(annotation)]
        for apex in fitting:
            if used.setdefault(apex, annotation.dataset) != annotation.dataset:
                raise UserMistake(f"{apex.place}: {apex.name} is a clip of {used[apex]} and of {annotation.dataset}; wanted a "
                                  "column dataset")
        best = max(fitting, key=lambda apex: (apex.onset is not None, bool(apex.dataset)), default=None)
        changed.append(annotation if best is None else with_apex(annotation, best, findings))
    for apex in apexes:
        if apex not in used:
            findings.problem(apex.place, f"{apex.name} is no clip of the annotation of {database.title}: its apex is not used")
    return changed


def with_apex(annotation: Annotation, own: OwnApex, findings: Findings) -> Annotation:
    """With the user's own apex, which is in [onset, offset]; an end that is the folder's is held against it later."""
    if own.apex < annotation.onset or 0 <= annotation.offset < own.apex:
        raise UserMistake(f"{own.place}: apex {own.apex} of {'/'.join(annotation.key)} lies outside of its expression; wanted "
                          f"it in [{annotation.onset}, {annotation.offset}]")
    before = "the middle" if annotation.apex < 0 else str(annotation.apex)
    findings.repair(annotation.place, f"apex {own.apex} of {own.place} used in place of {before}")
    return annotation._replace(apex=own.apex, apex_source="override")
