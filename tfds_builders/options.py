"""What a user may choose when a copy is read; nothing of it changes what a database is."""

import dataclasses
import hashlib
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Options:
    """frames: a kind of tree, or a tree's folder ('' takes the best there is). table: the name of an annotation file, or its
    path below the copy. patches: names of those to use, None the usual ones. apexes: a CSV of subject, clip, apex and, where
    a clip has several expressions, onset, which go before the annotation's apexes.
    """

    frames: str = ""
    table: str = ""
    patches: tuple[str, ...] | None = None
    apexes: str = ""

    def suffix(self) -> str:
        """What a data set's config is called after, so that different choices never lie in one folder; '' of the usual."""
        parts = [f"_{self.frames}"] if self.frames.isidentifier() else []
        rest = [self.table, *(self.patches or ()), "" if self.frames.isidentifier() else self.frames]
        if self.apexes:
            rest.append(hashlib.sha256(Path(self.apexes).read_bytes()).hexdigest())
        if self.patches == ("none",) and not any((self.table, self.apexes, *rest[2:])):
            return "".join([*parts, "_unpatched"])
        if any(rest):
            parts.append(f"_{hashlib.sha256(repr(rest).encode()).hexdigest()[:8]}")
        return "".join(parts)
