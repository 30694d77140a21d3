"""The leak audit finds what it claims to find, and stays silent on clean folds."""

import dataclasses

import jax
import numpy as np
import pytest

from mer_jax.data.folds import composite, leaky_kfold
from mer_jax.evaluation.benchmark import prepare
from mer_jax.evaluation.layout import data_of
from mer_jax.evaluation.leakage import poison_reaches_training, poisoned, shared_content, shared_subjects
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.training.stages import Recipe, Stage

RECIPE = Recipe((Stage(1, 1e-3),), batch_size=8)


def test_clean_folds_have_no_findings(clips):
    assert prepare(create("ststnet", 3), clips, composite(clips), RECIPE).findings == ()


def test_leaky_kfold_is_refused_unless_allowed(clips):
    with pytest.raises(UserMistake, match="subjects are trained on and held out"):
        prepare(create("ststnet", 3), clips, leaky_kfold(clips), RECIPE)
    allowed = prepare(create("ststnet", 3), clips, leaky_kfold(clips), RECIPE, allow_leak=True)
    assert len(allowed.findings) == len(shared_subjects(clips, leaky_kfold(clips))) == 10


def test_the_same_pixels_under_two_subjects_are_found(clips):
    flow = np.array(clips.flow)
    flow[20] = flow[3]
    twice = clips.replace(flow=flow)
    (finding,) = shared_content(twice, composite(twice))
    assert clips.ids[3] in finding and clips.ids[20] in finding
    flow[20, 0, 0, 0] ^= 1
    assert shared_content(clips.replace(flow=flow), composite(clips)) == []


def test_poison_is_found_where_a_held_out_row_is_trained_on(clips):
    experiment = prepare(create("ststnet", 3), clips, composite(clips), RECIPE)
    run, held_out = jax.tree.map(lambda leaf: leaf[0], experiment.runs), experiment.folds.test[0]
    program, data = experiment.program, experiment.data
    assert poison_reaches_training(program, experiment.plan, run, data, held_out, "f") == []
    leaking = run._replace(train=np.where(np.arange(len(run.train)) == 2, held_out[0], run.train).astype(np.int32))
    (finding,) = poison_reaches_training(program, experiment.plan, leaking, data, held_out, "f")
    assert "training changes" in finding


def test_poison_spares_nothing_of_a_held_out_clip_and_nothing_else(moving_clips):
    data = data_of(create("agmenet", 3, "tiny"), moving_clips)
    held_out, rest = np.arange(3, 7), np.r_[:3, 7:18]
    spoilt = poisoned(data, held_out, 3)
    leaves = zip(jax.tree.leaves(data), jax.tree.leaves(spoilt), strict=True)
    same = [(np.array_equal(clean[rest], bad[rest]), (clean[held_out] == bad[held_out]).mean()) for clean, bad in leaves]
    assert len(same) == 8 and all(kept for kept, _ in same)
    names = [name for name in data.inputs if np.array_equal(data.inputs[name][held_out], spoilt.inputs[name][held_out])]
    assert names == ["onset"]                                              # which was the first frame already
    assert (data.subject[held_out] != spoilt.subject[held_out]).all()
    assert (data.label[held_out] != spoilt.label[held_out]).all() and (data.seed[held_out] != spoilt.seed[held_out]).all()


def test_a_class_without_training_clips_is_named(clips):
    only_here = np.where(np.asarray(clips.subject) == 1, 2, np.asarray(clips.label) % 2)
    lopsided = clips.replace(label=only_here.astype(np.int32))
    with pytest.raises(UserMistake, match="fold casme2/s01: no training clip of class surprise"):
        prepare(create("ststnet", 3), lopsided, composite(lopsided), RECIPE)
    assert prepare(create("ststnet", 3), lopsided, composite(lopsided), RECIPE, allow_absent_class=True)


def test_a_network_refuses_flow_of_the_other_coding(clips):
    with pytest.raises(UserMistake, match="reads flow coded 'minmax8', the data's flow is coded 'pixels'"):
        prepare(create("ststnet", 3), dataclasses.replace(clips, flow_coding="pixels"), composite(clips), RECIPE)
