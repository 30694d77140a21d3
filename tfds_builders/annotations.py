"""The rows of an annotation as expressions: keys, marks and labels, every repair said, and what is doubtful left out."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mer_jax.data.emotion_labels import objective_index
from mer_jax.mistakes import UserMistake, nearest
from tfds_builders.annotation_tables.columns import Table, table_of
from tfds_builders.annotation_tables.repairs import Findings, Patch, chosen_patches, patched, whole
from tfds_builders.annotation_tables.workbook import Row, read_sheets
from tfds_builders.choosing import annotation_table, fitting_tables
from tfds_builders.database import Database
from tfds_builders.licensed_copy.index import Copy
from tfds_builders.options import Options

UNKNOWN = ("", "/", "-", "nan", "none", "n/a")                   # how people write that a number is not known
APEX_SOURCES = ("annotation", "midpoint", "dcrois", "override")


class Annotation(NamedTuple):
    """One expression. onset, apex, offset: frame numbers as in the annotation, put right; apex_raw: as it was written, and
    apex_source: where `apex` is from. objective: 0 none, else 1 to 7. place: the row it was read in."""

    subject: str
    clip: str
    onset: int
    apex: int
    offset: int
    apex_raw: str
    apex_source: str
    emotion: str
    emotion_raw: str
    objective: int
    action_units: str
    self_report: str
    place: str

    @property
    def key(self) -> tuple[str, str]:
        return self.subject, self.clip


def annotations(database: Database, copy: Copy, options: Options, findings: Findings) -> list[Annotation]:
    """The expressions of a copy's annotation, in its order. Raises UserMistake where there is no annotation, or none in it."""
    table = annotation_table(database, copy, options.table, findings)
    patches = chosen_patches(database.patches, options.patches)
    apexes = override(Path(options.apexes), database) if options.apexes else {}
    classes = objective_classes(database, copy, findings)
    read = []
    for row in table.rows:
        found = annotation_of(database, table, row, patches, findings)
        if found is not None:
            read.append(with_classes(with_apex(found, apexes, findings), classes, findings))
    kept = without_repeats(read, findings)
    if not kept:
        raise UserMistake(f"{table.sheet.place()}: no row can be used as a clip of {database.title}"
                          + first_problem(findings))
    if len(kept) not in database.rows:
        wanted = " or ".join(map(str, database.rows))
        findings.choice(table.sheet.file, f"{len(kept)} clips are annotated; the known revisions have {wanted}")
    return kept


def first_problem(findings: Findings) -> str:
    problems = [finding for finding in findings if finding.kind == "problem"]
    return f"; {problems[0].place}: {problems[0].text}" if problems else ""


def annotation_of(database: Database, table: Table, row: Row, patches: tuple[Patch, ...],
                  findings: Findings) -> Annotation | None:
    """The expression of a row; None where it is none (a note below the table), or cannot be told, which is said."""
    cells = {meaning: table.cell(row, meaning) for meaning in table.columns}
    place = table.place(row)
    key = key_of(database, cells, place, findings)
    if key is None:
        return None
    cells = patched(cells, *key, patches, place, findings)
    marks = marks_of(cells, place, findings)
    emotion = database.emotion(cells["emotion"])
    if emotion is None:
        meant = nearest(cells["emotion"], database.classes)
        findings.problem(place, f"emotion {cells['emotion']!r} is not known{meant}: left out; wanted one of {', '.join(database.classes)}")
    if marks is None or emotion is None:
        return None
    onset, apex, offset, source = marks
    objective = objective_index(cells.get("objective", ""))
    if objective is None and cells.get("objective", "") not in UNKNOWN:
        findings.problem(place, f"objective class {cells['objective']!r} is not known: none used; wanted I to VII")
    return Annotation(*key, onset, apex, offset, cells.get("apex", ""), source, emotion, cells["emotion"],
                      0 if objective is None else objective + 1, cells.get("action_units", ""), cells.get("self_report", ""),
                      place)


def key_of(database: Database, cells: Mapping[str, str], place: str, findings: Findings) -> tuple[str, str] | None:
    """(subject, clip) of a row; None of a row that is a note, silently, and of one whose key cannot be told, which is said."""
    subject, clip = database.key.subject(cells["subject"]), database.key.clip(cells["clip"])
    filled = sum(bool(cells[meaning]) for meaning in database.needed)
    if subject is None and clip is None and filled < 3 or filled == 0:
        return None
    told = None if clip is None or database.key.subject_of_clip is None else database.key.subject_of_clip(clip)
    if clip is None or (subject or told) is None:
        meaning = "clip" if clip is None else "subject"
        findings.problem(place, f"{meaning} {cells[meaning]!r} is none of {database.title}: left out")
        return None
    if subject is None:
        findings.repair(place, f"subject {cells['subject']!r} is none: {told} used, as in the clip's name {clip}")
    elif told is not None and told != subject:
        findings.problem(place, f"subject {subject}, but the clip {clip} names {told}: left out")
        return None
    return subject or told, clip


def marks_of(cells: Mapping[str, str], place: str, findings: Findings) -> tuple[int, int, int, str] | None:
    """(onset, apex, offset, where the apex is from); None where onset or offset cannot be told, which is said.

    An offset of 0 or none is the apex; an apex outside of [onset, offset], or none, is the middle frame.
    """
    onset, apex, offset = (whole(cells.get(name, "")) for name in ("onset", "apex", "offset"))
    if offset is None and cells["offset"].lower() in UNKNOWN or offset == 0:
        if apex is not None and onset is not None and apex > onset:
            findings.repair(place, f"offset {cells['offset']!r} is none: the apex {apex} used")
            offset = apex
        else:
            offset = None
    for name, number in (("onset", onset), ("offset", offset)):
        if number is None:
            formula = ", a formula without a stored value (open the file in a spreadsheet and save it)"
            findings.problem(place, f"{name} {cells[name]!r} is no frame number{formula if cells[name][:1] == '=' else ''}: "
                                    "left out")
            return None
    if onset >= offset:
        findings.problem(place, f"onset {onset} is not before offset {offset}: left out")
        return None
    if apex is not None and onset <= apex <= offset:
        return onset, apex, offset, "annotation"
    where = ("is none" if apex is None else f"lies after offset {offset}" if apex > offset else f"lies before onset {onset}")
    findings.repair(place, f"apex {apex if apex is not None else repr(cells.get('apex', ''))} {where}: middle frame used")
    return onset, onset + (offset - onset) // 2, offset, "midpoint"


def without_repeats(read: list[Annotation], findings: Findings) -> list[Annotation]:
    """Each (subject, clip, onset) once. Rows of one key that differ in emotion are all left out."""
    first: dict[tuple, Annotation] = {}
    doubtful = set()
    for annotation in read:
        key = (*annotation.key, annotation.onset)
        other = first.setdefault(key, annotation)
        if other is annotation:
            continue
        name, same = "/".join(annotation.key), other.emotion == annotation.emotion
        findings.problem(annotation.place, f"{name} at onset {annotation.onset} is also in {other.place}, "
                         + ("left out here" if same else f"as {other.emotion}, not {annotation.emotion}: both left out"))
        if not same:
            doubtful.add(key)
    return [annotation for key, annotation in first.items() if key not in doubtful]


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


def with_classes(annotation: Annotation, classes: dict, findings: Findings) -> Annotation:
    """With its objective class, of the table of its own."""
    if classes and annotation.key not in classes:
        findings.problem(annotation.place, f"{'/'.join(annotation.key)} has no objective class")
    return annotation._replace(objective=classes[annotation.key][0]) if annotation.key in classes else annotation


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


def with_apex(annotation: Annotation, apexes: dict, findings: Findings) -> Annotation:
    """With the apex of the table of one's own, where that has one for it, in [onset, offset]."""
    found = apexes.get((*annotation.key, annotation.onset)) or apexes.get((*annotation.key, None))
    if found is None:
        return annotation
    apex, place = found
    if not annotation.onset <= apex <= annotation.offset:
        raise UserMistake(f"{place}: apex {apex} of {'/'.join(annotation.key)} lies outside of its expression; wanted it in "
                          f"[{annotation.onset}, {annotation.offset}]")
    findings.repair(annotation.place, f"apex {apex} of {place} used in place of {annotation.apex}")
    return annotation._replace(apex=apex, apex_source="override")
