"""Laws of training that every network keeps that reads flow: what is planted is learnt, what is shuffled is not, held-out clips
are invisible, one device = eight."""

import dataclasses

import jax
import numpy as np
import pytest

from mer_jax.data.folds import subject_kfold
from mer_jax.evaluation.benchmark import predictions_of, prepare, train_experiment
from mer_jax.models import MODELS, create
from mer_jax.training.stages import Recipe, Stage

pytestmark = pytest.mark.slow
SMALL = {"cabm_fmer": {"side": 28, "width": 16, "depth": 2, "kernel": 7},
         "capsulenet": {"widths": (4, 6, 8), "features": 8, "types": 2}, "dual_atme": {"width": 16},
         "dual_inception": {"width": 16}, "featref": {"width": 16, "features": 8},
         "htnet": {"variant": "attending", "width": 16, "depths": (1, 2)}, "linear": {},
         "mfe_net": {"widths": (4, 16, 32), "heads": 2}, "off_apexnet": {"width": 64},
         "off_tanet": {"side": 32}, "rcn": {"side": 32, "features": 8}, "ststnet": {}}
RECIPE = Recipe((Stage(40, 3e-3, schedule="cosine"),), batch_size=6)


@pytest.fixture(scope="module", params=sorted(SMALL))
def experiment(request, clips):
    """Two folds of six people, four seeds: eight runs, one a device."""
    network = create(request.param, 3, **SMALL[request.param])
    return prepare(network, clips, subject_kfold(clips, folds=2), RECIPE, seeds=4)


@pytest.fixture(scope="module")
def learnt(experiment):
    return train_experiment(experiment, experiment.plan)


def accuracy(experiment, result):
    columns = predictions_of(experiment, result).columns
    return (columns["prediction"] == columns["label"]).mean()


def test_every_network_that_reads_flow_is_here():
    assert set(SMALL) == {name for name, known in MODELS.items() if known.network.inputs == ("flow",)}


def test_what_is_planted_is_learnt_and_what_is_shuffled_is_not(experiment, learnt, clips):
    """Held-out clips, eight runs. Labels are shuffled inside each person, so that every fold keeps as many of each class."""
    assert accuracy(experiment, learnt) > 0.6
    label, rng = np.array(clips.label), np.random.default_rng(0)
    for person in np.unique(clips.subject):
        label[clips.subject == person] = rng.permutation(label[clips.subject == person])
    assert (label == clips.label).mean() < 0.4
    shuffled = dataclasses.replace(experiment, data=experiment.data._replace(label=label), clips=clips.replace(label=label))
    assert accuracy(shuffled, train_experiment(shuffled, experiment.plan)) < 0.55


def test_noise_in_place_of_the_held_out_clips_trains_the_same_network_to_the_bit(experiment):
    assert experiment.findings == ()


def test_one_device_gives_what_eight_give(experiment, learnt):
    """By the median of eight runs, since 40 epochs make more of rounding in some; of a network that is sure of its answers by
    then, whatever its seed, this says little."""
    assert experiment.plan.devices == jax.local_device_count() == 8
    found = train_experiment(experiment, dataclasses.replace(experiment.plan, devices=1, chunk=1))
    off = np.abs(found.probabilities - learnt.probabilities).max((1, 2, 3))
    assert np.median(off) < 0.05, off
