"""Every term of the camera: its mean and variance by formula, what it shares, and that it costs nothing where it is absent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.light.camera import LEVELS, Camera, Flicker, darken, developed, expose, linear
from mer_jax.training.inputs import darkened

STEP = 1 / 4095
FULL = Camera(0.3, 4e-4, 1e-6, 5e-5, tail=-0.1, pattern=2e-3, banding=1e-3, black=0.05, pedestal=0.01, bits=10, gamma=2.4,
              flicker=Flicker(0.03, 200.0), balance=(2.0, 1.0, 1.6))


def flat(light: float, frames: int = 40) -> jax.Array:
    return jnp.full((frames, 64, 64, 3), light)


@pytest.mark.parametrize("tail", [None, -0.2, 0.0, 0.14])
def test_shot_and_read_noise_have_their_variances_whatever_the_shape(tail):
    camera = Camera(0.5, 4e-4, 1e-4, tail=tail)
    seen = np.asarray(expose(flat(0.6), camera, jax.random.key(0)))
    assert seen.mean() == pytest.approx(0.3, abs=1e-4)
    assert seen.var() == pytest.approx(4e-4 * 0.3 + 1e-4, rel=0.02)


@pytest.mark.parametrize("tail", [-0.2, 0.0, 0.14])
def test_read_noise_is_of_tukeys_shape(tail):
    stats = pytest.importorskip("scipy.stats")
    seen = np.asarray(expose(flat(0.5, 4), Camera(read=1e-4, tail=tail, bits=16), jax.random.key(1))).ravel()
    law = stats.tukeylambda(tail, loc=0.5, scale=1e-2 / np.sqrt(stats.tukeylambda.var(tail)))
    assert stats.kstest(seen[::2], law.cdf).pvalue > 1e-3


def test_the_pattern_stays_through_a_clip_and_differs_between_clips():
    camera = Camera(0.5, pattern=0.01, banding=0.02, bits=16)
    first, second = (np.asarray(expose(flat(0.5, 5), camera, jax.random.key(key))) for key in (0, 1))
    assert np.abs(first - first[:1]).max() == 0
    assert abs(np.corrcoef(first[0].ravel(), second[0].ravel())[0, 1]) < 0.5
    rows = first[0].mean((1, 2), keepdims=True)
    assert (first[0] - rows).std() == pytest.approx(0.01, rel=0.03)
    assert rows.std() == pytest.approx(0.02, rel=0.3) and rows.mean() == pytest.approx(0.25, abs=0.01)


def test_banding_stays_through_a_clip_where_row_noise_does_not():
    still, moving = (np.asarray(expose(flat(0.5), Camera(0.5, **{name: 0.01}), jax.random.key(0)))
                     for name in ("banding", "row"))
    for seen in (still, moving):
        assert np.abs(seen - seen[:, :, :1, :1]).max() == 0
        assert seen[:, :, 0, 0].std() == pytest.approx(0.01, rel=0.25)
    assert np.abs(still - still[:1]).max() == 0
    assert abs(np.corrcoef(moving[:, :, 0, 0])[np.triu_indices(40, 1)]).mean() < 0.2


def test_frames_that_are_gathered_one_by_one_share_the_clips_pattern_and_not_its_noise():
    at = jnp.array([[0, 3, 0], [3, 1, 2]])
    frames = jnp.full((2, 3, 8, 8, 3), 0.5)
    seen = np.asarray(darkened(frames, at, Camera(0.5, pattern=0.05), jax.random.key(0)))
    assert np.abs(seen - seen[:1, :1]).max() == 0 and seen.std() > 0
    noisy = np.asarray(darkened(frames, at, Camera(0.5, read=1e-3, pattern=0.05), jax.random.key(0)))
    np.testing.assert_array_equal(noisy[0, 0], noisy[0, 2])
    np.testing.assert_array_equal(noisy[0, 1], noisy[1, 0])
    assert len(np.unique(noisy.reshape(6, -1), axis=0)) == 4


def test_a_clips_pattern_is_not_the_noise_of_any_of_its_frames():
    at, frames = jnp.arange(4).reshape(1, 4), jnp.full((1, 4, 32, 32, 3), 0.5)
    pattern, noise = (np.asarray(darkened(frames, at, Camera(0.5, **part), jax.random.key(0)))[0].reshape(4, -1)
                      for part in ({"pattern": 0.05}, {"read": 0.05**2}))
    assert np.abs(np.corrcoef([pattern[0], *noise]) - np.eye(5)).max() < 0.08


@pytest.mark.parametrize("frequency", [100.0, 101.3, 120.0])
def test_lamps_ripple_as_their_alias_at_200_frames_a_second(frequency):
    """sin(2 pi f t / 200 + p) = (-1)^t sin(2 pi (f - 100) t / 200 + p): frames alternate and beat at f - 100 Hz."""
    camera = Camera(0.8, bits=16, flicker=Flicker(0.03, 200.0, frequency, 0.7))
    t = np.arange(160)
    found = np.asarray(expose(jnp.full((160, 1, 1, 1), 0.5), camera, jax.random.key(0)))[:, 0, 0, 0] / 0.4
    expected = 1 + 0.03 * (-1.0) ** t * np.sin(2 * np.pi * (frequency - 100) * t / 200 + 0.7)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_ripple_hangs_on_the_native_frame_and_not_on_where_it_is_used():
    at = jnp.array([[0, 1, 2], [2, 3, 40]])
    seen = np.asarray(darkened(jnp.full((2, 3, 4, 4, 3), 0.5), at, Camera(flicker=Flicker(0.03, 200.0, 101.0, 1.0)),
                               jax.random.key(0)))
    ripple = 1 + 0.03 * np.sin(2 * np.pi * 101 * np.asarray(at) / 200 + 1)
    np.testing.assert_allclose(seen.mean((2, 3, 4)), 128 / 255 * ripple ** (1 / 2.2), atol=1.01 / 255)


def test_in_the_dark_a_black_level_keeps_the_mean_and_its_absence_rectifies():
    dark, deviation = flat(0.0), 0.01
    bare = np.asarray(expose(dark, Camera(read=deviation**2), jax.random.key(0)))
    assert bare.mean() == pytest.approx(deviation / np.sqrt(2 * np.pi), rel=0.01)     # half of a half-normal's
    level = np.asarray(expose(dark, Camera(read=deviation**2, black=0.06), jax.random.key(0)))
    assert abs(level.mean()) < 1e-4 and level.std() == pytest.approx(deviation, rel=0.01)


def test_a_pedestal_keeps_the_dark_in_the_file():
    camera = Camera(read=1e-4, black=0.06, pedestal=0.05)
    seen = np.asarray(linear(darken(flat(0.0), camera, jax.random.key(0))))
    assert seen.mean() == pytest.approx(0.05, rel=0.01) and seen.std() == pytest.approx(0.01, rel=0.02)
    without = np.asarray(linear(darken(flat(0.0), camera._replace(pedestal=None), jax.random.key(0))))
    assert without.mean() == pytest.approx(0.01 / np.sqrt(2 * np.pi), rel=0.05)


def test_readings_are_clipped_to_the_sensors_range():
    light = jnp.linspace(0, 1, 64 * 64 * 3).reshape(1, 64, 64, 3)
    for black, least in ((None, 0.0), (0.05, -0.05)):
        seen = np.asarray(expose(light, Camera(2.0, read=0.1, black=black), jax.random.key(0)))
        assert seen.min() == pytest.approx(least, abs=1e-6) and seen.max() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("bits", [4, 10, 12])
@pytest.mark.parametrize("black", [None, 0.0625])
def test_readings_are_whole_steps_and_nearest(bits, black):
    light = jnp.linspace(0, 1, 4096).reshape(1, 64, 64, 1)
    step = (1 + (black or 0)) / (2**bits - 1)
    seen = np.asarray(jax.jit(expose)(light, Camera(bits=bits, black=black), jax.random.key(0)))
    number = (seen + (black or 0)) / step
    np.testing.assert_allclose(number, np.round(number), atol=2e-3)
    assert np.abs(seen - light).max() <= step / 2 + 1e-6
    assert len(np.unique(np.round(number))) == len(np.unique(np.round((np.asarray(light) + (black or 0)) / step)))


def test_twelve_bits_asked_for_are_the_twelve_of_the_tables():
    frames = jax.random.uniform(jax.random.key(1), (2, 32, 32, 3))
    plain, asked = (np.asarray(darken(frames, camera, jax.random.key(0)))
                    for camera in (LEVELS["L2"], LEVELS["L2"]._replace(bits=12, gamma=2.2)))
    assert np.abs(plain - asked).max() <= 6.01 / 255 and np.mean(np.abs(plain - asked) > 1e-4) < 1e-3


def test_white_balance_cancels_without_noise_and_colours_it():
    camera, gains = Camera(balance=(2.0, 1.0, 1.6)), np.array([2.0, 1.0, 1.6])
    frames = jnp.arange(256, dtype=jnp.float32).reshape(1, 16, 16, 1).repeat(3, -1) / 255
    back = np.asarray(linear(darken(frames, camera, jax.random.key(0))) - linear(frames))
    eight = np.asarray((frames + 0.5 / 255) ** 2.2 - frames**2.2)                             # half a step of the file
    assert np.all(np.abs(back) <= 1.1 * (gains * STEP / 2 + eight))
    camera = camera._replace(exposure=0.5, shot=1e-3, read=1e-5)
    seen = np.asarray(expose(flat(0.4), camera, jax.random.key(0))) * gains
    np.testing.assert_allclose(seen.mean((0, 1, 2)), 0.2, rtol=1e-3)
    np.testing.assert_allclose(seen.var((0, 1, 2)), gains * 1e-3 * 0.2 + gains**2 * 1e-5, rtol=0.02)


@pytest.mark.parametrize("extra", [{"bits": 14}, {"gamma": 3.0, "bits": 24}, {"black": 0.05, "bits": 14},
                                   {"balance": (2.0, 1.0, 1.6), "bits": 16}, {"flicker": Flicker(0.0, 200.0), "bits": 14}])
def test_full_light_without_noise_returns_what_was_recorded_through_any_camera(extra):
    frames = jnp.arange(256, dtype=jnp.float32).reshape(1, 16, 16, 1).repeat(3, -1) / 255
    found = np.asarray(darken(frames, Camera(**extra), jax.random.key(0)))
    assert np.abs(found - frames)[np.asarray(frames) >= 8 / 255].max() < 1e-6


def test_the_full_camera_is_pure_and_every_number_of_it_can_be_mapped():
    frames, keys = jax.random.uniform(jax.random.key(0), (3, 2, 8, 8, 3)), jax.random.split(jax.random.key(1), 3)
    cameras = jax.tree.map(lambda number: jnp.full(3, number) * jnp.array([1.0, 0.9, 0.8]), FULL)
    cameras = cameras._replace(bits=jnp.array([10, 12, 14]))
    mapped, alone = jax.jit(jax.vmap(darken)), jax.jit(darken)
    together = mapped(frames, cameras, keys)
    np.testing.assert_array_equal(together, mapped(frames, cameras, keys))
    for row in range(3):
        one = alone(frames[row], jax.tree.map(lambda number, row=row: number[row], cameras), keys[row])
        np.testing.assert_array_equal(together[row], one)


def test_absent_terms_are_absent_from_the_program():
    def program(camera):
        return str(jax.make_jaxpr(lambda frames, key: darken(frames, camera, key))(flat(0.5, 2), jax.random.key(0)))

    assert program(Camera(0.5)).count("erf_inv") == 0 and program(Camera(0.5, row=1e-4)).count("erf_inv") == 1
    assert program(LEVELS["L2"]).count("erf_inv") == 2 and program(LEVELS["L2"]).count(" pow") == 0
    assert program(FULL._replace(tail=None)).count("erf_inv") == 4


def test_what_develops_the_plain_camera_is_the_table():
    seen = jnp.arange(4096, dtype=jnp.float32).reshape(64, 64, 1) / 4095
    np.testing.assert_allclose(developed(seen, Camera()), developed(seen, Camera(gamma=2.2)), atol=1e-6)
