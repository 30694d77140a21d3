"""Farneback's flow: polynomials are found again, the flow of a moved picture is its motion; against OpenCV's own."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.motion.farneback import FARNEBACK, Farneback, expansion, farneback
from mer_jax.motion.smoothing import blur

SMALL = Farneback(winsize=7, iterations=2, poly_n=3, poly_sigma=1.0)
HARDLY_DAMPED = dataclasses.replace(FARNEBACK, damping=1e-5)


@pytest.fixture(scope="module")
def flow_of():
    """Each form, compiled once a size."""
    return {settings: jax.jit(functools.partial(farneback, settings=settings)) for settings in (FARNEBACK, HARDLY_DAMPED)}


def rough(height: int, width: int) -> np.ndarray:
    """Noise of strong contrast, in [0, 1]."""
    noise = jnp.asarray(np.random.default_rng(0).normal(size=(height, width, 1)), jnp.float32)
    return np.clip(0.5 + np.asarray(blur(noise, 2.0))[..., 0], 0, 1)


def moved(picture: np.ndarray, right: int, down: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture and itself moved by so many pixels, both 16 pixels smaller each way."""
    height, width = picture.shape
    return picture[8:-8, 8:-8], picture[8 - down : height - 8 - down, 8 - right : width - 8 - right]


@pytest.mark.parametrize(("poly_n", "poly_sigma"), [(7, 1.5), (5, 1.1), (2, 1.0)])
def test_a_quadratic_expands_to_its_coefficients(poly_n, poly_sigma):
    (y, x), coefficients = np.mgrid[-12:13, -14:15] / 10, np.random.default_rng(0).normal(size=6)
    c, p, q, xx, yy, xy = coefficients
    picture = c + p * x + q * y + xx * x * x + yy * y * y + xy * x * y
    local = np.stack([picture, (p + 2 * xx * x + xy * y) / 10, (q + 2 * yy * y + xy * x) / 10,
                      *(np.full_like(x, part / 100) for part in (xx, yy, xy))], -1)
    found = expansion(jnp.asarray(picture, jnp.float32)[None], poly_n, poly_sigma)[0]
    np.testing.assert_allclose(found[poly_n:-poly_n, poly_n:-poly_n], local[poly_n:-poly_n, poly_n:-poly_n], atol=1e-4)


@pytest.mark.parametrize("shift", [(1, 0), (0, -1), (2, 1), (-3, 2)])
def test_the_flow_of_a_shifted_picture_is_the_shift(flow_of, texture, shift):
    for settings, picture in ((FARNEBACK, rough(84, 92)), (HARDLY_DAMPED, texture(84, 92))):
        inside = np.asarray(flow_of[settings](*moved(picture, *shift)))[14:-14, 14:-14]
        np.testing.assert_allclose(np.median(inside, axis=(0, 1)), shift, atol=0.05)
        assert np.abs(inside - np.array(shift)).mean() < 0.1


def test_where_nothing_moves_the_flow_is_zero_and_batches_are_alone(flow_of):
    flow, (first, second) = flow_of[FARNEBACK], moved(rough(84, 92), 1, 0)
    assert (np.asarray(flow(first, first)) == 0).all()
    np.testing.assert_allclose(flow(np.zeros_like(first), np.full_like(first, 0.5)), 0, atol=1e-4)
    together = flow(np.stack([first, second, first]), np.stack([second, first, first]))
    for row, pair in enumerate([(first, second), (second, first), (first, first)]):
        np.testing.assert_allclose(together[row], flow(*pair), atol=1e-4)


def test_compiled_or_not_it_is_the_same():
    first, second = (jnp.asarray(picture) for picture in moved(rough(48, 56), 1, 1))
    np.testing.assert_allclose(jax.jit(farneback, static_argnums=2)(first, second, SMALL), farneback(first, second, SMALL),
                               atol=1e-4)


def test_it_can_be_differentiated_where_nothing_moves_and_where_nothing_is():
    gradient_of = jax.jit(jax.grad(lambda second, first: farneback(first, second, SMALL).sum()))
    first = rough(32, 40)
    gradient = gradient_of(first, first)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0
    assert np.isfinite(gradient_of(np.full_like(first, 0.5), np.full_like(first, 0.5))).all()


def test_against_opencv_on_a_moved_face(moved_face, errors):
    cv2 = pytest.importorskip("cv2")
    (first, second, true), inside = moved_face, np.s_[20:-20, 20:-20]
    peer = cv2.calcOpticalFlowFarneback(first, second, None, 0.5, 3, 15, 5, 7, 1.5, 0)
    ours = np.asarray(jax.jit(farneback)(first / np.float32(255), second / np.float32(255)))
    still, theirs, found = errors(np.zeros_like(true), true), errors(peer, true), errors(ours, true)
    assert np.linalg.norm(ours - peer, axis=-1).mean() <= 0.005
    assert np.linalg.norm(ours - peer, axis=-1)[inside].max() <= 0.001
    assert found[1] <= 1.05 * theirs[1] and theirs[1] < 0.5 * still[1], (found, theirs, still)


@pytest.mark.parametrize(("settings", "flags"), [
    (Farneback(pyr_scale=0.7, levels=2, winsize=9, iterations=2, poly_n=5, poly_sigma=1.1), 0),
    (Farneback(levels=4, winsize=12, iterations=3, gaussian_window=True), 256)])
def test_every_setting_means_what_it_means_in_opencv(settings, flags):
    cv2 = pytest.importorskip("cv2")
    first, second = (np.round(255 * picture).astype(np.uint8) for picture in moved(rough(83, 100), 1, 1))
    named = dataclasses.astuple(settings)[:6]
    peer = cv2.calcOpticalFlowFarneback(first, second, None, *named, flags)
    ours = jax.jit(functools.partial(farneback, settings=settings))(first / np.float32(255), second / np.float32(255))
    far = np.linalg.norm(np.asarray(ours) - peer, axis=-1)[25:-25, 25:-25]
    assert far.mean() < 0.001, far.mean()
