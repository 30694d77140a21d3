"""The speed benchmark compares one and the same: data in the composite's shape, and a peer with our losses."""

import jax
import numpy as np
import pytest


@pytest.fixture(scope="module")
def one(speed):
    return speed("loso").experiment(epochs=1)


def test_data_have_the_shape_of_the_composite(one):
    """Counts of See et al., MEGC 2019, table 1."""
    clips, names = one.clips, np.array(one.clips.datasets)[one.clips.dataset]
    assert (len(clips), len(one.names), clips.flow.shape[1:]) == (442, 68, (28, 28, 3))
    assert np.bincount(clips.label).tolist() == [250, 109, 83]
    assert {name: int((names == name).sum()) for name in clips.datasets} == {"casme2": 145, "samm": 133, "smic": 164}
    subjects = {name: sum(key.startswith(f"{name}/") for key in clips.subjects) for name in clips.datasets}
    assert subjects == {"casme2": 24, "samm": 28, "smic": 16}


@pytest.mark.parametrize("runs", [4, 70])
def test_growth_takes_other_seeds_where_the_folds_do_not_do(runs, one, speed):
    part = speed("our_side").with_runs(one, runs)
    assert len(set(part.names)) == len(part.names) == part.plan.runs == runs
    pairs = set(zip(np.asarray(part.runs.seed).tolist(), np.asarray(part.runs.fold).tolist(), strict=True))
    assert len(pairs) == runs


def test_the_peer_has_our_losses_and_trains_every_fold(one, speed, answers_of):
    pytest.importorskip("torch")
    given, ours = speed("our_side").same_steps(one, steps=3)
    data = {"flow": one.clips.flow, "label": one.clips.label, "train": one.runs.train[:2, :6], "count": [6, 5],
            "test": one.runs.test[:2, :3], "steps": 2, "learning_rate": 5e-5}
    for words in ("eager", "one_stream+channels_last", "stacked"):
        checked, trained = answers_of("torch_ststnet.py", words, data, given, {"folds": 2, "epochs": 1})
        np.testing.assert_allclose(ours, checked["losses"], rtol=5e-4)
        assert 0.2 < trained["loss"] < 5
    assert len(jax.tree.leaves(given)) == 16 and abs(ours[1] - ours[0]) > 1e-3
