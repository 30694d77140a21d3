"""What a copy was found to hold, as numbers for a program and as lines for a person."""

import hashlib
from collections import Counter
from collections.abc import Sequence

from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.annotations import Annotation
from tfds_builders.database import Database

FILE = "copy_report.json"                                        # beside a built data set


def report(database: Database, found: Sequence[Annotation], findings: Findings) -> dict:
    """clips, subjects: how many; digest: `digest`; problems: each {"kind", "place", "text"}, repairs among them; choices;
    by_class, by_subject: counts."""
    by_subject = Counter(annotation.subject for annotation in found)
    by_class = Counter(annotation.emotion for annotation in found)
    said = [finding._asdict() for finding in findings]
    return {
        "name": database.name, "clips": len(found), "subjects": len(by_subject), "digest": digest(database, found),
        "problems": [finding for finding in said if finding["kind"] != "choice"],
        "choices": [finding for finding in said if finding["kind"] == "choice"],
        "by_class": {word: by_class[word] for word in database.classes if by_class[word]},
        "by_subject": dict(sorted(by_subject.items())),
    }


def digest(database: Database, found: Sequence[Annotation]) -> str:
    """sha256 of the sorted lines DATABASE/SUBJECT/CLIP/ONSET/APEX/OFFSET/EMOTION: equal where two copies have the same
    expressions with the same marks and labels, wherever their files lie."""
    lines = sorted(f"{database.name}/{one.subject}/{one.clip}/{one.onset}/{one.apex}/{one.offset}/{one.emotion}"
                   for one in found)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def report_text(found: dict) -> str:
    """A report as lines for a terminal."""
    lines = [f"{finding['kind']}: {finding['place']}: {finding['text']}" for finding in (*found["choices"], *found["problems"])]
    kinds = Counter(finding["kind"] for finding in found["problems"])
    classes = ", ".join(f"{word} {count}" for word, count in found["by_class"].items())
    subjects = ", ".join(f"{subject} {count}" for subject, count in found["by_subject"].items())
    return "\n".join([*lines, f"{found['name']}: {found['clips']} clips of {found['subjects']} subjects; "
                      f"{kinds['problem']} problems, {kinds['repair']} repairs", f"classes: {classes}",
                      f"subjects: {subjects}", f"digest: {found['digest']}"])
