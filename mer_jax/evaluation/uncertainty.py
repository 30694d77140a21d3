"""How far a score can be trusted: intervals over seeds, and over subjects by the bootstrap.

Two different questions. Over seeds: would the same data give this score again with other random numbers? Over
subjects: would other people? The second interval is nearly always the wider one, because the clips of one person
resemble each other; so subjects are drawn, never clips, and within each database, whose sizes stay as they are.
The percentile bootstrap: Efron & Tibshirani, An Introduction to the Bootstrap (1993), §13.3.
"""

import numpy as np
from scipy.special import stdtrit

from mer_jax.evaluation.predictions import Predictions
from mer_jax.metrics import confusion_matrix, scores_of_many

RESAMPLES = 2000
LEVEL = 0.95


def interval_over_seeds(values: np.ndarray | list[float]) -> list[float] | None:
    """[low, high]: the 95 % Student-t interval of the mean of (runs,) scores; None for one run, which shows no spread.

    It can reach beyond 0 and 1 where the runs are few and differ much: it says then that more seeds are needed.
    """
    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return None
    half = stdtrit(len(values) - 1, 0.5 + LEVEL / 2) * values.std(ddof=1) / np.sqrt(len(values))
    return [float(values.mean() - half), float(values.mean() + half)]


def confusions_of_subjects(table: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """((runs, S, K, K) counts, (S,) str: the database of each subject); runs and `dataset/subject` in sorted order."""
    classes = len(table.classes)
    runs, run = np.unique(table.columns["run"], return_inverse=True)
    subjects, first, subject = np.unique(table.subject_keys(), return_index=True, return_inverse=True)
    cell = (run * len(subjects) + subject) * classes**2 + table.indices("label") * classes + table.indices("prediction")
    counts = np.bincount(cell, minlength=len(runs) * len(subjects) * classes**2)
    return counts.reshape(len(runs), len(subjects), classes, classes), table.columns["dataset"][first]


def confusions_of_runs(table: Predictions) -> np.ndarray:
    """(runs, K, K): the pooled confusion matrix of each run, in the sorted order of the runs."""
    label, prediction, run = table.indices("label"), table.indices("prediction"), table.columns["run"]
    return np.stack([confusion_matrix(label[run == r], prediction[run == r], len(table.classes))
                     for r in table.unique("run")])


def resampled_counts(dataset: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """(resamples, S): how often each subject is drawn, with replacement, among those of its own database (S,)."""
    generator = np.random.default_rng(seed)
    counts = np.zeros((resamples, len(dataset)), np.int64)
    for name in np.unique(dataset):
        own = np.flatnonzero(dataset == name)
        counts[:, own] = generator.multinomial(len(own), np.full(len(own), 1 / len(own)), size=resamples)
    return counts


def _resampled_scores(confusions: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    """(resamples,) per metric: the mean over runs of the pooled score of each resample."""
    pooled = np.einsum("bs,rsk->brk", counts, confusions.reshape(*confusions.shape[:2], -1), optimize=True)
    return {name: values.mean(1) for name, values in scores_of_many(pooled.reshape(
        len(counts), len(confusions), *confusions.shape[2:])).items()}


def percentiles(values: np.ndarray) -> list[float]:
    low, high = np.percentile(values, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return [float(low), float(high)]


def interval_over_subjects(table: Predictions, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, list[float]]:
    """[low, high] for each metric: the 95 % percentile bootstrap over subjects of the mean score of the runs."""
    confusions, dataset = confusions_of_subjects(table)
    drawn = _resampled_scores(confusions, resampled_counts(dataset, resamples, seed))
    return {name: percentiles(values) for name, values in drawn.items()}


def same_clips(first: Predictions, second: Predictions) -> bool:
    """Whether two tables hold the same clips with the same labels and classes: only then may they be paired."""
    labels = [set(zip(t.subject_keys().tolist(), t.columns["clip"].tolist(), t.columns["label"].tolist(), strict=True))
              for t in (first, second)]
    return first.classes == second.classes and labels[0] == labels[1]


def paired_difference(first: Predictions, second: Predictions, resamples: int = RESAMPLES,
                      seed: int = 0) -> dict[str, dict]:
    """For each metric the score of `second` minus that of `first`: {"difference": d, "interval": [low, high]}.

    Both are scored on the same drawn subjects, so what makes a subject hard for both falls out. Raises ValueError
    unless the tables hold the same clips.
    """
    if not same_clips(first, second):
        raise ValueError("a paired difference needs two tables over the same clips, labels and classes")
    (confusions, dataset), (others, _) = confusions_of_subjects(first), confusions_of_subjects(second)
    counts = resampled_counts(dataset, resamples, seed)
    drawn, drawn_others = _resampled_scores(confusions, counts), _resampled_scores(others, counts)
    score, other = scores_of_many(confusions.sum(1)), scores_of_many(others.sum(1))
    return {name: {"difference": float(other[name].mean() - score[name].mean()),
                   "interval": percentiles(drawn_others[name] - drawn[name])} for name in score}
