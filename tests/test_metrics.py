"""Scores against scikit-learn, absent classes included."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_score, recall_score

from mer_jax import metrics


@pytest.mark.parametrize("seed", range(40))
def test_scores_equal_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 8))
    present = rng.choice(classes, size=int(rng.integers(1, classes + 1)), replace=False)
    predicted = rng.choice(classes, size=int(rng.integers(1, classes + 1)), replace=False)
    label, prediction = rng.choice(present, 60), rng.choice(predicted, 60)
    labels, found = list(range(classes)), metrics.scores(metrics.confusion_matrix(label, prediction, classes))
    options = {"labels": labels, "zero_division": 0}
    np.testing.assert_array_equal(metrics.confusion_matrix(label, prediction, classes),
                                  confusion_matrix(label, prediction, labels=labels))
    wanted = {"uf1": f1_score(label, prediction, average="macro", **options),
              "uar": recall_score(label, prediction, average="macro", **options),
              "accuracy": accuracy_score(label, prediction),
              "wf1": f1_score(label, prediction, average="weighted", **options),
              "macro_precision": precision_score(label, prediction, average="macro", **options)}
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert abs(found[name] - value) < 1e-12, name


def test_always_negative_on_the_composite_has_its_known_scores():
    found = metrics.scores(np.array([[250, 0, 0], [109, 0, 0], [83, 0, 0]]))
    assert [round(found[name], 4) for name in ("accuracy", "uf1", "uar")] == [0.5656, 0.2408, 0.3333]


def test_mean_of_folds_is_another_number_than_the_pooled_one():
    label, prediction, fold = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), np.array([0, 0, 1, 1])
    pooled = metrics.scores(metrics.confusion_matrix(label, prediction, 2))["uf1"]
    by_hand = np.mean([f1_score(label[fold == f], prediction[fold == f], labels=[0, 1], average="macro", zero_division=0)
                       for f in (0, 1)])
    assert metrics.uf1_mean_of_folds(label, prediction, fold, 2) == pytest.approx(by_hand)
    assert pooled != pytest.approx(by_hand)


def test_a_label_out_of_range_is_refused():
    with pytest.raises(ValueError, match="label holds 0..3, wanted 0..2"):
        metrics.confusion_matrix(np.array([0, 3]), np.array([0, 1]), 3)


def test_many_scores_equal_the_scores_of_each_also_with_absent_classes():
    confusions = np.random.default_rng(0).integers(0, 4, (5, 10, 4, 4))
    confusions[0, :, 2], confusions[1, :, :, 1] = 0, 0
    many = metrics.scores_of_many(confusions)
    for place in np.ndindex(5, 10):
        one = metrics.scores(confusions[place])
        assert {name: values[place] for name, values in many.items()} == pytest.approx(one, abs=1e-15)


@pytest.mark.parametrize("empty", [np.zeros((3, 3)), np.stack([np.eye(3), np.zeros((3, 3))])])
def test_a_score_of_nothing_is_refused(empty):
    with pytest.raises(ValueError, match="at least one prediction"):
        metrics.scores_of_many(empty)
