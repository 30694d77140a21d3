"""The small picture of the motion between two frames that the field's networks read: flow and a third channel, 28 x 28."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped, UInt8
from numpy import ndarray

from mer_jax.motion.flow_features import stretched, three_channels
from mer_jax.motion.luma import luma
from mer_jax.motion.tvl1 import FAITHFUL, TVL1, tvl1

SIDE = 28


@functools.partial(jax.jit, static_argnums=(2, 3))
def field_between(first: UInt8[Array | ndarray, "n height width channels"],
                  second: UInt8[Array | ndarray, "n height width channels"], settings: TVL1 = FAITHFUL,
                  channels: str = "ststnet") -> Float[Array, "n height width 3"]:
    """`field_of` frames as they are stored."""
    return field_of(*(frames.astype(jnp.float32) / 255 for frames in (first, second)), settings, channels)


def field_of(first: Float[Array, "n height width channels"], second: Float[Array, "n height width channels"],
             settings: TVL1 = FAITHFUL, channels: str = "ststnet") -> Float[Array, "n height width 3"]:
    """The motion from the first pictures to the second by TV-L1 (pixels, right and down), and the third channel of a paper.
    Values in [0, 1]."""
    return three_channels(tvl1(luma(first), luma(second), settings), channels)


@jax.jit
def picture_of(field: Float[Array | ndarray, "height width 3"]) -> UInt8[Array, "28 28 3"]:
    """The field at SIDE x SIDE, as peers store it."""
    return coded(field, (SIDE, SIDE), "minmax8")


def coded(field: Float[Array | ndarray, "height width 3"], size: tuple[int, int], coding: str) -> Shaped[Array, "h w 3"]:
    """A field brought to a size, linear with antialiasing, so weighted means over the pixels around each; then each channel
    stretched to 0..255 (`minmax8`), or left in its unit (`pixels`)."""
    small = jax.image.resize(field, (*size, 3), "linear")
    return stretched(small) if coding == "minmax8" else small
