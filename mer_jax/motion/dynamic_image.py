"""Dynamic images: a clip in one picture, of what grew brighter and darker in the course of it.

Approximate rank pooling: Bilen, Fernando, Gavves, Vedaldi, Gould, CVPR 2016, and the same authors with Action Recognition
with Dynamic Image Networks, TPAMI 2018. The picture d that ranks the frames by time, d . V_q > d . V_t for q > t, is after
one step of descent from zero the sum of V_q - V_t over all such pairs: a weighted sum of the frames.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def dynamic_image(frames: Float[Array, "*n time height width channels"], length: Int[Array, "*n"],
                  form: str = "averages") -> Float[Array, "*n height width channels"]:
    """The weighted sum of the first `length` frames by a form of COEFFICIENTS; what lies behind them has no weight.

    In the frames' unit times the published coefficients, whose size grows with the length; networks read it stretched to a
    range. A still clip gives zero.
    """
    weights = COEFFICIENTS[form](length, frames.shape[-4])
    return jnp.einsum("...t,...thwc->...hwc", weights, frames, precision=jax.lax.Precision.HIGHEST)


def of_averages(length: Int[Array, "*n"], time: int) -> Float[Array, "*n time"]:
    """2 (T - t + 1) - (T + 1) (H_T - H_{t-1}) for t = 1..T, H the harmonic numbers, T = length; 0 behind (CVPR 2016).

    What is ranked are the means of the frames up to each: V_t = (I_1 + .. + I_t) / t.
    """
    t, last = jnp.arange(1, time + 1), length[..., None]
    inside = t <= last
    tail = jnp.cumsum(jnp.where(inside, 1 / t, 0)[..., ::-1], -1)[..., ::-1]                             # H_T - H_{t-1}
    return jnp.where(inside, 2 * (last - t + 1) - (last + 1) * tail, 0)


def of_frames(length: Int[Array, "*n"], time: int) -> Float[Array, "*n time"]:
    """2 t - T - 1 for t = 1..T, T = length; 0 behind: the frames themselves are ranked, V_t = I_t. A clip played backwards
    gives minus the image (the papers' simpler form)."""
    t, last = jnp.arange(1, time + 1), length[..., None]
    return jnp.where(t <= last, 2.0 * t - last - 1, 0)


COEFFICIENTS = {"averages": of_averages, "frames": of_frames}
