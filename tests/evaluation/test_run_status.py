"""What is said of a run from its folder alone: whether it lives, how far it is, what to type; of damaged folders too."""

import contextlib
import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mer_jax.evaluation.run_status import StatusReader, status_entries
from mer_jax.evaluation.status_text import status_lines
from mer_jax.folder_lock import Holder, boot_id, is_held, last_holder, locked, own_command, this_process
from mer_jax.mistakes import UserMistake
from mer_jax.training.metric_log import logged_seconds

CONFIG = {"settings": {"name": "tiny", "network": "ststnet", "variant": None, "protocol": "composite", "selection": "inner",
                       "seeds": 2}, "command": "mer-jax benchmark --config=tiny.py --out=run"}
TRAINING = """
import sys, time
from pathlib import Path
import numpy as np
from mer_jax.folder_lock import locked
from mer_jax.training.metric_log import MetricLog
from mer_jax.training.preemption import Interrupted, stop_requested

sys.argv = ["mer-jax", "benchmark", "--config=my config.py", "--fresh", "--out=run"]
folder, values = Path("run"), np.array([0.25, 0.75])
with locked(folder), MetricLog(folder, 6, 2, (8,), "inner") as log, stop_requested() as stop:
    log.chunk(["seed0/a", "seed0/b"], 8)
    log.chunk(["seed0/c", "seed0/d"], 2)
    for epoch in range(2, 6):
        time.sleep(0.05)
        log.epoch(epoch, ["seed0/c", "seed0/d"], values, values, 4, values)
    print("ready", flush=True)
    while not stop.signal:
        time.sleep(0.01)
    raise Interrupted(stop.signal)
"""


@pytest.fixture
def run(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = Path("run")
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


@contextlib.contextmanager
def training():
    """A process that holds the folder and has logged four epochs."""
    process = subprocess.Popen([sys.executable, "-c", TRAINING], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def status_of(folder: Path) -> dict:
    return status_entries(StatusReader(folder).read())


def text_of(folder: Path) -> list[str]:
    return status_lines(StatusReader(folder).read())


def test_a_living_process_runs(run):
    with training() as process:
        found = status_of(run)
        assert (found["state"], found["process"]["process"]) == ("running", process.pid)
        assert found["going_on"] is None and found["training"]["end"] is None
        assert (found["training"]["runs"], found["training"]["runs_done"], found["training"]["chunk"]) == (6, 2, 2)
        assert (found["training"]["epochs"], found["training"]["epochs_done"], found["training"]["chunks"]) == (8, 6, 3)
        assert found["training"]["loss"] == {"median": 0.5, "low": pytest.approx(0.3), "high": pytest.approx(0.7)}
        assert found["training"]["watched"] == found["training"]["accuracy"] == found["training"]["loss"]
        assert found["training"]["steps_per_second"] <= 4 / 0.05
        assert 9 * 0.05 < found["training"]["seconds_left"] < 10 * 5
        lines = text_of(run)
        assert lines[0].startswith(f"run: running (process {process.pid} on {socket.gethostname()}, since ")
        assert lines[2].endswith("58 %  epoch 6 of 8, chunk 2 of 3") and lines[3] == "runs 3 to 4 of 6, 2 done"
        time.sleep(0.3)
        assert status_of(run)["seconds"] >= found["seconds"] + 0.3, "it trains on"


@pytest.mark.parametrize("number, state, words", [(signal.SIGKILL, "killed", "killed; last sign"),
                                                  (signal.SIGTERM, "stopped", "stopped by SIGTERM; last sign")])
def test_a_dead_process_says_how_far_it_came_and_what_to_type(run, number, state, words):
    with training() as process:
        process.send_signal(number)
        process.wait()
        found = status_of(run)
    assert found["state"] == state and not is_held(run)
    assert found["going_on"] == "mer-jax benchmark '--config=my config.py' --out=run", "--fresh would begin again"
    assert found["training"]["seconds_left"] is None and found["training"]["epochs_done"] == 6
    assert found["seconds"] == pytest.approx(found["last_sign"] - found["process"]["since"], abs=2)
    (run / "checkpoints/chunk_0000/8").mkdir(parents=True)
    for name in ("4", "5.orbax-checkpoint-tmp", "3"):
        (run / "checkpoints/chunk_0001" / name).mkdir(parents=True)
    assert status_of(run)["checkpoint"] == {"chunk": 2, "epochs": 4}
    lines = text_of(run)
    assert lines[0].startswith(f"run: {words}") and "newest checkpoint: epoch 4 of chunk 2" in lines
    assert not any(" left" in line for line in lines)
    there = Path.cwd()
    os.chdir("/")
    assert status_of(there / "run")["going_on"] == f"cd {there} && {found['going_on']}"


def test_a_number_that_is_another_process_now_runs_nothing(run):
    (run / ".lock").write_text(json.dumps(dataclasses.asdict(this_process())))           # it lives, and holds no lock
    assert status_of(run)["state"] == "killed"
    with locked(run):
        assert status_of(run)["state"] == "running"
        assert last_holder(run).process == os.getpid()
    assert status_of(run)["state"] == "killed"


def test_looking_does_not_keep_a_run_from_starting(run):
    code = ("import time; from pathlib import Path; from mer_jax.folder_lock import is_held\n"
            "print('ready', flush=True)\nwhile True: is_held(Path('run')), time.sleep(1e-4)")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as looking:
        try:
            assert looking.stdout.readline() == "ready\n"
            for _ in range(200):
                with locked(run):
                    pass
        finally:
            looking.kill()


def test_a_second_start_leaves_the_first_ones_name(run):
    with training() as process:
        with pytest.raises(UserMistake, match="another process"), locked(run):
            raise AssertionError("it is held")
        assert last_holder(run).process == process.pid


@pytest.mark.parametrize("change, state, again", [
    ({"boot": "earlier"}, "killed", True), ({"host": "a container of this machine"}, "killed", False),
    ({"boot": "of another", "host": "elsewhere"}, "elsewhere", False)])
def test_other_starts_and_other_machines(run, change, state, again):
    (run / ".lock").write_text(json.dumps({**dataclasses.asdict(this_process()), **change}))
    assert boot_id()
    found = status_of(run)
    assert (found["state"], found["machine_started_again"]) == (state, again)
    assert ("started again" in text_of(run)[0]) == again


def test_a_call_that_has_not_come_to_train_is_not_the_one_before(run):
    with training() as process:
        process.send_signal(signal.SIGTERM)
        process.wait()
    with locked(run):
        found = StatusReader(run).read()
        assert (found.state, found.begun) == ("running", False)
        assert status_lines(found)[0].startswith("run: running, about to train")
        assert found.seconds == pytest.approx(logged_seconds(run / "log.jsonl"))
    assert status_of(run)["state"] == "killed", "the last call did not stop as the one before it did"


def test_while_a_line_is_written_and_with_damaged_lines(run):
    with training():
        reader = StatusReader(run)
        whole = reader.read()
        with open(run / "log.jsonl", "ab") as log:
            log.write(b'{"event": "epoch", "epoch": 6, "runs": ["seed0/c"], "lo')
            log.flush()
            assert status_entries(reader.read())["training"]["epochs_done"] == 6 and not reader.read().trouble
            log.write(b"\n\xff\xfe\n" + b'{"event": "epoch", "epoch": 6, "steps": 4, "loss": [null, "x"], "at": 99.0}\n')
        again = reader.read()
    assert again.progress.epochs_done == 7 and again.progress.time == whole.progress.time
    assert again.trouble == (f"{run}/log.jsonl: 2 damaged lines passed over",)
    assert not any(line.startswith("loss") for line in status_lines(again))


@pytest.mark.parametrize("name, content", [("config.json", "{"), ("config.json", "[]"), ("config.json", '{"settings": 3}'),
                                           ("log.jsonl", "\x00\n"), (".lock", "{"), (".lock", "3"), ("metrics.json", "{}"),
                                           ("metrics.json", "{")])
def test_damaged_files_are_named(run, name, content):
    for other in ("predictions.csv", "metrics.json", "report.html", "log.jsonl"):
        (run / other).write_text("{}" if other == "metrics.json" else "")
    (run / name).write_text(content)
    lines = text_of(run)
    assert lines[0] == "run: finished; report: run/report.html"
    assert json.loads(json.dumps(status_of(run)))["state"] == "finished"
    if name in ("log.jsonl", "metrics.json") or content != '{"settings": 3}' and name == "config.json":
        assert any(re.match(f"damaged: run/{name}: ", line) for line in lines)


def test_a_finished_run_shows_its_scores(finished):
    folder = finished()
    (folder / "report.html").write_text("")
    lines = text_of(folder)
    assert lines[0] == f"{folder}: finished; report: {folder}/report.html"
    assert any(line.startswith("overall ") for line in lines)
    assert status_of(folder)["scores"] == json.loads((folder / "metrics.json").read_text())
    with locked(folder):
        assert status_of(folder)["state"] == "running"


def test_what_is_no_runs_folder(tmp_path):
    (tmp_path / "file").write_text("")
    for name, words in (("file", "is a file"), ("nowhere", "no such folder"), (".", "no config.json")):
        with pytest.raises(UserMistake, match=words):
            StatusReader(tmp_path / name)


def test_a_holder_without_all_its_words_is_none(run):
    assert last_holder(run) is None and not is_held(run)
    (run / ".lock").write_text('{"process": 3}')
    assert last_holder(run) is None
    (run / ".lock").write_text(json.dumps(dataclasses.asdict(Holder(1, "h", "b", 2.0, "c", "d"))))
    assert last_holder(run) == Holder(1, "h", "b", 2.0, "c", "d")


@pytest.mark.parametrize(("program", "words"), [("/somewhere/bin/mer-jax", "mer-jax"), ("mer_jax/command_line.py", "mer-jax"),
                                               ("studies/zoo.py", "python studies/zoo.py")])
def test_what_goes_on_is_what_was_called(program, words, monkeypatch):
    monkeypatch.setattr("sys.argv", [program, "--out=my run"])
    assert own_command() == f"{words} '--out=my run'"
