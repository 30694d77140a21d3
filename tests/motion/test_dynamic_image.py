"""Dynamic images: by definition a sum over pairs of frames; nothing where nothing changes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.motion.dynamic_image import COEFFICIENTS, dynamic_image

LONGEST = 30


@pytest.fixture(scope="module")
def image_of():
    return {form: jax.jit(lambda frames, length, form=form: dynamic_image(frames, length, form)) for form in COEFFICIENTS}


def clip(length: int) -> np.ndarray:
    """Frames of noise, other noise behind them."""
    return np.random.default_rng(length).uniform(size=(LONGEST, 6, 5, 3)).astype(np.float32)


def by_pairs(frames: np.ndarray, form: str) -> np.ndarray:
    """The sum of V_q - V_t over all pairs t < q."""
    frames = frames.astype(np.float64)
    ranked = [frames[: t + 1].mean(0) if form == "averages" else frames[t] for t in range(len(frames))]
    return sum((ranked[q] - ranked[t] for q in range(len(frames)) for t in range(q)), np.zeros_like(frames[0]))


@pytest.mark.parametrize("form", COEFFICIENTS)
@pytest.mark.parametrize("length", [1, 2, 7, 30])
def test_it_is_the_sum_over_pairs_and_the_coefficients_sum_to_zero(image_of, form, length):
    frames = clip(length)
    found = image_of[form](frames, jnp.int32(length))
    np.testing.assert_allclose(found, by_pairs(frames[:length], form), atol=2e-4)
    weights = np.asarray(COEFFICIENTS[form](jnp.int32(length), LONGEST))
    assert abs(weights.sum()) < 2e-5 * np.abs(weights).sum() + 1e-6 and (weights[length:] == 0).all()


def test_of_averages_is_written_out_with_harmonic_numbers():
    weights = COEFFICIENTS["averages"](jnp.int32(4), 6)
    tail = [1 + 1 / 2 + 1 / 3 + 1 / 4, 1 / 2 + 1 / 3 + 1 / 4, 1 / 3 + 1 / 4, 1 / 4]
    np.testing.assert_allclose(weights, [*(2 * (4 - t) - 5 * tail[t] for t in range(4)), 0, 0], atol=1e-5)


@pytest.mark.parametrize("form", COEFFICIENTS)
def test_a_still_clip_gives_zero(image_of, form):
    still = np.broadcast_to(clip(0)[:1], (LONGEST, 6, 5, 3))
    np.testing.assert_allclose(image_of[form](still, jnp.int32(20)), 0, atol=1e-4)


def test_backwards_in_time_is_minus_the_image_of_frames(image_of):
    frames = clip(30)
    forwards, backwards = (np.asarray(image_of["frames"](part, jnp.int32(30))) for part in (frames, frames[::-1]))
    np.testing.assert_allclose(backwards, -forwards, atol=1e-4)
    assert np.abs(image_of["averages"](frames[::-1], jnp.int32(30)) + image_of["averages"](frames, jnp.int32(30))).max() > 1


def test_a_batch_of_lengths_is_its_clips():
    together = dynamic_image(jnp.stack([clip(9), clip(30)]), jnp.array([9, 30]))
    for row, length in enumerate((9, 30)):
        alone = dynamic_image(jnp.asarray(clip(length)[:length]), jnp.int32(length))
        np.testing.assert_allclose(together[row], alone, atol=1e-4)
