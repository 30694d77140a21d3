"""STSTNet: three shallow streams over one optical-flow image.

Liong, Gan, See, Khor, Huang: "Shallow Triple Stream Three-dimensional CNN (STSTNet) for Micro-expression Recognition",
FG 2019, https://arxiv.org/abs/1902.03634. Exact: layers and sizes as in the paper and in the published weights, which
this port reads and whose scores it reproduces (experiments/ststnet_published_weights.py).
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mer_jax.mistakes import UserMistake
from mer_jax.models.blocks.convolution import Form, Kernel, convolve, dense_like_torch, max_pool_tiles
from mer_jax.models.blocks.normalisation import BatchAffine, batch_moments
from mer_jax.models.network import Output, compute_dtype
from mer_jax.motion.smoothing import mean_pool_tiles

STREAMS = (3, 5, 8)


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
        dtype = compute_dtype(self.dtype)
        flow = jnp.asarray(inputs["flow"], dtype)[..., ::-1]                    # (N, 28, 28, 3): strain, v, u
        x = jnp.pad(flow, ((0, 0), (2, 2), (2, 2), (0, 0)))                         # (N, 32, 32, 3)
        kernels, biases = zip(*(Kernel(width, 3, name=f"conv{s}")(3) for s, width in enumerate(STREAMS, 1)), strict=True)
        kernel, bias = jnp.concatenate(kernels, -1).astype(dtype), jnp.concatenate(biases).astype(dtype)
        x = nn.relu(convolve(x, kernel, self.form) + bias)                          # (N, 30, 30, 16)
        moments = batch_moments(x.astype(jnp.float32), self.batch_axis) if train else None
        affine = []
        for s, (start, width) in enumerate(zip((0, 3, 8), STREAMS, strict=True), 1):
            part = moments and tuple(moment[start : start + width] for moment in moments)
            affine.append(BatchAffine(name=f"bn{s}")(width, part))
        multiplier, shift = (jnp.concatenate(parts) for parts in zip(*affine, strict=True))
        x = x * multiplier.astype(dtype) + shift.astype(dtype)
        # Max-pooling 3x3, stride 3, padding 1: windows start at -1, and the last row and column are in none of them.
        x = jnp.pad(x[:, :29, :29], ((0, 0), (1, 0), (1, 0), (0, 0)), constant_values=-jnp.inf)
        x = max_pool_tiles(x, 3)                                                    # (N, 10, 10, 16)
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        x = mean_pool_tiles(x, 2)                                                   # (N, 5, 5, 16)
        x = x.astype(jnp.float32).transpose(0, 3, 1, 2).reshape(len(x), 400)        # channels first, as the weights want
        return Output(dense_like_torch(self.classes, 400, name="fc")(x))
