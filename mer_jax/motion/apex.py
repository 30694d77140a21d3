"""Where the apex is, of a clip that has none marked: the frame between onset and offset in which the face has moved most.

What moves most from the onset on is the head. Its part of the flow, a shift, a turn and a scale, is fitted, the frames are
moved back by it, and what is left of it then is taken off; without that, on SynthME, the middle frame is the better guess.
The rest is looked at where expressions are and lids are not, in the brows and the mouth. Grey frames in [0, 1]. Every
estimate lies between onset and offset, neither of them, where there is a frame between; else it is the middle of the two.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from mer_jax.motion.optical_flow import lucas_kanade
from mer_jax.motion.warping import look_up

# Brows, image left and right, and mouth of an upright, cropped face: left, top, right, bottom in shares of the picture.
GRID = np.array([(0.05, 0.10, 0.48, 0.40), (0.52, 0.10, 0.95, 0.40), (0.20, 0.61, 0.80, 0.96)], np.float32)
LANDMARKS = (slice(17, 22), slice(22, 27), slice(48, 68))     # the same, of the 68 landmarks
MARGIN = 0.15                                                 # pupil distances around them
ROUNDS = 4                                                    # of fitting the head's motion


def middle(onset: Int[Array, "*n"], offset: Int[Array, "*n"]) -> Int[Array, "*n"]:
    """The frame half-way: what every other estimate is to be measured against."""
    return (onset + offset) // 2


def largest_motion(frames: Float[Array, "*n time height width"], onset: Int[Array, "*n"], offset: Int[Array, "*n"],
                   boxes: Float[Array | np.ndarray, "*m regions 4"] = GRID) -> Int[Array, "*n"]:
    """The frame whose motion from the onset, as of `courses` and summed over the regions, is the largest."""
    return largest(courses(frames, onset, boxes).sum(-1), onset, offset)


def divide_and_conquer(frames: Float[Array, "*n time height width"], onset: Int[Array, "*n"], offset: Int[Array, "*n"],
                       boxes: Float[Array | np.ndarray, "*m regions 4"] = GRID) -> Int[Array, "*n"]:
    """The frame that is left when the half with the larger sum of peaks is kept again and again (Liong, See, Wong, Le Ngo,
    Oh, Phan, ACPR 2015), the peaks being those of the motion of `courses` where the paper has differences of features."""
    return halved(courses(frames, onset, boxes), onset, offset)


def courses(frames: Float[Array, "*n time height width"], onset: Int[Array, "*n"],
            boxes: Float[Array | np.ndarray, "*m regions 4"] = GRID, every: int = 4,
            sigma: float = 6.0) -> Float[Array, "*n time regions"]:
    """How far each region has moved since the onset, in pixels: the 95th percentile of its flow without the head's.

    boxes: left, top, right, bottom in shares of the picture, of all clips or of each (`boxes_around`). every: pixels, of
    which height and width are multiples, and sigma: the window, in pixels; of the quick flow, `lucas_kanade`.
    """
    first = jnp.broadcast_to(jnp.take_along_axis(frames, onset[..., None, None, None], axis=-3), frames.shape)
    height, width = frames.shape[-2:]
    head = similarity(head_motion(lucas_kanade(first, frames, sigma, every=every)), height, width)
    back = look_up(frames.reshape(-1, height, width, 1), head.reshape(-1, height, width, 2), "cubic").reshape(frames.shape)
    flow = without_head(lucas_kanade(first, back, sigma, every=every))
    height, width = flow.shape[-3:-1]
    inside = jnp.expand_dims(covered(jnp.asarray(boxes), height, width), -4)                        # *m 1 regions h w
    length = jnp.where(inside, jnp.linalg.norm(flow, axis=-1)[..., None, :, :], jnp.nan)
    return jnp.nan_to_num(jnp.nanpercentile(length, 95, axis=(-2, -1)))


def covered(boxes: Float[Array, "*m regions 4"], height: int, width: int) -> Bool[Array, "*m regions height width"]:
    """The pixels whose middle is inside of each box."""
    left, top, right, bottom = jnp.moveaxis(boxes, -1, 0)[..., None, None]
    y, x = (jnp.arange(height)[:, None] + 0.5) / height, (jnp.arange(width) + 0.5) / width
    return (x > left) & (x < right) & (y > top) & (y < bottom)


def boxes_around(landmarks: Float[Array, "*n 68 2"], height: int, width: int) -> Float[Array, "*n 3 4"]:
    """The boxes of brows and mouth from landmarks (x, y) in pixels of a picture of that height and width."""
    pupils = landmarks[..., 42:48, :].mean(-2) - landmarks[..., 36:42, :].mean(-2)
    margin = MARGIN * jnp.linalg.norm(pupils, axis=-1)[..., None]
    parts = [landmarks[..., part, :] for part in LANDMARKS]
    boxes = [jnp.concatenate([part.min(-2) - margin, part.max(-2) + margin], -1) for part in parts]
    return jnp.stack(boxes, -2) / jnp.array([width, height, width, height])


def without_head(flow: Float[Array, "*n height width 2"]) -> Float[Array, "*n height width 2"]:
    """The flow less the head's part of it."""
    return flow - similarity(head_motion(flow), *flow.shape[-3:-1])


def head_motion(flow: Float[Array, "*n height width 2"]) -> Float[Array, "*n 4"]:
    """The shift, scale and turn of `similarity` that most of a flow follows: least squares, fitted ROUNDS times, each time
    with the weight 1 / (1 + (rest / median rest)^2) (Cauchy's), so that what moves on its own counts little."""
    moves = motions(*flow.shape[-3:-1])
    weight = jnp.ones(flow.shape[:-1])
    for _ in range(ROUNDS):
        inner = jnp.einsum("hwck,hwcl,...hw->...kl", moves, moves, weight) + 1e-6 * jnp.eye(4)
        known = jnp.einsum("hwck,...hw,...hwc->...k", moves, weight, flow)
        found = jnp.linalg.solve(inner, known[..., None])[..., 0]
        rest = jnp.linalg.norm(flow - similarity(found, *flow.shape[-3:-1]), axis=-1)
        weight = 1 / (1 + (rest / (jnp.median(rest, axis=(-2, -1), keepdims=True) + 1e-4)) ** 2)
    return found


def similarity(motion: Float[Array, "*n 4"], height: int, width: int) -> Float[Array, "*n height width 2"]:
    """The flow in pixels of a shift (x, y in pixels), and a scale and a turn (pixels over the picture's longer side)."""
    return jnp.einsum("hwck,...k->...hwc", motions(height, width), motion)


def motions(height: int, width: int) -> Float[Array, "height width 2 4"]:
    """The flows of a unit of each, x and y from the middle in shares of the longer side."""
    y, x = np.mgrid[:height, :width] + 0.5
    y, x = (y - height / 2) / max(height, width), (x - width / 2) / max(height, width)
    one, none = np.ones_like(x), np.zeros_like(x)
    return jnp.asarray(np.stack([np.stack([one, none, x, -y], -1), np.stack([none, one, y, x], -1)], -2), jnp.float32)


def between(time: int, onset: Int[Array, "*n"], offset: Int[Array, "*n"]) -> Bool[Array, "*n time"]:
    """The frames after the onset and before the offset."""
    return (jnp.arange(time) > onset[..., None]) & (jnp.arange(time) < offset[..., None])


def largest(course: Float[Array, "*n time"], onset: Int[Array, "*n"], offset: Int[Array, "*n"]) -> Int[Array, "*n"]:
    """The frame between onset and offset where a course is the largest, the first of equals."""
    found = jnp.argmax(jnp.where(between(course.shape[-1], onset, offset), course, -jnp.inf), -1).astype(jnp.int32)
    return jnp.where(offset - onset > 1, found, middle(onset, offset))


def halved(courses: Float[Array, "*n time regions"], onset: Int[Array, "*n"], offset: Int[Array, "*n"]) -> Int[Array, "*n"]:
    """The last frame of halving [onset + 1, offset - 1], keeping the half whose peaks, of all regions, sum to more.

    A peak is a frame above the one before and not below the one after; at the ends there is nothing before or after.
    """
    time = courses.shape[-2]
    course = jnp.where(between(time, onset, offset)[..., None], courses, -jnp.inf)
    wide = jnp.pad(course, [(0, 0)] * (course.ndim - 2) + [(1, 1), (0, 0)], constant_values=-jnp.inf)
    peak = (course > wide[..., :-2, :]) & (course >= wide[..., 2:, :])
    total = jnp.where(peak, course, 0).sum(-1)
    before = jnp.concatenate([jnp.zeros_like(total[..., :1]), jnp.cumsum(total, -1)], -1)

    def upto(frame):
        return jnp.take_along_axis(before, frame[..., None], -1)[..., 0]

    start, end = onset + 1, offset
    for _ in range(int(np.ceil(np.log2(time)))):
        half = (start + end) // 2
        early = (upto(half) - upto(start) > upto(end) - upto(half)) & (end - start > 1)
        start, end = jnp.where(early, start, half), jnp.where(early, half, end)
    return jnp.where(offset - onset > 1, start, middle(onset, offset))
