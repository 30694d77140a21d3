"""`mer-jax flow` and `mer-jax fidelity`: a table of frames in, stored flow or a table of motion kept out."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_run import strict_json

from mer_jax.command_line import STOPPED, STOPPED_EARLY, stopped_line


@pytest.fixture
def frames_here(tmp_path, monkeypatch):
    """clips.csv of four clips of two people, 12 frames of 32 x 32 each; of one the apex is not known."""
    rng = np.random.default_rng(0)
    monkeypatch.chdir(tmp_path)
    rows = [["dataset", "subject", "clip", "emotion", "frames", "onset", "apex", "offset", "fps"]]
    for number in range(4):
        folder = Path("frames") / f"c{number}"
        folder.mkdir(parents=True)
        face = rng.integers(40, 200, (36, 36, 3))
        for t in range(12):
            shift = 2 - abs(t - 6) // 3
            picture = np.clip(face[shift : shift + 32, 2:34] + rng.normal(0, 1, (32, 32, 3)), 0, 255)
            Image.fromarray(picture.astype(np.uint8)).save(folder / f"{t + 100}.png")
        rows.append(["made", f"s{number // 2}", f"c{number}", ("a", "b")[number % 2], str(folder), 100, 106 if number else "",
                     111, 200])
    with open("clips.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return tmp_path


@pytest.mark.slow
def test_flow_is_stored_said_and_read_by_the_next_command(frames_here, mer_jax):
    status, out, err = mer_jax("flow", "clips.csv", "--out=flow", "--flow=fast", "--apex=largest_motion")
    assert (status, err) == (0, "")
    assert out.splitlines() == ["flow of 4 clips, 4 of them now, the apex of 1 of them estimated (largest_motion)",
                                "table: flow/clips.csv"]
    status, out, _ = mer_jax("flow", "clips.csv", "--out=flow", "--flow=fast", "--apex=largest_motion", "--json")
    assert strict_json(out) == {"clips": 4, "made": 0, "table": "flow/clips.csv", "estimated": 1}
    status, out, _ = mer_jax("benchmark", f"--config={Path(__file__).parents[2] / 'experiments/ststnet.py'}",
                             "--config.data.table=flow/clips.csv", "--config.protocol=leave_one_subject_out",
                             "--config.data.classes=a,b", "--config.epochs=1", "--config.seeds=1", "--out=run")
    assert status == 0 and out.splitlines()[-1] == "report: run/report.html"


def test_a_stopped_flow_says_that_it_goes_on(tmp_path):
    assert stopped_line(tmp_path) == STOPPED_EARLY
    (tmp_path / "flow.json").write_text("{}")
    assert stopped_line(tmp_path) == STOPPED


@pytest.mark.slow
def test_fidelity_prints_a_table_or_one_object_and_draws(frames_here, mer_jax):
    words = ("fidelity", "clips.csv", "--light=L2", "--enhancers=gain")
    status, out, err = mer_jax(*words, "--figure=kept.png")
    assert (status, err) == (0, "")
    assert "4 clips of 2 people, windows of 5 frames, against the clean flow; landmarks assumed" in out
    assert "L2, TV-L1" in out and "L2, Farneback" in out and Path("kept.png").is_file()
    found = strict_json(mer_jax(*words, "--json", "--clips=2")[1])
    assert (found["clips"], found["subjects"]) == (2, 2)
    assert [(row["enhancer"], row["level"]) for row in found["rows"]] == [
        ("clean", "L0"), ("none", "L2"), ("gain", "L2"), ("t5", "L2"), ("captures", "L2")]


@pytest.mark.parametrize(("words", "line"), [
    (["flow", "clips.csv", "--out=flow", "--flow=slow"], "flow 'slow' is not known"),
    (["flow", "clips.csv", "--out=clips.csv"], "clips.csv: wanted a folder for the flow, found a file"),
    (["flow", "clips.csv"], "--out"),
    (["flow", "nowhere.csv", "--out=flow"], "nowhere.csv: does not exist"),
    (["flow", "clips.csv", "--out=flow", "--fast"], "option '--fast' is not known"),
    (["flow", "nowhere.csv", "--out=flow", "--apex=mid"], "apex 'mid' is not known"),         # before anything is read
    (["fidelity", "nowhere.csv", "--light="], "no light level"),
    (["fidelity", "nowhere.csv", "--clips=0"], "option --clips=0: wanted at least 1"),
    (["fidelity", "clips.csv", "--figure=no/such/folder.png"], "no such folder for the figure"),
    (["fidelity", "clips.csv", "--light=L5"], "light 'L5' is not known"),
    (["fidelity", "clips.csv", "--enhancers=clahee"], "enhancer 'clahee' is not known (did you mean 'clahe'"),
    (["fidelity", "clips.csv", "--label=label3"], "label='label3' does not go with a table"),
])
def test_mistakes_are_one_line(frames_here, refused, words, line):
    refused(words, line)
