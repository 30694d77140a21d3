"""The camera: noise of the stated variance, the same for every method, monotone levels, nothing done at full light."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.light.camera import GAMMA, LEVELS, Camera, darken, expose, training_camera
from mer_jax.light.noise import normal


def test_full_light_without_noise_returns_what_was_recorded():
    frames = jnp.arange(256, dtype=jnp.float32).reshape(1, 16, 16, 1) / 255
    found = darken(frames, Camera(), jax.random.key(0))
    assert np.abs(np.asarray(found - frames)[frames >= 16 / 255]).max() < 1e-6     # below, 12 linear bits are coarser
    np.testing.assert_allclose(found, frames, atol=6 / 255)


@pytest.mark.parametrize("level", ["L1", "L3"])
def test_noise_has_the_variance_that_the_camera_states(level):
    camera, light = LEVELS[level], 0.5
    seen = np.asarray(expose(jnp.full((64, 64, 64, 3), light), camera, jax.random.key(1)))
    expected = camera.shot * camera.exposure * light + camera.read + camera.row**2
    assert seen.mean() == pytest.approx(camera.exposure * light, rel=2e-3)
    assert seen.var() == pytest.approx(expected + 1 / 12 / 4095**2, rel=0.02)


def test_row_noise_is_shared_by_a_row_alone():
    camera = Camera(exposure=0.5, row=0.01)
    seen = np.asarray(expose(jnp.full((20, 100, 30, 3), 0.5), camera, jax.random.key(0)))
    assert np.abs(seen - seen[:, :, :1, :1]).max() == 0
    assert seen[:, :, 0, 0].std() == pytest.approx(0.01, rel=0.1)


def test_levels_grow_darker_and_noisier():
    frames = jnp.full((8, 64, 64, 3), 0.5)
    dark = {level: np.asarray(darken(frames, camera, jax.random.key(0))) for level, camera in LEVELS.items()}
    brightness = [frames.mean() for frames in dark.values()]
    ratio = [frames.mean() / max(frames.std(), 1e-9) for frames in dark.values()]
    assert np.all(np.diff(brightness) < 0) and np.all(np.diff(ratio) < 0)
    for level in ("L1", "L2"):
        assert dark[level].mean() == pytest.approx(0.5 * LEVELS[level].exposure ** (1 / GAMMA), rel=0.02)


def test_the_same_key_gives_the_same_darkness_alone_and_mapped():
    frames, keys = jnp.full((3, 2, 8, 8, 3), 0.4), jax.random.split(jax.random.key(5), 3)
    together = jax.jit(jax.vmap(darken, (0, None, 0)))(frames, LEVELS["L2"], keys)
    for row in range(3):
        np.testing.assert_array_equal(together[row], jax.jit(darken)(frames[row], LEVELS["L2"], keys[row]))
    assert not np.array_equal(together[0], together[1])


def test_training_cameras_span_what_they_say_and_are_not_the_fixed_one():
    cameras = jax.vmap(training_camera)(jax.random.split(jax.random.key(0), 500))
    assert 0.015 <= cameras.exposure.min() < 0.02 and 0.25 < cameras.exposure.max() <= 0.3
    assert cameras.shot.min() >= 1e-4 and cameras.shot.max() <= 3e-3
    np.testing.assert_allclose(np.log(cameras.read), 2.18 * np.log(cameras.shot) + 1.2, atol=1.2)
    fixed = np.array([[c.exposure, c.shot] for name, c in LEVELS.items() if name != "L0"])
    drawn = np.stack([cameras.exposure, cameras.shot], -1)
    assert np.abs(drawn[:, None] / fixed - 1).max(-1).min() > 1e-3


def test_fast_noise_is_standard_normal_and_independent():
    stats = pytest.importorskip("scipy.stats")
    noise = np.asarray(normal(jax.random.key(3), (40, 64, 64)))
    assert stats.kstest(noise.ravel()[:50000], "norm").pvalue > 1e-3
    assert abs(noise.mean()) < 0.01 and noise.std() == pytest.approx(1, rel=5e-3)
    assert abs(stats.skew(noise.ravel())) < 0.02 and abs(stats.kurtosis(noise.ravel())) < 0.04
    for axis, lag in ((0, 1), (1, 1), (2, 1), (2, 2), (1, 32)):
        assert abs(np.mean(noise * np.roll(noise, lag, axis))) < 0.01
    others = [np.asarray(normal(key, (40, 64, 64))) for key in jax.random.split(jax.random.key(3), 8)]
    correlation = np.corrcoef([noise.ravel(), *(o.ravel() for o in others)])
    assert np.abs(correlation - np.eye(9)).max() < 0.012
