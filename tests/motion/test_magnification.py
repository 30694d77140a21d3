"""Motion made larger: a wave is moved further by what the paper says, and what is still, slow or out of bounds is not."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.motion.magnification import (
    band_pass,
    band_passed,
    collapsed,
    eulerian,
    gains,
    laplacian_pyramid,
    magnified,
    since_onset,
)

HEIGHT, WIDTH, TIME, FPS = 16, 192, 60, 120.0
LARGER = jax.jit(functools.partial(eulerian, wavelength=8.0, levels=5))


def waves(shifts: np.ndarray, wavelength: float) -> jnp.ndarray:
    """Grey clips (time, HEIGHT, WIDTH, 1) of a sinusoid across the picture, moved by each of the shifts (pixels)."""
    x = np.arange(WIDTH) - np.asarray(shifts)[:, None]
    rows = 0.5 + 0.1 * np.sin(2 * np.pi * x / wavelength)
    return jnp.asarray(np.broadcast_to(rows[:, None, :, None], (len(rows), HEIGHT, WIDTH, 1)), jnp.float32)


def shifts_of(clip, wavelength: float) -> np.ndarray:
    """How far the sinusoid has moved in each frame, in pixels, by its phase in the middle of the picture."""
    periods = int((WIDTH - 64) // wavelength * wavelength)
    row = np.asarray(clip)[:, HEIGHT // 2, 32 : 32 + periods, 0]
    phase = np.angle(row @ np.exp(-2j * np.pi * np.arange(32, 32 + periods) / wavelength))
    return -np.unwrap(phase - phase[0]) * wavelength / (2 * np.pi)


@pytest.mark.parametrize("wavelength", [32.0, 64.0])
@pytest.mark.parametrize("alpha", [2.0, 10.0])
def test_a_wave_within_the_bound_moves_further_as_the_first_order_says(alpha, wavelength):
    shift = 0.6 * wavelength / 8 / (1 + alpha)
    clip = waves([0, shift], wavelength)
    found = shifts_of(LARGER(clip, since_onset(clip), alpha), wavelength)[1]
    phase = 2 * np.pi * shift / wavelength
    closed = np.angle((1 + alpha) * np.exp(1j * phase) - alpha) * wavelength / (2 * np.pi)
    assert found == pytest.approx(closed, rel=0.06)
    assert found == pytest.approx((1 + alpha) * shift, rel=0.12)


def test_motion_in_the_band_grows_and_motion_outside_of_it_stays():
    t = np.arange(TIME) / FPS
    slow, fast = 0.1 * np.sin(2 * np.pi * 4 * t), 0.1 * np.sin(2 * np.pi * 20 * t)
    clip = waves(slow + fast, 32.0)
    change = jax.jit(functools.partial(band_passed, low=2.0, high=8.0))(clip, jnp.int32(TIME), jnp.float32(FPS))
    found = shifts_of(LARGER(clip, change, 10.0), 32.0)
    parts = np.linalg.lstsq(np.stack([slow - slow[0], fast - fast[0]], -1), found, rcond=None)[0]
    np.testing.assert_allclose(parts, [11, 1], rtol=0.05)
    out = band_passed(waves(fast, 32.0), jnp.int32(TIME), jnp.float32(FPS), 2.0, 8.0)
    assert np.abs(out).max() < 1e-4


def test_no_alpha_gives_the_clip_back_and_a_still_clip_stays():
    clip = waves(np.sin(np.arange(TIME)), 24.0)
    np.testing.assert_array_equal(LARGER(clip, since_onset(clip), 0.0), clip)
    still = jnp.broadcast_to(clip[:1], clip.shape)
    np.testing.assert_array_equal(LARGER(still, since_onset(still), 10.0), still)
    np.testing.assert_allclose(band_passed(still, jnp.int32(TIME), jnp.float32(FPS), 2.0, 8.0), 0, atol=1e-6)


def test_the_band_pass_is_that_of_the_fourier_transform_at_each_clips_own_length():
    lengths, fps = jnp.array([60, 37, 8]), jnp.array([200.0, 120.0, jnp.nan])
    found = np.asarray(jax.jit(lambda n, f: band_pass(n, f, 3.0, 12.0, TIME))(lengths, fps))
    signal = np.random.default_rng(0).normal(size=TIME)
    for row, (n, rate) in enumerate(zip(lengths.tolist(), fps.tolist(), strict=True)):
        hertz, bins = np.fft.rfftfreq(n, 1 / rate), np.fft.rfft(signal[:n])
        wanted = np.fft.irfft(np.where((hertz >= 3) & (hertz <= 12), bins, 0), n)
        np.testing.assert_allclose((found[row] @ signal)[:n], wanted, atol=1e-5)
        assert (found[row, n:] == 0).all() and (found[row, :, n:] == 0).all()


def test_short_waves_are_amplified_up_to_the_bound_only():
    full = np.asarray(gains(10.0, 16.0, 4))
    np.testing.assert_allclose(full, [11 * 4 / 16 - 1, 11 * 8 / 16 - 1, 10, 10], rtol=1e-6)
    clip = waves([0, 0.1], 6.0)
    assert shifts_of(eulerian(clip, since_onset(clip), 10.0, wavelength=32.0), 6.0)[1] < 0.5 * 1.1


@pytest.mark.parametrize("size", [(40, 48), (37, 51), (16, 5)])
def test_a_pyramid_is_collapsed_to_what_it_was_made_of(size):
    image = jnp.asarray(np.random.default_rng(0).uniform(size=(2, *size, 3)), jnp.float32)
    pyramid = laplacian_pyramid(image, 4)
    np.testing.assert_allclose(collapsed(pyramid), image, atol=1e-6)
    flat = laplacian_pyramid(jnp.ones((*size, 1)), 4)
    assert all(np.abs(band).max() < 1e-6 for band in flat[:-1])                                 # a flat picture has no bands


def test_colour_is_amplified_less_than_brightness():
    clip = jnp.repeat(waves([0, 0.2], 32.0), 3, axis=-1)
    tint = jnp.array([0.114, 0, -0.299]) * since_onset(clip)                                       # a change of no luma
    added = {c: [LARGER(clip, change, 10.0, chroma=c) - clip for change in (since_onset(clip), tint)] for c in (0.1, 1.0)}
    np.testing.assert_allclose(added[0.1][0], added[1.0][0], atol=1e-5)
    np.testing.assert_allclose(added[0.1][1], 0.1 * added[1.0][1], atol=1e-5)


def test_a_gradient_goes_through():
    clip = waves([0, 0.2], 32.0)
    gradient = jax.grad(lambda a: (LARGER(clip, since_onset(clip), a) ** 2).sum())(2.0)
    assert np.isfinite(gradient) and gradient != 0


def test_a_flow_is_followed_so_many_times():
    picture = waves([0, 4.0], 32.0)
    flow = jnp.broadcast_to(jnp.array([1.0, 0.0]), (HEIGHT, WIDTH, 2))
    np.testing.assert_allclose(magnified(picture[0], flow, 4)[:, 16:-16], picture[1][:, 16:-16], atol=2e-2)
