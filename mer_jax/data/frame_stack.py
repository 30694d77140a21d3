"""What every reader of clips shares: keys that are told apart, frame marks as indices, clips padded to one stack."""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int32, UInt8

from mer_jax.mistakes import UserMistake


def distinct_keys(keys: Sequence[tuple[str, str, str]], places: Sequence[str]) -> None:
    """Refuses a (dataset, subject, clip) that has an empty part or a '/' in one, or that occurs twice.

    `places` says of each key where it was read, e.g. "clips.csv, row 3"; a mistake names it.
    """
    first: dict[tuple[str, str, str], str] = {}
    for key, place in zip(keys, places, strict=True):
        for name, part in zip(("dataset", "subject", "clip"), key, strict=True):
            if not part:
                raise UserMistake(f"{place}: empty {name}; wanted its name")
            if "/" in part:
                raise UserMistake(f"{place}: {name} {part!r} holds a '/', which joins keys; wanted none")
        if key in first:
            raise UserMistake(f"{place}: duplicate clip {'/'.join(key)!r}, already in {first[key]}; "
                              "wanted each clip once")
        first[key] = place


def one_spelling_of_subjects(subjects: Sequence[tuple[str, str]], places: Sequence[str]) -> None:
    """Refuses two spellings of one person (dataset, subject), who would be held out and trained on at the same time: names
    that differ in case, in width, or in the zeros before a number alone."""
    first: dict[tuple[str, str], tuple[str, str]] = {}
    for (dataset, subject), place in zip(subjects, places, strict=True):
        wide = unicodedata.normalize("NFKC", subject).casefold().strip()
        plain = re.sub(r"[0-9]+", lambda digits: digits[0].lstrip("0") or "0", wide)
        other, there = first.setdefault((dataset.casefold(), plain), (subject, place))
        if subject != other:
            raise UserMistake(f"{place}: subject {subject!r}, but {other!r} in {there}; wanted one spelling of a person")


def one_spelling(names: Sequence[str], places: Sequence[str], what: str) -> None:
    """Refuses a name that differs from an earlier one only in upper and lower case or in the space around it."""
    first: dict[str, tuple[str, str]] = {}
    for name, place in zip(names, places, strict=True):
        other, there = first.setdefault(name.strip().lower(), (name, place))
        if name != other:
            raise UserMistake(f"{place}: {what} {name!r}, but {other!r} in {there}; wanted one spelling")


def marked_indices(
    numbers: Sequence[int], onset: int | None, apex: int | None, offset: int | None, place: str
) -> tuple[int, int, int]:
    """Indices (onset, apex, offset) of three frame numbers among the `numbers` of a clip's L frames, in their order.

    An onset of None is the first frame, an offset of None the last; an apex of None is unknown and gives -1.
    Raises UserMistake, naming `place`, for a number that is not there, and for an order other than onset, apex, offset.
    """
    index_of = {int(number): index for index, number in enumerate(numbers)}
    found = []
    for name, number, otherwise in (("onset", onset, 0), ("apex", apex, -1), ("offset", offset, len(numbers) - 1)):
        if number is not None and number not in index_of:
            raise UserMistake(f"{place}: {name} {number} is none of the clip's {len(numbers)} frames; "
                              f"wanted a number among theirs, {min(index_of)} to {max(index_of)}")
        found.append(otherwise if number is None else index_of[number])
    first, peak, last = found
    if first > last:
        raise UserMistake(f"{place}: onset {numbers[first]} comes after offset {numbers[last]}; wanted it before")
    if peak >= 0 and not first <= peak <= last:
        raise UserMistake(f"{place}: apex {apex} is outside of [onset, offset]; "
                          f"wanted it in [{numbers[first]}, {numbers[last]}]")
    return first, peak, last


def one_shape(arrays: Sequence[np.ndarray], places: Sequence[str], what: str) -> None:
    """Refuses images or clips (..., H, W, C) that differ in their last three axes; a mistake names the odd one.

    what: "flow", or else a word for frames, which can be read with a size.
    """
    for array, place in zip(arrays, places, strict=True):
        if array.shape[-3:] != arrays[0].shape[-3:]:
            found, wanted = (" x ".join(map(str, shape[-3:])) for shape in (array.shape, arrays[0].shape))
            raise UserMistake(f"{place}: {what} is {found} (height x width x channels); "
                              f"wanted one size for all, {wanted} as in {places[0]}"
                              + ("" if what == "flow" else ", or a size to bring them to (--size=112x112, config.data.size)"))


def padded_stack(
    clips: Sequence[UInt8[np.ndarray, "_ h w c"]],
) -> tuple[UInt8[np.ndarray, "n length h w c"], Int32[np.ndarray, " n"]]:
    """N clips of L_i frames as one (N, L, H, W, C) uint8, zeros behind each clip's end, and their lengths (N,)."""
    length = np.array([len(clip) for clip in clips], np.int32)
    stack = np.zeros((len(clips), length.max(), *clips[0].shape[1:]), np.uint8)
    for row, clip in enumerate(clips):
        stack[row, :len(clip)] = clip
    return stack, length
