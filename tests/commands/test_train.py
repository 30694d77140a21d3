"""mer-jax train: a network that is kept, with the score that it earned or the word that it has none."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_run import CLASSES, tiny

from mer_jax.data.from_table import clips_from_table
from mer_jax.evaluation import network_training, run_folder
from mer_jax.evaluation.kept_network import read_network
from mer_jax.evaluation.layout import data_of
from mer_jax.evaluation.network_training import earned_score
from mer_jax.evaluation.run_config import check_folder
from mer_jax.evaluation.start import Start
from mer_jax.mistakes import UserMistake
from mer_jax.models import create


def test_a_network_is_kept_and_answers(here, mer_jax):
    status, out, err = mer_jax("train", *tiny("--out=kept")[1:])
    assert status == 0 and "never scored" in out, err
    kept = json.loads(Path("kept/network.json").read_text())
    assert kept["classes"] == list(CLASSES) and kept["score"] == "never scored" and kept["data"]["clips"] == 24
    clips = clips_from_table(Path("clips.csv"))
    network, variables, description = read_network(Path("kept"))
    assert network == create("ststnet", 3) and description == kept
    logits = network.apply(variables, data_of(network, clips).inputs, train=False).logits
    assert np.isfinite(logits).all() and np.ptp(logits) > 0


def test_the_score_of_the_same_settings_goes_with_it(run_here, mer_jax):
    status, _, err = mer_jax("train", *tiny("--out=kept", f"--benchmark={run_here}")[1:])
    assert status == 0, err
    score = json.loads(Path("kept/network.json").read_text())["score"]
    assert score["overall"]["uf1"] == json.loads((run_here / "metrics.json").read_text())["overall"]["uf1"]
    status, _, err = mer_jax("train", *tiny("--out=other", f"--benchmark={run_here}", "--config.epochs=1")[1:])
    assert status == 0 and "its score is not this network's" in err
    assert json.loads(Path("other/network.json").read_text())["score"] == "never scored"


def test_a_folder_of_something_else_is_left_alone(here, mer_jax):
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("x")
    status, _, err = mer_jax("train", *tiny("--out=mine")[1:])
    assert status == 2 and err.count("\n") == 1 and "no trained network" in err
    assert [p.name for p in Path("mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("command", ["benchmark", "train"])
def test_runs_begin_with_the_weights_of_the_file(command, here, mer_jax, monkeypatch):
    """What is read from the file is what the runs are prepared with, and its digest is in what they are described by."""
    given, seen = Start({"params": {"conv1": {"bias": np.ones(3, np.float32)}}}), {}

    def stop(*_, start=None, **__):
        seen["start"] = start
        raise UserMistake("enough")

    for module in (run_folder, network_training):
        monkeypatch.setattr(module, "read_start", lambda network, classes, path: given if path == "mine.npz" else Start())
    monkeypatch.setattr(run_folder, "prepare", lambda *_, start, **__: stop(start=start.variables))
    monkeypatch.setattr(network_training, "data_of", lambda network, clips, start, front: stop(start=start))
    monkeypatch.setattr(network_training, "check_start", lambda *_: None)
    status, _, err = mer_jax(command, *tiny("--config.weights=mine.npz", "--out=run")[1:])
    assert status == 2 and "enough" in err and seen["start"] is given.variables


def test_a_score_earned_from_other_weights_is_not_this_networks(here, finished):
    config = json.loads((finished / "run" / "config.json").read_text())
    description = {key: config[key] for key in ("settings", "data", "weights")}
    assert isinstance(earned_score(description, finished / "run"), dict)
    assert earned_score({**description, "weights": {"digest": "other"}}, finished / "run") == "never scored"
    renamed = {**description, "settings": {**description["settings"], "weights": "elsewhere.npz"}}
    assert isinstance(earned_score(renamed, finished / "run"), dict)


def test_a_run_begun_with_other_weights_is_another_run(here, finished):
    config = json.loads((finished / "run" / "config.json").read_text())
    check_folder(finished / "run", config)
    with pytest.raises(UserMistake, match="the weights it began with differ"):
        check_folder(finished / "run", {**config, "weights": {"digest": "other"}})


def test_a_benchmark_that_tests_whom_its_start_has_seen_is_refused(here, mer_jax, refused):
    status, _, err = mer_jax("train", *tiny("--out=kept")[1:])
    assert status == 0, err
    refused(tiny("--config.weights=kept", "--out=run"), "6 of the subjects held out", "a/s0", "b/s2", "allow_leak=true")
    refused(tiny("--config.weights=kep", "--out=run"), "weights kep: no such file of weights")
    seen = json.loads(Path("kept/network.json").read_text())["seen"]
    assert seen["subjects"] == ["a/s0", "a/s1", "a/s2", "b/s0", "b/s1", "b/s2"] and len(seen["contents"].split()) == 24


def test_an_allowed_start_is_told_in_the_config_and_the_report(here, mer_jax):
    assert mer_jax("train", *tiny("--out=kept")[1:])[0] == 0
    status, _, err = mer_jax(*tiny("--config.weights=kept", "--out=run", "--config.allow_leak=true"))
    assert status == 0, err
    config, page = json.loads(Path("run/config.json").read_text()), Path("run/report.html").read_text()
    assert config["weights"] == {"digest": config["weights"]["digest"], "head": "taken", "subjects": 6, "clips": 24}
    assert "6 of the subjects held out: a/s0" in config["leak_audit"]["findings"][0]
    assert "trained on 24 clips of 6 people, its last layer too" in page and "6 of the subjects held out" in page
