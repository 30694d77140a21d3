"""A run's folder, gone on with: after damage, on other devices, with other code; and what a finished one prints."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from PIL import Image

from mer_jax import command_line
from mer_jax.evaluation import benchmark as benchmark_module
from mer_jax.training import checkpoints, many_runs
from mer_jax.training.metric_log import MetricLog, logged_seconds

CONFIG = """from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.table = "clips.csv"
    config.epochs = 4
    config.checkpoint_seconds = 0.0
    return config
"""


@pytest.fixture(scope="module")
def table(clips, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("table")
    (folder / "flow").mkdir()
    lines = ["dataset,subject,clip,emotion,flow"]
    for key, label, image in zip(clips.ids, clips.label, clips.flow, strict=True):
        name = f"flow/{key.replace('/', '_')}.png"
        Image.fromarray(image).save(folder / name)
        lines.append(f"{key.replace('/', ',')},{clips.classes[label]},{name}")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    (folder / "small.py").write_text(CONFIG)
    return folder


@pytest.fixture
def mer_jax(mer_jax, table, tmp_path, monkeypatch):
    """Runs the benchmark in an empty folder `run`; gives (exit status, stdout, stderr)."""
    monkeypatch.chdir(table)

    def call(*words: str, folder: Path = tmp_path / "run") -> tuple[int, str, str]:
        return mer_jax("benchmark", "--config=small.py", f"--out={folder}", *words)

    return call


@pytest.fixture
def run(tmp_path) -> Path:
    return tmp_path / "run"


@pytest.fixture(scope="module")
def audits() -> list:
    """One entry for each time the audit trains; it is told to find nothing, for its own tests are elsewhere."""
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark_module, "poison_reaches_training", lambda *_: seen.append(1) or [])
        yield seen


@pytest.fixture(autouse=True)
def no_audited_epoch(audits):
    audits.clear()


@pytest.fixture
def stopped(mer_jax, run, monkeypatch):
    """The folder of a run that was asked to stop in its second epoch: two or three of its four epochs are stored."""
    seen = []

    def stop_at_second(log, epoch, *rest):
        seen.append(epoch)
        if len(seen) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return whole(log, epoch, *rest)

    whole = MetricLog.epoch
    with monkeypatch.context() as patch:
        patch.setattr(MetricLog, "epoch", stop_at_second)
        status, _, err = mer_jax()
    assert status == 128 + signal.SIGTERM, err
    assert not (run / "predictions.csv").exists()
    return run


@pytest.fixture(scope="module")
def reference(table, audits, tmp_path_factory) -> Path:
    """The folder of a run that nothing stopped."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(table)
        patch.setattr(sys, "argv", ["mer-jax", "benchmark", "--config=small.py", f"--out={folder}"])
        command_line.main()
    return folder


def steps(run: Path) -> list[int]:
    return sorted(int(entry.name) for entry in (run / "checkpoints" / "chunk_0000").iterdir())


def changed(path: Path, change) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def epochs_logged(run: Path) -> int:
    return (run / "log.jsonl").read_text().count('"epoch", "epoch"')


def test_a_signal_behind_the_last_epoch_is_heard_and_nothing_is_trained_again(run, mer_jax, reference, monkeypatch):
    """It comes when a chunk has just been stored, before its held-out clips are predicted."""
    def store_and_stop(folder, epoch, *rest):
        whole(folder, epoch, *rest)
        if epoch == 4 and folder.name == "chunk_0000":
            os.kill(os.getpid(), signal.SIGTERM)

    whole = checkpoints.save
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save", store_and_stop)
        status, _, err = mer_jax()
    log = (run / "log.jsonl").read_text().splitlines()
    assert status == 128 + signal.SIGTERM and '"how": "stopped"' in log[-1], err
    trained = epochs_logged(run)
    assert mer_jax()[0] == 0 and epochs_logged(run) == epochs_logged(reference) >= trained >= 4
    assert (run / "predictions.csv").read_bytes() == (reference / "predictions.csv").read_bytes()


@pytest.mark.parametrize("damaged", ["newest", "all"])
def test_a_damaged_checkpoint_changes_nothing(stopped, mer_jax, reference, damaged):
    present = steps(stopped)
    for step in present[-1:] if damaged == "newest" else present:
        files = [f for f in (stopped / "checkpoints/chunk_0000" / str(step) / "train").rglob("*") if f.is_file()]
        largest = max(files, key=lambda file: file.stat().st_size)
        largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 3])
    status, _, err = mer_jax()
    assert status == 0 and f"chunk_0000/{present[-1]} refused" in err
    assert (stopped / "predictions.csv").read_bytes() == (reference / "predictions.csv").read_bytes()
    assert steps(stopped) == [3, 4]


def test_on_other_devices_all_runs_start_over(stopped, mer_jax, reference, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(many_runs.jax, "local_device_count", lambda: 2)
        status, _, err = mer_jax()
    assert status == 0 and "here are 2 cpu: a new plan is made, and all runs start over" in err and "refused" not in err
    assert epochs_logged(stopped) == 3 * 4 and json.loads((stopped / "plan.json").read_text())["devices"] == 2
    found, wanted = (json.loads((folder / "metrics.json").read_text())["overall"]["clips"] for folder in (stopped, reference))
    assert found == wanted == 24


@pytest.mark.parametrize("change, words", [
    (lambda config: config["versions"].update(jax="0.0.1"), "made with jax 0.0.1, here is "),
    (lambda config: config["versions"].update(jaxlib="0.0.1"), "made with jaxlib 0.0.1, here is "),
    (lambda config: config["code"].update(digest="another"), "made with other code of mer_jax"),
    (lambda config: config.update(identity="another"), "its folds or class weights differ"),
])
def test_other_code_or_versions_do_not_go_on_with_a_run(stopped, mer_jax, change, words):
    changed(stopped / "config.json", change)
    before = {path: path.stat().st_mtime_ns for path in stopped.rglob("*") if path.name != ".lock"}
    status, out, err = mer_jax()
    assert (status, out, err.count("\n")) == (2, "", 1) and words in err and "start over with --fresh" in err
    assert before == {path: path.stat().st_mtime_ns for path in stopped.rglob("*") if path.name != ".lock"}


def test_a_finished_run_is_printed_whatever_the_code(reference, mer_jax, table):
    before = (reference / "config.json").read_text()
    try:
        changed(reference / "config.json", lambda config: (config["versions"].update(jax="0.0.1"), config["code"].clear()))
        (table / "moved.csv").write_text((table / "clips.csv").read_text())
        status, out, err = mer_jax("--config.data.table=moved.csv", folder=reference)
        assert (status, err) == (0, "") and "UF1" in out
        status, _, err = mer_jax("--config.epochs=5", folder=reference)
        assert status == 2 and "epochs (4 there, 5 here)" in err
    finally:
        (reference / "config.json").write_text(before)


def test_scores_are_computed_from_the_predictions(reference, mer_jax):
    path = reference / "metrics.json"
    before = path.read_text()
    wanted = json.loads(mer_jax("--json", folder=reference)[1])
    try:
        changed(path, lambda metrics: metrics["overall"].update(uf1=1.0))
        assert json.loads(mer_jax("--json", folder=reference)[1]) == wanted
        for name in ("overall", "seconds", "leak_audit"):
            changed(path, lambda metrics, name=name: metrics.update({name: "1"}))
            status, out, err = mer_jax(folder=reference)
            assert (status, out, err.count("\n")) == (2, "", 1) and f"{path}: {name!r} is '1', damaged" in err
            path.write_text(before)
    finally:
        path.write_text(before)


def test_the_audit_trains_once_a_run(stopped, mer_jax, audits):
    assert len(audits) == 1
    assert mer_jax()[0] == 0 and len(audits) == 1
    assert mer_jax("--fresh")[0] == 0 and len(audits) == 2


def test_seconds_count_all_calls(stopped, mer_jax):
    with open(stopped / "log.jsonl", "a", encoding="utf-8") as log:
        log.write('{"event": "call", "seconds": 1000.0}\n{"event": "call", "seconds": NaN}\n{"event": "cal')
    before = logged_seconds(stopped / "log.jsonl")
    assert 1000 < before < 2000
    assert mer_jax()[0] == 0
    assert json.loads((stopped / "metrics.json").read_text())["seconds"] > before


def test_fresh_may_begin_in_a_folder_that_holds_no_run_yet(mer_jax, run):
    run.mkdir()
    for name in (".lock", ".plan.json.0123.part"):
        (run / name).write_text("")
    assert mer_jax("--fresh", "--config.epochs=1")[0] == 0
    assert not list(run.glob(".*.part"))


def test_a_protocol_names_the_option_it_does_not_know(mer_jax, run):
    status, _, err = mer_jax("--config.protocol=hold_out", "--config.protocol_options.folds=3")
    assert status == 2 and "protocol hold_out does not know the option 'folds'" in err and "it knows: share, seed" in err
    assert not run.exists()
