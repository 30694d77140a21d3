"""Maxima and means over parts of a picture, as reshapes, shifts and slices.

They batch over runs; and the gradient of a maximum is a comparison, not the slow select-and-scatter of a window's reduction.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def apart(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """x, which the compiler must not fuse with a maximum of it in bfloat16: on CPUs, jaxlib 0.12 then gives nan."""
    return jax.lax.optimization_barrier(x) if x.dtype == jnp.bfloat16 else x


def max_pool_tiles(x: Float[Array, "n height width channels"], size: int) -> Float[Array, "n h w channels"]:
    """Maximum over the tiles of a size x size grid; rows and columns that fill no tile are left out."""
    x = apart(x)
    n, (height, width), channels = len(x), (length // size for length in x.shape[1:3]), x.shape[-1]
    whole = x[:, : height * size, : width * size]
    return whole.reshape(n, height, size, width, size, channels).max((2, 4))


def max_around(x: Float[Array, "n height width channels"]) -> Float[Array, "n height width channels"]:
    """Maximum over each place and its eight neighbours."""
    x = apart(x)
    for axis in (1, 2):
        length = x.shape[axis]
        wide = jnp.pad(x, [(1, 1) if a == axis else (0, 0) for a in range(4)], constant_values=-jnp.inf)
        before, behind = (jnp.moveaxis(jnp.moveaxis(wide, axis, 0)[start : start + length], 0, axis) for start in (0, 2))
        x = jnp.maximum(jnp.maximum(before, x), behind)
    return x


def mean_pool_to(x: Float[Array, "n height width channels"], size: int) -> Float[Array, "n size size channels"]:
    """Means over size x size equal parts, each with every place that it touches: where the length is no multiple of `size`, a
    place on a border counts in both parts (PyTorch's adaptive average pooling)."""
    for axis in (1, 2):
        length = x.shape[axis]
        parts = [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
        x = jnp.stack([jax.lax.slice_in_dim(x, first, end, axis=axis).mean(axis) for first, end in parts], axis)
    return x
