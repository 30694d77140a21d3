"""What a copy was found to hold, as numbers for a program and as lines for a person."""

from collections import Counter
from collections.abc import Sequence

from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.composite import compare, is_official
from tfds_builders.data_set import DataSet, Labelled
from tfds_builders.extent import Extent

FILE = "copy_report.json"                                        # beside a built data set


def report(data_set: DataSet, expected: Sequence[Labelled], taken: Sequence[Labelled], findings: Findings,
           extent: Extent | None = None) -> dict:
    """clips, subjects: how many; digest: the data set's; problems: each {"kind", "place", "text"}, repairs among them;
    notes; by_class, by_subject: counts; official: of a composite, whether it is the official list, else None;
    size: what the frames are best read with, see `Extent.advised`, None where they were not looked at; labels: the labellings
    by class.

    expected: what the annotations have of the data set, whether there are frames or not.
    """
    if extent:
        findings.note(data_set.title, extent.text())
    if data_set.official:
        compare(data_set, expected, taken, findings)
    by_subject = Counter(f"{one.dataset}/{one.subject}" for _, one, _ in taken)
    by_class = Counter(data_set.classes[label] for *_, label in taken)
    said = [finding._asdict() for finding in findings]
    return {
        "name": data_set.name, "clips": len(taken), "subjects": len(by_subject), "digest": data_set.digest(taken),
        "problems": [finding for finding in said if finding["kind"] != "note"],
        "notes": [finding for finding in said if finding["kind"] == "note"],
        "by_class": {word: by_class[word] for word in data_set.classes},
        "by_subject": dict(sorted(by_subject.items())),
        "official": all(is_official(data_set, database, [one for one in taken if one[0] is database])
                        for database in data_set.databases) if data_set.official else None,
        "size": extent.advised() if extent else None,
        "labels": ["emotion", *(f"label{count}" for count in data_set.schemes())],
    }


def report_text(found: dict) -> str:
    """A report as lines for a terminal."""
    lines = [f"{finding['kind']}: {finding['place']}: {finding['text']}" for finding in (*found["notes"], *found["problems"])]
    kinds = Counter(finding["kind"] for finding in found["problems"])
    classes = ", ".join(f"{word} {count}" for word, count in found["by_class"].items())
    subjects = ", ".join(f"{subject} {count}" for subject, count in found["by_subject"].items())
    official = {None: "", True: ", the official list", False: ", not the official list"}[found["official"]]
    return "\n".join([*lines, f"{found['name']}: {found['clips']} clips of {found['subjects']} subjects; "
                      f"{kinds['problem']} problems, {kinds['repair']} repairs", f"classes: {classes}",
                      f"subjects: {subjects}", f"digest: {found['digest']}{official}"])
