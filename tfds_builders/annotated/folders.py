"""Databases without an annotation: a clip folder is an expression, from its first frame to its last, of the class it names."""

from tfds_builders.annotated.annotation import Annotation
from tfds_builders.annotated.marks import middle
from tfds_builders.annotated.rows import counted
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.database import Database
from tfds_builders.licensed_copy.frames import numbered
from tfds_builders.licensed_copy.index import Copy
from tfds_builders.licensed_copy.trees import Frames


def annotated_folders(database: Database, copy: Copy, tree: Frames, findings: Findings) -> list[Annotation]:
    """The expressions of a tree, by subject and clip."""
    read = []
    for (subject, clip), folder in sorted(tree.folders.items()):
        numbers = list(numbered(copy.folders[folder], "/".join(folder), findings))
        if not numbers:
            findings.problem("/".join(folder), "none of its images has a number: left out")
            continue
        emotion = database.emotion_of_clip(clip)
        read.append(Annotation(subject, clip, numbers[0], middle(numbers[0], numbers[-1]), numbers[-1], "", "midpoint", emotion,
                               emotion, 0, "", "", "/".join(folder),
                               database.name, database.fps))
    counted(read, database, tree.root or ".", findings)
    return read
