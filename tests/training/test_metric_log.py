"""The log of a training and its display: what stands in log.jsonl, what a terminal shows, what a follower reads."""

import json
import os
import sys

import numpy as np
import pytest

from mer_jax.training.event_log import EventReader, events_of
from mer_jax.training.metric_log import MetricLog, logged_seconds
from mer_jax.training.preemption import Interrupted
from mer_jax.training.progress import after_all

TWO = np.array([0.25, 0.75])


def train(log: MetricLog, epochs=2, watched=None) -> None:
    """Two runs of so many epochs."""
    log.chunk(["seed0/a", "seed0/b"], 0)
    for number in range(epochs):
        log.epoch(number, ["seed0/a", "seed0/b"], TWO + number, TWO, 3, watched)


def log_of(folder, runs=2, epochs=2, selection="last") -> MetricLog:
    return MetricLog(folder, runs, 2, (epochs,), selection)


def test_every_line_is_one_object_and_the_events_are_those_that_are_documented(tmp_path):
    with log_of(tmp_path, selection="inner") as log:
        train(log, watched=np.array([0.5, np.nan]))
        log.call()
        print("a checkpoint was refused", file=sys.stderr)
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    events = [json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON")) for line in lines]
    assert [event["event"] for event in events] == ["begin", "chunk", "epoch", "epoch", "call", "said", "call", "end"]
    assert events[2]["watched"] == [0.5, None] and events[3]["loss"] == [1.25, 1.75] and events[5]["text"].startswith("a check")
    times = [event["at"] for event in events]
    assert times == sorted(times) and events[0]["time"] > 1e9
    assert sum(event["seconds"] for event in events if event["event"] == "call") == pytest.approx(times[-1], abs=0.01)
    assert logged_seconds(tmp_path / "log.jsonl") == pytest.approx(times[-1], abs=0.01)
    found = after_all(None, events)
    assert (found.end, found.epochs_done, found.runs_done, found.said) == ("trained", 2, 2, ("a checkpoint was refused",))


@pytest.mark.parametrize("error, how, why", [
    (Interrupted(15), "stopped", "stopped by SIGTERM"), (KeyboardInterrupt(), "stopped", "KeyboardInterrupt"),
    (ValueError("the loss\nis nan"), "failed", "the loss is nan")])
def test_the_log_says_why_it_ends(tmp_path, error, how, why):
    with pytest.raises(type(error)), log_of(tmp_path) as log:
        train(log, 1)
        raise error
    found = after_all(None, events_of(tmp_path / "log.jsonl"))
    assert (found.end, found.why, found.epochs_done) == (how, why, 1)


def test_the_terminal_shows_how_far_it_is_and_at_the_end_nothing(tmp_path, terminal):
    seen = terminal()
    print("8 cpu devices", file=sys.stderr)
    with log_of(tmp_path, runs=3, epochs=4) as log:
        train(log, 3)
        shown = seen.rows()
        print("checkpoint 3 refused", file=sys.stderr)
        log.epoch(3, ["seed0/a", "seed0/b"], TWO, TWO, 3, None)
        said = seen.rows()
    assert shown[:2] == ["8 cpu devices", "███████████░░░░░░░░░░░░░░░░░░░  37 %  epoch 3 of 4, chunk 1 of 2"]
    assert shown[2:5] == ["runs 1 to 2 of 3, 0 done",
                          "loss               2.500  [2.300, 2.700]   median [10 %, 90 %]",
                          "training accuracy  0.500  [0.300, 0.700]"]
    assert shown[5].endswith(" s left") and len(shown) == 6
    assert said[:2] == ["8 cpu devices", "checkpoint 3 refused"] and said[2].startswith("███████████████░") and len(said) == 7
    assert seen.rows() == ["8 cpu devices", "checkpoint 3 refused"]
    assert sys.stderr is seen.stream


def test_in_a_pipe_only_what_is_said_is_heard(tmp_path, capsys):
    with log_of(tmp_path) as log:
        train(log)
        print("said", end="", file=sys.stderr)
    assert capsys.readouterr() == ("", "said")
    assert "said" not in [event["event"] for event in events_of(tmp_path / "log.jsonl")], "only whole lines are"


def test_a_follower_reads_each_whole_line_once_and_a_new_log_from_its_beginning(tmp_path):
    path, reader = tmp_path / "log.jsonl", EventReader(tmp_path / "log.jsonl")
    assert reader.news() == (False, [])
    first, second = ({"event": "said", "text": text, "at": 1.0} for text in ("first", "second"))
    line = json.dumps(second).encode() + b"\n"
    with open(path, "wb") as file:
        file.write(json.dumps(first).encode() + b"\n" + line[:10])
        file.flush()
        assert reader.news() == (True, [first]) and reader.news() == (False, [])
        file.write(line[10:])
        file.flush()
        assert reader.news() == (False, [second]) and reader.damaged == 0
        file.write(b"\xff\x00{\n[1]\n{}\n" + b"[" * 100000 + b"\n")
        file.flush()
        assert reader.news() == (False, []) and reader.damaged == 4
    os.replace(path, tmp_path / "old")
    path.write_bytes(line)
    assert reader.news() == (True, [second]) and reader.damaged == 0
    path.write_bytes(line[:-1])                                    # the same file, begun anew
    assert reader.news() == (True, [])
    path.unlink()
    assert reader.news() == (True, [])


def test_a_line_that_a_kill_cut_off_stands_alone(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"event": "epo')
    with log_of(tmp_path) as log:
        train(log)
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert lines[0] == '{"event": "epo' and len(list(events_of(tmp_path / "log.jsonl"))) == len(lines) - 1
