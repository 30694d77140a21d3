"""The linear machines: scikit-learn's optimum, clips held out by their weight, folds together as each alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.svm import LinearSVC

from mer_jax.data.clips import clips_of
from mer_jax.data.folds import leave_one_subject_out
from mer_jax.evaluation.linear_svm import one_against_rest, svm_predictions, svm_scores
from mer_jax.mistakes import UserMistake


@pytest.fixture(scope="module")
def made():
    """(rows of 40 numbers, about one long; their classes; two folds' weights, some of them 0)."""
    rng = np.random.default_rng(0)
    label = rng.choice(3, 30, p=[0.5, 0.3, 0.2])
    x = rng.normal(size=(30, 40)) / 40**0.5 + 0.3 * np.eye(3, 40)[label]
    weight = rng.uniform(0.5, 2, (2, 30))
    weight[0, :6], weight[1, 10:14] = 0, 0
    return x, label, weight


def scikit(x, label, weight, cost, intercept=1.0):
    kept = weight > 0
    machine = LinearSVC(C=cost, intercept_scaling=intercept, tol=1e-9, max_iter=100_000, dual=True)
    return machine.fit(x[kept], label[kept], weight[kept])


@pytest.mark.parametrize(("cost", "intercept"), [(1.0, 1.0), (30.0, 4.0), (0.1, 0.5)])
def test_it_is_scikit_learns_optimum_whatever_the_cost_and_the_intercepts_scale(made, cost, intercept):
    x, label, weight = made
    with jax.enable_x64(True):
        found = np.asarray(svm_scores(x, label, weight, 3, cost, intercept))
    narrow = np.asarray(svm_scores(x.astype(np.float32), label, weight.astype(np.float32), 3, cost, intercept))
    assert found.dtype == np.float64 and narrow.dtype == np.float32
    for fold in (0, 1):
        peer = scikit(x, label, weight[fold], cost, intercept)
        np.testing.assert_allclose(found[fold], peer.decision_function(x), atol=1e-7)
        np.testing.assert_allclose(narrow[fold], peer.decision_function(x), atol=1e-4)
        np.testing.assert_array_equal(found[fold].argmax(1), peer.predict(x))


def test_a_clip_without_weight_has_no_part_and_folds_answer_as_each_alone(made):
    x, label, weight = made
    together = svm_scores(x.astype(np.float32), label, weight.astype(np.float32), 3)
    other = x.copy()
    other[:6], relabelled = 5 * other[:6] + 1, np.concatenate([(label[:6] + 1) % 3, label[6:]])
    alone = svm_scores(other.astype(np.float32), relabelled, weight[:1].astype(np.float32), 3)
    np.testing.assert_allclose(together[0, 6:], alone[0, 6:], atol=1e-5)
    assert np.abs(together[0, :6] - alone[0, :6]).max() > 0.1


def test_it_ends_at_the_optimum_where_whole_newton_steps_would_go_round_in_circles():
    """Outlying points and high costs, 100 times. There a = 2 c y max(0, 1 - y f) and f = K a, and nowhere else."""
    rng = np.random.default_rng(0)
    x, sign = rng.standard_t(1.5, size=(100, 7, 3)).clip(-30, 30), rng.choice([-1.0, 1.0], (100, 7))
    gram, cost = x @ x.transpose(0, 2, 1) + 1, np.repeat(10 ** rng.uniform(0, 3, (100, 1)), 7, 1)
    with jax.enable_x64(True):
        said = np.asarray(jax.jit(jax.vmap(one_against_rest))(*map(jnp.asarray, (gram, sign, cost))))
    weights = 2 * cost * sign * np.maximum(0, 1 - sign * said)
    residual, terms = np.einsum("rij,rj->ri", gram, weights) - said, np.einsum("rij,rj->ri", np.abs(gram), np.abs(weights))
    assert (np.abs(residual) <= 1e-7 * terms).all()


def test_of_two_classes_the_machines_are_one_with_two_signs(made):
    x, label, weight = made
    found = np.asarray(svm_scores(x.astype(np.float32), np.minimum(label, 1), weight.astype(np.float32), 2, 10.0))
    np.testing.assert_allclose(found[..., 0], -found[..., 1], atol=1e-4)
    np.testing.assert_allclose(found[0, :, 1], scikit(x, np.minimum(label, 1), weight[0], 10.0).decision_function(x), atol=1e-4)


def test_the_table_holds_what_scikit_learn_says_of_each_subject_left_out_classes_weighing_the_same():
    rng, emotions = np.random.default_rng(1), ["a", "b", "a", "a", "b", "a"] * 4
    flow = rng.integers(0, 256, (24, 6, 5, 3), dtype=np.uint8)
    ids = [("own", f"s{number % 4}", f"c{number}") for number in range(24)]
    clips = clips_of(ids, emotions, ("a", "b"), flow=flow, flow_coding="minmax8")
    folds, x = leave_one_subject_out(clips), (flow.reshape(24, -1) / 127.5 - 1) / 90**0.5
    table = svm_predictions(clips, folds, cost=50.0)
    assert table.columns["clip"].tolist() == [clips.ids[row].split("/")[2] for row in np.concatenate(folds.test)]
    log_odds = np.log(table.probabilities[:, 1] / table.probabilities[:, 0])
    for name, train, test in zip(folds.names, folds.train, folds.test, strict=True):
        balanced = len(train) / 2 / np.bincount(clips.label[train])[clips.label]
        peer = scikit(x, clips.label, np.where(np.isin(np.arange(24), train), balanced, 0), 50.0)
        np.testing.assert_allclose(log_odds[table.columns["fold"] == name], 2 * peer.decision_function(x[test]), atol=1e-3)
    with pytest.raises(UserMistake, match="have no flow"):
        svm_predictions(clips.replace(flow=None), folds)
