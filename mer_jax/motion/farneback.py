"""Farneback's optical flow: each picture as polynomials of second degree around its pixels; the motion is what turns those
of the first picture into those of the second.

Farneback: "Two-Frame Motion Estimation Based on Polynomial Expansion", SCIA 2003; the expansion at length in his thesis,
"Polynomial Expansion for Orientation and Motion Estimation", Linkoping 2002. Settings and scales as in OpenCV's
calcOpticalFlowFarneback. Where this departs from OpenCV: pixels near the edges count in full, where OpenCV counts them less.
On a textured face that is .003 pixels of flow on the mean, .7 where it is most, and less than 1e-4 at any place 20 pixels
from the edges. Where this departs from the paper: beyond the edges the outermost pixels are repeated instead of counting for
nothing, the second expansion is looked up between pixels instead of at the nearest, and the window's system is damped.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.motion.smoothing import blur
from mer_jax.motion.tvl1 import resized
from mer_jax.motion.warping import look_up

SMALLEST = 32                                                 # pixels: no coarser scale has a shorter side
POWERS = ((0, 0), (1, 0), (0, 1), (2, 0), (0, 2), (1, 1))     # of x and y, in the terms of a polynomial
FINEST = (0.25, 0.5, 0.25)                                    # OpenCV smooths the finest scale too


@dataclasses.dataclass(frozen=True)
class Farneback:
    """Named as in OpenCV. pyr_scale: the size of a scale, of that of the one before; levels: scales beside the finest (what
    OpenCV does; its documentation counts the finest too); winsize: of the square window in which the motion is taken for one,
    pixels; iterations: a scale; poly_n: a polynomial is fitted to so many pixels each way, with Gaussian weights of
    poly_sigma pixels; gaussian_window: OPTFLOW_FARNEBACK_GAUSSIAN.

    damping: added to the determinant of the window's system, for grey values of 0 to 255. OpenCV's, which can not be set
    there, pulls the motion of smooth skin towards zero: on a moved textured face of 340 x 280, where the motion is 1.1 pixels
    on the mean, the error is .33 pixels with it and .12 with 1e-5."""

    pyr_scale: float = 0.5
    levels: int = 3
    winsize: int = 15
    iterations: int = 5
    poly_n: int = 7
    poly_sigma: float = 1.5
    gaussian_window: bool = False
    damping: float = 1e-3


FARNEBACK = Farneback()


def farneback(first: Float[Array, "*n height width"], second: Float[Array, "*n height width"],
              settings: Farneback = FARNEBACK) -> Float[Array, "*n height width 2"]:
    """Flow (u, v) in pixels from grey pictures in [0, 1]: what is at x in the first is at x + flow(x) in the second.

    Differentiable; pure; jit with static settings.
    """
    *batch, height, width = first.shape
    pictures = 255 * jnp.stack([first, second]).reshape(-1, height, width).astype(jnp.float32)
    scales = [settings.pyr_scale**k for k in range(settings.levels + 1)]
    scales = scales[:1] + [scale for scale in scales[1:] if scale * min(height, width) >= SMALLEST]
    flow = jnp.zeros((pictures.shape[0] // 2, 1, 1, 2))
    for scale in reversed(scales):
        h, w = round(scale * height), round(scale * width)
        polynomials = expansion(scaled(pictures, scale, h, w), settings.poly_n, settings.poly_sigma)
        flow = refined(*polynomials.reshape(2, -1, h, w, len(POWERS)), enlarged(flow, h, w), settings)
    return flow.reshape(*batch, height, width, 2)


def scaled(pictures: Float[Array, "n h w"], scale: float, height: int, width: int) -> Float[Array, "n height width"]:
    """The pictures of one scale, smoothed so that what it can not show is gone: sigma grows with what is left out."""
    if scale == 1:
        return along(along(pictures, FINEST, -2), FINEST, -1)
    return resized(blur(pictures[..., None], (1 / scale - 1) / 2)[..., 0], height, width)


def enlarged(flow: Float[Array, "n h w 2"], height: int, width: int) -> Float[Array, "n height width 2"]:
    """The flow of a coarser scale in pixels of this one."""
    _, h, w, _ = flow.shape
    u, v = resized(flow[..., 0], height, width), resized(flow[..., 1], height, width)
    return jnp.stack([u * (width / w), v * (height / h)], -1)


def expansion(pictures: Float[Array, "n h w"], poly_n: int, poly_sigma: float) -> Float[Array, "n h w 6"]:
    """Coefficients of 1, x, y, x^2, y^2 and xy around each pixel: the polynomial nearest to the pixels about it, in the least
    squares of Gaussian weights (SCIA 2003, section 2): weighted sums of the pixels, by the inverse of the basis' products."""
    place = np.arange(-poly_n, poly_n + 1)
    weights = gaussian(poly_n, poly_sigma)
    moment = [(weights * place**k).sum() for k in range(5)]
    products = np.array([[moment[i + k] * moment[j + m] for k, m in POWERS] for i, j in POWERS])
    down = [along(pictures, weights * place**j, -2) for j in range(3)]
    sums = jnp.stack([along(down[j], weights * place**i, -1) for i, j in POWERS], -1)
    return jnp.einsum("nhwi,ij->nhwj", sums, jnp.asarray(np.linalg.inv(products), jnp.float32), precision="highest")


def refined(before: Float[Array, "n h w 6"], after: Float[Array, "n h w 6"], flow: Float[Array, "n h w 2"],
            settings: Farneback) -> Float[Array, "n h w 2"]:
    """The flow of one scale from that of the coarser one, and both pictures' expansions (SCIA 2003, section 3).

    The mean A of both quadratic parts, and b, half the change of the linear parts plus what the flow so far makes of it, tell
    the motion d: A d = b, in the least squares of the window about each pixel. Where the flow so far leads out of the
    picture, the second expansion is taken to equal the first: the pixel asks for the flow it has."""
    reach = settings.winsize // 2
    window = gaussian(reach, 0.3 * reach) if settings.gaussian_window else np.full(2 * reach + 1, 1 / settings.winsize)
    y, x = jnp.mgrid[:flow.shape[1], :flow.shape[2]].astype(flow.dtype)

    def improve(flow, _):
        u, v = flow[..., 0], flow[..., 1]
        inside = (x + u >= 0) & (x + u <= x[-1, -1]) & (y + v >= 0) & (y + v <= y[-1, -1])
        found = jnp.where(inside[..., None], look_up(after, flow), before)
        _, _, _, xx, yy, xy = jnp.moveaxis((before + found) / 2, -1, 0)
        xy = xy / 2
        bx = (before[..., 1] - found[..., 1]) / 2 + xx * u + xy * v
        by = (before[..., 2] - found[..., 2]) / 2 + xy * u + yy * v
        sums = jnp.stack([xx * xx + xy * xy, xy * (xx + yy), xy * xy + yy * yy, xx * bx + xy * by, xy * bx + yy * by])
        a, b, d, p, q = along(along(sums, window, -2), window, -1)
        return jnp.stack([d * p - b * q, a * q - b * p], -1) / (a * d - b * b + settings.damping)[..., None], None

    return jax.lax.scan(improve, flow, length=settings.iterations)[0]


def gaussian(reach: int, sigma: float) -> Float[np.ndarray, " size"]:
    """Weights of the places from -reach to reach; they sum to 1."""
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return weights / weights.sum()


def along(x: Float[Array, "*n h w"], weights, axis: int) -> Float[Array, "*n h w"]:
    """Weighted sums of a pixel and its neighbours on one axis, edges repeated."""
    size, pads = x.shape[axis], [(0, 0)] * x.ndim
    pads[axis] = (len(weights) // 2,) * 2
    wide = jnp.pad(x, pads, mode="edge")
    return sum(float(weight) * jax.lax.slice_in_dim(wide, i, i + size, axis=axis) for i, weight in enumerate(weights))
