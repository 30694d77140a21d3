"""One expression as an annotation tells of it."""

from pathlib import PurePosixPath
from typing import NamedTuple

APEX_SOURCES = ("annotation", "midpoint", "dcrois", "override")


class Annotation(NamedTuple):
    """One expression. onset, apex, offset: frame numbers as in the annotation, put right; apex_raw: as it was written, and
    apex_source: where `apex` is from. objective: 0 none, else 1 to 7. place: the row it was read in. fps: -1 unknown. folder:
    of the frames, where the table names it. An onset of -1 is the folder's first frame, an offset of -1 its last,
    an apex of -1 the middle."""

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
    dataset: str
    fps: float
    folder: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.subject, self.clip

    @property
    def full_key(self) -> tuple[str, str, str]:
        """What no two clips of a data set share: a table of one's own may have several databases."""
        return self.dataset, self.subject, self.clip

    @property
    def folder_parts(self) -> tuple[str, ...]:
        """The parts of the path that the table names, however it is written; () where it names none."""
        return tuple(part for part in PurePosixPath(self.folder.replace("\\", "/")).parts if part != ".")
