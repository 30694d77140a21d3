"""SynthME as a data set: built at its first use, read without TensorFlow, the same each time, in both labellings."""

import dataclasses

import numpy as np
import pytest

import mer_jax
from mer_jax.mistakes import UserMistake
from mer_jax.synthetic import act, scene, tiers


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A tier of two people and six clips each, 32 x 32, in place of the real ones; its cache is a folder of its own."""
    from tfds_builders.synthme import Builder, synthme_dataset_builder

    tier = dataclasses.replace(tiers.TIERS["easy"], size=32, subjects=2, clips=6)
    patch = pytest.MonkeyPatch()
    patch.setattr(Builder, "BUILDER_CONFIGS", [synthme_dataset_builder.Config(tier)])
    Builder.builder_configs = {"easy": Builder.BUILDER_CONFIGS[0]}
    patch.setenv("MER_JAX_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield mer_jax.load("synthme"), tier
    patch.undo()


def test_it_is_rendered_once_and_read_again(small, capfd):
    clips, _ = small
    again = mer_jax.load("synthme/easy")
    assert capfd.readouterr() == ("", "")
    np.testing.assert_array_equal(again.frames, clips.frames)
    assert again.ids == clips.ids


def test_it_has_what_a_network_and_a_study_need(small):
    clips, tier = small
    assert clips.classes == ("negative", "positive", "surprise") and clips.subjects == ("synthme/s00", "synthme/s01")
    assert clips.frames.shape == (len(clips), act.LENGTH, 32, 32, 3) or clips.frames.shape[1] < act.LENGTH
    assert clips.flow.shape == (len(clips), 28, 28, 3) and clips.flow_coding == "minmax8"
    assert clips.pixel_flow.shape == clips.true_flow.shape == (len(clips), 32, 32, 2)
    assert clips.landmarks.shape == (len(clips), 68, 2)
    assert (clips.fps == 200).all()
    assert (clips.onset < clips.apex).all() and (clips.apex < clips.offset).all() and (clips.offset < clips.length).all()
    peak = np.linalg.norm(clips.true_flow, axis=-1).max((1, 2)) * 112 * scene.VIEW / 32
    assert peak.min() > 0.2 and peak.max() < 6
    assert not {"true_flow", "pixel_flow", "landmarks"} & set(clips.inputs())


def test_the_composite_labels_leave_others_out(small):
    clips, tier = small
    five = mer_jax.load("synthme", label="label5")
    assert len(five) == 12 and len(clips) == np.sum(np.array([tiers.LABEL3_OF_5[label] for label in five.label]) >= 0)
    names = dict(zip(five.ids, five.label, strict=True))
    for key, label in zip(clips.ids, clips.label, strict=True):
        assert tiers.LABEL3_OF_5[names[key]] == label


# What each version renders: the apex frames of the clips, and the mean of all shown pixels.
RENDERED = {"0.3.1": ((16, 22, 35, 33, 46, 27, 37, 41, 72, 40), 120.06)}


def test_a_version_renders_what_it_always_has(small):
    """Another picture under an old number would make two papers' SynthME differ unseen: a change needs a new version."""
    from tfds_builders.synthme import Builder

    clips, _ = small
    shown = np.concatenate([frames[:length] for frames, length in zip(clips.frames, clips.length, strict=True)])
    apexes, mean = RENDERED[str(Builder.VERSION)]
    assert tuple(clips.apex.tolist()) == apexes
    assert shown.mean() == pytest.approx(mean, abs=0.02)


def test_an_unknown_tier_is_named(small):
    with pytest.raises(UserMistake, match="data set 'synthme/eazy' is not known .did you mean 'easy'.."):
        mer_jax.load("synthme/eazy")
