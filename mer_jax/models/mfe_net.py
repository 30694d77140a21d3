"""MFE-Net: residual blocks of several kernel sizes with squeeze and excitation, then self-attention over places.

"MFE-Net", Signal, Image and Video Processing 2024, https://doi.org/10.1007/s11760-024-03221-1. Of this paper the abstract is
public: flow and strain from onset to apex, multi-scale residual blocks, SE, multi-head self-attention, a light network. Every
layer and size here is a completion.
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.attention import ChannelAttention, TransformerLayer
from mer_jax.models.blocks.convolution import Convolution, Form
from mer_jax.models.blocks.flow_channels import flow_channels
from mer_jax.models.blocks.normalisation import batch_norm, normalised
from mer_jax.models.blocks.pooling import max_pool_tiles
from mer_jax.models.network import Output, compute_dtype

KERNELS = (("one", 1, 1), ("three", 3, 1), ("wide", 3, 2), ("five", 5, 1))                   # name, size, dilation


class MultiScaleResidual(nn.Module):
    """Kernels of several sizes beside each other, a 1x1 convolution of all, a gate for each channel, a 1x1 shortcut, ReLU.

    kernels: of KERNELS, each giving an equal share of `features`. gated: squeeze and excitation, C / 8 hidden units; its gates
    are given beside the features, None without it.
    """

    features: int
    kernels: tuple[tuple[str, int, int], ...]
    gated: bool
    how: Arithmetic

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"],
                 train: bool) -> tuple[Float[Array, "n h w f"], Float[Array, "n f"] | None]:
        def conv(pictures: Array, features: int, size: int, name: str, dilation: int = 1) -> Array:
            return Convolution(features, size, form=self.how.form, dtype=self.how.dtype, dilation=dilation, name=name)(pictures)

        def norm(pictures: Array, name: str) -> Array:
            return batch_norm(pictures, train, name, self.how.dtype, self.how.batch_axis)

        each, gate = self.features // len(self.kernels), None
        scales = [normalised(conv(x, each, size, name, dilation), train, f"{name}_norm", self.how)
                  for name, size, dilation in self.kernels]
        y = norm(conv(jnp.concatenate(scales, -1), self.features, 1, "mix"), "mix_norm")
        if self.gated:
            gate = ChannelAttention(8, least=1, maximum=False, name="gate")(y)
            y, gate = y * gate.astype(y.dtype), gate[:, 0, 0]
        return nn.relu(y + norm(conv(x, self.features, 1, "shortcut"), "shortcut_norm")), gate


class MFENet(nn.Module):
    """inputs["flow"]: (N, 28, 28, 3) uint8, (u, v, strain) each stretched to 0..255 -> logits (N, classes).

    A 3x3 convolution of widths[0], two multi-scale blocks of widths[1] and widths[2] with max-pool 2 behind each, one
    pre-norm transformer layer over the 7 x 7 places with learned positions, their mean, a dense layer. 79,231 parameters.
    attention: "channel1" (N, widths[1]) and "channel2" (N, widths[2]) gates in (0, 1), "places" (N, heads, 49, 49), the
    weights with which each place looks at all, their sum being 1.

    multi_scale (else 3x3 alone), channel_attention, self_attention: switch a part off. dropout: before the last layer. form: of
    kernels of more than one place, "conv" or "patches", equal to rounding. dtype: what convolutions are computed in, "float32"
    or "bfloat16"; attention, statistics and answers are float32. batch_axis: the mapped axis over which batch statistics are
    synchronised, else None. Raises UserMistake for flow of another size.
    """

    classes: int = 3
    widths: tuple[int, int, int] = (16, 32, 64)
    heads: int = 4
    dropout: float = 0.5
    multi_scale: bool = True
    channel_attention: bool = True
    self_attention: bool = True
    form: Form = "conv"
    dtype: str = "float32"
    batch_axis: str | None = None
    inputs: ClassVar[tuple[str, ...]] = ("flow",)
    flow_coding: ClassVar[str] = "minmax8"
    flow_size: ClassVar[tuple[int, int]] = (28, 28)

    @nn.compact
    def __call__(self, inputs: dict[str, jax.Array | np.ndarray], *, train: bool) -> Output:
        how, attention = Arithmetic(self.form, compute_dtype(self.dtype), self.batch_axis), {}
        kernels = KERNELS if self.multi_scale else KERNELS[1:2]
        x = Convolution(self.widths[0], 3, form=how.form, dtype=how.dtype, name="conv0")(flow_channels(self, inputs["flow"]))
        x = normalised(x, train, "norm0", how)
        for number in (1, 2):
            block = MultiScaleResidual(self.widths[number], kernels, self.channel_attention, how, name=f"block{number}")
            x, gate = block(x, train)
            x, attention = max_pool_tiles(x, 2), attention if gate is None else {**attention, f"channel{number}": gate}
        tokens = x.astype(jnp.float32).reshape(len(x), -1, x.shape[-1])
        if self.self_attention:
            tokens = tokens + self.param("place", nn.initializers.normal(0.02), tokens.shape[1:])
            tokens, attention["places"] = TransformerLayer(self.heads, last_norm=False, name="encoder")(tokens)
        x = nn.relu(nn.Dense(self.widths[2], name="hidden")(tokens.mean(1)))
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return Output(nn.Dense(self.classes, name="head")(x), attention)
