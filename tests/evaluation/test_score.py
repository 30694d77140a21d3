import json

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from mer_jax.evaluation.predictions import Predictions
from mer_jax.evaluation.score import at_plain_light, chosen_selection, majority_vote, score
from mer_jax.mistakes import UserMistake


def test_the_entries_equal_scikit_learn_over_all_classes(made_up):
    table = made_up(lights=("L0", "L2"))
    entries = score(table)
    parts = {("overall",): {"light": "L0"}, ("by_dataset", "samm"): {"light": "L0", "dataset": "samm"},
             ("by_light", "L2"): {"light": "L2"}}
    for path, equal in parts.items():
        found = entries
        for name in path:
            found = found[name]
        runs = [table.where(run=run, **equal) for run in table.unique("run")]
        pairs = [(r.columns["label"], r.columns["prediction"]) for r in runs]
        options = {"labels": list(table.classes), "average": "macro", "zero_division": 0}
        assert found["uf1"] == pytest.approx(np.mean([f1_score(*p, **options) for p in pairs]))
        assert found["uar"] == pytest.approx(np.mean([recall_score(*p, **options) for p in pairs]))
        assert found["macro_precision"] == pytest.approx(np.mean([precision_score(*p, **options) for p in pairs]))
        weighted = [f1_score(*p, **options | {"average": "weighted"}) for p in pairs]
        assert found["wf1"] == pytest.approx(np.mean(weighted))
        assert found["accuracy"] == pytest.approx(np.mean([np.mean(a == b) for a, b in pairs]))
        assert found["clips"] == len(runs[0]) and found["runs"] == 3
        assert np.sum(found["confusion"]) == 3 * found["clips"]


def test_scores_are_plain_json_and_do_not_depend_on_the_order_of_rows(made_up, shuffled):
    table = made_up(lights=("L0", "L1"), selections=("last", "inner"))
    assert json.loads(json.dumps(score(table))) == score(shuffled(table))


def test_one_run_has_no_interval_over_seeds(made_up):
    assert set(score(made_up(runs=1))["overall"]["interval_seeds"].values()) == {None}


def test_the_plain_light_is_l0_or_the_only_one(made_up):
    assert at_plain_light(made_up(lights=("L3", "L0"))).unique("light") == ["L0"]
    assert at_plain_light(made_up(lights=("L3",))).unique("light") == ["L3"]


def test_the_selection_scored_is_the_one_beside_last_unless_another_is_asked_for(made_up):
    table = made_up(selections=("last", "test_peek"))
    entries = score(table)
    assert entries["selection"] == "test_peek" and set(entries["by_selection"]) == {"last", "test_peek"}
    assert entries["by_selection"]["test_peek"] == entries["overall"]
    assert score(table, "last")["overall"] == entries["by_selection"]["last"]
    assert "by_selection" not in score(made_up()) and chosen_selection(made_up()) == "last"


def test_selections_that_cannot_be_scored_are_refused_in_one_line(made_up):
    with pytest.raises(UserMistake, match=r"selection 'iner' \(did you mean 'inner'\?\); there are: inner, last"):
        score(made_up(selections=("last", "inner")), "iner")
    with pytest.raises(UserMistake, match="hold the selections inner, last, test_peek: say which one to score"):
        score(made_up(selections=("last", "inner", "test_peek")))
    with pytest.raises(ValueError, match="at least one prediction"):
        score(made_up().where(dataset="smic"))
    with pytest.raises(TypeError, match="Predictions"):
        score({"uf1": 0.5})


def test_the_majority_vote_counts_the_clips_outside_the_fold(made_up, shuffled):
    table = made_up(lights=("L0", "L1"))
    vote = majority_vote(table)
    for row in range(0, len(table), 7):
        one = {name: values[row] for name, values in table.columns.items()}
        rest = table.where(run=one["run"], light=one["light"])
        outside = rest.columns["label"][rest.columns["fold"] != one["fold"]]
        counts = [int((outside == name).sum()) for name in table.classes]
        assert vote.columns["prediction"][row] == table.classes[int(np.argmax(counts))]
        assert vote.probabilities[row] == pytest.approx(np.array(counts) / len(outside))
    assert score(majority_vote(shuffled(table)))["overall"] == score(table)["majority_vote"]


def test_a_majority_vote_needs_two_folds(made_up):
    table = made_up()
    one_fold = Predictions(table.classes, {**table.columns, "fold": np.full(len(table), "all")}, table.probabilities)
    assert score(one_fold)["majority_vote"] is None
    with pytest.raises(ValueError, match="at least two folds"):
        majority_vote(one_fold)
