"""Convolutions in the two forms that matter here: `lax.conv`, and patches times one matrix.

A small convolution batched over many runs is slow as `lax.conv` (vmap makes it a grouped convolution) and fast as a
batched matrix product. Both forms share their parameters, so a network may switch between them at any time.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Form = Literal["patches", "conv"]
FORMS = get_args(Form)


def patches(images: Float[Array, "channels height width n"], size: int) -> Float[Array, "patch h w n"]:
    """All size x size windows at stride 1 without padding, flattened in the order (row, column, channel)."""
    height, width = images.shape[1] - size + 1, images.shape[2] - size + 1
    return jnp.concatenate([images[:, i : i + height, j : j + width] for i in range(size) for j in range(size)])


def convolve(images: Float[Array, "channels height width n"], kernel: Float[Array, "size size channels features"],
             form: Form) -> Float[Array, "features h w n"]:
    """Valid cross-correlation at stride 1; both forms agree to rounding.

    The images stand in the last axis, so that windows are copied, and maxima and means taken, in long runs.
    """
    if form == "patches":
        found = patches(images, kernel.shape[0])
        product = kernel.reshape(-1, kernel.shape[-1]).T @ found.reshape(len(found), -1)
        return product.reshape(-1, *found.shape[1:])
    return jax.lax.conv_general_dilated(images, kernel, (1, 1), "VALID", dimension_numbers=("CHWN", "HWIO", "CHWN"))


def in_blocks(function: Callable, images: Any, size: int) -> Any:
    """`function` of images (N, ...), by blocks of `size` images; what it gives has N rows as well.

    Nothing but the images is kept for the gradient: each block is computed again when its turn comes. So the memory is
    that of one block, which stays in a CPU's cache, and is not asked for anew, page by page, at each step.
    """
    count = -(-len(images) // size)
    if count <= 1:
        return function(images)
    padded = jnp.pad(images, ((0, count * size - len(images)), *((0, 0),) * (images.ndim - 1)))
    found = jax.lax.map(jax.checkpoint(function), padded.reshape(count, size, *images.shape[1:]))
    return jax.tree.map(lambda leaf: leaf.reshape(count * size, *leaf.shape[2:])[: len(images)], found)


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
