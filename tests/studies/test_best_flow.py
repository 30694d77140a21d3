"""The ladder of choices: nobody has a part in what is chosen for them, and each step is what it says."""

import argparse
import json
import shutil

import numpy as np
import pytest

from mer_jax.evaluation.predictions import Predictions
from mer_jax.mistakes import UserMistake
from mer_jax.models import counted, create


@pytest.fixture
def study(studies, monkeypatch):
    module = studies("best_flow")
    monkeypatch.setattr(module, "STEPS", {"base": {"base": {"optimizer": {"learning_rate": 1e-6}}}, "recipe": {"fast": {}},
                                          "pretrained": {}})
    monkeypatch.setitem(module.INNER, "folds", 2)
    return module


@pytest.fixture
def asked(table, tmp_path):
    table = shutil.copytree(table.parent, tmp_path / "clips") / table.name
    return argparse.Namespace(table=table, out=tmp_path / "best", network=None, groups=2, seeds=2, epochs=25)


@pytest.mark.slow
def test_what_learns_is_chosen_and_the_steps_are_told_in_order(study, asked):
    """`base` learns nothing at its rate, so each group takes `fast` as soon as it may."""
    found = study.study(asked)
    assert list(found["steps"]) == ["base", "recipe", "seeds", "three", "networks"] == ["base", *found["gained"]]
    assert found["chosen"]["base"] == {"fold0": ["base"], "fold1": ["base"]}
    assert all(names == ["fast"] for names in found["chosen"]["recipe"].values())
    assert all(names == ["fast", "base"] for names in found["chosen"]["three"].values())
    assert all(names == ["fast"] for names in found["chosen"]["networks"].values())
    assert found["gained"]["recipe"]["uf1"]["difference"] > 0.2 and found["steps"]["recipe"]["uf1"][0] > 0.6
    text = study.text_of(found)
    assert "24 clips of 6 people" in text and "recipe" in text and "fold0 fast" in text


@pytest.mark.slow
def test_nobody_has_a_part_in_what_is_chosen_for_them(study, asked, clips):
    """The tested people's labels dealt anew: what was chosen for them, and its inner scores, stay to the last bit."""
    first = study.study(asked)
    held_out = {clips.subjects[s] for s in np.asarray(clips.subject)[study.subject_kfold(clips, 2).test[0]].tolist()}
    header, *lines = asked.table.read_text().splitlines()
    other = {"negative": "positive", "positive": "surprise", "surprise": "negative"}
    changed = [line.split(",") for line in lines]
    changed = [[d, s, c, other[e] if f"{d}/{s}" in held_out else e, f] for d, s, c, e, f in changed]
    asked.table.write_text("\n".join([header, *map(",".join, changed)]) + "\n")
    asked.out = asked.out.with_name("again")
    again = study.study(asked)
    assert again["inner"]["fold0"] == first["inner"]["fold0"] and again["inner"]["fold1"] != first["inner"]["fold1"]
    for step, groups in first["chosen"].items():
        assert again["chosen"][step]["fold0"] == groups["fold0"], step


def test_pretrained_candidates_begin_with_the_kept_network_and_are_not_there_without_one(studies, tmp_path):
    module = studies("best_flow")
    (tmp_path / "choices.json").write_text('{"made_on_real_clips": []}')
    assert "pretrained" not in module.steps_with(None)
    assert all(changes["weights"] == str(tmp_path) for changes in module.steps_with(tmp_path)["pretrained"].values())
    names = [name for candidates in module.steps_with(tmp_path).values() for name in candidates]
    assert len(names) == len(set(names)) == 26


def test_a_kept_network_that_was_fitted_to_the_tested_is_refused(studies, tmp_path):
    module, choices = studies("best_flow"), tmp_path / "choices.json"
    with pytest.raises(UserMistake, match="has no choices.json"):
        module.steps_with(tmp_path)
    choices.write_text(json.dumps({"crop": "eyes", "made_on_real_clips": []}))
    assert "pretrained" in module.steps_with(tmp_path)
    choices.write_text(json.dumps({"crop": "fitted", "made_on_real_clips": ["the crop"]}))
    with pytest.raises(UserMistake, match="chosen on labels of CASME II and SMIC: the crop; wanted one of --units=rules"):
        module.steps_with(tmp_path)


def test_the_best_candidate_of_each_of_the_three_best_networks(studies):
    candidates = {"a": {}, "b": {}, "c": {"network": "linear"}, "d": {"network": "rcn"}, "e": {"network": "off_apexnet"},
                  "f": {"network": "linear"}}
    score = {"a": 0.5, "b": 0.6, "c": 0.7, "d": 0.2, "e": 0.6, "f": 0.1}
    assert studies("best_flow").best_of_networks(candidates, score) == ["c", "b", "e"]


def test_a_loss_takes_the_place_of_the_usual_one(studies):
    module, asked = studies("best_flow"), argparse.Namespace(table="clips.csv", epochs=3)
    losses = {name: dict(module.settings_for(name, changes, asked).recipe.stages[-1].losses)
              for name, changes in module.STEPS["losses"].items()}
    assert losses == {"focal": {"focal": 1.0}, "margin": {"margin": 1.0}, "smooth_balanced": {"cross_entropy": 1.0}}


def test_every_candidate_is_a_setting_that_can_be(studies):
    module, asked = studies("best_flow"), argparse.Namespace(table="clips.csv", epochs=3)
    for candidates in module.STEPS.values():
        for name, changes in candidates.items():
            settings = module.settings_for(name, changes, asked, protocol="subject_kfold", protocol_options=module.INNER)
            assert settings.recipe.epochs == 3 and settings.network == changes.get("network", "ststnet")
    own = module.settings_for("featref", {"network": "featref"}, asked).recipe.stages[-1].losses
    assert dict(own) != {"cross_entropy": 1.0}


def test_candidates_are_all_networks_up_to_the_bound_of_operations(studies):
    module, rows = studies("best_flow"), studies("zoo_rows")
    cheap = [name for name in rows.flow_networks()
             if name not in rows.MACHINES and counted(create(name, 3))["mflops"] <= module.DEAREST]
    assert sorted(cheap) == sorted((*module.NETWORKS, "ststnet"))


def test_a_candidate_that_ends_as_no_number_is_never_chosen(studies, clips, tmp_path, monkeypatch):
    module = studies("best_flow")

    def failing(*_):
        raise module.NotFinite("training stopped: loss is nan")

    monkeypatch.setattr(module, "run_benchmark", failing)
    assert module.scored("base", {}, "fold0", clips, argparse.Namespace(out=tmp_path, table="clips.csv", epochs=3)) == 0.0


def test_averages_are_over_tables_and_in_each_over_its_runs(studies):
    def table(probabilities):
        p = np.array(probabilities, np.float64)
        columns = {"run": np.repeat(np.arange(len(p)), p.shape[1]), "dataset": np.full(p[..., 0].size, "d"),
                   "subject": np.full(p[..., 0].size, "s"), "light": np.full(p[..., 0].size, "L0"),
                   "selection": np.full(p[..., 0].size, "last"), "clip": np.tile([f"c{n}" for n in range(p.shape[1])], len(p))}
        return Predictions(("a", "b"), {**columns, "prediction": np.array(["a", "b"])[p.argmax(-1).ravel()]}, p.reshape(-1, 2))

    found = studies("best_flow").averaged([table([[[1, 0], [0.2, 0.8]], [[0.4, 0.6], [0, 1]]]), table([[[0.1, 0.9], [1, 0]]])])
    np.testing.assert_allclose(found.probabilities, [[0.4, 0.6], [0.55, 0.45]])
    assert found.columns["prediction"].tolist() == ["b", "a"]
