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


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(len(part), np.float64), where=whole > 0)


def f1_of_classes(confusion: np.ndarray) -> np.ndarray:
    """(classes,) F1_c = 2 TP_c / (2 TP_c + FP_c + FN_c)."""
    return _ratio(2.0 * np.diag(confusion), confusion.sum(0) + confusion.sum(1))


def recall_of_classes(confusion: np.ndarray) -> np.ndarray:
    """(classes,) TP_c / n_c."""
    return _ratio(np.diag(confusion).astype(np.float64), confusion.sum(1))


def precision_of_classes(confusion: np.ndarray) -> np.ndarray:
    """(classes,) TP_c / number predicted as c."""
    return _ratio(np.diag(confusion).astype(np.float64), confusion.sum(0))


def scores(confusion: np.ndarray) -> dict[str, float]:
    """uf1, uar, accuracy, wf1 (F1 weighted by class size) and macro_precision of a pooled confusion matrix."""
    total = confusion.sum()
    if total == 0:
        raise ValueError("a score needs at least one prediction")
    return {
        "uf1": float(f1_of_classes(confusion).mean()),
        "uar": float(recall_of_classes(confusion).mean()),
        "accuracy": float(np.trace(confusion) / total),
        "wf1": float((f1_of_classes(confusion) * confusion.sum(1)).sum() / total),
        "macro_precision": float(precision_of_classes(confusion).mean()),
    }


def uf1_mean_of_folds(label: np.ndarray, prediction: np.ndarray, fold: np.ndarray, classes: int) -> float:
    """The mean over folds of each fold's macro F1, absent classes as zero: NOT UF1, only to reproduce printed numbers."""
    return float(np.mean([f1_of_classes(confusion_matrix(label[fold == f], prediction[fold == f], classes)).mean()
                          for f in np.unique(fold)]))
