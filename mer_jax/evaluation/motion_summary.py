"""What was measured of enhanced clips, clip by clip, and the rows that say it: means, intervals over people, differences."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from mer_jax.evaluation.flow_estimators import ESTIMATORS
from mer_jax.evaluation.uncertainty import percentiles, resampled_counts
from mer_jax.light.fidelity import MotionKept, motion_preserved

CLEAN, CEILING, BASELINE = "clean", "captures", "t5"


class Measured(NamedTuple):
    """Of each clip and regularity the motion kept, (clips, regularities) a leaf, by estimator; and of each clip what its
    pictures show: "warping", "flicker", "psnr", "ssim" (clips,)."""

    kept: dict[str, MotionKept]
    pictures: dict[str, np.ndarray]


def best_elsewhere(error: Float[np.ndarray, "clips settings"], subject: Int[np.ndarray, " clips"]) -> Int[np.ndarray, " clips"]:
    """The setting that is best for all other people's clips; of one person alone, for all clips."""
    chosen = np.empty(len(error), int)
    for person in np.unique(subject):
        others = subject != person
        chosen[~others] = np.nanmean(error[others] if others.any() else error, 0).argmin()
    return chosen


def summary(whole: dict[tuple[str, str], Measured], name: str, level: str, subject: np.ndarray) -> dict:
    """One row: "enhancer", "level", by estimator the means below, and the means of what the pictures show.

    fixed: the moving error in pixels at the estimator's default; error: at the best setting elsewhere, as all that follow:
    preserved (1 - error / that of "none"), gain, correlation, false_motion, setting (the median). over_baseline: error less
    the baseline's on the same people. Pairs [mean, [low, high]]: 95 % over people.
    """
    here = whole[name, level]
    row = {"enhancer": name, "level": level, **{key: float(np.nanmean(value)) for key, value in here.pictures.items()}}
    for estimator, (_, settings, default) in ESTIMATORS.items():
        found = at_best(here.kept[estimator], subject)
        row[estimator] = {
            "fixed": over_people(here.kept[estimator].error[:, settings.index(default)], subject),
            "error": over_people(found.error, subject),
            **{key: float(np.nanmean(getattr(found, key))) for key in ("gain", "correlation", "false_motion")},
            "setting": float(np.median(np.array(settings)[best_elsewhere(here.kept[estimator].error, subject)])),
        }
        if name != CLEAN:
            untouched, base = (at_best(whole[other, level].kept[estimator], subject).error for other in ("none", BASELINE))
            row[estimator]["preserved"] = motion_preserved(float(np.nanmean(found.error)), float(np.nanmean(untouched)))
            row[estimator]["over_baseline"] = over_people(found.error - base, subject)
    return row


def at_best(kept: MotionKept, subject: np.ndarray) -> MotionKept:
    """(clips,) a leaf."""
    best = best_elsewhere(kept.error, subject)
    return MotionKept(*(leaf[np.arange(len(best)), best] for leaf in kept))


def over_people(values: Float[np.ndarray, " clips"], subject: Int[np.ndarray, " clips"]) -> tuple[float, list[float]]:
    """The mean over clips, and its 95 % interval over people; clips in which nothing moves (nan) are left out."""
    there = ~np.isnan(values)
    total, count = (np.bincount(subject[there], weight, subject.max() + 1) for weight in (values[there], np.ones(there.sum())))
    drawn = resampled_counts(np.zeros(subject.max() + 1))
    resampled = (drawn @ total) / np.maximum(drawn @ count, 1)
    return float(total.sum() / max(count.sum(), 1)), percentiles(resampled)
