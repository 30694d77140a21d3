"""The networks that others are compared with: what they read, what they forget, and that they train alone and in batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.models import MODELS, create
from mer_jax.models.network import example_inputs

SIZES = {"densenet": {"instants": 4, "stem": 8, "growth": 4, "blocks": (2, 2), "motion": "none"},
         "cnn_gru": {"instants": 4, "stages": (4, 8), "width": 8, "motion": "none"}}


@pytest.fixture(scope="module")
def frames():
    return jax.random.uniform(jax.random.key(0), (3, 4, 5, 16, 16, 3))


@pytest.fixture(scope="module", params=sorted(SIZES))
def made(request, frames):
    """(name, network, its variables, a jitted function frames -> logits)."""
    network = create(request.param, 3, "tiny", **SIZES[request.param])
    variables = jax.jit(lambda x: network.init(jax.random.key(2), {"frames": x}, train=False))(frames)
    answer = jax.jit(lambda variables, x: network.apply(variables, {"frames": x}, train=False).logits)
    return request.param, network, variables, answer


@pytest.mark.parametrize("name", sorted(SIZES))
@pytest.mark.parametrize("variant", ["tiny", "small"])
def test_frames_and_instants_are_agmenets(name, variant):
    other, own = create("agmenet", 3, variant), create(name, 3, variant)
    assert (own.frames_shape, own.motion, own.inputs) == (other.frames_shape, other.motion, other.inputs)
    shapes = jax.eval_shape(lambda: own.init_with_output(jax.random.key(0), example_inputs(own), train=False)[0].logits)
    assert shapes.shape == (1, 3) and MODELS[name].evidence == "baseline, no paper's"


@pytest.mark.slow
def test_compiled_or_not_the_answer_is_the_same(made, frames):
    _, network, variables, answer = made
    with jax.disable_jit():
        plain = network.apply(variables, {"frames": frames[:1]}, train=False).logits
    np.testing.assert_allclose(answer(variables, frames[:1]), plain, atol=1e-4)


def test_a_batch_of_runs_answers_as_each_alone(made, frames):
    _, _, variables, answer = made
    runs = jax.tree.map(lambda leaf: jnp.stack([leaf, 0.5 * leaf + 0.1]), variables)
    together = jax.jit(jax.vmap(answer, (0, None)))(runs, frames)
    for row in (0, 1):
        alone = answer(jax.tree.map(lambda leaf, row=row: leaf[row], runs), frames)
        np.testing.assert_allclose(together[row], alone, atol=1e-4)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_of_each_window_the_middle_frame_is_read_and_no_other(made, frames):
    _, _, variables, answer = made
    others = jnp.array([0, 1, 3, 4])
    np.testing.assert_array_equal(answer(variables, frames.at[:, :, others].set(0.0)), answer(variables, frames))
    np.testing.assert_allclose(answer(variables, frames[:, :, 2:3]), answer(variables, frames), atol=1e-6)


def test_a_mean_forgets_the_order_of_the_instants_and_a_recurrence_does_not(made, frames):
    """Without motion, which is reckoned from the first instant."""
    name, _, variables, answer = made
    apart = np.abs(answer(variables, frames[:, jnp.array([2, 0, 3, 1])]) - answer(variables, frames)).max()
    assert (apart < 1e-5) if name == "densenet" else (apart > 1e-3)


@pytest.mark.slow
def test_gradients_are_finite_where_nothing_moves_and_reach_every_parameter_where_something_does(made, frames):
    name, _, _, _ = made
    network = create(name, 3, "tiny", **{**SIZES[name], "motion": "difference", "dropout": 0.0})

    @jax.jit
    def gradient(x):
        variables = network.init(jax.random.key(2), {"frames": x}, train=False)

        def loss(params):
            output, _ = network.apply({**variables, "params": params}, {"frames": x}, train=True, mutable=["batch_stats"])
            return (output.logits * jnp.arange(3.0)).sum() + jnp.square(output.logits).sum()

        return jax.grad(loss)(variables["params"])

    still, moving = gradient(jnp.broadcast_to(frames[:, :1, :1], frames.shape)), gradient(frames)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(still))
    dead = [jax.tree_util.keystr(path) for path, leaf in jax.tree_util.tree_leaves_with_path(moving) if not np.abs(leaf).max()]
    assert not dead
