"""Action units as annotations write them ("L12 + 61", "10A/B", "(R6 or R12) + R15") taken apart; the FACS manual's codes.

A unit is a number with, before it, the side of the face that moves (L or R; A, B, T and U, of asymmetric, bottom, top and
unilateral movements, name none and are kept in the raw text alone, as are AU, AD, D and M), and behind it an intensity A to
E. Other words say nothing of a unit.
"""

import re
import unicodedata
from typing import NamedTuple

UNIT = re.compile(r"(?<![0-9A-Za-z])(?P<before>(?:A[UD]|[ABDLMRTU])?)(?P<number>[0-9]{1,2})"
                  r"(?P<behind>(?:[A-E](?:/[A-E])?)?)(?P<doubt>\??)(?![0-9A-Za-z])", re.IGNORECASE)
LARGEST = 99                                                     # of a FACS code


class ActionUnit(NamedTuple):
    """One unit. number: 1 to 99. side: "L", "R" or "". certain: False of alternatives ("6 or 12"), of "12?" and of a
    reference in brackets ("ref(6)"). intensity: "A" to "E", "A/B" where the coder was of two minds, or ""."""

    number: int
    side: str = ""
    certain: bool = True
    intensity: str = ""


def action_units(text: str) -> tuple[ActionUnit, ...]:
    """The units of an annotation in the order written; none of "" and "?". Full-width characters are read as plain ones."""
    plain = unicodedata.normalize("NFKC", text)
    units = []
    for part in re.split(r"[+,;、&]", plain):
        choice = re.search(r"\bor\b|[0-9]\s*/\s*[LR]?[0-9]", part, re.IGNORECASE) is not None
        reference = re.search(r"ref\s*\(", part, re.IGNORECASE) is not None
        for found in UNIT.finditer(re.sub(r"\bAU\s*", "", part, flags=re.IGNORECASE)):
            number, before = int(found["number"]), found["before"].upper()
            if not 1 <= number <= LARGEST:
                continue
            certain = not (choice or reference or found["doubt"])
            units.append(ActionUnit(number, before if before in ("L", "R") else "", certain, found["behind"].upper()))
    return tuple(units)
