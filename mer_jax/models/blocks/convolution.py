"""Convolutions and pooling in the two forms that matter here: `lax.conv`, and patches times one matrix.

A small convolution batched over many runs is slow as `lax.conv` (vmap makes it a grouped convolution) and fast as a
batched matrix product. Both forms share their parameters, so a network may switch between them at any time.
"""

from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Form = Literal["patches", "conv"]


def patches(images: Float[Array, "*batch height width channels"], size: int) -> Float[Array, "*batch h w patch"]:
    """All size x size windows at stride 1 without padding, flattened in the order (row, column, channel)."""
    height, width = images.shape[-3] - size + 1, images.shape[-2] - size + 1
    windows = [images[..., i : i + height, j : j + width, :] for i in range(size) for j in range(size)]
    return jnp.concatenate(windows, axis=-1)


def convolve(images: Float[Array, "*batch height width channels"], kernel: Float[Array, "size size channels features"],
             form: Form) -> Float[Array, "*batch h w features"]:
    """Valid cross-correlation at stride 1; both forms agree to rounding."""
    if form == "patches":
        return patches(images, kernel.shape[0]) @ kernel.reshape(-1, kernel.shape[-1])
    return jax.lax.conv_general_dilated(images, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))


class Kernel(nn.Module):
    """The parameters of a convolution without the convolution: `kernel` (size, size, inputs, features) and `bias`.

    For networks that run several convolutions over one input as one product. Initialised as PyTorch's Conv2d, which
    the field's numbers come from: uniform within 1 / sqrt(fan in).
    """

    features: int
    size: int

    @nn.compact
    def __call__(self, inputs: int) -> tuple[Any, Any]:
        shape, bound = (self.size, self.size, inputs, self.features), (self.size**2 * inputs) ** -0.5
        return self.param("kernel", uniform(bound), shape), self.param("bias", uniform(bound), (self.features,))


def uniform(bound: float):
    """An initialiser: uniform in [-bound, bound], PyTorch's default for weights and biases at 1 / sqrt(fan in)."""
    return lambda key, shape, dtype=jnp.float32: jax.random.uniform(key, shape, dtype, -bound, bound)


def dense_like_torch(features: int, inputs: int, name: str) -> nn.Dense:
    """A Dense layer initialised as PyTorch's Linear of `inputs` features."""
    bound = inputs**-0.5
    return nn.Dense(features, kernel_init=uniform(bound), bias_init=uniform(bound), name=name)


def max_pool_tiles(images: Float[Array, "*batch height width channels"], size: int) -> Float[Array, "*batch h w channels"]:
    """Maximum over the tiles of a size x size grid, by reshape; avoids the slow scatter in max-pooling's gradient.

    Height and width must be multiples of `size`. Where a tile's maximum occurs twice the gradient is shared out.
    """
    *batch, height, width, channels = images.shape
    tiles = images.reshape(*batch, height // size, size, width // size, size, channels)
    return tiles.max(axis=(-4, -2))
