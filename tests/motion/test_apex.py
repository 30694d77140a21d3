"""The apex: planted ones are found, with a head that moves too; nothing is found outside of the clip's own interval."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.motion.apex import (
    GRID,
    boxes_around,
    covered,
    divide_and_conquer,
    halved,
    largest,
    largest_motion,
    middle,
    without_head,
)
from mer_jax.motion.smoothing import blur
from mer_jax.motion.warping import look_up
from mer_jax.synthetic.face import mean_landmarks

SIDE, EDGE, TIME, ONSET, OFFSET = 48, 4, 32, 3, 28
FOUND = {name: jax.jit(function) for name, function in
         (("largest", largest_motion), ("halved", divide_and_conquer))}


def skin() -> jnp.ndarray:
    """A texture of several sizes in [0, 1], (1, side, side, 1), with an EDGE around what the clip shows."""
    rng, side = np.random.default_rng(0), SIDE + 2 * EDGE
    parts = [share * sigma * np.asarray(blur(jnp.asarray(rng.normal(size=(side, side, 1)), jnp.float32), sigma))
             for sigma, share in ((1.5, 0.06), (3.0, 0.12), (8.0, 0.15))]
    return jnp.clip(0.5 + sum(parts), 0, 1)[None]


def acted(peak: int, drift: float = 0.0, noise: float = 0.0) -> jnp.ndarray:
    """A clip (TIME, SIDE, SIDE) whose brow and mouth corner move most at `peak`, by .7 pixels; the head drifts to one side
    all the time, by `drift` pixels and as many degrees in the end."""
    y, x = np.mgrid[-EDGE : SIDE + EDGE, -EDGE : SIDE + EDGE] - (SIDE - 1) / 2
    brow, corner = (np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 18) for cx, cy in ((-12, -12), (10, 14)))
    moves = 0.7 * np.stack([0.6 * brow - corner, brow - 0.5 * corner], -1)
    t = np.arange(TIME)
    course = np.clip(np.minimum((t - ONSET) / (peak - ONSET), (OFFSET - t) / (OFFSET - peak)), 0, 1)
    amount = (0.5 - 0.5 * np.cos(np.pi * course))[:, None, None, None]
    turn = np.deg2rad(drift) * np.stack([-y, x], -1)
    head = (t / TIME)[:, None, None, None] * (turn + drift * np.array([1.0, -0.5]))
    back = jnp.asarray(-(amount * moves + head), jnp.float32)
    frames = look_up(jnp.repeat(skin(), TIME, 0), back, "cubic")[:, EDGE:-EDGE, EDGE:-EDGE, 0]
    return frames + noise * jax.random.normal(jax.random.key(0), frames.shape)


@pytest.mark.parametrize("way", FOUND)
@pytest.mark.parametrize("peak", [7, 13, 23])
@pytest.mark.parametrize("drift", [0.0, 1.0])
def test_a_planted_apex_is_found(way, peak, drift):
    assert abs(int(FOUND[way](acted(peak, drift), jnp.int32(ONSET), jnp.int32(OFFSET))) - peak) <= 2


def test_it_is_found_in_noise_by_the_largest_motion():
    found = FOUND["largest"](acted(10, 0.5, 0.005), jnp.int32(ONSET), jnp.int32(OFFSET))
    assert abs(int(found) - 10) <= 3


@pytest.mark.parametrize("way", FOUND)
def test_what_lies_behind_the_clip_counts_for_nothing(way):
    clip = acted(12)
    padded = clip.at[OFFSET + 1 :].set(0)
    assert FOUND[way](padded, jnp.int32(ONSET), jnp.int32(OFFSET)) == FOUND[way](clip, jnp.int32(ONSET), jnp.int32(OFFSET))


def test_boxes_of_each_clip_and_batches_are_read():
    clips, onset, offset = jnp.stack([acted(8), acted(22)]), jnp.full(2, ONSET), jnp.full(2, OFFSET)
    boxes = jnp.broadcast_to(jnp.asarray(GRID), (2, 3, 4))
    for function in (largest_motion, divide_and_conquer):
        assert np.abs(np.asarray(function(clips, onset, offset, boxes)) - [8, 22]).max() <= 2


@pytest.mark.parametrize("seed", range(3))
def test_no_estimate_is_outside_of_its_interval(seed):
    rng = np.random.default_rng(seed)
    onset = jnp.asarray(rng.integers(0, TIME - 1, 40))
    offset = jnp.minimum(onset + jnp.asarray(rng.integers(0, 12, 40)), TIME - 1)
    courses = jnp.asarray(rng.normal(size=(40, TIME, 3)) * rng.integers(0, 2, (40, 1, 1)), jnp.float32)
    for found in (largest(courses.sum(-1), onset, offset), halved(jnp.abs(courses), onset, offset), middle(onset, offset)):
        between = (found > onset) & (found < offset)
        assert bool(jnp.where(offset - onset > 1, between, found == middle(onset, offset)).all())


def test_a_course_that_only_rises_ends_at_the_last_frame_and_one_that_falls_at_the_first():
    rising = jnp.arange(TIME, dtype=jnp.float32)
    for course, wanted in ((rising, OFFSET - 1), (TIME - rising, ONSET + 1)):
        assert largest(course, jnp.int32(ONSET), jnp.int32(OFFSET)) == wanted
        assert halved(course[:, None], jnp.int32(ONSET), jnp.int32(OFFSET)) == wanted


def test_the_half_with_more_peaks_is_kept_against_one_higher_peak():
    course = jnp.zeros(TIME).at[jnp.array([5, 20, 24])].set(jnp.array([3.0, 2.0, 2.5]))
    assert halved(course[:, None], jnp.int32(ONSET), jnp.int32(OFFSET)) == 24
    assert largest(course, jnp.int32(ONSET), jnp.int32(OFFSET)) == 5


def test_the_heads_motion_is_taken_off_and_an_expression_is_left():
    y, x = np.mgrid[:16, :16] - 7.5
    head = np.stack([0.8 - 0.02 * y + 0.01 * x, -0.3 + 0.02 * x + 0.01 * y], -1)
    np.testing.assert_allclose(without_head(jnp.asarray(head, jnp.float32)), 0, atol=1e-4)
    brow = 0.5 * np.exp(-((x + 4) ** 2 + (y + 4) ** 2) / 6)[..., None] * np.array([0.0, 1.0])
    left = without_head(jnp.asarray(head + brow, jnp.float32))
    assert np.abs(left - brow).max() < 0.1 * 0.5


def test_boxes_hold_what_they_are_around():
    marks = jnp.asarray(mean_landmarks() * 18 + np.array([24.0, 17.0]), jnp.float32)
    boxes = boxes_around(marks, SIDE, SIDE)
    for box, part in zip(np.asarray(boxes) * SIDE, (slice(17, 22), slice(22, 27), slice(48, 68)), strict=True):
        own = np.asarray(marks[part])
        assert (own > box[:2]).all() and (own < box[2:]).all()
    around, grid = (np.asarray(covered(jnp.asarray(b), SIDE, SIDE)) for b in (boxes, GRID))
    eyes = np.asarray(marks[jnp.array([37, 38, 40, 41])]).astype(int)
    assert not around[:, eyes[:, 1], eyes[:, 0]].any()
    assert all((a & b).sum() > 0.5 * a.sum() for a, b in zip(around, grid, strict=True))
