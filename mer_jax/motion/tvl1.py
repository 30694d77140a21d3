"""TV-L1 optical flow: the motion whose brightness residual and total variation are smallest, with a pyramid and warps.

Zach, Pock, Bischof: "A Duality Based Approach for Realtime TV-L1 Optical Flow", DAGM 2007; parameters, pyramid and their
defaults as in Sanchez, Meinhardt-Llopis, Facciolo: "TV-L1 Optical Flow Estimation", IPOL 2013, and in OpenCV's
DualTVL1OpticalFlow, which nearly every network of the field was fed from. Where this departs from OpenCV: a fixed number
of iterations a warp instead of up to 300 with a stopping rule, one 3x3 median a warp instead of ten of 5x5, edges repeated
where OpenCV reads zeros. On faces that changes the flow by about .015 pixels, and lowers its error.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.motion.smoothing import median3
from mer_jax.motion.warping import look_up

SMALLEST = 16                                                 # pixels: no scale of the pyramid is smaller
FLAT = 1e-7                                                   # a squared gradient below it tells nothing


@dataclasses.dataclass(frozen=True)
class TVL1:
    """tau: the time step; lam: how much the residual counts, on grey values of 0 to 255 (lambda); theta: how tightly the two
    halves of the problem are tied. scales: of the pyramid, each `scale_step` the size of the one before; warps: linearisations
    a scale; iterations: a warp; interpolation: "cubic" or "linear", of the warped picture."""

    tau: float = 0.25
    lam: float | Array = 0.15
    theta: float = 0.3
    scales: int = 5
    scale_step: float = 0.8
    warps: int = 5
    iterations: int = 15
    interpolation: str = "cubic"


FAITHFUL = TVL1()
FAST = TVL1(scales=4, scale_step=0.5, iterations=10, interpolation="linear")


def tvl1(first: Float[Array, "*n height width"], second: Float[Array, "*n height width"],
         settings: TVL1 = FAITHFUL) -> Float[Array, "*n height width 2"]:
    """Flow (u, v) in pixels from grey pictures in [0, 1]: what is at x in the first is at x + flow(x) in the second.

    settings: FAITHFUL, for what OpenCV gives at its defaults, or FAST, a quarter of the work and about as exact on faces.
    Differentiable; pure; jit with static settings.
    """
    *batch, height, width = first.shape
    pictures = 255 * jnp.stack([first, second]).reshape(2, -1, height, width).astype(jnp.float32)
    pyramid = [pictures]
    for size in sizes(height, width, settings)[1:]:
        pyramid.append(resized(pyramid[-1], *size))
    u = v = jnp.zeros(pyramid[-1].shape[1:])
    for at, after in reversed(pyramid):
        (_, *before), (_, *now) = u.shape, at.shape
        u, v = resized(u, *now) * (now[1] / before[1]), resized(v, *now) * (now[0] / before[0])
        u, v = refined(at, after, u, v, settings)
    return jnp.stack([u, v], -1).reshape(*batch, height, width, 2)


def sizes(height: int, width: int, settings: TVL1) -> list[tuple[int, int]]:
    """(height, width) of the scales, the finest first; none but the first has a side shorter than SMALLEST."""
    scaled = [(round(height * settings.scale_step**s), round(width * settings.scale_step**s)) for s in range(settings.scales)]
    return scaled[:1] + [size for size in scaled[1:] if min(size) >= SMALLEST]


def resized(pictures: Float[Array, "*n h w"], height: int, width: int) -> Float[Array, "*n height width"]:
    """Linear interpolation between pixel centres, not smoothed before."""
    return jax.image.resize(pictures, (*pictures.shape[:-2], height, width), "linear", antialias=False)


def refined(first: Float[Array, "n h w"], second: Float[Array, "n h w"], u: Float[Array, "n h w"], v: Float[Array, "n h w"],
            settings: TVL1) -> tuple[Float[Array, "n h w"], Float[Array, "n h w"]]:
    """The flow of one scale from that of the coarser one; the dual variables start at zero and are kept over the warps."""
    seen = jnp.stack([second, *central_differences(second)], -1)

    def warp(state, _):
        u, v, dual = state
        warped, gx, gy = jnp.moveaxis(look_up(seen, jnp.stack([u, v], -1), settings.interpolation), -1, 0)
        squared = gx * gx + gy * gy
        inverse = jnp.where(squared > FLAT, 1 / jnp.maximum(squared, FLAT), 0.0)
        constant = warped - gx * u - gy * v - first
        u, v = median3(u), median3(v)

        def iterate(state, _):
            return step(*state, gx, gy, inverse, constant, settings), None

        return jax.lax.scan(iterate, (u, v, dual), length=settings.iterations)[0], None

    still = jnp.zeros_like(u)
    (u, v, _), _ = jax.lax.scan(warp, (u, v, (still,) * 4), length=settings.warps)
    return u, v


def step(u, v, dual, gx, gy, inverse, constant, settings: TVL1) -> tuple:
    """One iteration: the residual's threshold (Zach et al., eq. 15), then the dual step of the total variation (eq. 13)."""
    most, rate = settings.lam * settings.theta, settings.tau / settings.theta
    p11, p12, p21, p22 = dual
    share = jnp.clip(-(constant + gx * u + gy * v) * inverse, -most, most)
    u = u + share * gx + settings.theta * divergence(p11, p12)
    v = v + share * gy + settings.theta * divergence(p21, p22)
    return u, v, (*pulled(p11, p12, u, rate), *pulled(p21, p22, v, rate))


def pulled(px, py, u, rate: float) -> tuple:
    """The dual variables of one component pulled towards its gradient, and back into the unit disc."""
    ux, uy = forward_differences(u)
    shrink = 1 / (1 + rate * jnp.sqrt(ux * ux + uy * uy + 1e-20))
    return (px + rate * ux) * shrink, (py + rate * uy) * shrink


def forward_differences(x: Float[Array, "n h w"]) -> tuple[Float[Array, "n h w"], Float[Array, "n h w"]]:
    """(d/dx, d/dy), zero at the last column and row."""
    return (jnp.pad(x[:, :, 1:] - x[:, :, :-1], ((0, 0), (0, 0), (0, 1))),
            jnp.pad(x[:, 1:] - x[:, :-1], ((0, 0), (0, 1), (0, 0))))


def divergence(px: Float[Array, "n h w"], py: Float[Array, "n h w"]) -> Float[Array, "n h w"]:
    """Minus the adjoint of `forward_differences`, for fields that are zero at the last column and row."""
    return (px - jnp.pad(px[:, :, :-1], ((0, 0), (0, 0), (1, 0)))) + (py - jnp.pad(py[:, :-1], ((0, 0), (1, 0), (0, 0))))


def central_differences(x: Float[Array, "n h w"]) -> tuple[Float[Array, "n h w"], Float[Array, "n h w"]]:
    """(d/dx, d/dy) with repeated edges, so that the differences at the edges are halved."""
    wide, tall = jnp.pad(x, ((0, 0), (0, 0), (1, 1)), mode="edge"), jnp.pad(x, ((0, 0), (1, 1), (0, 0)), mode="edge")
    return (wide[:, :, 2:] - wide[:, :, :-2]) / 2, (tall[:, 2:] - tall[:, :-2]) / 2
