"""CABM-FMER: a ConvMixer over the flow picture, with channel and spatial attention inside its blocks.

"CABM-FMER", IEEE Access, https://doi.org/10.1109/ACCESS.2024.3525151. Of this paper the abstract is public: attention by
convolution on the base of ConvMixer, a depthwise convolution for places and a mixing of channels. ConvMixer is exact
(Trockman and Kolter, 2022, https://arxiv.org/abs/2201.09792, and its public code); that the attention is CBAM's, inside the
residual, and all sizes are a completion. Variant "convmixer" is without it, which may be all that the paper means.
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.mistakes import UserMistake
from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.attention import CBAM
from mer_jax.models.blocks.convolution import Convolution, Depthwise, Form, uniform
from mer_jax.models.blocks.flow_channels import flow_channels
from mer_jax.models.blocks.normalisation import batch_norm
from mer_jax.models.network import Output, compute_dtype

VARIANTS = {
    "enlarged": {},
    "convmixer": {"attention": False},
    "small": {"width": 128, "depth": 6, "kernel": 7},
    "native": {"flow_size": (112, 112), "flow_coding": "pixels"},
}


def standardised(x: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
    """Each channel of each picture with mean 0 and variance 1; zeros where it is the same everywhere."""
    x = x - x.mean((1, 2), keepdims=True)
    return x * jax.lax.rsqrt(jnp.square(x).mean((1, 2), keepdims=True) + 1e-10)


def activated(x: Float[Array, "n h w c"], train: bool, name: str, how: Arithmetic) -> Float[Array, "n h w c"]:
    """GELU (exact), then batch norm, as ConvMixer has them."""
    return batch_norm(nn.gelu(x, approximate=False), train, name, how.dtype, how.batch_axis)


class MixerBlock(nn.Module):
    """x + attention(depthwise convolution of x), then a 1x1 convolution; gives the gates too, {} without attention."""

    kernel: int
    attention: bool
    how: Arithmetic

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], train: bool) -> tuple[Float[Array, "n h w c"], dict[str, jax.Array]]:
        y = Depthwise(self.kernel, self.how.form, self.how.dtype, name="depthwise")(x)
        y, gates = activated(y, train, "norm1", self.how), {}
        if self.attention:
            y, gates = CBAM(bias=False, norm=True, batch_axis=self.how.batch_axis, name="cbam")(y, train)
        x = Convolution(x.shape[-1], 1, dtype=self.how.dtype, like_torch=True, name="pointwise")(x + y)
        return activated(x, train, "norm2", self.how), gates


class CABMFMER(nn.Module):
    """inputs["flow"]: (N, *flow_size, 3), (u, v, strain) -> logits (N, classes); each channel is standardised by itself.

    attention: "channel" (N, depth, width) and "spatial" (N, depth, side / patch, side / patch), gates in (0, 1); none where
    `attention` is off. 807,971 parameters; 741,635 without attention, which are ConvMixer-256/8's with kernel 9 and patch 7.

    The picture is taken to be 112 x 112 pixels (inferred), which variant "native" reads in pixels of motion; the others read
    the field's stretched 28 x 28 picture, enlarged to `side` by bilinear interpolation. width, depth, kernel, patch: those of
    ConvMixer.
    dropout: before the last layer; ConvMixer has none. form: of the depthwise convolution, "conv" or "patches", equal to
    rounding. dtype: what convolutions are computed in, "float32" or "bfloat16"; statistics, gates and answers are float32.
    batch_axis: the mapped axis over which batch statistics are synchronised, else None.
    Raises UserMistake for flow of another size, an even kernel, and a patch that does not divide the side.
    """

    classes: int = 3
    side: int = 112
    flow_size: tuple[int, int] = (28, 28)
    flow_coding: str = "minmax8"
    width: int = 256
    depth: int = 8
    kernel: int = 9
    patch: int = 7
    dropout: float = 0.0
    attention: bool = True
    form: Form = "patches"
    dtype: str = "float32"
    batch_axis: str | None = None
    inputs: ClassVar[tuple[str, ...]] = ("flow",)

    @nn.compact
    def __call__(self, inputs: dict[str, jax.Array | np.ndarray], *, train: bool) -> Output:
        how = Arithmetic(self.form, compute_dtype(self.dtype), self.batch_axis)
        if self.kernel % 2 == 0:
            raise UserMistake(f"CABM-FMER: kernel={self.kernel}: wanted an odd number, which has a middle")
        if self.side % self.patch:
            raise UserMistake(f"CABM-FMER: patch={self.patch}: wanted one that divides the side, {self.side} pixels")
        x, size = standardised(flow_channels(self, inputs["flow"], self.side)), (self.patch, self.patch)
        draw = uniform((3 * self.patch**2) ** -0.5)
        x = nn.Conv(self.width, size, size, "VALID", dtype=how.dtype, kernel_init=draw, bias_init=draw, name="patches")(x)
        x, gates = activated(x, train, "norm", how), []
        for number in range(1, self.depth + 1):
            x, found = MixerBlock(self.kernel, self.attention, how, name=f"block{number}")(x, train)
            gates.append(found)
        x = nn.Dropout(self.dropout, deterministic=not train)(x.astype(jnp.float32).mean((1, 2)))
        attention = jax.tree.map(lambda *each: jnp.stack(each, 1), *gates)
        return Output(nn.Dense(self.classes, name="head")(x), attention)
