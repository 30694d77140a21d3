"""Laws of training that every network keeps that reads flow: what is planted is learnt, what is shuffled is not, held-out clips
are invisible, one device = eight."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
import pytest

from mer_jax.config_reading import read_config
from mer_jax.data.folds import subject_kfold
from mer_jax.evaluation.benchmark import predictions_of, prepare, train_experiment
from mer_jax.models import MODELS, create
from mer_jax.training.many_runs import SHARED, compiled, place
from mer_jax.training.plan import planned
from mer_jax.training.stages import Recipe, Stage

pytestmark = pytest.mark.slow
SMALL = {"cabm_fmer": {"side": 28, "width": 16, "depth": 2, "kernel": 7},
         "capsulenet": {"widths": (4, 6, 8), "features": 8, "types": 2}, "dual_atme": {"width": 16},
         "dual_inception": {"width": 16}, "featref": {"width": 16, "features": 8},
         "htnet": {"variant": "attending", "width": 16, "depths": (1, 2)}, "linear": {},
         "mfe_net": {"widths": (4, 16, 32), "heads": 2}, "off_apexnet": {"width": 64},
         "off_tanet": {"side": 32}, "rcn": {"side": 32, "features": 8}, "ststnet": {}}
EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def recipe_of(name: str) -> Recipe:
    """The same for all, but for the losses, which are those of the network's own file."""
    _, config = read_config([f"--config={EXPERIMENTS / name}.py"])
    return Recipe((Stage(40, 3e-3, schedule="cosine", losses=tuple(config.losses.items())),), batch_size=6)


@pytest.fixture(scope="module", params=sorted(SMALL))
def experiment(request, clips):
    """Two folds of six people, four seeds: eight runs, one a device."""
    network = create(request.param, 3, **SMALL[request.param])
    return prepare(network, clips, subject_kfold(clips, folds=2), recipe_of(request.param), seeds=4)


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


def after_one_epoch(experiment, plan, data=None):
    """(weights, held-out probabilities) of every run, by the functions that training has compiled."""
    functions = compiled(planned(experiment.program, plan), *plan.shape)(experiment.program.recipe.stages[0])
    data, found = place(data or experiment.data, plan.devices, SHARED), []
    for first in range(0, plan.runs, plan.chunk):
        runs = place(jax.tree.map(lambda leaf, first=first: leaf[first : first + plan.chunk], experiment.runs), plan.devices)
        state, _ = functions.epoch(runs, data, functions.init(runs, data), np.int32(0))
        found.append(jax.device_get((state.train.params, functions.finish(runs, data, state)[0])))
    return jax.tree.map(lambda *parts: np.concatenate(parts), *found)


@pytest.fixture(scope="module")
def first_epoch(experiment):
    return after_one_epoch(experiment, experiment.plan)


def test_noise_in_place_of_the_held_out_clips_trains_the_same_network_to_the_bit(experiment, first_epoch):
    """Noise and other labels for those whom fold 0 holds out: its runs have the same weights and answer otherwise, those of
    fold 1, which train on it, have other weights."""
    held_out, rng = experiment.folds.test[0], np.random.default_rng(3)
    flow, label = np.array(experiment.data.inputs["flow"]), np.array(experiment.data.label)
    flow[held_out], label[held_out] = rng.integers(0, 256, flow[held_out].shape), (label[held_out] + 1) % 3
    spoiled = experiment.data._replace(inputs={**experiment.data.inputs, "flow": flow}, label=label)
    (weights, answers), (others, other_answers) = first_epoch, after_one_epoch(experiment, experiment.plan, spoiled)
    fold = np.asarray(experiment.runs.fold)
    jax.tree.map(lambda one, other: np.testing.assert_array_equal(one[fold == 0], other[fold == 0]), weights, others)
    assert all(np.abs(answers[run] - other_answers[run]).max() > 0 for run in np.flatnonzero(fold == 0))
    assert any(np.abs(one[fold == 1] - other[fold == 1]).max() > 0
               for one, other in zip(jax.tree.leaves(weights), jax.tree.leaves(others), strict=True))


def test_one_device_gives_what_eight_give(experiment, first_epoch):
    """After one epoch, before rounding has grown: no answer moves a tenth as far as two seeds' of the same fold lie apart."""
    assert experiment.plan.devices == jax.local_device_count() == 8
    _, eight = first_epoch
    _, one = after_one_epoch(experiment, dataclasses.replace(experiment.plan, devices=1, chunk=1))
    by_seed = eight.reshape(4, 2, -1)                                                  # seed by seed, in it fold by fold
    seeds_apart = np.abs(by_seed[:, None] - by_seed[None]).max((2, 3))[~np.eye(4, dtype=bool)].min()
    assert np.abs(one - eight).max() < 0.1 * seeds_apart
