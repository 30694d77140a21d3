"""The zoo's study: what is told apart, how networks are joined that are not, and the whole of it on a small table."""

import argparse
import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from mer_jax.data.folds import leave_one_subject_out, subject_kfold
from mer_jax.evaluation.linear_svm import svm_predictions
from mer_jax.evaluation.score import entry
from mer_jax.evaluation.significance import right_answers
from mer_jax.mistakes import UserMistake
from mer_jax.models import create


def test_only_what_every_person_shows_is_told_apart(studies):
    """Twelve people: p = 2^-12 for each of two pairs, six asked; the other four p are 1 or near. People go by their names."""
    good = {f"made/s{number}": 4 for number in range(12)}
    bad, same = dict.fromkeys(good, 3), dict(reversed(good.items()))
    found = studies("zoo_tests").compared({"bad": bad, "good": good, "same": same})
    assert {tuple(pair[:2]) for pair in found["told_apart"]} == {("good", "bad"), ("same", "bad")}
    assert [p for *_, p in found["told_apart"]] == pytest.approx([6 / 2**12] * 2)
    assert found["ranks"] == {"bad": 3.0, "good": 1.5, "same": 1.5}


def test_networks_are_joined_as_far_as_none_is_told_apart(studies):
    cliques = studies("zoo_tests").cliques
    ranks = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    assert cliques(ranks, []) == [("a", "b", "c", "d")]
    assert cliques(ranks, [["a", "c", 0.01], ["a", "d", 0.01], ["b", "d", 0.04]]) == [("a", "b"), ("b", "c"), ("c", "d")]
    assert cliques(ranks, [["a", name, 0.01] for name in "bcd"]) == [("b", "c", "d")]


def words(**said) -> argparse.Namespace:
    """What the command line gives, as usual but for what is said."""
    usual = {**dict.fromkeys(("table", "out", "only", "figure", "folds")), "epochs": 30, "seeds": 5, "recipe": "same"}
    return argparse.Namespace(**{**usual, **said})


@pytest.fixture(scope="module")
def done(studies, table, tmp_path_factory):
    """The whole study on planted clips, and what was asked of it."""
    folder = tmp_path_factory.mktemp("zoo")
    asked = words(table=table, out=folder, only="linear_svm,ststnet", epochs=25, seeds=2, figure=folder / "zoo.png")
    return asked, studies("zoo").study(asked)


@pytest.mark.slow
def test_what_is_planted_is_found_by_a_network_whose_every_column_is_there(studies, done, clips):
    asked, found = done
    row, svm = found["rows"]["ststnet"], found["rows"]["linear_svm"]
    assert row["uf1"] > 0.6 and row["peek"] >= row["uf1"] and min(row["ensemble"]["uf1"], row["leaky"]) > 0.6
    assert (row["parameters"], row["mflops"]) == (1683, 0.78) and row["milliseconds"] > 0
    assert found["clips"] == 24 and found["people"] == 6 and Image.open(asked.figure).width > 400
    assert set(found["ranks"]) == {"linear_svm", "ststnet"} and sum(found["ranks"].values()) == pytest.approx(3)
    assert set(row["by_dataset"]) == {"casme2", "smic"} and all(part["uf1"] > 0.4 for part in row["by_dataset"].values())
    assert svm["uf1"] == svm["ensemble"]["uf1"] == svm["peek"] > 0.6 and svm["parameters"] == 7059
    assert sum(row["right"].values()) == pytest.approx(2 * 24 * row["accuracy"])
    balanced = entry(svm_predictions(clips, leave_one_subject_out(clips), weights="balanced"))["uf1"]
    for part in (row, row["ensemble"], svm):
        low, high = part["above_machine"]["interval"]
        assert part["above_machine"]["difference"] == pytest.approx(part["uf1"] - balanced, abs=1e-6)
        assert low <= part["above_machine"]["difference"] <= high
    text = studies("zoo").text_of(found)
    assert "ststnet" in text and "no scores" in text and "none is told apart" in text and "left out one by one" in text
    assert "another version" not in text
    older = {**found, "rows": {**found["rows"], "ststnet": {**row, "code": "0"}}}
    assert "another version of mer_jax than this: ststnet\n" in studies("zoo").text_of(older)


def test_rows_that_are_kept_are_told_without_table_and_runs_and_none_is_trained_again(studies, done, tmp_path):
    asked, found = done
    zoo = studies("zoo")
    for name in found["rows"]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "row.json").write_bytes((asked.out / name / "row.json").read_bytes())
    assert zoo.study(words(out=tmp_path)) == found
    assert zoo.study(words(**{**vars(asked), "out": tmp_path, "figure": None})) == found
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["row.json", "row.json"]


def test_rows_of_other_settings_are_refused_before_anything_is_trained(studies, done, tmp_path):
    (asked, _), zoo = done, studies("zoo")
    for changed, said in ({"epochs": 24}, r"epochs \(25 there, 24 here\)"), ({"folds": 3}, r"folds \(None there, 3 here\)"):
        with pytest.raises(UserMistake, match=rf"linear_svm: of other settings: .*{said}.*; name another --out"):
            zoo.study(words(**{**vars(asked), **changed}))
    (tmp_path / "linear_svm").mkdir()
    (tmp_path / "linear_svm" / "row.json").write_text(
        (asked.out / "linear_svm" / "row.json").read_text().replace('"seeds": 2', '"seeds": 3'))
    (tmp_path / "ststnet").mkdir()
    (tmp_path / "ststnet" / "row.json").write_bytes((asked.out / "ststnet" / "row.json").read_bytes())
    with pytest.raises(UserMistake, match=r"ststnet is of another table than that of linear_svm: seeds \(2 there, 3 here\)"):
        zoo.study(words(out=tmp_path))
    with pytest.raises(UserMistake, match="no row of ststnet is kept there"):
        zoo.study(words(out=tmp_path / "nothing", only="ststnet"))


def test_a_half_made_run_of_other_clips_is_refused_before_anything_is_trained(studies, done, tmp_path):
    asked, _ = done
    config = json.loads((asked.out / "ststnet" / "leaky" / "config.json").read_text(encoding="utf-8"))
    config["data"]["digest"] = "0123"
    (tmp_path / "ststnet" / "leaky").mkdir(parents=True)
    (tmp_path / "ststnet" / "leaky" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(UserMistake, match=r"leaky: of other settings: digest of clips \('0123' there, '\w{64}' here\); name"):
        studies("zoo").study(words(**{**vars(asked), "out": tmp_path, "figure": None}))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["config.json"]


def test_kept_rows_of_forms_are_told_too(studies, done, tmp_path):
    (tmp_path / "rcn_s").mkdir()
    (tmp_path / "rcn_s" / "row.json").write_bytes((done[0].out / "ststnet" / "row.json").read_bytes())
    assert list(studies("zoo").study(words(out=tmp_path))["rows"]) == ["rcn_s"]


def test_a_failing_leaky_run_takes_no_score_away(studies, done, tmp_path, monkeypatch):
    asked, _ = done
    rows, run = studies("zoo_rows"), studies("zoo_rows").run_benchmark

    def failing(settings, clips, folder):
        if folder.name == "leaky":
            raise rows.NotFinite("training stopped: loss is nan")
        return run(settings, clips, folder)

    shutil.copytree(asked.out / "ststnet" / "honest", tmp_path / "ststnet" / "honest")
    shutil.copytree(asked.out / "ststnet" / "leaky", tmp_path / "ststnet" / "leaky")
    monkeypatch.setattr(rows, "run_benchmark", failing)
    found = studies("zoo").study(words(**{**vars(asked), "out": tmp_path, "only": "ststnet", "figure": None}))
    row = found["rows"]["ststnet"]
    assert row["uf1"] > 0.6 and row["leaky"] is None and "  failed  " in studies("zoo").text_of(found)


def test_a_budget_is_refused_where_nothing_is_trained(studies):
    with pytest.raises(UserMistake, match="--seeds=3: belongs to --table"):
        studies("zoo").with_usual(words(epochs=None, seeds=3, recipe=None))
    with pytest.raises(UserMistake, match="--folds=0: wanted at least 2 groups"):
        studies("zoo").with_usual(words(table="clips.csv", folds=0))
    found = studies("zoo").with_usual(words(table="clips.csv", epochs=None, seeds=3, recipe=None))
    assert (found.epochs, found.seeds, found.recipe, found.folds) == (30, 3, "same", None)


def test_all_that_read_flow_and_no_other_are_asked_the_cheapest_first(studies):
    zoo = studies("zoo")
    names = studies("zoo_rows").flow_networks()
    assert "agmenet" not in names and names[0] == "linear_svm"
    assert names.index("ststnet") < names.index("off_tanet") < names.index("cabm_fmer")
    with pytest.raises(UserMistake, match="did you mean 'ststnet'"):
        zoo.chosen("off_tanet,stsnet")


def test_the_recipe_is_the_same_for_all_but_the_losses_of_each(studies):
    rows, asked = studies("zoo_rows"), words(table="clips.csv", epochs=7, seeds=3)
    names = [name for name in rows.flow_networks() if name not in rows.MACHINES]
    found = {name: rows.settings_for(name, "honest", asked) for name in names}
    own = {name: rows.settings_for(name, "honest", words(table="clips.csv", epochs=7, seeds=3, recipe="own")) for name in names}

    def without_losses(settings):
        stages = tuple(dataclasses.replace(stage, losses=(("cross_entropy", 1.0),)) for stage in settings.recipe.stages)
        return dataclasses.replace(settings.recipe, stages=stages)

    assert len({without_losses(settings) for settings in found.values()}) == 1 < len({without_losses(s) for s in own.values()})
    for name in names:
        assert found[name].recipe.stages[-1].losses == own[name].recipe.stages[-1].losses and found[name].seeds == 3
        assert found[name].protocol == "leave_one_subject_out" and not found[name].allow_leak
    assert found["ststnet"].recipe.epochs == 7 != own["ststnet"].recipe.epochs
    assert rows.settings_for("ststnet", "leaky", asked).protocol == "leaky_kfold"
    in_groups = rows.settings_for("ststnet", "honest", words(table="clips.csv", folds=4))
    assert (in_groups.protocol, dict(in_groups.protocol_options)) == ("subject_kfold", {"folds": 4})


def test_the_linear_machines_leave_out_the_same_groups_as_the_networks(studies, clips):
    rows = studies("zoo_rows")
    found = {name: rows.machine_row(name, clips, words(folds=3, seeds=2)) for name in rows.MACHINES}
    for (name, row), weights in zip(found.items(), ("none", "balanced"), strict=True):
        alone = svm_predictions(clips, subject_kfold(clips, 3), weights=weights)
        assert row["right"] == {person: 2 * right for person, right in
                                zip(np.unique(alone.subject_keys()), right_answers(alone), strict=True)}, name


@pytest.mark.slow
def test_a_network_that_fails_stays_in_the_table(studies, done, tmp_path, monkeypatch):
    """STSTNet at a rate at which its loss ends as none; the machines, asked after it, are there all the same."""
    asked, _ = done
    rows = studies("zoo_rows")
    monkeypatch.setitem(rows.SAME, "learning_rate", 1e30)
    found = studies("zoo").study(words(**{**vars(asked), "out": tmp_path, "only": "ststnet,linear_svm", "folds": 2, "seeds": 1,
                                          "epochs": 3}))
    row = found["rows"]["ststnet"]
    assert "training stopped: " in row["failed"] and set(row["right"].values()) == {0} and len(row["right"]) == 6
    assert found["rows"]["linear_svm"]["uf1"] > 0.6 and found["ranks"] == {"ststnet": 2.0, "linear_svm": 1.0}
    assert "ststnet                      failed: training stopped" in studies("zoo").text_of(found)


def test_forms_of_a_network_are_rows_of_their_own(studies):
    rows = studies("zoo_rows")
    found = {name: rows.settings_for(name, "honest", words(table="clips.csv")) for name in rows.FORMS}
    made = {name: create(s.network, 3, s.variant, s.off, **dict(s.network_options)) for name, s in found.items()}
    base = {name: create(s.network, 3) for name, s in found.items()}
    assert all(made[name] != base[name] for name in made if name != "featref_without_proposals")
    assert dict(found["featref_without_proposals"].recipe.stages[-1].losses) == {"cross_entropy": 1.0}
    assert not set(rows.FORMS) & set(rows.flow_networks())
