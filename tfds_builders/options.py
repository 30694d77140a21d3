"""What a user may choose when a copy is read; nothing of it changes what a database is."""

import dataclasses
import hashlib
from pathlib import Path

KINDS = ("raw", "selected", "cropped")                           # of frames, as databases name them; else it is a folder
STORES = {"frames": "Frames from onset to offset", "keyframes": "Onset, apex and offset alone",
          "flow": "Optical flow from onset to apex, 28 x 28"}


@dataclasses.dataclass(frozen=True)
class Options:
    """frames: a kind of tree, or a tree's folder ('' takes the best there is). table: the name of an annotation file, or its
    path below the copy; of several databases DATABASE=FILE. patches: names of those to use, None the usual ones. apexes: a CSV
    of subject, clip, apex and, where a clip has several expressions, onset, which go before the annotation's apexes. part: of
    a database of several. store: a name of STORES. faces: a landmarker's model file, or a table of landmarks: the faces are
    cut out of the frames. size: (height, width) of these crops; of flow without them, what frames are brought to before their
    motion is found; None the usual one.
    """

    frames: str = ""
    table: str = ""
    patches: tuple[str, ...] | None = None
    apexes: str = ""
    part: str = ""
    store: str = "frames"
    faces: str = ""
    size: tuple[int, int] | None = None

    def suffix(self) -> str:
        """What a data set's config is called after, so that different choices never lie in one folder; '' of the usual."""
        words = [self.part, self.frames if self.frames in KINDS else "", "faces" if self.faces else "",
                 "x".join(map(str, self.size or ())), "unpatched" if self.patches == ("none",) else ""]
        own = [self.table, "" if self.frames in KINDS else self.frames,
               "" if self.patches in (None, ("none",)) else " ".join(self.patches),
               *(hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else "" for file in (self.apexes, self.faces))]
        digest = hashlib.sha256(repr(own).encode()).hexdigest()[:8] if any(own) else ""
        return "".join(f"_{word}" for word in [*words, digest] if word)
