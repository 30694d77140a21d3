"""What is kept of a motion: closed forms, invariances, and scikit-image's PSNR and SSIM."""

import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.light.fidelity import (
    aligned,
    flicker,
    motion_kept,
    motion_preserved,
    moving,
    nose_box,
    psnr,
    pupil_distance,
    ssim,
    warping_error,
)
from mer_jax.motion.warping import warp
from mer_jax.synthetic.face import mean_landmarks

SIDE = 48
LANDMARKS = jnp.asarray(mean_landmarks() * 16 + np.array([24, 18]), jnp.float32)
FACE = jnp.ones((SIDE, SIDE), bool)


@pytest.fixture
def clean():
    """A motion beside the nose, none elsewhere."""
    y, x = np.mgrid[:SIDE, :SIDE]
    hill = np.exp(-((x - 12) ** 2 + (y - 38) ** 2) / 18)[..., None] * np.array([1.0, -0.6])
    return jnp.asarray(np.where(np.abs(hill) > 0.05, hill, 0), jnp.float32)


def kept(found, clean):
    return motion_kept(found, clean, moving(clean, pupil_distance(LANDMARKS)), FACE)


def test_what_is_found_as_it_was_is_kept_whole(clean):
    error, gain, correlation, strain, false_motion = kept(clean, clean)
    assert error == 0 and false_motion == 0
    assert [float(part) for part in (gain, correlation, strain)] == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.3, -1.0])
def test_gain_is_the_share_that_is_found(clean, share):
    found = kept(share * clean, clean)
    whole = kept(jnp.zeros_like(clean), clean).error
    assert float(found.gain) == pytest.approx(share, abs=1e-5)
    assert float(found.error) == pytest.approx(float(abs(1 - share) * whole), abs=1e-5)
    assert float(motion_preserved(found.error, whole)) == pytest.approx(1 - abs(1 - share), abs=1e-5)
    if share:
        assert float(found.correlation) == pytest.approx(np.sign(share), abs=1e-4)


@pytest.mark.parametrize("where", [np.s_[8:40, 8:40], np.s_[8:14, 20:44]])
def test_strain_says_where_the_skin_is_stretched_whatever_turns_and_drifts(where):
    """u = x^2 / 2 is stretched by |x|, v = y^2 / 2 by |y|, which on a square about the middle has nothing to do with it."""
    y, x = jnp.mgrid[:SIDE, :SIDE] - jnp.float32(SIDE / 2 - 0.5)
    here = jnp.zeros((SIDE, SIDE), bool).at[where].set(True)
    across, down = jnp.stack([x * x / 2, 0 * x], -1), jnp.stack([0 * y, y * y / 2], -1)

    def strain(found, clean=across):
        return float(motion_kept(found, clean, here, FACE).strain)

    assert strain(across + 3 * jnp.stack([-y, x], -1) + 5) == pytest.approx(1, abs=1e-4)
    assert strain(-2 * across) == pytest.approx(1, abs=1e-4)                     # as much, where the flow itself says -1
    both = np.abs(np.stack([x[where], y[where]])).reshape(2, -1)
    assert strain(down) == pytest.approx(np.corrcoef(both)[0, 1], abs=1e-4)
    assert strain(across + down) == pytest.approx(np.corrcoef([np.hypot(*both), both[0]])[0, 1], abs=1e-4)


def test_what_moves_less_than_the_threshold_counts_for_no_gain(clean):
    """A motion that the clean pictures have below the threshold may be lost or doubled: the gain is of what moves."""
    moves = moving(clean, pupil_distance(LANDMARKS))[..., None]
    faint = jnp.where(moves, clean, 0.02)
    for share in (0.0, 2.0):
        assert float(kept(jnp.where(moves, clean, share * faint), faint).gain) == pytest.approx(1)


def test_motion_where_there_was_none_is_false_and_no_gain(clean):
    moves = moving(clean, pupil_distance(LANDMARKS))
    found = kept(jnp.where(moves[..., None], clean, 0.25), clean)
    assert found.error == 0 and float(found.gain) == pytest.approx(1)
    assert float(found.false_motion) == pytest.approx(0.25 * 2**0.5, rel=0.05)


def test_the_heads_drift_changes_nothing(clean):
    nose = nose_box(LANDMARKS, SIDE, SIDE)
    assert 20 < nose.sum() < 400
    drifted = aligned(clean + jnp.array([1.7, -0.4]), nose)
    np.testing.assert_allclose(drifted, clean, atol=1e-6)


def test_the_threshold_grows_with_the_face(clean):
    assert moving(clean, jnp.float32(112.0)).sum() > moving(clean, jnp.float32(224.0)).sum() > 0
    assert not moving(jnp.full((4, 4, 2), 0.2), jnp.float32(112.0)).any()               # .28 pixels
    assert moving(jnp.full((4, 4, 2), 0.22), jnp.float32(112.0)).all()                  # .31 pixels


def test_a_picture_moved_along_the_flow_has_no_warping_error_and_a_frozen_one_has():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    first = jnp.asarray(0.5 + 0.2 * np.sin(x / 3)[..., None] * np.sin(y / 4)[..., None], jnp.float32)
    flow = jnp.full((SIDE, SIDE, 2), 1.0)
    second = warp(first, flow)
    assert warping_error(first, second, flow, -flow, FACE) < 1e-4
    assert warping_error(first, first, flow, -flow, FACE) > 1e-3
    noisy = second + 0.1 * jnp.asarray(rng.normal(size=second.shape), jnp.float32)
    assert float(warping_error(first, noisy, flow, -flow, FACE)) == pytest.approx(0.01, rel=0.2)
    spoilt, no_way_back = jnp.where(x[..., None] < 24, 0, second), jnp.where(x[..., None] < 26, flow, -flow)
    assert warping_error(first, spoilt, flow, -flow, FACE) > 0.01
    assert warping_error(first, spoilt, flow, no_way_back, FACE) < 1e-3                           # hidden there: not looked at


def test_a_frozen_pictures_warping_error_shows_where_something_moves(clean):
    rng = np.random.default_rng(0)
    first = jnp.asarray(rng.uniform(size=(SIDE, SIDE, 3)), jnp.float32)
    moves = jnp.linalg.norm(clean, axis=-1) > 0
    whole, there, elsewhere, nowhere = (float(warping_error(first, first, 0.1 * clean, -0.1 * clean, where))
                                        for where in (FACE, moves, ~moves, ~FACE))
    assert elsewhere == 0 and there > 5 * whole > 0 and np.isnan(nowhere)
    assert whole == pytest.approx(float(moves.mean()) * there, rel=1e-5)


def test_flicker_is_the_change_of_brightness_alone():
    frames = np.random.default_rng(0).uniform(size=(1, 8, 8, 3)).astype(np.float32)
    still = jnp.asarray(np.repeat(frames, 6, 0))
    assert flicker(still) == 0
    assert float(flicker(still + jnp.array([0, 0.1] * 3)[:, None, None, None])) == pytest.approx(0.1, rel=1e-4)
    assert flicker(still[:, ::-1]) == 0


def test_psnr_and_ssim_equal_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :50]
    wanted = (0.5 + 0.3 * np.sin(x / 5 + y / 7)[..., None] * np.array([1, 0.8, 0.6])).astype(np.float32)
    for noise in (0.01, 0.1):
        found = (wanted + noise * rng.normal(size=wanted.shape)).astype(np.float32)
        ours = [float(measure(jnp.asarray(found), jnp.asarray(wanted))) for measure in (psnr, ssim)]
        assert ours[0] == pytest.approx(metrics.peak_signal_noise_ratio(wanted, found, data_range=1), rel=1e-5)
        theirs = metrics.structural_similarity(wanted, found, data_range=1, channel_axis=-1, gaussian_weights=True,
                                               sigma=1.5, use_sample_covariance=False)
        assert ours[1] == pytest.approx(theirs, abs=2e-3)
