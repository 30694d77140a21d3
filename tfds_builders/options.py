"""What a user may choose when a copy is read; nothing of it changes what a database is."""

import dataclasses
import hashlib
from pathlib import Path

STORES = {"frames": "Frames from onset to offset", "keyframes": "Onset, apex and offset alone"}


@dataclasses.dataclass(frozen=True)
class Options:
    """frames: a kind of tree, or a tree's folder ('' takes the best there is). table: the name of an annotation file, or its
    path below the copy; of several databases DATABASE=FILE. patches: names of those to use, None the usual ones. apexes: a CSV
    of subject, clip, apex and, where a clip has several expressions, onset, which go before the annotation's apexes. part: of
    a database of several. store: a name of STORES.
    """

    frames: str = ""
    table: str = ""
    patches: tuple[str, ...] | None = None
    apexes: str = ""
    part: str = ""
    store: str = "frames"

    def suffix(self) -> str:
        """What a data set's config is called after, so that different choices never lie in one folder; '' of the usual."""
        words = [self.part, self.frames if self.frames.isidentifier() else "", "unpatched" if self.patches == ("none",) else ""]
        own = [self.table, "" if self.frames.isidentifier() else self.frames,
               "" if self.patches in (None, ("none",)) else " ".join(self.patches),
               hashlib.sha256(Path(self.apexes).read_bytes()).hexdigest() if self.apexes else ""]
        digest = hashlib.sha256(repr(own).encode()).hexdigest()[:8] if any(own) else ""
        return "".join(f"_{word}" for word in [*words, digest] if word)
