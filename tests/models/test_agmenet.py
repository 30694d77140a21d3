"""AGMENet: its published sizes, what its parts promise, and its trunk against PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mer_jax.light.camera import LEVELS, darken
from mer_jax.mistakes import UserMistake
from mer_jax.models import create, table
from mer_jax.models.blocks.enhancement import LowLightEnhancement, apply_curve, deflicker
from mer_jax.models.blocks.frame_channels import flow_since_the_first
from mer_jax.models.network import Output
from mer_jax.training.losses import LOSSES
from mer_jax.training.train_step import Batch

OWN_LOSSES = ("cross_entropy", "focal", "instants", "spatial", "exposure", "colour", "curve_smoothness", "motion")

SMALL = {"instants": 4, "stem": 8, "stem_kernel": 3, "growth": 4, "blocks": (2, 2), "width": 16, "heads": 2}


@pytest.fixture(scope="module")
def frames():
    smooth = jax.random.uniform(jax.random.key(0), (2, 1, 1, 8, 8, 3), minval=0.1, maxval=0.8)
    still = jax.image.resize(smooth, (2, 1, 1, 32, 32, 3), "cubic")
    return jnp.clip(still + 0.03 * jax.random.normal(jax.random.key(1), (2, 4, 5, 32, 32, 3)), 0, 1)


def made(frames, **fields):
    network = create("agmenet", 3, "tiny", **{**SMALL, **fields})
    variables = jax.jit(lambda x: network.init(jax.random.key(2), {"frames": x}, train=False))(frames)
    return network, variables


@pytest.fixture(scope="module")
def applied(frames):
    network, variables = made(frames)
    return jax.jit(lambda v, x: network.apply(v, {"frames": x}, train=False))(variables, frames)


def test_parameters_are_those_of_the_specification():
    rows = {row["variant"]: row for row in table() if row["name"] == "agmenet"}
    found = {variant: row["parameters"] for variant, row in rows.items()}
    own = {"121": 9_408 + 49 * 256, "small": 4_704 + 49 * 128}            # difference channels, and the gains of the places
    assert found["121"] == pytest.approx(8_370_260 + own["121"], rel=0.01)
    assert found["small"] == pytest.approx(710_844 + own["small"], rel=0.01)
    assert found["tiny"] < 100_000 and rows["tiny"]["mflops"] / 2 < 50


@pytest.mark.slow
def test_weights_and_probabilities_sum_to_one(applied):
    np.testing.assert_allclose(applied.attention["region"].sum((-1, -2)), 1, atol=1e-5)
    np.testing.assert_allclose(applied.attention["moments"].sum(-1), 1, atol=1e-5)
    np.testing.assert_allclose(applied.attention["ensemble"].sum(-1), 1, atol=1e-5)
    np.testing.assert_allclose(jnp.exp(applied.logits).sum(-1), 1, atol=1e-5)


@pytest.mark.slow
def test_the_answer_is_the_mixture_of_the_moments_answers(applied):
    each, beta = jax.nn.softmax(applied.extras["instant_logits"]), applied.extras["beta"]
    np.testing.assert_allclose(jnp.exp(applied.logits), (beta[..., None] * each).sum(1), atol=1e-6)


@pytest.mark.slow
def test_without_positions_and_motion_the_order_of_the_moments_is_nothing(frames):
    network, variables = made(frames, motion="none", positions=False)
    order = jnp.array([2, 0, 3, 1])
    answer = jax.jit(lambda x: network.apply(variables, {"frames": x}, train=False).logits)
    np.testing.assert_allclose(answer(frames[:, order]), answer(frames), atol=2e-5)
    ordered, variables = made(frames)
    answer = jax.jit(lambda x: ordered.apply(variables, {"frames": x}, train=False).logits)
    assert np.abs(answer(frames[:, order]) - answer(frames)).max() > 1e-3


PARTS = {"llem": "llem", "block_attention": "cbam", "region_attention": "regions", "temporal_attention": "encoder",
         "ensemble": "ensemble", "positions": "place", "place_gain": "gain", "appearance": None}


@pytest.mark.parametrize("part", PARTS)
def test_every_part_can_be_left_out(frames, part):
    network = create("agmenet", 3, "tiny", (part,), **SMALL)
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), {"frames": frames}, train=False))
    names = {jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(shapes["params"])}
    assert PARTS[part] is None or not any(PARTS[part] in name for name in names)
    output = jax.eval_shape(lambda v: network.apply(v, {"frames": frames}, train=False), shapes)
    assert output.logits.shape == (2, 3)


def test_a_part_that_is_not_there_is_named():
    with pytest.raises(UserMistake, match=r"no part 'lem' to switch off \(did you mean 'llem'\?\)"):
        create("agmenet", 3, off=("lem",))


@pytest.mark.slow
def test_the_gradient_is_finite_where_nothing_moves(frames):
    still = jnp.broadcast_to(frames[:, :1, :1], frames.shape)
    network, variables = made(frames, dropout=0.0)

    def loss(params):
        output, _ = network.apply({**variables, "params": params}, {"frames": still}, train=True, mutable=["batch_stats"])
        batch = Batch({}, jnp.eye(3)[:2], jnp.ones(2), still)
        return sum(LOSSES[name](output, batch).sum() for name in OWN_LOSSES)

    gradient = jax.jit(jax.grad(loss))(variables["params"])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize(("motion", "learns"), [("flow", True), ("tvl1", False)])
def test_the_flow_of_a_shifted_picture_is_the_shift_at_half_the_size(motion, learns):
    coarse = jax.random.uniform(jax.random.key(0), (8, 8, 3))
    clip = jnp.stack([jax.image.scale_and_translate(coarse, (40, 40, 3), (0, 1), jnp.array([6.0, 6.0]),
                                                    jnp.array([-4, -4 + 0.3 * t]), "cubic") for t in range(3)])[None]
    found = jax.jit(lambda clip: flow_since_the_first(clip, motion))(clip)
    assert found.shape == (1, 3, 20, 20, 3)
    np.testing.assert_allclose(found[0, :, 5:15, 5:15, 0].mean((1, 2)), [0, 0.3, 0.6], atol=0.05)
    np.testing.assert_allclose(found[0, :, 5:15, 5:15, 1:].mean((1, 2)), 0, atol=0.05)
    gradient = jax.jit(jax.grad(lambda clip: jnp.square(flow_since_the_first(clip, motion)).sum()))(clip)
    assert bool(np.abs(gradient).max() > 0) == learns and np.isfinite(gradient).all()


class TestEnhancement:
    @pytest.mark.slow
    def test_it_starts_as_the_window_mean_and_keeps_the_order_in_time(self, frames):
        module = LowLightEnhancement()
        variables = module.init(jax.random.key(0), frames)
        enhanced, extras = module.apply(variables, frames)
        np.testing.assert_allclose(enhanced, extras["denoised"], atol=1e-6)
        weights = np.array([1, 4, 6, 4, 1]) / 16
        np.testing.assert_allclose(enhanced, np.einsum("ntwhxc,w->nthxc", deflicker(frames), weights), atol=1e-5)

    @pytest.mark.parametrize("seed", range(5))
    def test_any_curve_stays_in_range_and_is_monotone(self, seed):
        values = jnp.linspace(0, 1, 101)[:, None]
        curves = jax.random.uniform(jax.random.key(seed), (1, 200), minval=-1, maxval=1).at[0, :2].set(jnp.array([-1.0, 1.0]))
        y = apply_curve(values, jnp.broadcast_to(curves, (101, 200)))
        assert y.min() >= 0 and y.max() <= 1 + 1e-6
        assert (np.diff(y, axis=0) >= -1e-6).all()
        np.testing.assert_array_equal(apply_curve(values, jnp.zeros((101, 1))), values)

    def test_deflicker_removes_a_flicker_and_leaves_a_steady_clip(self):
        steady = jnp.full((1, 4, 5, 8, 8, 3), 0.4)
        np.testing.assert_allclose(deflicker(steady), steady, atol=1e-6)
        flicker = steady * (1 + 0.03 * jax.random.normal(jax.random.key(0), (1, 4, 5, 1, 1, 1)))
        assert deflicker(flicker).std() < 0.05 * flicker.std()

    @pytest.mark.slow
    def test_trained_alone_it_brings_the_dark_to_light_and_leaves_the_light(self, frames):
        bright = jnp.round(255 * frames) / 255
        dark = darken(bright, LEVELS["L2"], jax.random.key(3))
        module = LowLightEnhancement()
        params = module.init(jax.random.key(0), dark)
        tx = optax.adam(1e-2)
        factors = {"spatial": 1.0, "exposure": 10.0, "colour": 5.0, "curve_smoothness": 200.0}

        @jax.jit
        def step(params, state):
            def loss(params):
                _, extras = module.apply(params, dark)
                output = Output(None, {}, extras)
                return sum(f * LOSSES[name](output, None).mean() for name, f in factors.items())

            updates, state = tx.update(jax.grad(loss)(params), state, params)
            return optax.apply_updates(params, updates), state

        state = tx.init(params)
        for _ in range(150):
            params, state = step(params, state)
        enhanced, _ = module.apply(params, dark)
        assert dark.mean() < 0.2 and 0.45 <= enhanced.mean() <= 0.65
        # Well-lit skin of every tone beside something white: hardly touched, whatever was learnt in the dark.
        for tone in ((236, 200, 180), (198, 150, 118), (120, 80, 58), (78, 52, 40)):
            lit = jnp.broadcast_to(jnp.array(tone) / 255, bright.shape).at[..., :8, :, :].set(0.9)
            after, extras = module.apply(params, lit)
            assert np.abs(after - extras["denoised"]).mean() < 0.02


@pytest.mark.slow
def test_without_positions_and_gains_it_does_not_matter_where_something_moved():
    """The same change in the middle left and the middle right of a grey face: one answer, or with positions and gains, or
    where places are read side by side, two."""
    frames = np.full((2, 4, 5, 48, 48, 3), 0.4, np.float32)
    patch = 0.1 * np.random.default_rng(0).normal(size=(8, 8, 3)).astype(np.float32)
    frames[0, 1, :, 20:28, 16:24] += patch
    frames[1, 1, :, 20:28, 24:32] += patch
    plain = dict.fromkeys(("llem", "block_attention", "region_attention"), False)
    apart = []
    for positions, readout in ((False, "mean"), (True, "mean"), (False, "places")):
        network, variables = made(frames, **plain, positions=positions, place_gain=positions, motion="difference",
                                  readout=readout)
        logits = network.apply(variables, {"frames": frames}, train=False).logits
        apart.append(float(np.abs(logits[0] - logits[1]).max()))
    assert apart[0] < 0.03 * min(apart[1:]), apart
