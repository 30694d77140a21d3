"""Batch norm in the split form: statistics of all channels at once, parameters in as many modules as a paper has."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.models.blocks.arithmetic import Arithmetic

Moments = tuple[Float[Array, " channels"], Float[Array, " channels"]]                        # mean and biased variance


def batch_moments(mean: Float[Array, "n channels"], square: Float[Array, "n channels"], axis: str | None) -> Moments:
    """Mean and biased variance of a batch from the mean and the mean square of each of its images.

    They are averaged over the mapped axis if one is named.
    """
    mean, square = mean.mean(0), square.mean(0)
    if axis is not None:
        mean, square = jax.lax.pmean((mean, square), axis)
    return mean, jnp.maximum(square - jnp.square(mean), 0.0)


def moments_of(x: Float[Array, "n *places channels"], axis: str | None) -> Moments:
    """`batch_moments` of pictures, in float32."""
    wide, places = x.astype(jnp.float32), tuple(range(1, x.ndim - 1))
    return batch_moments(wide.mean(places), jnp.square(wide).mean(places), axis)


def batch_norm(x: Float[Array, "n *places channels"], train: bool, name: str, dtype: Any, axis: str | None = None,
               moments: Moments | None = None) -> Float[Array, "n *places channels"]:
    """Batch norm in the calling module, its parameters under `name`; computed in float32, given in `dtype`. axis: of
    `batch_moments`. moments: those of x, where they are known.

    As x times a multiplier and a shift: the gradient then needs x alone, which is kept anyway. Written as (x - mean) times a
    multiplier, the difference is kept beside it: one more picture of every layer to write and to read.
    """
    if train and moments is None:
        moments = moments_of(x, axis)
    multiplier, shift = BatchAffine(name=name)(x.shape[-1], moments)
    return (x * multiplier + shift).astype(dtype)


def normalised(x: Float[Array, "n h w c"], train: bool, name: str, how: Arithmetic,
               moments: Moments | None = None) -> Float[Array, "n h w c"]:
    """Batch norm and ReLU. moments: of x, where they are known."""
    return nn.relu(batch_norm(x, train, name, how.dtype, how.batch_axis, moments))


class BatchAffine(nn.Module):
    """The parameters and running statistics of one batch norm: moments in, (multiplier, shift) out.

    `x * multiplier + shift` is then the batch norm of x (Ioffe and Szegedy, 2015, algorithm 1). Names, momentum and
    the biased running variance are those of flax.linen.BatchNorm. Without moments the running statistics serve.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, features: int, moments: Moments | None) -> tuple[Any, Any]:
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, (features,))
        running_var = self.variable("batch_stats", "var", jnp.ones, (features,))
        scale = self.param("scale", nn.initializers.ones, (features,))
        bias = self.param("bias", nn.initializers.zeros, (features,))
        mean, var = moments if moments is not None else (running_mean.value, running_var.value)
        if moments is not None and not self.is_initializing():
            running_mean.value = self.momentum * running_mean.value + (1 - self.momentum) * mean
            running_var.value = self.momentum * running_var.value + (1 - self.momentum) * var
        multiplier = scale * jax.lax.rsqrt(var + self.epsilon)
        return multiplier, bias - mean * multiplier
