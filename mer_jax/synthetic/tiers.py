"""How hard a set of clips is: which action units make a class, how far they move, how much else happens."""

import dataclasses

import numpy as np

from mer_jax.synthetic.action_units import NUMBERS

CLASSES5 = ("happiness", "surprise", "disgust", "repression", "others")
CLASSES3 = ("negative", "positive", "surprise")
LABEL3_OF_5 = (1, 2, 0, 0, -1)                                # the composite leaves "others" out
MOST_UNITS = 4                                                # action units of one expression

# P(action units | class). easy: rules. casme2_like: shares counted in CASME II's coding file; what they leave over
# (5 to 40 % of a class, many rare sets) is spread over the plausible sets at the end of each row.
EASY = {
    "happiness": {(12,): 0.5, (6, 12): 0.5}, "surprise": {(1, 2): 0.7, (2,): 0.15, (1,): 0.15},
    "disgust": {(4, 7): 0.4, (4, 9): 0.3, (4, 10): 0.3}, "repression": {(17,): 0.5, (15, 17): 0.5},
    "others": {(14,): 0.5, (24,): 0.5},
}
CASME2 = {
    "happiness": {(12,): 0.47, (6, 12): 0.19, (14,): 0.09, (12, 14): 0.09, (6,): 0.08, (6, 7, 12): 0.08},
    "surprise": {(1, 2): 0.52, (1,): 0.16, (2,): 0.12, (1, 2, 5): 0.10, (5,): 0.05, (1, 2, 25): 0.05},
    "disgust": {(4, 7): 0.32, (4,): 0.19, (4, 10): 0.14, (4, 9): 0.06, (4, 7, 9): 0.05, (7,): 0.10, (10,): 0.07, (9,): 0.07},
    "repression": {(17,): 0.48, (15,): 0.15, (15, 17): 0.15, (14,): 0.07, (12,): 0.08, (24,): 0.07},
    "others": {(4,): 0.61, (14,): 0.15, (): 0.05, (17,): 0.04, (4, 7): 0.04, (24,): 0.03, (1,): 0.03, (7,): 0.03, (2,): 0.02},
}


@dataclasses.dataclass(frozen=True)
class Tier:
    """How hard a set of clips is: size in pixels, people, clips a person, median peak motion in px at IOD 112.

    full_size is there to measure motion: at a database's own size, where the motion is as many pixels as there.

    sets: P(action units | class). balanced: all classes of CLASSES5 alike, else shares around CASME II's that differ
    from person to person. confounders: how often distractor, blink and relight come, 1 being as in real clips.
    """

    name: str
    size: int
    subjects: int
    clips: int
    motion: float
    sets: tuple[tuple[str, tuple[tuple[tuple[int, ...], float], ...]], ...]
    balanced: bool
    confounders: float


def frozen(sets: dict) -> tuple:
    return tuple((name, tuple(shares.items())) for name, shares in sets.items())


TIERS = {
    "easy": Tier("easy", 64, 8, 15, 1.8, frozen(EASY), True, 0.3),
    "casme2_like": Tier("casme2_like", 112, 26, 10, 1.2, frozen(CASME2), False, 1.0),
    "full_size": Tier("full_size", 280, 20, 2, 1.2, frozen(CASME2), False, 1.0),
}
CASME2_SHARES = np.array([32, 25, 63, 27, 99]) / 246           # of CLASSES5


def set_table(tier: Tier) -> tuple[np.ndarray, np.ndarray]:
    """(probability (5, sets), units (5, sets, MOST_UNITS) as rows of NUMBERS, -1 for none)."""
    most = max(len(shares) for _, shares in tier.sets)
    share, units = np.zeros((5, most), np.float32), np.full((5, most, MOST_UNITS), -1, np.int32)
    for row, (_, shares) in enumerate(tier.sets):
        for column, (numbers, probability) in enumerate(shares):
            share[row, column] = probability
            units[row, column, : len(numbers)] = [NUMBERS.index(n) for n in numbers]
    return share / share.sum(1, keepdims=True), units
