"""The library's own enhancer: it finds the camera's noise on the clip, and shows light with the same noise everywhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.light.camera import LEVELS, Camera, darken
from mer_jax.light.denoising import SMOOTHINGS, in_units_of_noise, noise_of, smoothed_for_noise, stabilised, stein_risk
from mer_jax.motion.smoothing import blur

SIDE = 96


@pytest.fixture(scope="module")
def scene():
    """(3, 5, H, W, 3): a still scene from dark to bright, smooth, in [0, 1]."""
    ramp = 0.25 + 0.7 * jnp.linspace(0, 1, SIDE)[None, :, None] * jnp.array([1.0, 0.9, 0.8])
    return jnp.broadcast_to(ramp, (3, 5, SIDE, SIDE, 3))


@pytest.fixture(scope="module")
def dark(scene):
    return {level: darken(scene, LEVELS[level], jax.random.key(0)) for level in ("L1", "L2", "L3", "L4")}


@pytest.mark.parametrize("level", ["L1", "L2", "L3"])
def test_the_noise_of_the_camera_is_found_on_the_clip(level, dark):
    a, b = noise_of(dark[level] ** 2.2)
    camera, bright = LEVELS[level], 0.3 * LEVELS[level].exposure
    assert float(a * bright + b) == pytest.approx(camera.shot * bright + camera.read + camera.row**2, rel=0.15)
    assert float(a) == pytest.approx(camera.shot, rel=0.2)


def test_of_single_frames_it_is_found_in_space():
    flat = jnp.broadcast_to(jnp.linspace(0.3, 0.9, SIDE)[:, None, None], (3, 1, SIDE, SIDE, 3))
    a, b = noise_of(darken(flat, Camera(0.2, 1e-3, 1e-6), jax.random.key(1)) ** 2.2)
    assert float(0.05 * a + b) == pytest.approx(0.05 * 1e-3 + 1e-6, rel=0.2)


def test_in_units_of_noise_the_noise_is_one_at_every_brightness():
    light = jnp.linspace(0.005, 0.3, 12)[:, None]
    a, b = jnp.float32(4e-4), jnp.float32(1e-6)
    seen = light + jnp.sqrt(a * light + b) * jax.random.normal(jax.random.key(2), (12, 20000))
    np.testing.assert_allclose(in_units_of_noise(seen, a, b).std(1), 1, rtol=0.03)


@pytest.fixture(scope="module")
def pictures():
    """(2, H, W, 3): detail of two pixels and of twelve, without noise; as it is seen with noise of the variance 1 / 5."""
    drawn = jax.random.normal(jax.random.key(3), (2, SIDE, SIDE, 3))
    clean = 2 * blur(drawn, 0.6) + 120 * blur(drawn, 12.0)
    return clean, clean + jnp.sqrt(0.2) * jax.random.normal(jax.random.key(4), clean.shape)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.5])
def test_steins_risk_is_the_distance_to_the_truth_that_nobody_told_it(pictures, sigma):
    clean, seen = pictures
    smoothed = blur(seen, sigma)
    assert float(stein_risk(seen, smoothed, 0.2, sigma)) == pytest.approx(float(jnp.square(smoothed - clean).mean()), rel=0.1)


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0, 4.0])
def test_of_all_smoothings_the_best_is_taken(pictures, strength):
    """However strong the noise: no other of those tried would be nearer to the truth by more than a hair."""
    clean, seen = pictures
    seen = clean + strength * (seen - clean)
    errors = [float(jnp.square(blur(seen, sigma) - clean).mean()) for sigma in SMOOTHINGS]
    taken = float(jnp.square(smoothed_for_noise(seen, 0.2 * strength**2) - clean).mean())
    assert taken <= 1.02 * min(errors)
    assert max(errors) > 1.3 * min(errors)


def test_all_pictures_of_a_clip_are_smoothed_alike(pictures):
    """A still picture beside a busy one: what is done to it is a blur of one of the widths, that of the whole clip."""
    _, seen = pictures
    both = jnp.stack([seen[0], jnp.zeros_like(seen[0]).at[SIDE // 2, SIDE // 2].set(1.0)])
    spread = smoothed_for_noise(both, 0.2)[1]
    assert any(np.allclose(spread, blur(both[1:], sigma)[0], atol=1e-6) for sigma in SMOOTHINGS)


@pytest.mark.parametrize("level", ["L1", "L2", "L3"])
def test_what_is_shown_has_the_same_noise_in_the_dark_and_in_the_light(level, dark):
    found = stabilised(dark[level])
    noise = np.asarray((found[0] - found[1]).std((0, 2)))                               # by column, from dark to bright
    plain = blur(dark[level].mean(1), 1.0)
    coded = np.asarray((plain[0] - plain[1]).std((0, 2)))                               # as it is coded for the eye
    stabilised_ends, coded_ends = (part[8:24].mean() / part[-24:-8].mean() for part in (noise, coded))
    assert abs(np.log(stabilised_ends)) < 0.3 * abs(np.log(coded_ends)) or abs(np.log(stabilised_ends)) < 0.1
    assert coded_ends > 1.1


def test_what_is_alike_in_two_windows_is_shown_alike(dark):
    same = dark["L2"].at[1].set(dark["L2"][0])
    found = stabilised(same)
    np.testing.assert_array_equal(found[0], found[1])
    assert found.shape == (3, SIDE, SIDE, 3) and found.min() >= 0 and found.max() <= 1


def test_black_is_finite():
    assert jnp.isfinite(stabilised(jnp.zeros((3, 5, 16, 16, 3)))).all()
