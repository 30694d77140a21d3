"""The frames of one folder by the number in their names, never by a name made up: padding differs inside one database."""

import re
from collections import Counter
from collections.abc import Sequence

from tfds_builders.annotation_tables.repairs import Findings

DOUBLE = re.compile(r"\s*(\(\d+\)|- copy( \(\d+\))?)$", re.IGNORECASE)      # what systems append to a second copy's name


MOST_DIGITS = 9                                                  # of a frame's number: a 32-bit integer holds it


def numbered(names: Sequence[str], place: str, findings: Findings) -> dict[int, str]:
    """File names by the last integer of each, ascending; 12 of 'reg_img12.jpg' and 'img12 (1).jpg', 5562 of '006_05562.jpg'.

    Of several with one number that of the commonest kind in the folder is taken: of a kind are names that differ in their
    number alone. Names without a number are passed over. Both is said.
    """
    found: dict[int, list[tuple[str, str]]] = {}
    kinds: Counter[str] = Counter()
    without = []
    for name in names:
        stem, dot, suffix = name.rpartition(".")
        single = DOUBLE.sub("", stem)
        digits = re.search(r"([0-9]+)(?!.*[0-9])", single)
        if digits is None or len(digits[1].lstrip("0")) > MOST_DIGITS:
            without.append(name)
            continue
        kind = f"{single[:digits.start()]}#{single[digits.end():]}{dot}{suffix.lower()}{'' if single == stem else ' (double)'}"
        kinds[kind] += 1
        found.setdefault(int(digits[1]), []).append((kind, name))
    if without:
        findings.problem(place, f"{len(without)} images without a frame number in their names, such as {without[0]!r}: passed "
                                "over")
    best = sorted(kinds, key=lambda kind: (kind.endswith(" (double)"), -kinds[kind], kind))
    taken = {number: min(same, key=lambda pair: (best.index(pair[0]), pair[1])) for number, same in sorted(found.items())}
    doubles = [number for number, same in found.items() if len(same) > 1]
    if doubles:
        names_of = ", ".join(sorted(repr(name) for _, name in found[min(doubles)]))
        findings.repair(place, f"{len(doubles)} frame numbers have several images ({names_of}): {taken[min(doubles)][1]!r} and "
                               "its kind are used")
    return {number: name for number, (_, name) in taken.items()}
