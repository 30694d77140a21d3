"""A clip at other moments than its frames': so many frames from one of any length.

Either way a frame is a weighted mean of the clip's own, and its weights depend on time alone: a matrix and one einsum,
differentiable, the same for pictures and for features. What lies behind `length` has no weight.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def linear(frames: Float[Array, "*n time height width channels"],
           places: Float[Array, "*n count"]) -> Float[Array, "*n count height width channels"]:
    """The clip at `places` in frames, between neighbours by their distance. With those of `data.sampling.places` the
    onset, the apex and the offset are kept as they are. For clips that are noisy or change fast, or for fewer frames than
    they have: no weight is negative."""
    return blended(frames, linear_weights(places, frames.shape[-4]))


def tim(frames: Float[Array, "*n time height width channels"], length: Int[Array, "*n"],
        count: int) -> Float[Array, "*n count height width channels"]:
    """`count` frames, spread evenly from the first to the last, on the smooth curve through all of the clip's: the temporal
    interpolation model (Zhou, Zhao, Pietikainen, CVPR 2011). The field's habit is count = 10."""
    return blended(frames, tim_weights(evenly(length, count), length, frames.shape[-4]))


def blended(frames: Float[Array, "*n time height width channels"],
            weights: Float[Array, "*n count time"]) -> Float[Array, "*n count height width channels"]:
    """Weighted sums of frames, in full precision: an expression is a small difference of large numbers."""
    return jnp.einsum("...mt,...thwc->...mhwc", weights, frames, precision=jax.lax.Precision.HIGHEST)


def evenly(length: Int[Array, "*n"], count: int) -> Float[Array, "*n count"]:
    """`count` places from frame 0 to frame length - 1; frame 0 for one."""
    return jnp.arange(count) * (length[..., None] - 1).astype(jnp.float32) / max(count - 1, 1)


def linear_weights(places: Float[Array, "*n count"], time: int) -> Float[Array, "*n count time"]:
    """Of the two frames around each place, 1 less its distance to them."""
    return jnp.maximum(1 - jnp.abs(places[..., None] - jnp.arange(time)), 0)


def tim_weights(places: Float[Array, "*n count"], length: Int[Array, "*n"], time: int) -> Float[Array, "*n count time"]:
    """Of all frames; rows sum to 1, and a place on a frame gives that frame.

    The paper lays the n = length frames on a path graph, whose Laplacian has the eigenvectors cos(pi k (j + 1/2) / n), and
    maps the curve through them back by a least-squares fit, which is exact where the frames are linearly independent. It
    is then interpolation by cosines, whatever the frames: w_j(p) = 1/n + 2/n sum_k cos(pi k (p + 1/2) / n) cos(pi k (j +
    1/2) / n), k = 1..n - 1. Departures: no independence is asked for, and the sum is written out,
    w_j(p) = (-1)^j sin(pi p) (cot(pi (p - j) / 2n) - cot(pi (p + j + 1) / 2n)) / 2n.
    """
    frame, n = jnp.arange(time), length[..., None, None].astype(jnp.float32)
    nearest = jnp.round(places)
    wave = (jnp.sin(jnp.pi * (places - nearest)) * (1 - 2 * (nearest % 2)))[..., None] * (1 - 2 * (frame % 2))
    away, mirrored = places[..., None] - frame, places[..., None] + frame + 1
    near = jnp.where(away == 0, 1.0, wave / (2 * n * jnp.tan(jnp.pi * jnp.where(away == 0, 1.0, away) / (2 * n))))
    far = wave / (2 * n * jnp.tan(jnp.pi * mirrored / (2 * n)))
    return jnp.where(frame < n, near - far, 0)
