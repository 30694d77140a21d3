"""A network that reads frames, scored in the light and in the dark from the same training."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.data.folds import leave_one_subject_out
from mer_jax.evaluation.benchmark import maps_of, predictions_of, prepare, train_experiment
from mer_jax.evaluation.examples import coloured, example_faces
from mer_jax.evaluation.layout import data_of
from mer_jax.evaluation.linear import linear_predictions
from mer_jax.evaluation.score import score
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.training.augmentation import Augmentation
from mer_jax.training.inputs import level_frames, scored_inputs
from mer_jax.training.run import train
from mer_jax.training.stages import Recipe, Stage

LIGHT = ("L0", "L2")
RECIPE = Recipe((Stage(2, 1e-2, (("cross_entropy", 1.0), ("instants", 0.3), ("exposure", 1.0))),), batch_size=6,
                optimizer="adamw", augmentation=Augmentation(flip=True, shift=1, dark=0.5))


@pytest.fixture(scope="module")
def experiment(moving_clips):
    clips = moving_clips
    network = create("agmenet", 3, "tiny", instants=3, stem=4, growth=2, blocks=(1, 1), width=8, heads=2)
    return prepare(network, clips, leave_one_subject_out(clips), RECIPE, seeds=3, light=LIGHT)     # with the leak audit


@pytest.fixture(scope="module")
def result(experiment):
    """Nine runs on eight devices, so in two chunks, the second filled up."""
    return train_experiment(experiment, dataclasses.replace(experiment.plan, devices=8, chunk=8))


@pytest.mark.slow
def test_every_clip_is_predicted_once_at_every_level(experiment, result):
    table = predictions_of(experiment, result)
    assert experiment.findings == () and len(table) == 3 * 2 * 18 and table.unique("light") == ["L0", "L2"]
    entries = score(table)
    assert set(entries["by_light"]) == {"L0", "L2"} and entries["overall"] == entries["by_light"]["L0"]
    levels = [table.where(light=level).probabilities for level in LIGHT]
    assert np.abs(levels[0] - levels[1]).max() > 1e-4


@pytest.mark.slow
def test_alone_on_one_device_equals_inside_the_batch_on_eight(experiment, result):
    whole = jax.jit(lambda run, data: train(experiment.program, run, data))
    for row in (1, 8):                                                                         # one of each chunk
        run = jax.tree.map(lambda leaf, row=row: jnp.asarray(leaf[row]), experiment.runs)
        alone, _, _ = whole(run, jax.device_put(experiment.data))
        np.testing.assert_allclose(alone, result.probabilities[row], atol=2e-4)
    assert np.abs(result.probabilities[1] - result.probabilities[4]).max() > 1e-3              # another seed, another network


@pytest.mark.slow
def test_attention_maps_sum_to_one(result):
    (maps,) = result.maps.values()
    assert set(result.maps) == {"region attention"} and maps.shape[:2] == (9, 6)
    np.testing.assert_allclose(maps.sum((-1, -2)), 1, atol=1e-5)


def test_the_dark_is_the_same_whatever_the_network_samples(experiment):
    data, rows = jax.device_put(experiment.data), jnp.array([0, 5])
    few = level_frames(data, rows, jnp.array([[[3, 7]], [[2, 9]]]), "L2")
    many = level_frames(data, rows, jnp.arange(15).reshape(1, 3, 5).repeat(2, 0), "L2")
    np.testing.assert_array_equal(few[0, 0, 1], many[0, 1, 2])
    np.testing.assert_array_equal(few[1, 0, 1], many[1, 1, 4])
    bright = level_frames(data, rows, jnp.array([[[3]], [[2]]]), "L0")
    np.testing.assert_array_equal(np.round(255 * bright[0, 0, 0]), experiment.clips.frames[0, 3])


def test_a_network_never_reads_frames_of_other_clips(experiment):
    """Poison all other rows: what is read of one clip stays."""
    data, frames = experiment.data, np.array(experiment.clips.frames)
    frames[np.arange(18) != 4] = 0
    for level in LIGHT:
        clean, spoiled = (scored_inputs(experiment.program.network, 5, (level,), d, jnp.array([4]))["frames"] for d in (
            jax.device_put(data), jax.device_put(data._replace(inputs={**data.inputs, "frames": frames}))))
        np.testing.assert_array_equal(clean, spoiled)


def test_the_linear_classifier_learns_a_planted_motion_and_no_shuffled_label(experiment):
    clips, folds = experiment.clips, experiment.folds
    data = data_of(experiment.program.network, clips)
    table = linear_predictions(clips, folds, data, LIGHT, 5)
    right = {level: (rows.columns["label"] == rows.columns["prediction"]).mean()
             for level in LIGHT for rows in [table.where(light=level)]}
    assert right["L0"] == 1 and right["L2"] > 0.8
    chance = [(t.columns["label"] == t.columns["prediction"]).mean() for seed in range(8) for t in [linear_predictions(
        clips.replace(label=np.random.default_rng(seed).permutation(clips.label)), folds, data, ("L0",), 5)]]
    assert np.mean(chance) < 0.5


def test_the_linear_classifier_never_sees_a_held_out_label_or_pixel(moving_clips):
    clips = moving_clips
    folds, network = leave_one_subject_out(clips), create("agmenet", 3, "tiny", instants=3)
    held_out, label, frames = folds.test[1], np.array(clips.label), np.array(clips.frames)
    label[held_out] = (label[held_out] + 1) % 3
    frames[held_out[1:]] = 0                                             # of the fold only its first clip stays
    found = []
    for seen in (clips, clips.replace(label=label), clips.replace(frames=frames)):
        table = linear_predictions(seen, folds, data_of(network, seen), ("L0",), 5).where(fold=folds.names[1])
        found.append(table.probabilities[table.columns["clip"] == clips.ids[held_out[0]].split("/")[2]])
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], found[2], atol=1e-9)


def test_light_is_refused_where_there_is_nothing_to_darken(clips):
    with pytest.raises(UserMistake, match="STSTNet reads no frames, so it can be scored at L0 only"):
        prepare(create("ststnet", 3), clips, leave_one_subject_out(clips), Recipe((Stage(1, 1e-3),)), light=("L0", "L2"))
    with pytest.raises(UserMistake, match="wanted some of L0, L1, L2, L3, L4"):
        prepare(create("ststnet", 3), clips, leave_one_subject_out(clips), Recipe((Stage(1, 1e-3),)), light=("L9",))


@pytest.mark.slow
def test_example_faces_show_where_the_network_looks_and_licensed_ones_only_on_request(experiment, result):
    maps = maps_of(experiment, result)
    assert example_faces(experiment, maps) is None
    shown = example_faces(experiment, maps, licensed=True)
    assert shown["licensed"] and shown["panel"].tolist() == ["onset", "region attention", "onset at L2"]
    labels = dict(zip(experiment.clips.ids, experiment.clips.label.tolist(), strict=True))
    assert [labels[clip] for clip in shown["clip"]] == [0, 1, 2]
    rows = [experiment.clips.ids.index(clip) for clip in shown["clip"]]
    np.testing.assert_array_equal(shown["face"][:, 0], experiment.clips.frames[rows, 0])
    free = dataclasses.replace(experiment, clips=experiment.clips.replace(
        datasets=("synthme",), true_flow=np.zeros((18, 16, 16, 2), np.float32)))
    drawn = example_faces(free, maps)
    assert drawn["panel"].tolist() == ["onset", "apex, motion x 10", "region attention", "onset at L2"]
    assert not drawn["licensed"]
    np.testing.assert_array_equal(drawn["face"][:, 0], drawn["face"][:, 1])                  # no motion, none magnified
    assert len({clip.split("/")[1] for clip in drawn["clip"]}) == 3                          # another person each
    of_flow = dataclasses.replace(free, data=free.data._replace(inputs={}))                  # to a network that reads no frames
    np.testing.assert_array_equal(example_faces(of_flow, maps)["face"], drawn["face"])
    few = (np.asarray(experiment.clips.subject) == 1)[:, None, None]                         # of a hold-out: not all have maps
    held_out = example_faces(free, {kind: np.where(few, of_clips, np.nan) for kind, of_clips in maps.items()})
    assert {clip.split("/")[1] for clip in held_out["clip"]} == {"s1"}
    named = dataclasses.replace(free, clips=free.clips.replace(true_flow=None))
    assert example_faces(named, maps) is None                              # recorded clips that are only called synthme


def test_each_example_face_has_its_own_map_and_may_be_grey(experiment):
    count = len(experiment.clips)
    maps = np.zeros((count, 4, 4)) + 1e-6
    maps[np.arange(count), np.arange(count) % 4, np.arange(count) // 4 % 4] = 1
    grey = experiment.clips.replace(frames=np.asarray(experiment.clips.frames)[..., :1])
    drawn = example_faces(dataclasses.replace(experiment, clips=grey), {"region attention": maps}, licensed=True)
    looked = drawn["face"][:, drawn["panel"].tolist().index("region attention")].astype(int)
    warmth = looked[..., 0] - looked[..., 2]
    for clip, picture in zip(drawn["clip"], warmth, strict=True):
        row = grey.ids.index(clip)
        y, x = np.unravel_index(picture.argmax(), picture.shape)
        assert (y // 4, x // 4) == (row % 4, row // 4 % 4)


def test_the_colour_lies_where_the_map_is_high():
    weights = np.zeros((4, 4))
    weights[1, 2] = 1.0
    face = coloured(np.full((16, 16, 3), 0.5), weights)
    warmth = face[..., 0] - face[..., 2]
    assert np.unravel_index(warmth.argmax(), warmth.shape) in {(y, x) for y in (5, 6) for x in (9, 10)}
    np.testing.assert_allclose(face[12:, :4], 0.5, atol=1e-6)
