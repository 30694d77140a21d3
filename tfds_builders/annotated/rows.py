"""The rows of an annotation as expressions: keys, marks and labels, every repair said, and what is doubtful left out."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mer_jax.data.emotion_labels import objective_index
from mer_jax.mistakes import UserMistake, nearest
from tfds_builders.annotated.annotation import Annotation
from tfds_builders.annotated.marks import UNKNOWN, marks_of
from tfds_builders.annotated.objective_tables import objective_classes, with_classes
from tfds_builders.annotated.own_apexes import own_apexes, with_own_apexes
from tfds_builders.annotated.repeats import without_repeats
from tfds_builders.annotated.table_choice import annotation_table
from tfds_builders.annotation_tables.columns import Table
from tfds_builders.annotation_tables.repairs import Findings, Patch, chosen_patches, patched
from tfds_builders.annotation_tables.workbook import Row
from tfds_builders.database import Database
from tfds_builders.licensed_copy.index import Copy
from tfds_builders.options import Options


def annotations(database: Database, copy: Copy, options: Options, findings: Findings) -> list[Annotation]:
    """The expressions of a copy's annotation, in its order. Raises UserMistake where there is no annotation, or none in it."""
    table = annotation_table(database, copy, options.table, findings)
    patches = chosen_patches(database.patches, options.patches)
    classes = objective_classes(database, copy, table, findings)
    read = annotations_of(database, table, patches, findings)
    if options.apexes:
        read = with_own_apexes(read, own_apexes(Path(options.apexes), database), database, findings)
    return [with_classes(one, classes, findings) for one in read]


def annotations_of(database: Database, table: Table, patches: Sequence[Patch], findings: Findings) -> list[Annotation]:
    """The expressions of a table, each once. Raises UserMistake where it has none."""
    read = [annotation_of(database, table, row, patches, findings) for row in table.rows]
    read = [one for one in read if one is not None]
    all_or_no_folders(read)
    kept = without_repeats(read, findings)
    if not kept:
        raise UserMistake(f"{table.sheet.place()}: no row can be used as a clip of {database.title}"
                          + first_problem(findings))
    counted(kept, database, table.sheet.place(), findings)
    return kept


def all_or_no_folders(read: Sequence[Annotation]) -> None:
    """Raises UserMistake where some rows name the folder of their frames and others do not."""
    without = [annotation for annotation in read if not annotation.folder]
    if 0 < len(without) < len(read):
        raise UserMistake(f"{without[0].place}: names no folder in the column frames, as {len(read) - len(without)} other rows "
                          "do; wanted one in every row, or no such column")


def counted(found: Sequence[Annotation], database: Database, place: str, findings: Findings) -> None:
    """Says so where there are more or fewer expressions than any known revision has."""
    if database.rows and len(found) not in database.rows:
        wanted = " or ".join(map(str, database.rows))
        findings.note(place, f"{len(found)} clips can be told; the known revisions have {wanted}")


def first_problem(findings: Findings) -> str:
    problems = [finding for finding in findings if finding.kind == "problem"]
    return f"; {problems[0].place}: {problems[0].text}" if problems else ""


def annotation_of(database: Database, table: Table, row: Row, patches: Sequence[Patch],
                  findings: Findings) -> Annotation | None:
    """The expression of a row; None where it is none (a note below the table), or cannot be told, which is said."""
    cells = {meaning: table.cell(row, meaning) for meaning in table.columns}
    place = table.place(row)
    key = key_of(database, cells, place, findings)
    if key is None:
        return None
    cells = patched(cells, *key, patches, place, findings)
    rate = rate_of(cells, database, place, findings)
    marks = marks_of(cells, rate, place, findings)
    emotion = emotion_of(database, cells, key[1], place, findings)
    if marks is None or emotion is None:
        return None
    onset, apex, offset, source = marks
    if cells.get("second_onset", "") not in UNKNOWN:
        findings.note(place, f"a second expression, {cells['second_onset']} to {cells.get('second_offset', '')}, is not used")
    objective = objective_index(cells.get("objective", ""))
    if objective is None and cells.get("objective", "") not in UNKNOWN:
        findings.problem(place, f"objective class {cells['objective']!r} is not known: none used; wanted I to VII")
    return Annotation(*key, onset, apex, offset, cells.get("apex", ""), source, emotion,
                      cells.get("emotion", ""), 0 if objective is None else objective + 1, cells.get("action_units", ""),
                      cells.get("self_report", ""), place, cells.get("dataset") or database.name, rate, cells.get("frames", ""))


def rate_of(cells: Mapping[str, str], database: Database, place: str, findings: Findings) -> float:
    """Frames a second: the row's own where it says so, else the database's; -1 where neither is known."""
    shown = cells.get("fps", "")
    if shown in UNKNOWN:
        return database.fps
    if re.fullmatch(r"[0-9]{1,5}(\.[0-9]+)?", shown) and float(shown) > 0:
        return float(shown)
    findings.problem(place, f"fps {shown!r} is no number of frames a second: it is taken as not known")
    return database.fps


def emotion_of(database: Database, cells: Mapping[str, str], clip: str, place: str, findings: Findings) -> str | None:
    """The class of a row: what the clip's name says, where names do; else the word in its cell. None of an unknown word."""
    word = cells.get("emotion", "")
    emotion = database.emotion(word)
    if database.emotion_of_clip is not None:
        named = database.emotion_of_clip(clip)
        if word and emotion != named:
            findings.repair(place, f"emotion {word!r}, but the clip {clip} is named {named}: {named} used")
        return named
    if emotion is None:
        findings.problem(place, f"emotion {word!r} is not known{nearest(word, database.classes)}: left out; wanted one of "
                                f"{', '.join(database.classes)}")
    return emotion


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
