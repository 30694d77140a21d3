"""The command `mer-jax`: what it prints and writes."""

import csv
import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_run import strict_json, tiny

from mer_jax.evaluation.predictions import read_csv
from mer_jax.training.event_log import events_of

FILES = {"config.json", "plan.json", "predictions.csv", "metrics.json", "log.jsonl", "attention.npz", "checkpoints",
         "report.html"}
EXPERIMENT = Path(__file__).parents[2] / "experiments" / "ststnet.py"


def test_benchmark_leaves_every_file_and_prints_the_table(finished, monkeypatch):
    monkeypatch.chdir(finished)
    out, err = Path("out").read_text(), Path("err").read_text()
    assert {entry.name for entry in Path("run").iterdir()} == FILES | {".lock"}
    assert "UF1" in out and "overall" in out and "majority vote" in out
    assert out.splitlines()[-1] == "report: run/report.html"
    assert len(err.splitlines()) == 1 and err.split()[-1] == "devices"
    with open("run/predictions.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    keys = [(row["run"], row["dataset"], row["subject"], row["clip"]) for row in rows]
    assert len(keys) == len(set(keys)) == 24
    assert {row["selection"] for row in rows} == {"last"}
    config = strict_json(Path("run/config.json").read_text())
    assert {"identity", "settings", "data", "versions", "code", "command"} <= set(config)
    assert [strict_json(line)["event"] for line in Path("run/log.jsonl").read_text().splitlines()]
    metrics = strict_json(Path("run/metrics.json").read_text())
    assert {"overall", "by_dataset", "by_light", "seconds"} <= set(metrics) and metrics["told_the_true_motion"] is False


def test_subjects_that_alone_are_left_out_are_said_to_be_a_part_of_the_protocol(here, mer_jax, monkeypatch):
    """In the terminal, at once and where the finished run is only read; in metrics.json; in the report."""
    words = tiny("--config.protocol_options.subjects=b/s2,a/s0", "--out=part")
    said = "b/s2, a/s0 alone were left out: a part of the protocol, and no score of the whole"
    monkeypatch.chdir(here)
    for _ in range(2):
        status, out, _ = mer_jax(*words)
        assert status == 0 and f"8 clips, 1 seed, selection last; [low, high]: 95 % over subjects\n{said}\n" in out
    assert json.loads(Path("part/metrics.json").read_text())["only_subjects"] == ["b/s2", "a/s0"]
    assert json.loads(Path("part/metrics.json").read_text())["majority_vote"] is None  # their folds trained on others too
    assert said in Path("part/report.html").read_text() and said in mer_jax("report", "part")[1]


def test_json_is_one_object_with_the_same_numbers(finished, mer_jax, monkeypatch, no_training):
    monkeypatch.chdir(finished)
    status, out, err = mer_jax(*tiny("--out=run", "--json"))
    assert (status, err) == (0, "")
    assert out.count("\n") == 1
    found = strict_json(out)
    assert found.pop("folder") == "run"
    assert found == strict_json((finished / "run/metrics.json").read_text())


def test_the_same_command_again_prints_the_result_without_training(finished, mer_jax, monkeypatch, no_training):
    monkeypatch.chdir(finished)
    before = {path: path.stat().st_mtime_ns for path in Path("run").rglob("*")}
    status, out, err = mer_jax(*tiny("--out=run", "--config.checkpoint_seconds=5"))
    assert status == 0 and err == "" and out.splitlines()[-1] == "report: run/report.html"
    assert before == {path: path.stat().st_mtime_ns for path in Path("run").rglob("*")}


def test_a_space_stands_for_the_equals_sign(finished, mer_jax, monkeypatch, no_training):
    monkeypatch.chdir(finished)
    status, out, err = mer_jax("benchmark", "--config", "tiny.py", "--config.epochs", "2", "--out", "run",
                               "--config.allow_leak", "false", "--config.data.classes", "")
    assert (status, err) == (0, "") and out.splitlines()[-1] == "report: run/report.html"


def test_fresh_starts_over(run_here, mer_jax, finished):
    for name in ("predictions.csv", "log.jsonl", "report.html"):
        (run_here / name).write_text("spoilt")
    assert mer_jax(*tiny("--out=run", "--fresh"))[0] == 0
    assert (run_here / "predictions.csv").read_bytes() == (finished / "run/predictions.csv").read_bytes()
    epochs = [[{**event, "at": 0} for event in events_of(folder / "log.jsonl") if event["event"] == "epoch"]
              for folder in (run_here, finished / "run")]
    assert epochs[0] == epochs[1] != []


def test_a_full_disk_and_the_unfinished_folder_goes_on(here, mer_jax, finished, monkeypatch):
    def full(path, _):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("mer_jax.evaluation.run_folder.write_whole", full)
        status, out, err = mer_jax(*tiny("--out=run"))
    assert (status, out) == (2, "")
    line = err.splitlines()[-1]
    assert "predictions.csv" in line and "the disk is full" in line and "goes on" in line
    with open("run/log.jsonl", "a", encoding="utf-8") as log:
        log.write('{"event": "epo')                                  # as a kill leaves it
    assert mer_jax(*tiny("--out=run"))[0] == 0
    assert Path("run/predictions.csv").read_bytes() == (finished / "run/predictions.csv").read_bytes()
    assert '"epoch"' not in Path("run/log.jsonl").read_text().split("epo\n")[-1], "both were there: none is trained again"


def test_without_out_the_folder_is_named_by_config_and_digest(here, mer_jax):
    status, out, _ = mer_jax(*tiny())
    (folder,) = Path("runs").iterdir()
    assert status == 0 and folder.name.startswith("tiny-") and len(folder.name) == len("tiny-") + 8
    assert out.splitlines()[-1] == f"report: {folder}/report.html"
    assert mer_jax(*tiny("--config.checkpoint_seconds=5"))[1] == out
    assert len(list(Path("runs").iterdir())) == 1


@pytest.mark.slow
def test_the_experiment_file_runs_on_a_table(here, mer_jax):
    status, out, _ = mer_jax("benchmark", f"--config={EXPERIMENT}", "--config.data.table=clips.csv",
                             "--config.epochs=1", "--config.seeds=2", "--out=run", "--json")
    assert status == 0 and strict_json(out)["overall"]["runs"] == 2


@pytest.mark.slow
def test_a_peeking_selection_is_not_called_a_score(here, mer_jax):
    status, out, err = mer_jax(*tiny("--config.selection=test_peek", "--out=run"))
    assert status == 0 and "not a score" in out and "not a score" in err


def test_report_of_one_run_and_of_two(finished, run_here, mer_jax):
    run = finished / "run"
    status, out, err = mer_jax("report", run)
    assert (status, err) == (0, "") and out.splitlines()[-1] == f"report: {run}/report.html"
    assert strict_json(mer_jax("report", run, "--json")[1])["report"] == f"{run}/report.html"
    status, out, err = mer_jax("report", run, run_here)
    assert (status, err, out) == (0, "", "comparison: comparison.html\n")
    page = Path("comparison.html").read_text()
    assert "leave one subject out" in page and "2 epochs" in page and "selection last" in page
    assert len(strict_json(mer_jax("report", run, run_here, "--json")[1])["runs"]) == 2


def test_the_report_of_one_run_may_go_elsewhere(run_here, mer_jax):
    before = (run_here / "report.html").stat().st_mtime_ns
    assert mer_jax("report", run_here, "--out=page.html")[1].splitlines()[-1] == "report: page.html"
    assert Path("page.html").read_bytes() == (run_here / "report.html").read_bytes()
    assert (run_here / "report.html").stat().st_mtime_ns == before


def test_on_a_terminal_the_steps_before_training_are_named(finished, mer_jax, monkeypatch, no_training):
    monkeypatch.chdir(finished)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, _, err = mer_jax(*tiny("--out=run"))
    assert "reading clips.csv" in err and "24 clips of 6 subjects" in err and "compiling" in err


@pytest.mark.parametrize("command, row", [("models", "ststnet/paper"), ("datasets", "table"), ("protocols", "composite")])
def test_lists_have_a_row_each(command, row, mer_jax):
    status, out, err = mer_jax(command)
    assert (status, err) == (0, "") and any(line.startswith(row.split("/")[0]) for line in out.splitlines())
    found = strict_json(mer_jax(command, "--json")[1])
    assert row in found and len(found) == len(out.splitlines()) - 1


def test_the_options_of_a_protocol_are_listed_with_what_they_usually_are(mer_jax):
    found = strict_json(mer_jax("protocols", "--json")[1])
    assert {name: row["options"] for name, row in found.items()} == {
        "leave_one_subject_out": "subjects=()", "composite": "subjects=()", "leave_one_dataset_out": "",
        "subject_kfold": "folds=5 seed=0", "hold_out": "share=0.2 seed=0", "leaky_kfold": "folds=10 seed=0"}


@pytest.mark.parametrize("command", [[], ["benchmark"], ["report"], ["status"], ["tensorboard"], ["models"],
                                     ["datasets"], ["protocols"]])
def test_help_has_an_example(command, mer_jax):
    status, out, err = mer_jax(*command, "--help")
    assert (status, err) == (0, "") and "example:" in out and "mer-jax " in out


def test_help_does_not_import_jax():
    code = ("import sys; sys.argv = ['mer-jax', 'benchmark', '--help']\n"
            "import atexit; atexit.register(lambda: print('jax' in sys.modules or 'numpy' in sys.modules))\n"
            "from mer_jax.command_line import main; main()")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")


def test_a_measured_plan_is_kept_obeyed_and_changes_no_prediction(here, finished, mer_jax, monkeypatch):
    """Every epoch costs what the test says, so that another plan than the rule's is the quickest."""
    monkeypatch.setattr("mer_jax.training.tuning.epoch_seconds",
                        lambda program, plan, runs, data: 1.0 if plan.driver == "scan" else 0.1)
    status, _, err = mer_jax(*tiny("--out=run", "--tune"))
    assert status == 0, err
    plan = json.loads(Path("run/plan.json").read_text())
    assert plan["driver"] == "loop" and {"chunk", "driver", "form", "milliseconds"} == set(plan["measured"][0])
    assert min(row["milliseconds"] for row in plan["measured"]) == 100
    found, wanted = (read_csv(path / "predictions.csv") for path in (Path("run"), finished / "run"))
    np.testing.assert_allclose(found.probabilities, wanted.probabilities, atol=1e-4)
    Path("run/metrics.json").unlink()
    status, _, err = mer_jax(*tiny("--out=run", "--tune"))
    assert status == 0 and "there already, and obeyed; --fresh --tune measures anew" in err
    assert json.loads(Path("run/plan.json").read_text()) == plan
