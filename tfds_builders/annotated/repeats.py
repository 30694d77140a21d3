"""Rows that tell of one clip twice: repeats are left out, contradictions on both sides, and both are said."""

from tfds_builders.annotated.annotation import Annotation
from tfds_builders.annotation_tables.repairs import Findings


def without_repeats(read: list[Annotation], findings: Findings) -> list[Annotation]:
    """Each (database, subject, clip, folder, onset) once. Rows of one key that differ in emotion are all left out."""
    first: dict[tuple, Annotation] = {}
    doubtful = set()
    for annotation in read:
        key = (*annotation.full_key, annotation.folder, annotation.onset)
        other = first.setdefault(key, annotation)
        if other is annotation:
            continue
        name, same = "/".join(annotation.key), other.emotion == annotation.emotion
        findings.problem(annotation.place, f"{name} at onset {annotation.onset} is also in {other.place}, "
                         + ("left out here" if same else f"as {other.emotion}, not {annotation.emotion}: both left out"))
        if not same:
            doubtful.add(key)
    return [annotation for key, annotation in first.items() if key not in doubtful]
