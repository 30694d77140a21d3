"""The speed benchmark compares one and the same: data in the composite's shape, and a peer with our losses."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

SPEED = Path(__file__).parents[2] / "experiments" / "speed"


@pytest.fixture(scope="module")
def our_side():
    sys.path.insert(0, str(SPEED))
    yield pytest.importorskip("our_side")
    sys.path.remove(str(SPEED))


@pytest.fixture(scope="module")
def one(our_side):
    return our_side.experiment(epochs=1)


def test_data_have_the_shape_of_the_composite(one):
    """Counts of See et al., MEGC 2019, table 1."""
    clips, names = one.clips, np.array(one.clips.datasets)[one.clips.dataset]
    assert (len(clips), len(one.names), clips.flow.shape[1:]) == (442, 68, (28, 28, 3))
    assert np.bincount(clips.label).tolist() == [250, 109, 83]
    assert {name: int((names == name).sum()) for name in clips.datasets} == {"casme2": 145, "samm": 133, "smic": 164}
    subjects = {name: sum(key.startswith(f"{name}/") for key in clips.subjects) for name in clips.datasets}
    assert subjects == {"casme2": 24, "samm": 28, "smic": 16}


@pytest.mark.parametrize("runs", [4, 70])
def test_growth_takes_other_seeds_where_the_folds_do_not_do(runs, one, our_side):
    part = our_side.with_runs(one, runs)
    assert len(set(part.names)) == len(part.names) == part.plan.runs == runs
    pairs = set(zip(np.asarray(part.runs.seed).tolist(), np.asarray(part.runs.fold).tolist(), strict=True))
    assert len(pairs) == runs


def test_the_peer_has_our_losses_and_trains_every_fold(one, our_side, tmp_path):
    pytest.importorskip("torch")
    given, ours = our_side.same_steps(one, steps=3)
    np.savez(tmp_path / "check.npz", **given)
    train, test = one.runs.train[:2, :6], one.runs.test[:2, :3]
    np.savez(tmp_path / "data.npz", flow=one.clips.flow, label=one.clips.label, train=train, count=[6, 5], test=test, steps=2)
    asked = [{"check": str(tmp_path / "check.npz")}, {"folds": 2, "epochs": 1}]
    for words in ("eager", "one_stream+channels_last", "stacked"):
        done = subprocess.run([sys.executable, SPEED / "torch_ststnet.py", tmp_path, words, "0", "1", "1"], text=True,
                              check=True, input="".join(json.dumps(line) + "\n" for line in asked), capture_output=True)
        _, checked, trained = map(json.loads, done.stdout.splitlines())
        np.testing.assert_allclose(ours, checked["losses"], rtol=5e-4)
        assert 0.2 < trained["loss"] < 5
    assert len(jax.tree.leaves(given)) == 15
