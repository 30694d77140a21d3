"""The zoo's study: what is told apart, how networks are joined that are not, and the whole of it on a small table."""

import argparse
import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from mer_jax.evaluation.predictions import Predictions
from mer_jax.mistakes import UserMistake


def answers(right: np.ndarray) -> Predictions:
    """right (people, clips) bool: one run of two classes."""
    person, clip = (axis.ravel() for axis in np.indices(right.shape))
    label = clip % 2
    guess, names, count = np.where(right.ravel(), label, 1 - label), np.array(["a", "b"]), right.size
    columns = {"run": np.zeros(count, int), "dataset": np.full(count, "made"), "subject": np.char.add("s", person.astype(str)),
               "clip": np.char.add("c", clip.astype(str)), "label": names[label], "prediction": names[guess]}
    return Predictions(("a", "b"), columns, np.eye(2)[guess])


def test_only_what_every_person_shows_is_told_apart(studies):
    """Twelve people: p = 2^-12 for each of two pairs, six asked; the other four p are 1 or near."""
    good, same, bad = np.ones((12, 4), bool), np.ones((12, 4), bool), np.zeros((12, 4), bool)
    bad[:, 0] = True
    found = studies("zoo_tests").compared({"bad": answers(bad), "good": answers(good), "same": answers(same)})
    assert {tuple(pair[:2]) for pair in found["told_apart"]} == {("good", "bad"), ("same", "bad")}
    assert [p for *_, p in found["told_apart"]] == pytest.approx([6 / 2**12] * 2)
    assert found["ranks"] == {"bad": 3.0, "good": 1.5, "same": 1.5}


def test_networks_are_joined_as_far_as_none_is_told_apart(studies):
    cliques = studies("zoo_tests").cliques
    ranks = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    assert cliques(ranks, []) == [("a", "b", "c", "d")]
    assert cliques(ranks, [["a", "c", 0.01], ["a", "d", 0.01], ["b", "d", 0.04]]) == [("a", "b"), ("b", "c"), ("c", "d")]
    assert cliques(ranks, [["a", name, 0.01] for name in "bcd"]) == [("b", "c", "d")]


def test_the_whole_study_on_planted_clips(studies, table, tmp_path):
    """What is planted is found, by a network whose every column is there; asked again, nothing is trained."""
    zoo = studies("zoo")
    asked = argparse.Namespace(table=table, out=tmp_path / "zoo", only="linear_svm,ststnet", epochs=25, seeds=2, recipe="same",
                               figure=tmp_path / "zoo.png")
    found = zoo.study(asked)
    row = found["rows"]["ststnet"]
    assert row["uf1"] > 0.6 and row["peek"] >= row["uf1"] and min(row["ensemble"], row["leaky"]) > 0.6
    assert (row["parameters"], row["mflops"]) == (1683, 0.78) and row["milliseconds"] > 0
    assert found["clips"] == 24 and found["people"] == 6 and Image.open(asked.figure).width > 400
    assert set(found["ranks"]) == {"linear_svm", "ststnet"} and sum(found["ranks"].values()) == pytest.approx(3)
    text = zoo.text_of(found)
    assert set(row["by_dataset"]) == {"casme2", "smic"} and all(part["uf1"] > 0.4 for part in row["by_dataset"].values())
    svm = found["rows"]["linear_svm"]
    assert svm["uf1"] == svm["ensemble"] == svm["peek"] > 0.6 and svm["parameters"] == 7059
    assert "ststnet" in text and "no scores" in text and "none is told apart" in text
    again = zoo.study(asked)["rows"]["ststnet"]
    assert {**again, "milliseconds": 0} == {**row, "milliseconds": 0}
    row["code"] = "0"
    assert "another version of mer_jax than this: ststnet\n" in zoo.text_of(found) and "another version" not in text
    asked.epochs = 24
    with pytest.raises(UserMistake, match=r"honest: of other settings: .*\(25 there, 24 here\).*; name another --out"):
        zoo.study(asked)


def test_all_that_read_flow_and_no_other_are_asked_the_cheapest_first(studies):
    zoo = studies("zoo")
    names = zoo.flow_networks()
    assert "agmenet" not in names and names[0] == "linear_svm"
    assert names.index("ststnet") < names.index("off_tanet") < names.index("cabm_fmer")
    with pytest.raises(UserMistake, match="did you mean 'ststnet'"):
        zoo.chosen("off_tanet,stsnet")


def test_the_recipe_is_the_same_for_all_but_the_losses_of_each(studies):
    zoo, asked = studies("zoo"), SimpleNamespace(table="clips.csv", epochs=7, seeds=3, recipe="same")
    names = [name for name in zoo.flow_networks() if name != zoo.SVM]
    found = {name: zoo.settings_for(name, "honest", asked) for name in names}
    own = {name: zoo.settings_for(name, "honest", SimpleNamespace(**{**vars(asked), "recipe": "own"})) for name in names}

    def without_losses(settings):
        stages = tuple(dataclasses.replace(stage, losses=(("cross_entropy", 1.0),)) for stage in settings.recipe.stages)
        return dataclasses.replace(settings.recipe, stages=stages)

    assert len({without_losses(settings) for settings in found.values()}) == 1 < len({without_losses(s) for s in own.values()})
    for name in names:
        assert found[name].recipe.stages[-1].losses == own[name].recipe.stages[-1].losses and found[name].seeds == 3
        assert found[name].protocol == "leave_one_subject_out" and not found[name].allow_leak
    assert found["ststnet"].recipe.epochs == 7 != own["ststnet"].recipe.epochs
    assert zoo.settings_for("ststnet", "leaky", asked).protocol == "leaky_kfold"
