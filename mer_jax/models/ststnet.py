"""STSTNet: three shallow streams over one optical-flow image.

Liong, Gan, See, Khor, Huang: "Shallow Triple Stream Three-dimensional CNN (STSTNet) for Micro-expression Recognition",
FG 2019, https://arxiv.org/abs/1902.03634. Exact: layers and sizes as in the paper and in the published weights, which
this port reads and whose scores it reproduces (experiments/ststnet_published_weights.py).
"""

import functools
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Real

from mer_jax.mistakes import UserMistake
from mer_jax.models.blocks.convolution import Form, Kernel, convolve, dense_like_torch, in_blocks
from mer_jax.models.blocks.normalisation import BatchAffine, batch_moments
from mer_jax.models.network import Output, compute_dtype
from mer_jax.motion.smoothing import mean_pool_tiles

STREAMS = (3, 5, 8)
CPU_BLOCK = 32                   # images whose patches (27 x 900 float32 each) and outputs stay in a core's cache


def streams(flow: Real[Array, "n 28 28 3"], kernel: Float[Array, "3 3 3 features"], bias: Float[Array, " features"],
            direction: Float[Array, " features"], form: Form, dtype: Any) -> tuple[Any, Any, Any]:
    """All streams up to the pooling, (n, 10, 10, features), and the mean and mean square of each image, (n, features).

    Batch norm comes between ReLU and pooling; as it is monotone in each channel, it is left to be done on the pooled values,
    a ninth of them: what is pooled is x * direction, `direction` being the sign (1 or -1) of batch norm's multiplier.

    A picture of 28 rows with padding 2 has 30 outputs, as on a ring of 28 rows and 2 zeros. Pooling 3x3 at stride 3 with
    padding 1 reads them from -1 to 28: on the ring -1 is the place of 29, which batch norm counts and no window holds.
    """
    images = flow.astype(dtype)[..., ::-1].transpose(3, 1, 2, 0)              # strain, v, u: (3, 28, 28, n)
    ring = jnp.pad(images, ((0, 0), (2, 0), (2, 0), (0, 0)))
    ring = jax.lax.optimization_barrier(jnp.pad(ring, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="wrap"))   # (3, 32, 32, n)
    x = convolve(ring, kernel.astype(dtype), form).astype(jnp.float32)              # (16, 30, 30, n): -1 or 29, 0, .., 28
    x = nn.relu(x + bias[:, None, None, None])
    inside = (np.arange(30) > 0)[:, None] & (np.arange(30) > 0)
    seen = jnp.where(inside[..., None], x * direction[:, None, None, None], -jnp.inf)
    pooled = seen.reshape(len(x), 10, 3, 10, 3, -1).max((2, 4))
    return pooled.transpose(3, 1, 2, 0), x.mean((1, 2)).T, jnp.square(x).mean((1, 2)).T


class STSTNet(nn.Module):
    """inputs["flow"]: (N, 28, 28, 3) uint8, (u, v, strain) each stretched to 0..255 -> logits (N, classes).

    The published weights want raw 0..255 in the order (strain, v, u); the network reorders by itself. Its three
    streams differ only in their width (3, 5, 8 kernels of 3x3), so they are computed as one product over the same
    patches; the parameters keep the names of the published ones (conv1..3, bn1..3, fc). 1,683 parameters.

    form: "patches" (one matrix product, batches well over runs) or "conv" (`lax.conv`); equal to rounding.
    dtype: what the convolutions are computed in, "float32" or "bfloat16"; statistics and answers are float32.
    batch_axis: the mapped axis over which batch statistics are synchronised (inside pmap or shard_map), else None.
    Raises UserMistake for flow of another size.
    Where it departs from the published PyTorch code: the running variance is the biased one (Flax).
    """

    classes: int = 3
    dropout: float = 0.5
    form: Form = "patches"
    batch_axis: str | None = None
    dtype: str = "float32"
    inputs: ClassVar[tuple[str, ...]] = ("flow",)
    flow_coding: ClassVar[str] = "minmax8"
    flow_size: ClassVar[tuple[int, int]] = (28, 28)

    @nn.compact
    def __call__(self, inputs: dict[str, jax.Array | np.ndarray], *, train: bool) -> Output:
        if inputs["flow"].shape[1:] != (*self.flow_size, 3):
            raise UserMistake(f"STSTNet reads flow of shape (N, 28, 28, 3), found {tuple(inputs['flow'].shape)}")
        kernels, biases = zip(*(Kernel(width, 3, name=f"conv{s}")(3) for s, width in enumerate(STREAMS, 1)), strict=True)
        norms = [(BatchAffine(name=f"bn{s}"), width) for s, width in enumerate(STREAMS, 1)]
        direction = jnp.where(jnp.concatenate([norm(width, None)[0] for norm, width in norms]) < 0, -1.0, 1.0)
        whole = functools.partial(streams, kernel=jnp.concatenate(kernels, -1), bias=jnp.concatenate(biases),
                                  direction=direction, form=self.form, dtype=compute_dtype(self.dtype))
        blocks = functools.partial(in_blocks, whole, size=CPU_BLOCK) if self.form == "patches" else whole
        pooled, mean, square = jax.lax.platform_dependent(jnp.asarray(inputs["flow"]), cpu=blocks, default=whole)
        moments = batch_moments(mean, square, self.batch_axis) if train else None
        affine = []
        for (norm, width), start in zip(norms, (0, 3, 8), strict=True):
            affine.append(norm(width, moments and tuple(moment[start : start + width] for moment in moments)))
        multiplier, shift = (jnp.concatenate(parts) for parts in zip(*affine, strict=True))
        x = pooled * (multiplier * direction) + shift                               # (N, 10, 10, 16)
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        x = mean_pool_tiles(x, 2)                                                   # (N, 5, 5, 16)
        x = x.astype(jnp.float32).transpose(0, 3, 1, 2).reshape(len(x), 400)        # channels first, as the weights want
        return Output(dense_like_torch(self.classes, 400, name="fc")(x))
