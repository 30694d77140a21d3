"""The front end: flow found inside the step is the motion that is there, the flow that is stored, and works in the dark."""

import functools
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.data.clips import clips_of
from mer_jax.data.folds import leave_one_subject_out
from mer_jax.evaluation.benchmark import prepare
from mer_jax.evaluation.checks import check_inputs
from mer_jax.evaluation.layout import data_of
from mer_jax.evaluation.leakage import poison_reaches_training
from mer_jax.loading import load
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.settings import default_config, settings_of
from mer_jax.stored_flow import store_flow
from mer_jax.training.augmentation import Augmentation
from mer_jax.training.front import Front
from mer_jax.training.inputs import scored_inputs, training_inputs
from mer_jax.training.stages import Recipe, Stage

SIDE, CLIPS, APEX, SPEED = 32, 4, 6, (0.2, -0.1)                                    # pixels a frame: right, up
FLOW = Front(flow="tvl1")


class FlowReader(nn.Module):
    """What a front end asks of a network that reads flow, here in pixels and at a quarter of the frames' size."""

    inputs: ClassVar = ("flow",)
    flow_size: ClassVar = (8, 8)
    flow_coding: ClassVar = "pixels"


class FrameReader(nn.Module):
    """The same of one that reads frames."""

    inputs: ClassVar = ("frames",)
    instants: ClassVar = 3


ONSET = np.array([0, 2, 2, 2])                       # of clip 0 the window around the onset cannot but slide inside
READS_FLOW, READS_FRAMES = FlowReader(), FrameReader()


@pytest.fixture(scope="module")
def sliding():
    """Four clips of a smooth texture that slides to the right and up, of 12 frames; in clip 1 it slides the other way."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    frames, rng = [], np.random.default_rng(0)
    for number in range(CLIPS):
        phase, way = rng.uniform(0, 6, 4), -1 if number == 1 else 1
        shots = []
        for t in range(12):
            u, v = x - way * SPEED[0] * t, y - way * SPEED[1] * t
            shots.append(128 + 30 * (np.sin(u / 2.1 + phase[0]) + np.sin(v / 1.9 + phase[1])
                                     + np.sin((u + v) / 2.7 + phase[2]) * np.sin((u - v) / 3.1 + phase[3])))
        frames.append(np.stack(shots))
    grey = np.round(np.clip(np.stack(frames), 0, 255)).astype(np.uint8)
    marks = {name: np.full(CLIPS, value, np.int32) for name, value in
             (("length", 12), ("onset", ONSET), ("apex", ONSET + APEX), ("offset", 11))}
    return clips_of([("made", f"s{n}", "c") for n in range(CLIPS)], ["a", "b", "a", "b"], ("a", "b"),
                    frames=np.repeat(grey[..., None], 3, -1), fps=np.full(CLIPS, 200, np.float32), **marks)


@functools.partial(jax.jit, static_argnums=(0, 3))
def flow_at(front, data, rows, light):
    return scored_inputs(READS_FLOW, 5, light, data, rows, front)["flow"]


def seen(front, clips, *light):
    """(levels, clips, 8, 8, 3)."""
    found = np.asarray(flow_at(front, data_of(READS_FLOW, clips, {}, front), jnp.arange(CLIPS), light))
    return found.reshape(len(light), CLIPS, *found.shape[1:])


def test_flow_from_frames_is_the_motion_from_onset_to_apex(sliding):
    inside = seen(FLOW, sliding, "L0")[0, :, 2:-2, 2:-2, :2].mean((1, 2))
    wanted = APEX * np.array(SPEED) * np.array([1, -1, 1, 1])[:, None]
    np.testing.assert_allclose(inside, wanted, atol=0.06)


def test_it_is_the_flow_that_the_command_stores(moving_clips, tmp_path):
    few = moving_clips.take(np.arange(6))
    store_flow(few, tmp_path / "flow", "fast")
    stored = load(tmp_path / "flow" / "clips.csv")
    order = [stored.ids.index(clip) for clip in few.ids]
    network = create("ststnet", 3)
    found = jax.jit(lambda data: scored_inputs(network, 5, ("L0",), data, jnp.arange(6), FLOW))(
        data_of(network, few, {}, FLOW))["flow"]
    apart = np.abs(np.asarray(found).astype(int) - np.asarray(stored.flow)[order].astype(int))
    assert found.dtype == np.uint8 and apart.max() <= 1 and (apart == 0).mean() > 0.99


def test_in_the_dark_there_is_noise_and_the_mean_of_five_frames_lessens_it(sliding):
    wanted = APEX * np.array(SPEED) * np.array([1, -1, 1, 1])[:, None]

    def error(flow):
        return np.abs(flow[:, 1:-1, 1:-1, :2] - wanted[:, None, None])[1:].mean()

    bright, dark = seen(FLOW, sliding, "L0", "L4")
    _, helped = seen(Front("t5", "tvl1"), sliding, "L0", "L4")
    assert error(bright) < error(helped) < 0.9 * error(dark)


def test_a_mirrored_clip_has_mirrored_flow(sliding):
    data, rows = jax.device_put(data_of(READS_FLOW, sliding, {}, FLOW)), jnp.arange(CLIPS)
    plain = seen(FLOW, sliding, "L0")[0]
    made = jax.jit(lambda key: training_inputs(READS_FLOW, None, Augmentation(flip=True), 5, data, rows, key, FLOW))
    turned = 0
    for number in range(3):
        flow, bright = made(jax.random.key(number))
        assert bright is None
        for row in range(CLIPS):
            mirrored = plain[row, :, ::-1] * np.array([-1, 1, 1])
            found = np.asarray(flow["flow"][row])
            errors = [np.abs(found - either)[1:-1, 1:-1, :2].mean() for either in (plain[row], mirrored)]
            assert min(errors) < 0.05 < 0.5 < max(errors)
            turned += errors[1] < errors[0]
    assert 0 < turned < 3 * CLIPS


def test_an_enhancer_reduces_each_window_to_one_picture(sliding):
    data, rows = jax.device_put(data_of(READS_FRAMES, sliding)), jnp.arange(CLIPS)
    frames = {name: np.asarray(scored_inputs(READS_FRAMES, 5, ("L0",), data, rows, Front(name))["frames"])
              for name in ("", "none", "t5")}
    assert frames[""].shape == (CLIPS, 3, 5, SIDE, SIDE, 3) and frames["t5"].shape == (CLIPS, 3, 1, SIDE, SIDE, 3)
    np.testing.assert_array_equal(frames["none"], frames[""][:, :, 2:3])
    mean = frames[""].mean(2, keepdims=True)
    np.testing.assert_allclose(frames["t5"], mean * (0.4 / mean.mean((1, 2, 3, 4, 5), keepdims=True)), atol=1e-5)


def test_what_a_loss_compares_with_stays_as_it_was_recorded(sliding):
    data, rows = jax.device_put(data_of(READS_FRAMES, sliding)), jnp.arange(CLIPS)
    inputs, bright = training_inputs(READS_FRAMES, None, Augmentation(dark=1.0), 5, data, rows, jax.random.key(0),
                                     Front("gain"))
    recorded = scored_inputs(READS_FRAMES, 5, ("L0",), data, rows)["frames"]
    np.testing.assert_array_equal(bright, recorded)
    assert inputs["frames"].shape[2] == 1


@pytest.mark.parametrize(("network", "front", "light", "line"), [
    ("ststnet", FLOW, ("L0",), "STSTNet behind front.enhancer='', front.flow='tvl1' reads frames, the data have no frames"),
    ("ststnet", Front("t5"), ("L0",), "front.enhancer='t5': STSTNet reads stored flow, which no enhancer can change"),
    ("agmenet", FLOW, ("L0",), "front.flow='tvl1': AGMENet reads frames, no flow"),
    ("ststnet", Front(), ("L0", "L2"), r"L0 only, light as recorded \(front.flow=tvl1 finds its flow on frames\)"),
])
def test_a_front_end_that_cannot_be_is_refused(network, front, light, line, clips):
    with pytest.raises(UserMistake, match=line):
        check_inputs(create(network, 3), clips, light, front)


@pytest.mark.parametrize(("key", "value", "line"), [
    ("enhancer", "t55", "front.enhancer='t55' is not known .did you mean 't5'"),
    ("flow", "tvl", "front.flow='tvl' is not known"),
    ("enhancer", "clahe", "front.enhancer='clahe' is OpenCV's, which no step can hold; there are: '', 'none', 'gain'")])
def test_a_front_end_of_another_name_is_refused(key, value, line):
    config = default_config()
    config.data.table, config.front[key] = "clips.csv", value
    with pytest.raises(UserMistake, match=line):
        settings_of("name", config)


def test_another_front_end_is_another_experiment():
    config = default_config()
    config.data.table = "clips.csv"
    plain = settings_of("name", config)
    config.front.flow = "tvl1"
    changed = settings_of("name", config)
    assert changed.digest() != plain.digest() and changed.to_json()["front"] == {"enhancer": "", "flow": "tvl1"}


def test_the_leak_audit_sees_through_the_front_end(moving_clips):
    """Fed from frames, a flow network trains alike on clean folds, and a held-out row that is trained on is found."""
    recipe = Recipe((Stage(1, 1e-3),), batch_size=6, augmentation=Augmentation(dark=0.5))
    network, front = create("ststnet", 3, dropout=0.0), Front("t5", "tvl1")
    e = prepare(network, moving_clips, leave_one_subject_out(moving_clips), recipe, light=("L0", "L2"), front=front)
    run, held_out = jax.tree.map(lambda leaf: leaf[0], e.runs), e.folds.test[0]
    assert e.findings == () and "frames" in e.data.inputs and "flow" not in e.data.inputs
    leaking = run._replace(train=np.where(np.arange(len(run.train)) == 2, held_out[0], run.train).astype(np.int32))
    assert len(poison_reaches_training(e.program, e.plan, leaking, e.data, held_out, "f")) == 1
