"""Optical flow: where each pixel of one frame is found in another."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.motion.smoothing import blur, mean_pool_tiles


def lucas_kanade(first: Float[Array, "*n height width"], second: Float[Array, "*n height width"], sigma: float = 2.0,
                 damping: float = 1e-5, every: int = 1) -> Float[Array, "*n h w 2"]:
    """Flow in pixels for motions below about one pixel: least squares in a Gaussian window, in closed form.

    every: one answer for so many pixels each way, (height / every, width / every); the window is as wide.

    Solves (sum w g g^T + damping I) d = -sum w g (second - first), g the central-difference gradient of the mean of both
    frames, w a Gaussian of sigma pixels (Lucas and Kanade, IJCAI 1981, one step; the damping pulls flat places to zero).
    Values in [0, 1]. Differentiable everywhere.
    """
    mean, change = (first + second) / 2, second - first
    gy, gx = jnp.gradient(mean, axis=(-2, -1))
    moments = jnp.stack([gx * gx, gx * gy, gy * gy, gx * change, gy * change], -1)
    if every > 1:
        moments = mean_pool_tiles(moments, every)
    xx, xy, yy, xt, yt = jnp.moveaxis(blur(moments, sigma / every), -1, 0)
    xx, yy = xx + damping, yy + damping
    determinant = xx * yy - xy * xy
    return jnp.stack([xy * yt - yy * xt, xy * xt - xx * yt], -1) / determinant[..., None]
