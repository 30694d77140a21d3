"""SynthME as a data set: built at its first use, read without TensorFlow, the same each time, in both labellings."""

import dataclasses

import jax
import numpy as np
import pytest

import mer_jax
from mer_jax.mistakes import UserMistake
from mer_jax.synthetic import scene, tiers
from mer_jax.synthetic.action_units import NUMBERS
from mer_jax.synthetic.crowd import draw_script, person_keys
from mer_jax.synthetic.expressions import label3_of
from mer_jax.synthetic.face import draw_face


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A tier of two people and six clips each, 32 x 32, in place of the real ones; its cache is a folder of its own."""
    from tfds_builders.synthme import Builder, synthme_dataset_builder

    tier = dataclasses.replace(tiers.TIERS["easy"], size=32, subjects=2, clips=6)
    patch = pytest.MonkeyPatch()
    patch.setattr(Builder, "BUILDER_CONFIGS", [synthme_dataset_builder.Config("easy", (tier,))])
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
    assert clips.classes == ("negative", "positive", "surprise")
    assert clips.subjects == ("synthme_easy/s0000", "synthme_easy/s0001")
    assert clips.frames.shape[0] == len(clips) and clips.frames.shape[1] <= tier.length
    assert clips.frames.shape[2:] == (32, 32, 3)
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
    three = [label3_of(five.classes[label]) for label in five.label]
    assert len(five) == 12 and len(clips) == np.sum(np.array(three) >= 0)
    names = dict(zip(five.ids, three, strict=True))
    for key, label in zip(clips.ids, clips.label, strict=True):
        assert names[key] == label


# What each version renders: the apex frames of the clips, and the mean of all shown pixels.
RENDERED = {"1.0.0": ((46, 26, 33, 27, 38, 47, 28, 52, 26, 16), 127.01)}


def test_a_version_renders_what_it_always_has(small):
    """Another picture under an old number would make two papers' SynthME differ unseen: a change needs a new version."""
    from tfds_builders.synthme import Builder

    clips, _ = small
    shown = np.concatenate([frames[:length] for frames, length in zip(clips.frames, clips.length, strict=True)])
    apexes, mean = RENDERED[str(Builder.VERSION)]
    assert tuple(clips.apex.tolist()) == apexes
    assert shown.mean() == pytest.approx(mean, abs=0.02)


# What the first person of each tier does in the second clip: class, action units, apex, offset, strength on a face of 112 px.
ACTED = {
    "easy": ("surprise", [1], 26, 64, 1.2232), "casme2_like": ("disgust", [4, 7], 29, 67, 1.1002),
    "easy_fresh": ("surprise", [1, 2], 35, 94, 1.6095), "casme2_like_fresh": ("others", [4, 15], 41, 61, 0.9144),
    "samm_like": ("anger", [7], 26, 105, 0.9954), "smic_like": ("negative", [4, 7], 18, 25, 0.4383),
    "full_size": ("repression", [17, 10], 30, 72, 1.2493)}


@pytest.mark.parametrize("name", ACTED)
def test_a_version_acts_what_it_always_has(name):
    tier = tiers.TIERS[name]

    @jax.jit
    def script(person, clip):
        return draw_script(tier, person, draw_face(person_keys(person)[0], 16, tier.studio), clip)[0]

    act = script(tier.first, 1)
    label, units, apex, offset, strength = ACTED[name]
    assert tier.classes[int(act.label)] == label and (int(act.apex), int(act.offset)) == (apex, offset)
    assert [NUMBERS[unit] for unit in act.units if unit >= 0] == units
    assert float(act.strength.max()) * 112 == pytest.approx(strength, abs=2e-4)


def test_an_unknown_tier_is_named(small):
    with pytest.raises(UserMistake, match="data set 'synthme/eazy' is not known .did you mean 'easy'.."):
        mer_jax.load("synthme/eazy")
