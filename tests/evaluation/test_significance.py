"""Paired tests over people and their correction: against SciPy's permutation test, closed forms, and Holm's own example."""

import numpy as np
import pytest
from scipy.stats import permutation_test

from mer_jax.evaluation.predictions import Predictions
from mer_jax.evaluation.significance import better_p, holm, over_levels, right_answers, sign_flip_p
from mer_jax.evaluation.uncertainty import interval_over_subjects, paired_difference

LEVELS = ("L0", "L1", "L2")


def table_of(right: np.ndarray) -> Predictions:
    """right (levels, people, clips) bool: one run of two classes, whose labels alternate from clip to clip."""
    light, person, clip = (axis.ravel() for axis in np.indices(right.shape))
    label = clip % 2
    names, guess = np.array(["a", "b"]), np.where(right.ravel(), label, 1 - label)
    count = right.size
    columns = {"run": np.zeros(count, int), "dataset": np.full(count, "made"), "subject": np.char.add("s", person.astype(str)),
               "clip": np.char.add("c", clip.astype(str)), "light": np.array(LEVELS)[light], "label": names[label],
               "prediction": names[guess]}
    return Predictions(("a", "b"), columns, np.eye(2)[guess])


@pytest.mark.parametrize("seed", range(4))
def test_sign_flips_are_scipys_exact_permutation_test(seed):
    differences = np.random.default_rng(seed).integers(-4, 7, 8)
    wanted = permutation_test((differences, np.zeros(8)), lambda x, y, axis: (x - y).sum(axis=axis),
                              permutation_type="samples", alternative="greater", n_resamples=np.inf)
    assert sign_flip_p(differences) == pytest.approx(wanted.pvalue, abs=1e-12)


def test_sign_flips_at_the_ends():
    assert sign_flip_p(np.array([3, 1, 2, 5])) == 1 / 16
    assert sign_flip_p(np.array([-3, -1, -2, -5])) == sign_flip_p(np.zeros(4, int)) == 1
    assert sign_flip_p(np.full(26, 2)) == 2.0**-26                    # all people of a database, none drawn by chance


def test_the_test_is_over_people_and_all_their_answers():
    rng = np.random.default_rng(0)
    first, second = rng.random((3, 5, 4)) < 0.5, rng.random((3, 5, 4)) < 0.7
    counts = second.sum((0, 2)) - first.sum((0, 2))
    assert right_answers(table_of(second)).tolist() == second.sum((0, 2)).tolist()
    assert better_p(table_of(first), table_of(second)) == sign_flip_p(counts)
    with pytest.raises(ValueError, match="as many times"):
        better_p(table_of(first[:2]), table_of(second))


def test_over_levels_scores_are_means_of_the_levels_scores():
    rng = np.random.default_rng(1)
    first, second = (table_of(rng.random((3, 5, 4)) < share) for share in (0.5, 0.8))
    dark = [over_levels(table, ("L1", "L2")) for table in (first, second)]
    whole = paired_difference(*dark)
    for metric in ("accuracy", "uf1"):
        each = [paired_difference(first.where(light=level), second.where(light=level))[metric]["difference"]
                for level in ("L1", "L2")]
        assert whole[metric]["difference"] == pytest.approx(np.mean(each))
    alone = interval_over_subjects(over_levels(first, ("L1",))), interval_over_subjects(first.where(light="L1"))
    assert alone[0] == alone[1]
    with pytest.raises(ValueError, match="no predictions at L4"):
        over_levels(first, ("L1", "L4"))


def test_holm_is_what_his_steps_say():
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}) and list(found) == ["a", "b", "c", "d"]
    assert holm({"one": 0.2}) == {"one": 0.2} and holm({"x": 0.9, "y": 0.8}) == {"x": 1.0, "y": 1.0}


def test_holm_rejects_what_its_steps_reject():
    """Step by step: the k-th smallest of m is rejected at level a where all before it are and it is at most a / (m - k + 1)."""
    rng = np.random.default_rng(2)
    for _ in range(50):
        p = dict(zip("abcdef", rng.beta(0.3, 1, 6).tolist(), strict=True))
        going, rejected = True, set()
        for rank, name in enumerate(sorted(p, key=p.get)):
            going &= p[name] <= 0.05 / (6 - rank)
            rejected |= {name} if going else set()
        assert {name for name, value in holm(p).items() if value <= 0.05} == rejected
