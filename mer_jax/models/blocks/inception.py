"""Kernels of several sizes beside each other (Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, figure 2b), and two
such stacks, one for each direction of the flow (Zhou, Mao, Xue: Dual-Inception, FG 2019)."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.convolution import Convolution
from mer_jax.models.blocks.normalisation import normalised
from mer_jax.models.blocks.pooling import max_around, max_pool_tiles


class Inception(nn.Module):
    """1x1; 1x1 then 3x3; 1x1 then 5x5; maximum over 3x3 then 1x1: `features` of each, every convolution with a bias and ReLU.

    reduced: channels that the first 1x1 of two leaves, `features` where None. norm: batch norm before each ReLU, and PyTorch's
    start (as Dual-ATME); or none, and Keras's start, Glorot's kernels and biases of 0 (as Dual-Inception).
    """

    features: int
    reduced: int | None = None
    norm: bool = False
    how: Arithmetic = Arithmetic()

    @nn.compact
    def __call__(self, x: Float[Array, "n h w channels"], train: bool = False) -> Float[Array, "n h w four"]:
        def conv(pictures: Array, features: int, size: int, name: str) -> Array:
            start = {"like_torch": True} if self.norm else {"draw": nn.initializers.glorot_uniform()}
            y = Convolution(features, size, form=self.how.form, dtype=self.how.dtype, name=name, **start)(pictures)
            return normalised(y, train, f"{name}_norm", self.how) if self.norm else nn.relu(y)

        reduced = self.reduced or self.features
        return jnp.concatenate([
            conv(x, self.features, 1, "one"),
            conv(conv(x, reduced, 1, "reduce3"), self.features, 3, "three"),
            conv(conv(x, reduced, 1, "reduce5"), self.features, 5, "five"),
            conv(max_around(x), self.features, 1, "pooled")], -1)


def inception_directions(flow: Float[Array, "n h w channels"], how: Arithmetic) -> Float[Array, "n features"]:
    """Of u and of v, the first two channels, two modules of 6 and 16 features without batch norm, max-pool 2 behind each; both
    flattened (row, column, channel) and joined: 128 features a place. Modules of the calling one, named u1, u2, v1, v2."""
    rows = []
    for channel, direction in enumerate("uv"):
        x = flow[..., channel : channel + 1]
        for number, features in enumerate((6, 16), 1):
            x = max_pool_tiles(Inception(features, how=how, name=f"{direction}{number}")(x), 2)
        rows.append(x.reshape(len(x), -1))
    return jnp.concatenate(rows, -1)
