"""How far a benchmark is, by the events of its log and a clock that the test sets."""

import dataclasses

import numpy as np
import pytest

from mer_jax.training.progress import after, after_all, band, epochs_left, seconds_left, seconds_per_epoch, share_done
from mer_jax.training.progress_lines import progress_lines

NAMES = [f"seed0/s{number}" for number in range(5)]


def begin(runs=5, chunk=2, stages=(4,), selection="last"):
    return {"event": "begin", "time": 1000.0, "runs": runs, "chunk": chunk, "stages": list(stages), "selection": selection,
            "at": 0.0}


def chunk(at, names, done=0):
    return {"event": "chunk", "runs": names, "done": done, "at": at}


def epoch(at, number, runs=2, steps=6, **more):
    return {"event": "epoch", "epoch": number, "runs": NAMES[:runs], "loss": [1.0] * runs, "accuracy": [0.5] * runs,
            "steps": steps, **more, "at": at}


def steady(seconds=10.0, compiling=100.0, epochs=4, until=(2, 4)):
    """The events of a benchmark of three chunks, of which the last has one run: epochs of so many seconds each."""
    events, at = [begin()], compiling
    for number in range(until[0] + 1):
        events.append(chunk(at, NAMES[2 * number : 2 * number + 2]))
        for e in range(epochs if number < until[0] else until[1]):
            at += seconds
            events.append(epoch(at, e, 1 if number == 2 else 2))
        at += 7.0                                                  # what lies between the chunks is no epoch
    return events


@pytest.mark.parametrize("where, left", [((0, 2), 10), ((0, 4), 8), ((1, 3), 5), ((2, 0), 4), ((2, 3), 1), ((2, 4), 0)])
def test_what_is_left_is_the_epochs_that_are_left_and_no_compiling(where, left):
    found = after_all(None, steady(until=where))
    assert epochs_left(found) == left and share_done(found) == pytest.approx(1 - left / 12)
    assert seconds_per_epoch(found) == pytest.approx(10.0)
    assert seconds_left(found, found.at) == pytest.approx(10.0 * left)
    assert seconds_left(found, found.at + 4.0) == pytest.approx(max(10.0 * left - 4.0, 0))
    assert seconds_left(found, found.at + 1e6) == pytest.approx(10.0 * max(left - 1, 0))     # stuck: only one epoch may run


def test_before_two_epochs_nothing_is_known():
    for until in ((0, 0), (0, 1)):
        found = after_all(None, steady(until=until))
        assert seconds_per_epoch(found) is None and seconds_left(found, found.at) is None
        assert progress_lines(found, 130.0)[-1] == (
            "2 min 10 s elapsed, " + ("time left not known yet" if until[1] else "compiling, and the first epoch"))


def test_the_next_stage_compiles_beside_the_last_epoch_of_the_one_before():
    times = {0: 50.0, 1: 52.0, 2: 54.0, 3: 56.0, 4: 156.0, 5: 158.0, 6: 161.0, 7: 164.0}     # it takes 98 s after epoch 4
    found = after_all(None, [begin(2, 2, (5, 3)), chunk(1.0, NAMES[:2]), *(epoch(at, e) for e, at in times.items())])
    assert (found.paced_seconds, found.paced_epochs) == (6.0 + 6.0, 3 + 2)


def test_the_speed_is_of_this_call_alone_and_what_an_earlier_call_did_takes_no_time():
    second = [{**begin(), "time": 5000.0}, chunk(3.0, NAMES[:2], 4), chunk(9.0, NAMES[2:4], 2), epoch(60.0, 2), epoch(65.0, 3),
              chunk(66.0, NAMES[4:])]
    found = after_all(None, [*steady(), *second])
    assert (found.time, found.runs_done, found.chunks_begun) == (5000.0, 4, 3)
    assert seconds_left(found, 66.0) == pytest.approx(4 * 5.0)


def test_an_epoch_that_is_trained_again_counts_once():
    events = [begin(2, 2, (9,)), chunk(0.0, NAMES[:2]), epoch(10.0, 0), epoch(12.0, 1), begin(2, 2, (9,)),
              chunk(0.0, NAMES[:2], 1), epoch(30.0, 1), epoch(33.0, 2)]
    found = after_all(None, events)
    assert found.epochs_done == 3 and seconds_left(found, 33.0) == pytest.approx(6 * 3.0)
    found = after_all(found, [epoch(133.0, 6), epoch(136.0, 7)])   # the lines of three epochs are damaged
    assert seconds_left(found, 136.0) == pytest.approx(3.0)


@pytest.mark.parametrize("damage", [
    {"event": "epoch"}, {"event": "epoch", "epoch": 99, "at": 1.0, "steps": 1}, {"event": "epoch", "epoch": "x", "at": 1.0},
    {"event": "chunk", "runs": 3, "done": 0, "at": 1.0}, {"event": "chunk", "runs": [], "done": 0, "at": "NaN"},
    {"event": "begin", "time": 1.0, "runs": 0, "chunk": 0, "stages": [], "selection": ""}, {"event": "call"},
    {"event": "begin", "time": float("inf"), "runs": 1, "chunk": 1, "stages": [1], "selection": ""},
    {"event": "end"}, {"event": "unheard of"}, {"event": "said"}])
def test_a_damaged_event_changes_nothing(damage):
    found = after_all(None, steady(until=(1, 2)))
    assert after(found, damage) == found and after(None, damage) is None


def test_the_band_is_that_of_the_numbers():
    values = np.random.default_rng(0).permutation(101).tolist()
    assert band((*values, None, float("nan"), "x")) == pytest.approx((50, 10, 90))
    assert band((None,)) is None and band(()) is None


def test_the_lines_by_hand():
    found = after_all(None, [begin(340, 68, (500,), "inner"), chunk(9.0, [f"r{n}" for n in range(68)], 500),
                             chunk(10.0, [f"r{n}" for n in range(68)], 10)])
    for number in range(10, 180):
        found = after(found, {**epoch(100.0 + 0.5 * number, number, 68, 6), "watched": [0.25] * 34 + [0.75] * 34})
    assert progress_lines(found, found.at) == [
        "████████░░░░░░░░░░░░░░░░░░░░░░  27 %  epoch 180 of 500, chunk 2 of 5",
        "runs 69 to 136 of 340, 68 done",
        "loss               1.000  [1.000, 1.000]   median [10 %, 90 %]",
        "training accuracy  0.500  [0.500, 0.500]",
        "inner UF1          0.500  [0.250, 0.750]",
        "12 steps/s, 3 min 10 s elapsed, about 15 min 10 s left"]
    long = dataclasses.replace(found, runs=123456, chunk=1234, stages=(99999,), epochs_done=99998, loss=(1234.5,) * 1234)
    assert all(len(line) < 80 for line in progress_lines(long, 9e5))


def test_one_run_has_no_band():
    found = after_all(None, [begin(1, 1), chunk(0.0, ["all"]), epoch(3.0, 0, 1)])
    assert progress_lines(found, 3.0) == ["███████░░░░░░░░░░░░░░░░░░░░░░░  25 %  epoch 1 of 4", "loss               1.000",
                                          "training accuracy  0.500", "3 s elapsed, time left not known yet"]


def test_between_chunks_nothing_of_the_chunk_before_is_shown():
    found = after_all(None, steady(until=(1, 0)))
    assert [line.split()[0] for line in progress_lines(found, found.at)][2:] == ["0.6"]
