"""Convolutions in the two forms that matter here: `lax.conv`, and patches times one matrix.

A small convolution batched over many runs is slow as `lax.conv` (vmap makes it a grouped convolution) and fast as a
batched matrix product. Both forms share their parameters, so a network may switch between them at any time.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
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


def same_convolution(x: Float[Array, "n h w channels"], kernel: Float[Array, "size size channels features"],
                     form: Form, dilation: int = 1) -> Float[Array, "n h w features"]:
    """Cross-correlation at stride 1 that keeps the size (odd kernels, zeros around); both forms agree to rounding.

    dilation: the places from one tap to the next.

    A kernel of one place is a matrix product in either. As "patches", the product comes first, of every place with every tap
    of the kernel, and the taps' answers are then added where they belong: where features are fewer than channels, as in dense
    blocks, that moves less than copying each place's patch.
    Pictures smaller than the kernel are copied patch by patch in either form: XLA's convolution of those is, on a CPU, a loop
    without vectors (3x3 on 2x2 places, 512 to 1024 features: 1.2 seconds for 64 pictures, against 8 milliseconds).
    """
    size, (n, h, w, channels) = len(kernel), x.shape
    if size == 1 or form == "patches":
        taps = kernel.transpose(2, 0, 1, 3).reshape(channels, -1)
        answers = (x.reshape(-1, channels) @ taps).reshape(n, h, w, size, size, -1)
        if size == 1:
            return answers[:, :, :, 0, 0]
        edge = size // 2 * dilation
        wide = jnp.pad(answers, ((0, 0), (edge, edge), (edge, edge), (0, 0), (0, 0), (0, 0)))
        return sum(wide[:, i * dilation : i * dilation + h, j * dilation : j * dilation + w, i, j]
                   for i in range(size) for j in range(size))
    if min(h, w) <= (size - 1) * dilation:
        return spaced_convolution(x, kernel, 1, "patches", dilation)
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", rhs_dilation=(dilation, dilation),
                                        dimension_numbers=("NHWC", "HWIO", "NHWC"))


def halving_convolution(x: Float[Array, "n h w channels"],
                        kernel: Float[Array, "size size channels features"]) -> Float[Array, "n h2 w2 features"]:
    """Cross-correlation at stride 2 (odd kernels, size // 2 zeros around), as one at stride 1 over tiles of 2x2 places.

    The same numbers with one more row and column of zeros in the kernel. The gradient for x is then no convolution over an
    image with holes, which took a sixth of AGMENet's training step on a CPU; and products have four times as many terms.
    """
    size, (n, h, w, channels) = len(kernel), x.shape
    before, out = size // 2, tuple((length - 1) // 2 + 1 for length in (h, w))
    behind = [2 * (count - 1) + size + 1 - length - before for count, length in zip(out, (h, w), strict=True)]
    wide = jnp.pad(x, ((0, 0), *((before, more) for more in behind), (0, 0)))
    tiles = wide.reshape(n, wide.shape[1] // 2, 2, wide.shape[2] // 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    half = (size + 1) // 2
    even = jnp.pad(kernel, ((0, 1), (0, 1), (0, 0), (0, 0))).reshape(half, 2, half, 2, channels, -1)
    return jax.lax.conv_general_dilated(
        tiles.reshape(*tiles.shape[:3], -1), even.transpose(0, 2, 1, 3, 4, 5).reshape(half, half, 4 * channels, -1),
        (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def spaced_convolution(x: Float[Array, "n h w channels"], kernel: Float[Array, "size size channels features"], stride: int,
                       form: Form, dilation: int = 1) -> Float[Array, "n h2 w2 features"]:
    """Cross-correlation at every `stride`-th row and column from the first (odd kernels, zeros around); both forms agree to
    rounding. dilation: as in `same_convolution`.

    As "patches", the patches are copied and multiplied once: at a stride they are few.
    """
    size, (_, h, w, _) = len(kernel), x.shape
    edge = size // 2 * dilation
    if form == "patches":
        wide = jnp.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
        found = [wide[:, i * dilation : i * dilation + h : stride, j * dilation : j * dilation + w : stride]
                 for i in range(size) for j in range(size)]
        return jnp.concatenate(found, -1) @ kernel.reshape(-1, kernel.shape[-1])
    return jax.lax.conv_general_dilated(x, kernel, (stride, stride), [(edge, edge)] * 2, rhs_dilation=(dilation, dilation),
                                        dimension_numbers=("NHWC", "HWIO", "NHWC"))


class Convolution(nn.Module):
    """`same_convolution`; `halving_convolution` at stride 2 without dilation; `spaced_convolution` at any other stride. Its
    parameters are those of flax.linen.Conv: `kernel`, and `bias`.

    form: of the kernels of more than one place, but for halving ones. dtype: of the product and of what is given. like_torch:
    with a bias, and initialised as PyTorch's Conv2d. draw: the kernel's initialiser, and a bias that is 0 at first. Neither:
    without a bias, by He's rule.
    """

    features: int
    size: int
    stride: int = 1
    form: Form = "conv"
    dtype: Any = jnp.float32
    like_torch: bool = False
    dilation: int = 1
    draw: Callable | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "n h w channels"]) -> Float[Array, "n h2 w2 features"]:
        like_torch = uniform((self.size**2 * x.shape[-1]) ** -0.5) if self.like_torch else None
        kernel = self.param("kernel", self.draw or like_torch or nn.initializers.kaiming_normal(),
                            (self.size, self.size, x.shape[-1], self.features))
        x, kernel = x.astype(self.dtype), jnp.asarray(kernel, self.dtype)             # kept weights are numpy's
        if self.stride == 1:
            x = same_convolution(x, kernel, self.form, self.dilation)
        elif self.stride == 2 and self.dilation == 1:
            x = halving_convolution(x, kernel)
        else:
            x = spaced_convolution(x, kernel, self.stride, self.form, self.dilation)
        start = nn.initializers.zeros if self.draw else like_torch
        return x + jnp.asarray(self.param("bias", start, (self.features,)), self.dtype) if start else x


class Depthwise(nn.Module):
    """Each channel's own kernel at stride 1, zeros around, the size kept (odd kernels); with a bias, initialised as PyTorch's
    Conv2d. Its parameters are those of flax.linen.Conv with as many groups as channels: `kernel` (size, size, 1, channels).

    form: "conv", or "patches": `size` rows of a picture at once, times the kernel laid out as a band matrix for each channel;
    equal to rounding. It has more terms (16 for 9 in a row of 16 places), most of them zeros, and is the fast one on CPUs: with
    9x9 kernels on 16x16 places of 256 channels, 64 pictures, 60 ms for 370, and 110 for 1900 with the gradient.
    """

    size: int
    form: Form = "conv"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "n h w channels"]) -> Float[Array, "n h w channels"]:
        (n, h, w, channels), edge, draw = x.shape, self.size // 2, uniform(1 / self.size)
        kernel = jnp.asarray(self.param("kernel", draw, (self.size, self.size, 1, channels)), self.dtype)
        bias, x = jnp.asarray(self.param("bias", draw, (channels,)), self.dtype), x.astype(self.dtype)
        if self.form == "patches":
            bands = jnp.einsum("ijc,jab->ciab", kernel[:, :, 0], jnp.asarray(band(self.size, w), self.dtype))
            wide = jnp.pad(x.transpose(3, 0, 1, 2), ((0, 0), (0, 0), (edge, edge), (0, 0)))
            rows = jnp.stack([wide[:, :, i : i + h] for i in range(self.size)], 3)
            found = rows.reshape(channels, n * h, -1) @ bands.reshape(channels, -1, w)
            return found.reshape(channels, n, h, w).transpose(1, 2, 3, 0) + bias
        return bias + jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"),
                                                   feature_group_count=channels)


def band(size: int, length: int) -> Float[np.ndarray, "size length length"]:
    """[j, a, b] is 1 where tap j of a kernel of so many (odd) taps, put on place b of a row, falls on its place a, else 0."""
    tap, there, here = np.ogrid[:size, :length, :length]
    return (there == here + tap - size // 2).astype(np.float32)


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


def dense_like_torch(features: int, inputs: int, name: str, dtype: Any = None) -> nn.Dense:
    """A Dense layer initialised as PyTorch's Linear of `inputs` features. dtype: of the product, None being its inputs'."""
    bound = inputs**-0.5
    return nn.Dense(features, dtype=dtype, kernel_init=uniform(bound), bias_init=uniform(bound), name=name)
