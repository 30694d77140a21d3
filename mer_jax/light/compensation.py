"""Motion inside of a window of native frames, and the frames moved back along it, so that a mean over them blurs nothing."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.motion.luma import luma
from mer_jax.motion.smoothing import blur
from mer_jax.motion.warping import look_up


def velocity(windows: Float[Array | np.ndarray, "*n window height width channels"], sigma: float = 4.0,
             damping: float = 1e-6) -> Float[Array, "*n height width 2"]:
    """One velocity a place, in pixels a frame, from the change over all frames of a window at once.

    With g the gradient of the mean frame and s the slope of brightness in time, sum w g g^T v = -sum w g s over a Gaussian
    window w of `sigma` pixels (Lucas and Kanade, IJCAI 1981); `damping` keeps flat places still. Values in [0, 1].
    """
    grey = luma(windows)
    count = grey.shape[-3]
    time = jnp.arange(count) - (count - 1) / 2
    gy, gx = jnp.gradient(grey.mean(-3), axis=(-2, -1))
    slope = jnp.einsum("w,...whx->...hx", time, grey) / jnp.maximum(jnp.square(time).sum(), 1)
    xx, xy, yy, xt, yt = jnp.moveaxis(blur(jnp.stack([gx * gx, gx * gy, gy * gy, gx * slope, gy * slope], -1), sigma), -1, 0)
    xx, yy = xx + damping, yy + damping
    return jnp.stack([xy * yt - yy * xt, xy * xt - xx * yt], -1) / (xx * yy - xy * xy)[..., None]


def moved_back(windows: Float[Array | np.ndarray, "*n window height width channels"]
               ) -> Float[Array, "*n window height width channels"]:
    """Every frame of each window as it would be at the window's middle frame, which stays as it is."""
    *batch, count, height, width, channels = windows.shape
    away = (jnp.arange(count) - count // 2)[:, None, None, None] * velocity(windows)[..., None, :, :, :]
    frames, flow = (jnp.asarray(part).reshape(-1, height, width, part.shape[-1]) for part in (windows, away))
    return look_up(frames, flow, "cubic").reshape(*batch, count, height, width, channels)
