"""SynthME's gates, on pictures made by hand: each fails where what it stands guard over is broken."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from mer_jax.mistakes import UserMistake

PEOPLE, EACH, SIDE = 8, 9, 32


def pictures(person: float = 40, sitting: float = 12, label: float = 0, noise: float = 4):
    """(frames, label, subject): still clips of faces that differ by person, by sitting (person and class), and by class."""
    rng = np.random.default_rng(0)
    subject, number = (axis.ravel() for axis in np.indices((PEOPLE, EACH)))
    classes = number % 3
    faces, sittings, looks = (rng.normal(0, size, (count, SIDE, SIDE, 1)) for size, count in
                              ((person, PEOPLE), (sitting, 3 * PEOPLE), (label, 3)))
    still = 128 + faces[subject] + sittings[3 * subject + classes] + looks[classes]
    frames = still[:, None] + rng.normal(0, noise, (len(subject), 3, SIDE, SIDE, 1))
    return np.clip(np.repeat(frames, 3, -1), 0, 255).astype(np.uint8), classes, subject


@pytest.fixture
def failing(studies, moving_clips, monkeypatch):
    """A function: the gates of single frames that fail on such pictures, by their names."""
    gates = studies("synthme_gates")
    monkeypatch.setattr(gates, "SHUFFLES", 10)

    def failing(**how):
        frames, label, subject = pictures(**how)
        count = len(label)
        marks = {name: np.full(count, value, np.int32) for name, value in
                 (("length", 3), ("onset", 0), ("apex", 1), ("offset", 2))}
        clips = gates.mer_jax.data.clips.clips_of(
            [("made", f"s{s}", f"c{c}") for c, s in enumerate(subject)], [f"{c}" for c in label], ("0", "1", "2"),
            frames=frames, fps=np.full(count, 200, np.float32), **marks)
        monkeypatch.setattr(gates.mer_jax, "load", lambda *_, **__: clips)
        rows = gates.picture_rows(gates.Judge("easy"))
        assert sum(row.holds is not None for row in rows) == 4
        return {row.name for row in rows if row.holds is False}

    return failing


def test_faces_that_tell_who_it_is_and_not_what_they_show_pass(failing):
    assert failing() == set()


def test_a_class_that_single_frames_give_away_fails(failing):
    assert failing(label=12) >= {"linear, onset pixels", "linear, apex pixels"}


def test_faces_that_all_look_the_same_fail(failing):
    assert failing(person=0, sitting=0) >= {"nearest onset picture is the same person's", "leaky_kfold - LOSO"}


RISING = {"L0": (2, 2), "L1": (5, 1), "L2": (4, 4), "L3": (7, 3), "L4": (6, 6)}     # right answers of two halves of the people


@pytest.mark.parametrize(("right", "wanted"), [
    (RISING, {"L4 - L0"}), ({**RISING, "L1": (6, 6)}, {"L1 - L0", "L4 - L0"}), (dict.fromkeys(RISING, (4, 5)), set())])
def test_a_score_that_rises_in_the_dark_fails_from_level_to_level_or_over_all_of_them(right, wanted, studies, monkeypatch):
    """In RISING no step is beyond its interval, since the halves take turns, but all of them together are."""
    gates = studies("synthme_gates")
    judge = gates.Judge.__new__(gates.Judge)
    judge.clips, judge.counts = SimpleNamespace(fps=None), gates.resampled_counts(np.zeros(PEOPLE))

    def confusions(level):
        of_half = np.array([[[r, 9 - r], [9 - r, r]] for r in right[level]])
        return np.repeat(of_half, PEOPLE // 2, 0)

    monkeypatch.setattr(gates, "frame_data", lambda clips: None)
    monkeypatch.setattr(gates, "window_of", lambda fps: 5)
    monkeypatch.setattr(gates, "differences", lambda data, level, window: level)
    judge.linear = confusions
    rows = gates.light_rows(judge)
    assert {row.name for row in rows if row.holds is False} == wanted
    assert [row.name for row in rows if row.holds is not None] == ["L1 - L0", "L2 - L1", "L3 - L2", "L4 - L3", "L4 - L0"]


class Still(list):
    """In place of four clips without motion."""

    true_flow = np.zeros((4, 16, 16, 2), np.float32)

    def __init__(self):
        super().__init__(range(4))

    def replace(self, **_):
        return self


@pytest.mark.parametrize(("tier", "linear", "ststnet", "held"), [
    ("easy", 30, 0.85, {"STSTNet, TV-L1 flow, 9 epochs": True}),
    ("easy_fresh", 99, 0.849, {"STSTNet, TV-L1 flow, 9 epochs": False}),
    ("casme2_like", 50, 0.1, {"linear, true flow": True}), ("casme2_like", 75, 0.1, {"linear, true flow": True}),
    ("casme2_like", 49, 0.9, {"linear, true flow": False}), ("casme2_like_fresh", 76, 0.9, {"linear, true flow": False}),
    ("samm_like", 60, 0.9, {})])
def test_the_gates_of_motion_hold_from_bound_to_bound_of_their_own_tier(tier, linear, ststnet, held, studies, monkeypatch):
    """linear: per cent right of both of two classes, so UF1 too."""
    gates = studies("synthme_gates")
    judge = gates.Judge.__new__(gates.Judge)
    judge.clips, judge.classes, judge.loso = Still(), 2, None
    judge.label, judge.counts = np.arange(4) % 2, gates.resampled_counts(np.zeros(PEOPLE))
    judge.linear = lambda x: np.repeat([[[linear, 100 - linear], [100 - linear, linear]]], PEOPLE, 0)
    monkeypatch.setattr(gates, "tvl1_flow", lambda clips: clips.true_flow)
    monkeypatch.setattr(gates.mer_jax, "benchmark", lambda *_: None)
    monkeypatch.setattr(gates.mer_jax, "score", lambda _: {"overall": {"uf1": ststnet, "interval_subjects": {"uf1": (0, 1)}}})
    rows = gates.motion_rows(judge, tier, 9)
    assert len(rows) == 4 and {row.name: row.holds for row in rows if row.holds is not None} == held


def test_one_table_has_a_column_a_tier_and_a_gate_that_fails_in_any_is_the_exit_status(studies, monkeypatch, capsys):
    gates = studies("synthme_gates")
    for part in ("motion_rows", "state_rows", "light_rows"):
        monkeypatch.setattr(gates, part, lambda *_: [])
    monkeypatch.setattr(gates, "Judge", lambda tier: tier)
    for words, failing, status in (([], "", 0), ([], "casme2_like", 1), (["--tier=easy"], "easy", 1)):
        monkeypatch.setattr(gates, "picture_rows", lambda tier, failing=failing: [
            gates.Row("a gate", 0.5, (0, 1), f"more in {tier}", tier != failing), gates.Row(f"of {tier}", 0.25)])
        monkeypatch.setattr("sys.argv", ["synthme_gates.py", "--epochs=0", *words])
        with pytest.raises(SystemExit) as end:
            gates.main()
        out, err = capsys.readouterr()
        line = next(line for line in out.splitlines() if line.startswith("a gate"))
        assert end.value.code == status and line.count("FAILS") == status and line.count("holds") == 2 - status - len(words)
        assert line.split()[2] == "0.500" and "0.250" in out and "easy: a gate: more in easy" in out
        monkeypatch.setattr("sys.argv", ["synthme_gates.py", "--epochs=0", "--json", *words])
        with pytest.raises(SystemExit):
            gates.main()
        rows = json.loads(capsys.readouterr()[0])
        assert list(rows) == (["easy"] if words else ["easy", "casme2_like"])
        assert rows["easy"][0] == {"name": "a gate", "found": 0.5, "interval": [0, 1], "wanted": "more in easy",
                                   "holds": failing != "easy"}
        assert ("casme2_like" in out) == (not words) and "not asked, by --epochs=0: STSTNet, a gate of easy\n" in err


def test_a_tier_that_there_is_not_is_refused_before_any_is_judged(studies, monkeypatch):
    gates = studies("synthme_gates")
    monkeypatch.setattr("sys.argv", ["synthme_gates.py", "--tier=easy,casme2_lik"])
    monkeypatch.setattr(gates, "rows_of", None)
    with pytest.raises(UserMistake, match="tier 'casme2_lik' is not known .*there are: .*casme2_like"):
        gates.main()
