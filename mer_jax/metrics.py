"""Scores, all from one pooled confusion matrix, in numpy float64 on the host.

Source of UF1 and UAR: the MEGC2019 guideline. A class that is neither present nor predicted has no F1 and no recall
of its own: it counts as zero, as in scikit-learn with `zero_division=0` over the full list of classes.
"""

import numpy as np


def confusion_matrix(label: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """(classes, classes) counts: row = the true class, column = the predicted one. Labels (N,) ints."""
    label, prediction = np.asarray(label), np.asarray(prediction)
    for name, values in (("label", label), ("prediction", prediction)):
        if values.size and not (values.min() >= 0 and values.max() < classes):
            raise ValueError(f"{name} holds {values.min()}..{values.max()}, wanted 0..{classes - 1}")
    return np.bincount(label * classes + prediction, minlength=classes * classes).reshape(classes, classes)


def f1_of_classes(confusions: np.ndarray) -> np.ndarray:
    """(..., classes) F1_c = 2 TP_c / (2 TP_c + FP_c + FN_c) of (..., classes, classes) counts."""
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)
    return 2.0 * hits / np.maximum(confusions.sum(-1) + confusions.sum(-2), 1)


def scores_of_many(confusions: np.ndarray) -> dict[str, np.ndarray | np.floating]:
    """Of (..., classes, classes) counts, (...) each: uf1, uar, accuracy, wf1 (F1 weighted by class size), macro_precision.

    Raises ValueError where a confusion matrix is empty.
    """
    confusions = np.asarray(confusions, np.float64)
    hits, f1 = np.diagonal(confusions, axis1=-2, axis2=-1), f1_of_classes(confusions)
    present, predicted, total = confusions.sum(-1), confusions.sum(-2), confusions.sum((-2, -1))
    if np.any(total == 0):
        raise ValueError("a score needs at least one prediction")
    return {
        "uf1": f1.mean(-1),
        "uar": (hits / np.maximum(present, 1)).mean(-1),
        "accuracy": hits.sum(-1) / total,
        "wf1": (f1 * present).sum(-1) / total,
        "macro_precision": (hits / np.maximum(predicted, 1)).mean(-1),
    }


def scores(confusion: np.ndarray) -> dict[str, float]:
    """`scores_of_many` of one pooled confusion matrix, as plain numbers."""
    return {name: float(value) for name, value in scores_of_many(confusion).items()}


def uf1_mean_of_folds(label: np.ndarray, prediction: np.ndarray, fold: np.ndarray, classes: int) -> float:
    """The mean over folds of each fold's macro F1, absent classes as zero: NOT UF1, only to reproduce printed numbers."""
    return float(np.mean([f1_of_classes(confusion_matrix(label[fold == f], prediction[fold == f], classes)).mean()
                          for f in np.unique(fold)]))
