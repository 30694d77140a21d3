"""What was measured of enhanced clips, clip by clip, and the rows that say it: means, intervals over people, differences."""

import statistics
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from mer_jax.data.clips import Clips
from mer_jax.evaluation.flow_estimators import ESTIMATORS, SCALES
from mer_jax.evaluation.uncertainty import percentiles, resampled_counts
from mer_jax.light.fidelity import MotionKept, motion_preserved
from mer_jax.mistakes import UserMistake

CLEAN, CEILING, BASELINE = "clean", "captures", "t5"
WHOLE = 0.05                                                  # a mean gain this near to 1 shows the whole of the motion
Interval = tuple[float, list[float] | None]


class Measured(NamedTuple):
    """Of each clip, regularity and scale the motion kept, (clips, regularities, SCALES) a leaf, by estimator; of each clip what
    its pictures show: "warping", "warping_moving", "unsteady", "psnr", "ssim" (clips,), nan where it cannot be said; and
    whether anything moves in it (clips,)."""

    kept: dict[str, MotionKept]
    pictures: dict[str, np.ndarray]
    moves: np.ndarray


class People(NamedTuple):
    """Whose clips they are: subject (clips,), and the database of each subject."""

    subject: Int[np.ndarray, " clips"]
    dataset: Int[np.ndarray, " subjects"]

    @classmethod
    def of(cls, clips: Clips, rows: Bool[np.ndarray, " all"]) -> "People":
        """Of some clips; people without one of them are nobody."""
        subjects, subject = np.unique(np.asarray(clips.subject)[rows], return_inverse=True)
        dataset = dict(zip(np.asarray(clips.subject).tolist(), np.asarray(clips.dataset).tolist(), strict=True))
        return cls(subject, np.array([dataset[person] for person in subjects]))


def best_elsewhere(error: Float[np.ndarray, "clips settings"], subject: Int[np.ndarray, " clips"], default: int,
                   gain: Float[np.ndarray, "clips settings"] | None = None) -> Int[np.ndarray, " clips"]:
    """The setting of the least mean error over all other people's clips; the default where nobody else is.

    With gains, of those settings alone whose mean gain over these other people is within WHOLE of 1; where there is none, the
    one nearest to 1.
    """
    chosen = np.full(len(error), default)
    for person in np.unique(subject):
        others = subject != person
        if others.any():
            off = np.zeros(error.shape[1]) if gain is None else np.abs(gain[others].mean(0) - 1)
            chosen[~others] = np.where(off <= max(WHOLE, off.min()), error[others].mean(0), np.inf).argmin()
    return chosen


def summaries(whole: dict[tuple[str, str], Measured], clips: Clips) -> list[dict]:
    """A row for each enhancer and level, see `summary`; of the clips in which something moves.

    Raises UserMistake where nothing moves in any clip, or a flow is not finite.
    """
    moves = next(iter(whole.values())).moves
    if not moves.any():
        raise UserMistake(f"in none of the {len(moves)} clips anything moves from onset to apex, so no motion could be kept; "
                          "are the marks right?")
    people = People.of(clips, moves)
    kept = {key: {name: MotionKept(*(leaf[moves] for leaf in part)) for name, part in measured.kept.items()}
            for key, measured in whole.items()}
    for (name, level), parts in kept.items():
        if not all(np.isfinite(part.error).all() for part in parts.values()):
            raise UserMistake(f"enhancer {name!r} at {level}: the flow on its pictures is not finite")
    return [{"enhancer": name, "level": level,
             **{key: mean_of_known(value) for key, value in whole[name, level].pictures.items()},
             **{estimator: summary(kept, name, level, estimator, people) for estimator in ESTIMATORS}}
            for name, level in whole]


def typical_clip(whole: dict[tuple[str, str], Measured], clips: Clips) -> str:
    """The clip to be shown for all: of those in which something moves, the one whose error of the baseline, by TV-L1 at its
    default and as a mean over the levels, is the middle one."""
    default = ESTIMATORS["TV-L1"].regularities.index(ESTIMATORS["TV-L1"].default)
    error = np.mean([measured.kept["TV-L1"].error[:, default, 0]
                     for (name, _), measured in whole.items() if name == BASELINE], 0)
    moving = np.flatnonzero(next(iter(whole.values())).moves)
    return clips.ids[moving[np.argsort(error[moving], kind="stable")[(len(moving) - 1) // 2]]]


def mean_of_known(values: Float[np.ndarray, " clips"]) -> float | None:
    """The mean over the clips of which it is known; None where it is of none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def summary(kept: dict[tuple[str, str], dict[str, MotionKept]], name: str, level: str, estimator: str,
            people: People) -> dict:
    """One row's part of one estimator, pairs [mean, 95 % over people]:

    fixed: the moving error in pixels at the estimator's default; error: at the best setting elsewhere, as all that follow:
    gain, correlation, strain, false_motion; preserved: 1 - error / that of "none"; over_baseline: error less the baseline's,
    both on the same people. setting: the middle one of those chosen. full: {"error", "gain", "over_baseline", "preserved"} of
    the flow times a number, both it and the setting those of least error elsewhere among those that show the whole motion
    there: of all estimates with a correlation r the one of least squared error shows r^2 of the motion, so this costs error.
    """
    regularities = ESTIMATORS[estimator].regularities
    default = regularities.index(ESTIMATORS[estimator].default)

    def at_best(which: str) -> tuple[MotionKept, np.ndarray]:
        found = MotionKept(*(leaf[..., 0] for leaf in kept[which, level][estimator]))
        best = best_elsewhere(found.error, people.subject, default)
        return MotionKept(*(leaf[np.arange(len(best)), best] for leaf in found)), best

    def whole(which: str) -> MotionKept:
        found = MotionKept(*(leaf.reshape(len(leaf), -1) for leaf in kept[which, level][estimator]))
        best = best_elsewhere(found.error, people.subject, default * len(SCALES), found.gain)
        return MotionKept(*(leaf[np.arange(len(best)), best] for leaf in found))

    found, best = at_best(name)
    shown = whole(name)
    row = {"fixed": over_people(kept[name, level][estimator].error[:, default, 0], people),
           **{key: over_people(getattr(found, key), people) for key in MotionKept._fields},
           "setting": statistics.median_low(regularities[number] for number in best),
           "full": {"error": over_people(shown.error, people), "gain": over_people(shown.gain, people)}}
    if name != CLEAN:
        untouched, base = (at_best(other)[0].error for other in ("none", BASELINE))
        row["preserved"] = over_people(found.error, people, untouched)
        row["over_baseline"] = over_people(found.error - base, people)
        row["full"]["over_baseline"] = over_people(shown.error - whole(BASELINE).error, people)
        row["full"]["preserved"] = over_people(shown.error, people, whole("none").error)
    return row


def over_people(values: Float[np.ndarray, " clips"], people: People,
                untouched: Float[np.ndarray, " clips"] | None = None) -> Interval:
    """(the mean over clips, its 95 % interval over people, who are drawn within each database; None of one person).

    With the errors of the untouched pictures: of `motion_preserved`, mean over mean.
    """
    def of(counts):
        means = [(counts @ np.bincount(people.subject, part)) / (counts @ np.bincount(people.subject))
                 for part in (values, untouched) if part is not None]
        return means[0] if untouched is None else motion_preserved(*means)

    everyone = np.ones(len(people.dataset))
    interval = percentiles(of(resampled_counts(people.dataset))) if len(everyone) > 1 else None
    return float(of(everyone)), interval
