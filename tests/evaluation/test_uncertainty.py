import numpy as np
import pytest
from scipy import stats

from mer_jax.evaluation.predictions import Predictions
from mer_jax.evaluation.uncertainty import (
    confusions_of_runs,
    confusions_of_subjects,
    interval_over_seeds,
    interval_over_subjects,
    paired_difference,
    resampled_counts,
)
from mer_jax.metrics import scores, scores_of_many

METRICS = ("uf1", "uar", "accuracy", "wf1", "macro_precision")


def test_the_interval_over_seeds_is_the_one_of_scipy_and_none_for_one_seed():
    values = np.array([0.61, 0.66, 0.58, 0.7, 0.64])
    wanted = stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values))
    assert interval_over_seeds(values) == pytest.approx(wanted, rel=1e-12)
    assert interval_over_seeds([0.5, 0.5]) == [0.5, 0.5]
    assert interval_over_seeds([0.5]) is None


def test_subjects_are_drawn_within_their_database():
    dataset = np.array(["a", "b", "a", "a", "b"])
    counts = resampled_counts(dataset, 100, seed=3)
    assert (counts[:, dataset == "a"].sum(1) == 3).all() and (counts[:, dataset == "b"].sum(1) == 2).all()
    assert np.array_equal(counts, resampled_counts(dataset, 100, seed=3))
    assert not np.array_equal(counts, resampled_counts(dataset, 100, seed=4))


def test_the_confusions_of_the_subjects_add_up_to_those_of_the_runs(made_up):
    table = made_up()
    confusions, dataset = confusions_of_subjects(table)
    assert confusions.shape == (3, 12, 3, 3) and sorted(dataset) == ["casme2"] * 8 + ["samm"] * 4
    assert np.array_equal(confusions.sum(1), confusions_of_runs(table)) and confusions.sum() == len(table)


def test_the_bootstrap_equals_drawing_rows_one_resample_after_the_other(made_up):
    table = made_up(runs=2, subjects=7)
    keys = table.subject_keys()
    subjects, first = np.unique(keys, return_index=True)
    drawn = {name: [] for name in METRICS}
    for counts in resampled_counts(table.columns["dataset"][first], 60, seed=5):
        rows = np.concatenate([np.tile(np.flatnonzero(keys == s), n) for s, n in zip(subjects, counts, strict=True)])
        part = Predictions(table.classes, {n: c[rows] for n, c in table.columns.items()}, table.probabilities[rows])
        of_runs = [scores(confusion) for confusion in confusions_of_runs(part)]
        for name in METRICS:
            drawn[name].append(np.mean([one[name] for one in of_runs]))
    found = interval_over_subjects(table, resamples=60, seed=5)
    for name in METRICS:
        assert found[name] == pytest.approx(np.percentile(drawn[name], [2.5, 97.5]), abs=1e-12)


def test_the_interval_contains_the_score_and_has_no_width_where_all_is_right(made_up):
    table = made_up(subjects=30)
    for name, (low, high) in interval_over_subjects(table).items():
        assert low < scores_of_many(confusions_of_runs(table))[name].mean() < high
    assert interval_over_subjects(made_up(skill=1.0, subjects=40))["accuracy"] == [1.0, 1.0]


def test_more_subjects_give_a_narrower_interval(made_up):
    few, many = (interval_over_subjects(made_up(subjects=n))["accuracy"] for n in (12, 120))
    assert many[1] - many[0] < 0.5 * (few[1] - few[0])


def test_a_paired_difference_is_zero_to_itself_signed_to_others_and_narrower_than_unpaired(made_up, shuffled):
    worse, better = made_up(skill=0.5, subjects=60), made_up(skill=0.8, subjects=60)
    for found in paired_difference(worse, shuffled(worse)).values():
        assert found == {"difference": 0.0, "interval": [0.0, 0.0]}
    there, back = paired_difference(worse, better)["uf1"], paired_difference(better, worse)["uf1"]
    assert there["interval"][0] > 0 and there["difference"] == pytest.approx(-back["difference"])
    assert there["interval"] == pytest.approx([-back["interval"][1], -back["interval"][0]])


def test_a_paired_difference_of_other_clips_or_labels_is_refused(made_up):
    table = made_up()
    with pytest.raises(ValueError, match="the same clips, labels and classes"):
        paired_difference(table, made_up(subjects=11))
    relabelled = Predictions(table.classes, {**table.columns, "label": table.columns["prediction"]},
                             table.probabilities)
    with pytest.raises(ValueError, match="the same clips, labels and classes"):
        paired_difference(table, relabelled)
