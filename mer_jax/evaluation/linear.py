"""The plain rival of every network that reads frames: a linear classifier on apex minus onset.

Ridge regression on the grey difference between the mean windows around apex and onset, 32 x 32 at most. It is trained at
the very light level at which it is scored, on the training rows of each fold; its ridge is the one that does best when
each training subject is left out in turn. Deterministic, so it has one run.
"""

import jax
import numpy as np
from jaxtyping import Float

from mer_jax.data.clips import Clips
from mer_jax.data.folds import Folds
from mer_jax.data.sampling import instants, windows
from mer_jax.evaluation.predictions import Predictions
from mer_jax.training.inputs import Data, level_frames

RIDGES = (0.001, 0.01, 0.1, 1.0, 10.0)
SIDE = 32


def differences(data: Data, level: str, window: int) -> Float[np.ndarray, "clips pixels"]:
    """Apex minus onset of every clip at a light level, grey, at most 32 x 32, as float64 rows."""

    @jax.jit
    def of(data, rows):
        onset, apex, offset, length = (data.inputs[name][rows] for name in ("onset", "apex", "offset", "length"))
        at = windows(instants(onset, apex, offset, 2), length, window)
        ends = level_frames(data, rows, at, level).mean((2, 5))                                   # (N, 2, H, W)
        change = ends[:, 1] - ends[:, 0]
        side = min(SIDE, change.shape[1]), min(SIDE, change.shape[2])
        return jax.image.resize(change, (len(rows), *side), "linear").reshape(len(rows), -1)

    count, data = len(data.label), jax.device_put(data)
    return np.concatenate([np.asarray(of(data, np.arange(first, min(first + 32, count)))) for first in range(0, count, 32)],
                          dtype=np.float64)


def centred(train: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """The rows less the training rows' mean, in units of their deviation and of the root of their length."""
    mean, scale = train.mean(0), (train.std() + 1e-12) * train.shape[1] ** 0.5
    return [(rows - mean) / scale for rows in (train, *others)]


def dual_weights(kernel: np.ndarray, label: np.ndarray, classes: int, ridge: float) -> np.ndarray:
    """(rows, classes): ridge regression to one-hot labels in its dual form, each class weighing the same."""
    share = np.bincount(label, minlength=classes)[label] * classes / len(label)
    return np.linalg.solve(kernel + ridge * np.diag(share), np.eye(classes)[label] - 1 / classes)


def ridge_scores(train: np.ndarray, label: np.ndarray, test: np.ndarray, classes: int, ridge: float) -> np.ndarray:
    """(test rows, classes): what a ridge regression on the training rows says of the test rows."""
    train, test = centred(train, test)
    return test @ train.T @ dual_weights(train @ train.T, label, classes, ridge)


def best_ridge(x: np.ndarray, label: np.ndarray, subject: np.ndarray, classes: int) -> float:
    """The ridge with the most right answers when each subject is left out in turn; the larger one of equals."""
    (x,) = centred(x)
    kernel, hits = x @ x.T, dict.fromkeys(RIDGES, 0)
    for one in np.unique(subject):
        rest = subject != one
        inside, across = kernel[np.ix_(rest, rest)], kernel[np.ix_(~rest, rest)]
        for ridge in RIDGES:
            hits[ridge] += ((across @ dual_weights(inside, label[rest], classes, ridge)).argmax(1) == label[~rest]).sum()
    return max(RIDGES, key=lambda ridge: (hits[ridge], ridge))


def held_out_scores(x: np.ndarray, label: np.ndarray, subject: np.ndarray, folds: Folds,
                    classes: int) -> Float[np.ndarray, "held_out classes"]:
    """The scores of every fold's test rows, fold after fold, by the classifier trained on its training rows."""
    found = []
    for train, test in zip(folds.train, folds.test, strict=True):
        ridge = best_ridge(x[train], label[train], subject[train], classes)
        found.append(ridge_scores(x[train], label[train], x[test], classes, ridge))
    return np.concatenate(found)


def linear_predictions(clips: Clips, folds: Folds, data: Data, light: tuple[str, ...], window: int) -> Predictions:
    """The table of held-out predictions of the linear classifier, one run, at every light level."""
    label, subject, classes = np.asarray(clips.label), np.asarray(clips.subject), len(clips.classes)
    scores = np.concatenate([held_out_scores(differences(data, level, window), label, subject, folds, classes)
                             for level in light])
    return held_out_table(clips, folds, light, scores)


def held_out_table(clips: Clips, folds: Folds, light: tuple[str, ...],
                   scores: Float[np.ndarray, "rows classes"]) -> Predictions:
    """A table of one run from the scores of the held-out clips, light after light, in it fold after fold. A classifier that
    knows no probabilities is given the softmax of its scores: the largest stays the largest."""
    label = np.asarray(clips.label)
    rows = np.tile(np.concatenate(folds.test), len(light))
    fold = np.repeat(folds.names, [len(test) for test in folds.test])
    probabilities = np.exp(scores - scores.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    keys, names, count = np.array([clips.ids[row].split("/") for row in rows]), np.array(clips.classes), len(rows)
    return Predictions(tuple(clips.classes), {
        "run": np.zeros(count, int), "dataset": keys[:, 0], "subject": keys[:, 1], "clip": keys[:, 2],
        "light": np.repeat(light, len(fold)), "label": names[label[rows]], "fold": np.tile(fold, len(light)),
        "seed": np.zeros(count, int), "prediction": names[probabilities.argmax(1)], "epoch": np.full(count, -1),
        "selection": np.full(count, "last"),
    }, probabilities)
