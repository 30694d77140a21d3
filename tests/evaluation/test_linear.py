"""The linear rival: ridge regression as the textbook has it, its ridge by people left out, each level by its own light."""

import numpy as np
import pytest

from mer_jax.data.folds import leave_one_subject_out
from mer_jax.evaluation.layout import data_of
from mer_jax.evaluation.linear import RIDGES, best_ridge, linear_predictions, ridge_scores
from mer_jax.models import create


def textbook(train, label, test, classes, ridge):
    """Weighted ridge regression in its primal form: (X^T W X + ridge' I)^-1 X^T W Y, W = 1 / size of the class."""
    mean, scale = train.mean(0), train.std() * train.shape[1] ** 0.5
    a, b = (train - mean) / scale, (test - mean) / scale
    weight = len(label) / classes / np.bincount(label, minlength=classes)[label]
    target = np.eye(classes)[label] - 1 / classes
    inner = a.T @ (weight[:, None] * a) + ridge * np.eye(a.shape[1])
    return b @ np.linalg.solve(inner, a.T @ (weight[:, None] * target))


@pytest.fixture
def made():
    """36 unequal rows of 6 people in 3 classes, 10 numbers each, the class in some of them."""
    rng = np.random.default_rng(0)
    label = rng.choice(3, 36, p=[0.6, 0.25, 0.15])
    x = rng.normal(size=(36, 10)) + 1.2 * np.eye(3, 10)[label]
    return x, label, np.repeat(np.arange(6), 6)


@pytest.mark.parametrize("ridge", RIDGES)
def test_it_is_the_textbooks_weighted_ridge(made, ridge):
    x, label, _ = made
    np.testing.assert_allclose(ridge_scores(x[:30], label[:30], x[30:], 3, ridge),
                               textbook(x[:30], label[:30], x[30:], 3, ridge), rtol=1e-6, atol=1e-9)


def test_the_ridge_is_the_one_with_most_hits_on_people_left_out_and_the_larger_of_equals(made):
    x, label, subject = made
    centred, hits = (x - x.mean(0)) / x.std(), dict.fromkeys(RIDGES, 0)
    for ridge in RIDGES:
        for one in range(6):
            rest, weight = subject != one, 1 / np.bincount(label[subject != one], minlength=3)[label[subject != one]]
            a, weight = centred[rest] / 10**0.5, weight * rest.sum() / 3
            inner = a.T @ (weight[:, None] * a) + ridge * np.eye(10)
            dual = np.linalg.solve(inner, a.T @ (weight[:, None] * (np.eye(3)[label[rest]] - 1 / 3)))
            hits[ridge] += ((centred[~rest] @ dual).argmax(1) == label[~rest]).sum()
    assert len(set(hits.values())) > 1
    assert best_ridge(x, label, subject, 3) == max(r for r in RIDGES if hits[r] == max(hits.values()))
    same = np.zeros((36, 10))
    same[0, 0] = 1e-9
    assert best_ridge(same, np.zeros(36, int), subject, 1) == max(RIDGES)


def test_each_level_is_scored_by_its_own_light_and_under_its_own_fold(moving_clips):
    folds = leave_one_subject_out(moving_clips)
    data = data_of(create("agmenet", 3, "tiny", instants=3), moving_clips)
    both = linear_predictions(moving_clips, folds, data, ("L0", "L3"), 5)
    alone = linear_predictions(moving_clips, folds, data, ("L3",), 5)
    np.testing.assert_array_equal(both.where(light="L3").probabilities, alone.probabilities)
    assert np.abs(both.where(light="L0").probabilities - alone.probabilities).max() > 0.01
    assert (both.columns["fold"] == both.subject_keys()).all()
