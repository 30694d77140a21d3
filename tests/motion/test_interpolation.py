"""Other moments of a clip: the frames themselves where they are asked for, and TIM as its paper does it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.data.sampling import places
from mer_jax.motion.interpolation import blended, evenly, linear, linear_weights, tim, tim_weights

LONGEST = 24
WEIGHTS = jax.jit(lambda n: tim_weights(evenly(n, 10), n, LONGEST))


def clip(length: int) -> np.ndarray:
    """Frames of noise with zeros behind them."""
    frames = np.random.default_rng(length).normal(size=(length, 5, 7, 2))
    return np.concatenate([frames, np.zeros((LONGEST - length, 5, 7, 2))]).astype(np.float32)


def embedded(frames: np.ndarray, count: int) -> np.ndarray:
    """The paper's way: SVD of the centred frames, Laplacian of the path graph, a fit from the one to the other."""
    n, mean = len(frames), frames.mean(0)
    path = np.eye(n, k=1) + np.eye(n, k=-1)
    basis, spread, right = np.linalg.svd((frames - mean).T, full_matrices=False)
    basis, q = basis[:, : n - 1], (spread[:, None] * right)[: n - 1]
    y = np.linalg.eigh(np.diag(path.sum(0)) - path)[1][:, 1:]
    fit = np.linalg.solve(q @ q.T, q @ y)
    k, t = np.arange(1, n)[:, None], np.linspace(1 / n, 1, count)

    def curve(t):
        return np.sin(np.pi * k * t + np.pi * (n - k) / (2 * n))

    scale = y[:1].T / curve(1 / n)
    return (basis @ np.linalg.inv(fit.T) @ (scale * curve(t))).T + mean


@pytest.mark.parametrize("length", [3, 10, 17, 24])
def test_tim_is_its_papers_graph_embedding(length):
    frames = clip(length)
    wanted = embedded(frames[:length].reshape(length, -1).astype(np.float64), 10)
    found = blended(jnp.asarray(frames), WEIGHTS(jnp.int32(length))).reshape(10, -1)
    np.testing.assert_allclose(found, wanted, atol=4e-6)                       # on values of up to four
    np.testing.assert_allclose(tim(jnp.asarray(frames), jnp.int32(length), 10).reshape(10, -1), found, atol=1e-6)


@pytest.mark.parametrize("length", [1, 2, 9, 24])
def test_tim_gives_frames_back_and_nothing_from_behind_the_clip(length):
    own = tim_weights(jnp.arange(length, dtype=jnp.float32), jnp.int32(length), LONGEST)
    np.testing.assert_array_equal(own, np.eye(length, LONGEST))
    weights = WEIGHTS(jnp.int32(length))
    np.testing.assert_allclose(weights.sum(-1), 1, atol=2e-6)
    assert (np.asarray(weights)[:, length:] == 0).all()
    np.testing.assert_allclose(weights @ np.full(LONGEST, 0.7), 0.7, atol=2e-6)                    # a still clip


def test_a_padded_clip_is_read_as_one_of_its_own_length_and_a_batch_as_its_clips():
    lengths = jnp.array([7, 24])
    together = tim(jnp.stack([jnp.asarray(clip(7)), jnp.asarray(clip(24))]), lengths, 10)
    for row, length in enumerate((7, 24)):
        alone = tim(jnp.asarray(clip(length)[:length]), jnp.int32(length), 10)
        np.testing.assert_allclose(together[row], alone, atol=1e-6)


def test_linear_keeps_the_anchors_and_a_straight_course():
    onset, apex, offset = (jnp.array(mark) for mark in ([2, 0], [9, -1], [20, 15]))
    at = places(onset, apex, offset, 7)
    frames = jnp.stack([jnp.asarray(clip(24)), jnp.asarray(clip(16))])
    found = np.asarray(linear(frames, at))
    for row, kept in enumerate(((2, 9, 20), (0, 7, 15))):
        np.testing.assert_array_equal(found[row, [0, 3, 6]], np.asarray(frames)[row, list(kept)])
    weights = linear_weights(at, LONGEST)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)
    np.testing.assert_allclose(weights @ np.arange(LONGEST), at, atol=1e-5)


def test_a_gradient_goes_back_to_frames_and_places():
    frames = jnp.asarray(clip(9))
    to_frames = jax.grad(lambda x: (tim(x, jnp.int32(9), 10) ** 2).sum())(frames)
    to_places = jax.grad(lambda p: (linear(frames, p) ** 2).sum())(jnp.array([0.3, 4.0, 6.6]))
    assert np.isfinite(to_frames).all() and (np.asarray(to_frames)[9:] == 0).all()
    assert np.isfinite(to_places).all() and np.abs(to_places).max() > 0
