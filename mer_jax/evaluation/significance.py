"""Whether one network is better than another on the same people, and how that stands where many were compared.

The unit is the person, as in `uncertainty`: clips of one person resemble each other, so they may not be counted as many.
"""

from collections.abc import Hashable, Mapping

import numpy as np
from jaxtyping import Float, Int

from mer_jax.evaluation.predictions import Predictions
from mer_jax.evaluation.uncertainty import confusions_of_subjects, same_clips


def over_levels(table: Predictions, levels: tuple[str, ...]) -> Predictions:
    """The rows at these light levels, each level of a run as a run of its own: what is a mean over runs elsewhere (in
    `interval_over_subjects`, in `paired_difference`) is then the mean over seeds and levels.

    Raises ValueError where a level is missing.
    """
    light = table.columns["light"]
    if missing := [level for level in levels if level not in light]:
        raise ValueError(f"no predictions at {', '.join(missing)}")
    keep = np.isin(light, levels)
    columns = {name: column[keep] for name, column in table.columns.items()}
    number = np.array([levels.index(level) for level in columns["light"]])
    return Predictions(table.classes, {**columns, "run": columns["run"] * len(levels) + number}, table.probabilities[keep])


def right_answers(table: Predictions) -> Int[np.ndarray, " people"]:
    """How many predictions of each person are right, over all runs; people in sorted order."""
    return np.trace(confusions_of_subjects(table)[0].sum(0), axis1=1, axis2=2)


def sign_flip_p(differences: Int[np.ndarray, " people"]) -> float:
    """P(sum_i s_i d_i >= sum_i d_i) over signs s_i = +-1, each as likely: the exact one-sided test of paired differences that
    are symmetric around zero where neither is better (Fisher, The Design of Experiments, 1935, section 21).

    The distribution of the sum is found whole, person by person, so nothing is drawn by chance.
    """
    share = np.ones(1)                                                       # of the sums from -total to total, one apart
    for size in np.abs(differences):
        share = 0.5 * (np.pad(share, (0, 2 * size)) + np.pad(share, (2 * size, 0)))
    return float(share[np.abs(differences).sum() + differences.sum() :].sum())


def better_p(first: Predictions, second: Predictions) -> float:
    """The p-value of `sign_flip_p` for "`second` answers more of the clips right than `first`".

    Raises ValueError unless both have the same clips, as often.
    """
    if not same_clips(first, second) or len(first) != len(second):
        raise ValueError("a paired test needs two tables over the same clips, as many times")
    return sign_flip_p(right_answers(second) - right_answers(first))


def holm(p: Mapping[Hashable, float]) -> dict[Hashable, float]:
    """p-values adjusted for all of them being asked at once: each times how many are not smaller, none below one that is
    smaller, at most 1 (Holm, Scandinavian Journal of Statistics 1979)."""
    order = sorted(p, key=lambda name: p[name])
    factors: Float[np.ndarray, " questions"] = np.arange(len(order), 0, -1, dtype=np.float64)
    adjusted = np.minimum(np.maximum.accumulate(factors * [p[name] for name in order]), 1.0)
    found = dict(zip(order, adjusted.tolist(), strict=True))
    return {name: found[name] for name in p}
