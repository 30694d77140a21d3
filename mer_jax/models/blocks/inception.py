"""Kernels of several sizes beside each other (Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, figure 2b)."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.models.blocks.convolution import Convolution
from mer_jax.models.blocks.densenet import Arithmetic, normalised
from mer_jax.models.blocks.pooling import max_around


class Inception(nn.Module):
    """1x1; 1x1 then 3x3; 1x1 then 5x5; maximum over 3x3 then 1x1: `features` of each, every convolution with a bias and ReLU.

    reduced: channels that the first 1x1 of two leaves, `features` where None. norm: batch norm before each ReLU, and PyTorch's
    start (as Dual-ATME); or none, and Keras's start, Glorot's kernels and no bias (as Dual-Inception). how.form counts with
    the norm only.
    """

    features: int
    reduced: int | None = None
    norm: bool = False
    how: Arithmetic = Arithmetic()

    @nn.compact
    def __call__(self, x: Float[Array, "n h w channels"], train: bool = False) -> Float[Array, "n h w four"]:
        def conv(pictures: Array, features: int, size: int, name: str) -> Array:
            if self.norm:
                layer = Convolution(features, size, form=self.how.form, dtype=self.how.dtype, like_torch=True, name=name)
                return normalised(layer(pictures), train, f"{name}_norm", self.how)
            return nn.relu(nn.Conv(features, (size, size), dtype=self.how.dtype, kernel_init=nn.initializers.glorot_uniform(),
                                   name=name)(pictures))

        reduced = self.reduced or self.features
        return jnp.concatenate([
            conv(x, self.features, 1, "one"),
            conv(conv(x, reduced, 1, "reduce3"), self.features, 3, "three"),
            conv(conv(x, reduced, 1, "reduce5"), self.features, 5, "five"),
            conv(max_around(x), self.features, 1, "pooled")], -1)
