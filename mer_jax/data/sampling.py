"""Instants of a clip: T moments from onset to offset, and around each a window of W consecutive native frames.

Low light can only be helped by frames that the camera really took one after the other; so an instant is not one frame
but a window of them, which a network's enhancement reduces.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt8

FAST = 100.0                                                   # frames a second from which on a window has five frames


def window_of(fps: np.ndarray) -> int:
    """W for a data set: 5 where every clip has at least 100 frames a second, else 1 (slow or unknown)."""
    return 5 if np.all(np.asarray(fps) >= FAST) else 1


def instants(onset: Int[Array, " n"], apex: Int[Array, " n"], offset: Int[Array, " n"],
             count: int) -> Int[Array, "n count"]:
    """Frames of T instants in order of time: the nearest ones to `places`. A clip shorter than T repeats frames."""
    return jnp.round(places(onset, apex, offset, count)).astype(jnp.int32)


def places(onset: Int[Array, "*n"], apex: Int[Array, "*n"], offset: Int[Array, "*n"],
           count: int) -> Float[Array, "*n count"]:
    """T places in time, in frames: the onset, the apex, the offset, and the others spread evenly between, between frames too.

    The onset is the first, the offset the last and the apex the one at T // 2 (T = 1: the apex; T = 2: onset, apex).
    An apex of -1 is unknown: the middle frame then stands in for it.
    """
    apex = jnp.where(apex < 0, (onset + offset) // 2, apex)
    onset, apex, offset = (mark.astype(jnp.float32) for mark in (onset, apex, offset))
    if count <= 2:
        return jnp.stack([onset, apex][2 - count :], -1)
    before, after = count // 2, count - 1 - count // 2
    rising = onset[..., None] + (apex - onset)[..., None] * jnp.arange(before) / before
    falling = apex[..., None] + (offset - apex)[..., None] * jnp.arange(after + 1) / after
    return jnp.concatenate([rising, falling], -1)


def windows(moments: Int[Array, "n instants"], length: Int[Array, " n"], width: int) -> Int[Array, "n instants width"]:
    """Frames of the window around each instant; at the ends of a clip it slides inside (one-sided), and a clip shorter
    than the window repeats its last frame."""
    first = jnp.clip(moments - width // 2, 0, jnp.maximum(length[:, None] - width, 0))
    return jnp.minimum(first[..., None] + jnp.arange(width), length[:, None, None] - 1)


def sample(frames: UInt8[Array, "clips length height width channels"], rows: Int[Array, " n"],
           at: Int[Array, "n instants window"]) -> UInt8[Array, "n instants window height width channels"]:
    """The frames of some rows, gathered; nothing else of the clips is read."""
    return frames[rows[:, None, None], at]
