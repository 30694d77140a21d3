"""Composites of several databases, held against the official list: what is missing, what is too much, as far as can be told."""

from collections import Counter
from collections.abc import Sequence

from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.data_set import DataSet, Labelled, keys_digest
from tfds_builders.database import Database

MOST_NAMED = 20                                                  # clips that one line names


def compare(data_set: DataSet, expected: Sequence[Labelled], taken: Sequence[Labelled], findings: Findings) -> None:
    """Says of each database how its clips differ from the official list's; nothing where they are the same.

    expected: what the rule takes of the annotations, whether there are frames or not.
    """
    for database in data_set.databases:
        mine, rule = ([one for one in clips if one[0] is database] for clips in (taken, expected))
        official = data_set.official[database.name]
        place = f"{data_set.name}, {database.name}"
        if is_official(data_set, database, mine):
            continue
        have = {one[1].key for one in mine}
        if missing := ["/".join(one[1].key) for one in rule if one[1].key not in have]:
            more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
            findings.problem(place, f"{len(missing)} clips of the list are missing: {', '.join(missing[:MOST_NAMED])}{more}")
        if not is_official(data_set, database, rule):
            findings.problem(place, differing(data_set, rule, official.counts))


def is_official(data_set: DataSet, database: Database, clips: Sequence[Labelled]) -> bool:
    """Whether these are the clips of a database in the official list: by their digest, or where none is known by counts."""
    official, counts = data_set.official[database.name], Counter(label for *_, label in clips)
    return official.digest in ("", keys_digest(clips)) and all(
        counts[number] == count for number, count in enumerate(official.counts))


def differing(data_set: DataSet, clips: Sequence[Labelled], wanted: Sequence[int]) -> str:
    """How the counts of clips differ from those of the list."""
    counts = Counter(label for *_, label in clips)
    parts = [f"{word} {counts[number]}, there {count}" for number, (word, count) in
             enumerate(zip(data_set.classes, wanted, strict=True)) if counts[number] != count]
    return (f"the copy tells of {len(clips)} clips, the official list has {sum(wanted)}: "
            + ("; ".join(parts) or "as many of each class, but a key or a label is another"))
