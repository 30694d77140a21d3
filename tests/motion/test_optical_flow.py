"""Flow of a shifted image is the shift; strain of a known field is its closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.motion.flow_features import minmax8, strain
from mer_jax.motion.optical_flow import lucas_kanade
from mer_jax.motion.smoothing import blur


def texture(dx: float, dy: float, size: int = 64):
    """A band-limited picture, moved by (dx, dy) pixels exactly."""
    y, x = np.mgrid[:size, :size].astype(np.float64)
    waves = np.random.default_rng(0).uniform(-0.6, 0.6, (12, 3))
    return jnp.asarray(0.5 + sum(np.sin(a * (x - dx) + b * (y - dy) + 7 * c) for a, b, c in waves) / 30, jnp.float32)


@pytest.mark.parametrize("shift", [(0.4, 0.0), (0.0, -0.3), (0.25, 0.5), (0.0, 0.0)])
def test_flow_of_a_shifted_image_is_the_shift(shift):
    flow = np.asarray(lucas_kanade(texture(0, 0), texture(*shift), sigma=3.0))[8:-8, 8:-8]
    np.testing.assert_allclose(flow.mean((0, 1)), shift, atol=0.02)
    assert np.abs(flow - shift).max() < 0.12


def test_flow_turns_with_time_and_mirrors_with_the_image():
    first, second = texture(0, 0), texture(0.3, 0.2)
    flow = lucas_kanade(first, second)
    np.testing.assert_allclose(lucas_kanade(second, first), -flow, atol=1e-5)
    mirrored = lucas_kanade(first[:, ::-1], second[:, ::-1])
    np.testing.assert_allclose(mirrored[:, ::-1] * jnp.array([-1, 1]), flow, atol=1e-4)


def test_a_flat_image_has_no_flow_and_a_finite_gradient():
    flat = jnp.full((16, 16), 0.5)
    assert np.abs(lucas_kanade(flat, flat)).max() == 0
    gradient = jax.grad(lambda image: (strain(lucas_kanade(flat, image)) ** 2).sum())(flat)
    assert np.isfinite(gradient).all()


def test_strain_of_a_linear_field_is_its_closed_form():
    y, x = jnp.mgrid[:9, :9].astype(jnp.float32)
    flow = jnp.stack([0.1 * x + 0.2 * y, -0.3 * x + 0.05 * y], -1)
    np.testing.assert_allclose(strain(flow), np.sqrt(0.1**2 + 0.05**2 + 0.5 * (0.2 - 0.3) ** 2), rtol=1e-5)
    rotation = jnp.stack([-0.2 * y, 0.2 * x], -1)
    np.testing.assert_allclose(strain(rotation), 0, atol=1e-4)


def test_stored_flow_fills_its_range_whatever_the_scale():
    flow = jnp.asarray(np.random.default_rng(0).normal(size=(28, 28, 2)), jnp.float32)
    image = np.asarray(minmax8(flow))
    assert image.dtype == np.uint8 and image.min((0, 1)).tolist() == [0] * 3 and image.max((0, 1)).tolist() == [255] * 3
    assert np.abs(image.astype(int) - np.asarray(minmax8(7 * flow)).astype(int)).max() <= 1


def test_blur_keeps_the_mean_of_a_constant_and_equals_scipy_inside():
    ndimage = pytest.importorskip("scipy.ndimage")
    images = np.random.default_rng(0).normal(size=(2, 30, 40, 1)).astype(np.float32)
    wanted = np.stack([ndimage.gaussian_filter(image[..., 0], 2.0, mode="nearest", truncate=6) for image in images])
    np.testing.assert_allclose(blur(jnp.asarray(images), 2.0)[..., 0], wanted, atol=2e-3)
    np.testing.assert_allclose(blur(jnp.ones((9, 9, 1)), 2.0), 1, rtol=1e-5)
