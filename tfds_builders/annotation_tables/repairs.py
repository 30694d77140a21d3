"""What was found wrong in a copy, and what was done: findings, and patches of known errors by key."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mer_jax.mistakes import UserMistake, nearest
from tfds_builders.annotation_tables.workbook import printable

MOST_TEXT = 1000                                                 # characters of a finding


class Finding(NamedTuple):
    """One thing found. kind: "problem" (something is left out, or doubtful), "repair" (it was put right), or "note"
    (what should be known: of several that would do one was taken, say).

    place: "FILE, sheet S, row R", or a folder or file of the copy. text: what was found and what was done.
    """

    kind: str
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.place}: {self.text}"


class Findings:
    """The findings of one look at a copy, in the order in which they were made, each once."""

    def __init__(self):
        self._found: dict[Finding, None] = {}

    def problem(self, place: str, text: str) -> None:
        self._add("problem", place, text)

    def repair(self, place: str, text: str) -> None:
        self._add("repair", place, text)

    def note(self, place: str, text: str) -> None:
        self._add("note", place, text)

    def again(self, kind: str, place: str, text: str) -> None:
        """A finding that was made before, as it was."""
        self._found[Finding(kind, place, text)] = None

    def _add(self, kind: str, place: str, text: str) -> None:
        """One line, whatever a cell or a file's name holds."""
        place, text = (" ".join(printable(part).split()) for part in (place, text))
        self._found[Finding(kind, place, text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}...")] = None

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class Patch(NamedTuple):
    """A known error of an annotation. It is put right only where the table holds what is known to be wrong.

    name: what switches it. subject, clip, onset: the key (onset None: any). column: a meaning; found: the wrong text, or
    several; value: the right one. source: who says so. usual: whether it is on unless it is switched off.
    """

    name: str
    subject: str
    clip: str
    onset: int | None
    column: str
    found: tuple[str, ...]
    value: str
    source: str
    usual: bool = True


def chosen_patches(patches: Sequence[Patch], names: Sequence[str] | None) -> tuple[Patch, ...]:
    """The patches that are on: of None the usual ones, of ("none",) none, of ("all",) all, else those named."""
    if names is None:
        return tuple(patch for patch in patches if patch.usual)
    if tuple(names) in (("none",), ("all",)):
        return tuple(patches) if names[0] == "all" else ()
    known = {patch.name for patch in patches}
    for name in names:
        if name not in known:
            raise UserMistake(f"patch {name!r} is not known{nearest(name, known)}; "
                              f"there are: {', '.join(['all', 'none', *sorted(known)])}")
    return tuple(patch for patch in patches if patch.name in names)


def patched(cells: dict[str, str], subject: str, clip: str, patches: Sequence[Patch], place: str,
            findings: Findings) -> dict[str, str]:
    """The cells of a row, by meaning, with its known errors put right, and each said."""
    onset = cells.get("onset", "")
    for patch in patches:
        fits = (patch.subject, patch.clip.lower()) == (subject, clip.lower()) and patch.onset in (None, whole(onset))
        shown = cells.get(patch.column, "")
        if fits and (shown.lower() in patch.found or str(whole(shown)) in patch.found):
            findings.repair(place, f"{patch.column} {cells[patch.column]!r} of {subject}/{clip} is known to be wrong: "
                                   f"{patch.value!r} used (patch {patch.name}; {patch.source})")
            cells = {**cells, patch.column: patch.value}
    return cells


def whole(text: str) -> int | None:
    """The whole number that a cell shows, None where it shows none: "46", "46.0", "４６", not "4 6", "/", "-3"."""
    number, _, rest = text.partition(".")
    return int(number) if number.isdecimal() and len(number) < 10 and not rest.strip("0") else None
