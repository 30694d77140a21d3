"""How hard a set of clips is: which action units make a class, how far they move, how much else happens, who, and where."""

import dataclasses
from types import MappingProxyType

import numpy as np

from mer_jax.mistakes import UserMistake, nearest
from mer_jax.synthetic.action_units import NUMBERS
from mer_jax.synthetic.expressions import (
    CASME2,
    CASME2_COUNTS,
    RULES,
    SAMM,
    SAMM_COUNTS,
    SMIC,
    SMIC_COUNTS,
)
from mer_jax.synthetic.studios import CASME2_STUDIO, PLAIN, SAMM_STUDIO, SMIC_STUDIO, Studio

MOST_UNITS = 4                                                # action units of one expression
BEFORE, AFTER = 6, 6                                          # frames shown before the onset and after the offset
LONGEST = 0.5                                                 # seconds from onset to offset
FRESH = 100_000                                               # how much higher the numbers of people are in NAME_fresh


@dataclasses.dataclass(frozen=True)
class Tier:
    """How hard a set of clips is: size in pixels, people, clips a person, median peak motion in px at IOD 112.

    sets: P(action units | class). counts: clips of each class in the database that is meant, around whose shares each
    person's own vary; (): all classes alike. confounders: how often distractor, macro-expression, blink, glance and relight
    come, 1 being as in real clips. rate: frames a second. rise, fall: mu and sigma of the logarithm of milliseconds.
    first: the number of the first person: other numbers, other people, so no two tiers share one.
    """

    name: str
    size: int
    subjects: int
    clips: int
    motion: float
    sets: tuple[tuple[str, tuple[tuple[tuple[int, ...], float], ...]], ...]
    counts: tuple[int, ...]
    confounders: float
    rate: int = 200
    rise: tuple[float, float] = (5.02, 0.47)
    fall: tuple[float, float] = (5.05, 0.58)
    studio: Studio = PLAIN
    first: int = 0

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.sets)

    @property
    def label(self) -> str:
        """The labelling in which all of its classes are: "label5", or where it has but three, "label3"."""
        return f"label{len(self.sets)}"

    @property
    def length(self) -> int:
        """Frames of the longest clip."""
        return BEFORE + round(LONGEST * self.rate) + AFTER


def frozen(sets: MappingProxyType) -> tuple:
    return tuple((name, tuple(shares.items())) for name, shares in sets.items())


def with_fresh(*tiers: Tier) -> dict[str, Tier]:
    """By name; of each NAME also NAME_fresh, the same with people whom nobody has looked at while choosing anything."""
    fresh = [dataclasses.replace(tier, name=f"{tier.name}_fresh", first=FRESH + tier.first) for tier in tiers]
    return {tier.name: tier for tier in (*tiers, *fresh)}


EASY = Tier("easy", 64, 8, 15, 1.8, frozen(RULES), (), 0.3)
# full_size is there to measure motion: at a database's own size, where the motion is as many pixels as there.
TIERS = {
    **with_fresh(EASY, Tier("casme2_like", 112, 26, 10, 1.2, frozen(CASME2), CASME2_COUNTS, 1.0, studio=CASME2_STUDIO,
                            first=1000)),
    "easy_crowd": dataclasses.replace(EASY, name="easy_crowd", subjects=40, first=2 * FRESH),
    "samm_like": Tier("samm_like", 112, 28, 6, 1.2, frozen(SAMM), SAMM_COUNTS, 1.0, 200, (5.01, 0.49), (5.17, 0.62),
                      SAMM_STUDIO, first=2000),
    "smic_like": Tier("smic_like", 112, 16, 10, 1.2, frozen(SMIC), SMIC_COUNTS, 1.0, 100, studio=SMIC_STUDIO, first=3000),
    "full_size": Tier("full_size", 280, 20, 2, 1.2, frozen(CASME2), CASME2_COUNTS, 1.0, first=4000),
}
COMPOSITES = {"megc2019_like": ("casme2_like", "samm_like", "smic_like")}


def known_tier(name: str) -> Tier:
    """The tier of this name. Raises UserMistake where there is none."""
    if name not in TIERS:
        raise UserMistake(f"tier {name!r} is not known{nearest(name, TIERS)}; there are: {', '.join(TIERS)}")
    return TIERS[name]


def set_table(tier: Tier) -> tuple[np.ndarray, np.ndarray]:
    """(probability (classes, sets), units (classes, sets, MOST_UNITS) as rows of NUMBERS, -1 for none)."""
    most = max(len(shares) for _, shares in tier.sets)
    share, units = np.zeros((len(tier.sets), most), np.float32), np.full((len(tier.sets), most, MOST_UNITS), -1, np.int32)
    for row, (_, shares) in enumerate(tier.sets):
        for column, (numbers, probability) in enumerate(shares):
            share[row, column] = probability
            units[row, column, : len(numbers)] = [NUMBERS.index(n) for n in numbers]
    return share / share.sum(1, keepdims=True), units
