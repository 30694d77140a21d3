"""Enhancers: what is shared by a clip makes no motion, what remaps each frame by itself does; OpenCV's are OpenCV's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.light.enhancers import BRIGHTNESS, ENHANCERS, compensated_mean, gain, mean, middle, retinex
from mer_jax.motion.luma import luma
from mer_jax.motion.smoothing import blur

SIDE = 40
PURE = [name for name, enhancer in ENHANCERS.items() if not enhancer.library]
LIBRARY = [name for name, enhancer in ENHANCERS.items() if enhancer.library]


def texture(places: np.ndarray) -> np.ndarray:
    """(..., 3) of places (..., 2): smooth, with detail of a few pixels, in [0, 1]."""
    x, y = places[..., 0], places[..., 1]
    waves = np.sin(x / 1.7 + 1) * np.cos(y / 2.1) + np.sin(x / 5 + y / 4) + 0.5 * np.sin(x / 2.3 - y / 1.9)
    return 0.15 + 0.04 * waves[..., None] * np.array([1.0, 0.8, 0.6])


@pytest.fixture(scope="module")
def places():
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    return np.stack([x, y], -1).astype(float)


@pytest.fixture(scope="module")
def still(places):
    """(3, 5, H, W, 3): windows of a face that keeps still, without noise."""
    return jnp.asarray(np.broadcast_to(texture(places), (3, 5, SIDE, SIDE, 3)), jnp.float32)


@pytest.fixture(scope="module")
def noisy(still):
    return jnp.clip(still + 0.03 * jax.random.normal(jax.random.key(0), still.shape), 0, 1)


@pytest.mark.parametrize("name", PURE)
def test_pure_enhancers_give_one_picture_an_instant_also_of_black_in_jit_and_vmap(name, noisy):
    function = ENHANCERS[name].function
    clips = jnp.stack([noisy, jnp.zeros_like(noisy)])
    together = jax.jit(jax.vmap(function))(clips)
    assert together.shape == (2, 3, SIDE, SIDE, 3) and jnp.isfinite(together).all()
    assert together.min() >= 0 and together.max() <= 1
    np.testing.assert_allclose(together[0], function(noisy), atol=2e-5)


def test_a_gain_is_one_number_for_the_whole_clip(noisy):
    dimmer = middle(noisy) * jnp.array([1.0, 0.8, 0.9])[:, None, None, None]
    bright = gain(dimmer)
    ratio = (bright / jnp.maximum(dimmer, 1e-6))[(bright < 1) & (dimmer > 0.01)]
    assert float(ratio.max() - ratio.min()) < 1e-4 * float(ratio.mean())
    assert float(luma(bright).mean()) == pytest.approx(BRIGHTNESS, rel=0.02)


def test_the_mean_of_five_frames_has_a_fifth_of_the_noise(still, noisy):
    spread = [float(jnp.square(found - middle(still)).mean()) for found in (middle(noisy), mean(noisy))]
    assert spread[0] / spread[1] == pytest.approx(5, rel=0.1)


def moving_windows(places, speed):
    return jnp.asarray(np.stack([texture(places - (t - 2) * np.array(speed)) for t in range(5)])[None], jnp.float32)


@pytest.mark.parametrize("speed", [(0.4, 0.0), (-0.2, 0.3)])
def test_the_compensated_mean_of_a_moving_face_is_its_middle_frame(places, speed):
    windows = moving_windows(places, speed)
    inner = (slice(None), slice(6, -6), slice(6, -6))
    blurred, found = (float(jnp.abs(reduce(windows) - middle(windows))[inner].mean()) for reduce in (mean, compensated_mean))
    assert found < 0.5 * blurred
    np.testing.assert_allclose(compensated_mean(moving_windows(places, (0, 0))), middle(windows), atol=1e-5)


def test_retinex_takes_the_light_off_and_makes_no_motion(still):
    pictures = middle(still)
    lamp = jnp.linspace(0.5, 1.5, SIDE)[:, None]
    lit, plain = retinex(pictures * lamp, 5.0), retinex(pictures, 5.0)
    light = [blur(found, 5.0).std() for found in (lit, pictures * lamp)]
    assert light[0] / lit.std() < 0.5 * light[1] / (pictures * lamp).std()
    assert jnp.abs(jnp.diff(plain, axis=0)).max() < 1e-6


@pytest.mark.parametrize("name", LIBRARY)
def test_the_librarys_take_and_give_the_same_shapes(name, noisy):
    pytest.importorskip("cv2")
    found = ENHANCERS[name].function(np.asarray(noisy))
    assert found.shape == (3, SIDE, SIDE, 3) and found.dtype == np.float32 and 0 <= found.min() <= found.max() <= 1
    grey = ENHANCERS[name].function(np.asarray(noisy[..., :1]))
    assert grey.shape == (3, SIDE, SIDE, 3)


def test_equalised_frames_have_flat_histograms_each_by_itself(noisy):
    pytest.importorskip("cv2")
    dimmer = noisy * jnp.array([1.0, 0.6, 0.8])[:, None, None, None, None]
    found = luma(jnp.asarray(ENHANCERS["histogram"].function(np.asarray(dimmer)))).mean((1, 2))
    assert float(found.max() - found.min()) < 0.02                         # whatever the light did is gone, frame by frame
    shared = luma(ENHANCERS["gain"].function(dimmer)).mean((1, 2))
    np.testing.assert_allclose(shared / shared[0], [1, 0.6, 0.8], rtol=0.03)
