"""The pointing study on planted clips, of which it is known what moves."""

import argparse
import json

import numpy as np
import pytest

from mer_jax.data.folds import leave_one_subject_out
from mer_jax.evaluation.benchmark import prepare
from mer_jax.evaluation.pointing import IN_ITS_PLACE
from mer_jax.evaluation.run_folder import told_the_true_motion
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.training.front import Front
from mer_jax.training.stages import Recipe, Stage


@pytest.fixture
def study(studies, clips, monkeypatch, tmp_path):
    """A function: the study of these clips, with the planted blocks as what moves, or without."""
    program = studies("pointing")
    moves = np.zeros((len(clips), 28, 28, 2), np.float32)
    for row, label in enumerate(np.asarray(clips.label)):
        moves[row, 4 + 7 * label : 10 + 7 * label, 6:22] = 1

    def study(known: bool = True, **said):
        monkeypatch.setattr(program.mer_jax, "load", lambda *_, **__: clips.replace(true_flow=moves) if known else clips)
        usual = {"out": tmp_path, "only": "linear", "people": "synthme/easy", "flow": "stored", "epochs": 25, "seeds": 1}
        found = program.study(argparse.Namespace(**{**usual, **said}))
        return found, program.text_of(found)

    return study


def test_what_is_played_is_told_with_whether_it_is_enough(study, studies, monkeypatch, tmp_path):
    """By the program, by metrics.json and by the report, the same."""
    found, text = study()
    (row,) = found["rows"].values()
    times, (low, high) = row["looks"]["input gradient"]
    assert row["uf1"] > 0.6 and low <= times <= high and times > 1.2
    mean, _ = row["looks"]["input gradient" + IN_ITS_PLACE]
    assert mean < times and text.endswith(f"{'yes' if times >= 2 else 'no':4}{mean:.2f}")
    assert json.loads((tmp_path / "linear" / "metrics.json").read_text())["pointing"]["input gradient"] == [times, [low, high]]
    assert f"{times:.2f} [{low:.2f}, {high:.2f}] times as much" in (tmp_path / "linear" / "report.html").read_text()
    assert "Not a fair score: the network was told the true motion" in (tmp_path / "linear" / "report.html").read_text()
    assert json.loads((tmp_path / "linear" / "metrics.json").read_text())["told_the_true_motion"] is True
    monkeypatch.setattr(studies("pointing"), "WANTED", times - 0.1)
    assert study()[1].endswith(f"yes {mean:.2f}")


def test_clips_whose_motion_nobody_knows_and_networks_that_are_none_are_refused(study):
    with pytest.raises(UserMistake, match="--people=synthme/easy: has no true flow"):
        study(known=False, epochs=10**6)                                               # of which none is trained
    with pytest.raises(UserMistake, match="did you mean 'linear'"):
        study(only="linar")


@pytest.mark.parametrize(("flow", "known", "told"), [("tvl1", True, False), ("stored", True, True), ("stored", False, False)])
def test_only_stored_flow_of_rendered_clips_is_the_true_motion(flow, known, told, clips, moving_clips):
    """`known`: whether the clips have a true flow. Flow that is found on frames is an estimate, whoever rendered them."""
    shown = moving_clips if flow == "tvl1" else clips
    shown = shown.replace(true_flow=np.zeros((len(shown), 8, 8, 2), np.float32)) if known else shown
    recipe = Recipe((Stage(1, 1e-3),), batch_size=6)
    experiment = prepare(create("linear", len(shown.classes)), shown, leave_one_subject_out(shown), recipe, findings=(),
                         front=Front(flow=flow))
    assert told_the_true_motion(experiment) is told
