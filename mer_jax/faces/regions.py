"""Parts of a face, by its landmarks or by a grid, cut out of frames; and the puzzled face that is made of two of them.

A box (4,) is (left, top, right, bottom) in pixels, (0, 0) the middle of the first; its edges are edges of pixels, so that a
frame of height h and width w is (-.5, -.5, w - .5, h - .5). A clip has one box for a part:
what moves in its frames moves there. Pure, to be jitted and vmapped.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.mistakes import UserMistake
from mer_jax.motion.warping import at_places

Given = Array | np.ndarray
BROWS_AND_EYES = (*range(17, 27), *range(36, 48))             # of the 68 landmarks
MOUTH = tuple(range(48, 68))
WIDER = {BROWS_AND_EYES: 0.1, MOUTH: 0.2}                     # of a box's width and height, on each side


def box_around(landmarks: Float[Given, "68 2"], points: tuple[int, ...], wider: float) -> Float[Array, "4"]:
    """The least box around some of the landmarks, and beyond it `wider` of its width and height on each side."""
    some = jnp.asarray(landmarks)[np.array(points)]
    least, most = some.min(0), some.max(0)
    return jnp.concatenate([least - wider * (most - least), most + wider * (most - least)])


def eyes_and_mouth(landmarks: Float[Given, "68 2"]) -> Float[Array, "2 4"]:
    """The boxes of brows with eyes, and of the mouth; how much wider than the landmarks is ours, no paper says it."""
    return jnp.stack([box_around(landmarks, points, wider) for points, wider in WIDER.items()])


def grid(height: int, width: int, rows: int, columns: int) -> Float[np.ndarray, "parts 4"]:
    """Boxes that part a frame into rows x columns, row by row."""
    top, left = (axis.ravel() for axis in np.indices((rows, columns), np.float32))
    steps = np.array([width / columns, height / rows] * 2, np.float32)
    return np.stack([left, top, left + 1, top + 1], -1) * steps - 0.5


def cut(frames: Float[Given, "time height width channels"], box: Float[Given, "4"], height: int, width: int,
        fine: int = 1) -> Float[Array, "time {height} {width} channels"]:
    """What lies in a box, as pictures of this height and width: bilinear, the frame's edges repeated outside.

    fine: the mean of so many look-ups each way to a pixel; where the box is larger than the picture, as many as keep every
    pixel of the frame in it, since fine detail that is left out turns into false motion. Raises UserMistake for less than 1.
    """
    if height < 1 or width < 1 or fine < 1:
        raise UserMistake(f"cut: height={height}, width={width}, fine={fine}, wanted at least 1 of each")
    time, tall, wide, channels = frames.shape
    together = jnp.asarray(frames).transpose(1, 2, 0, 3).reshape(1, tall, wide, time * channels)
    left, top, right, bottom = jnp.asarray(box, jnp.float32)
    x = left + (np.arange(width * fine, dtype=np.float32) + 0.5) / (width * fine) * (right - left)
    y = top + (np.arange(height * fine, dtype=np.float32) + 0.5) / (height * fine) * (bottom - top)
    found = at_places(together, jnp.stack(jnp.meshgrid(x, y), -1)[None])[0]
    found = found.reshape(height, fine, width, fine, time, channels).mean((1, 3))
    return found.transpose(2, 0, 1, 3)


def puzzled(frames: Float[Given, "time height width channels"], landmarks: Float[Given, "68 2"], size: int,
            fine: int = 1) -> Float[Array, "time {size} {size} channels"]:
    """Brows and eyes above, the mouth below, each at half of the size: the frames on which Dual-ATME (Entropy 2023) finds the
    flow of its second branch. Raises UserMistake for an odd size."""
    if size % 2:
        raise UserMistake(f"puzzled: size={size}, wanted an even one, half for the eyes and half for the mouth")
    parts = jax.vmap(lambda box: cut(frames, box, size // 2, size, fine))(eyes_and_mouth(landmarks))
    return jnp.concatenate([parts[0], parts[1]], 1)
