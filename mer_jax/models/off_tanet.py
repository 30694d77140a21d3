"""Off-TANet: three kinds of attention, one after the other, inside one residual block over an optical-flow image.

Zhang, Liu, Zhou: "Off-TANet: A Lightweight Neural Micro-expression Recognizer with Optical Flow Features and Integrated
Attention Mechanism", PRICAI 2021, https://doi.org/10.1007/978-3-030-89188-6_20. Exact: layers, their order and their sizes are
those of the authors' public code; 59,403 parameters, as published, and 56,967 without self-attention, as one of theirs has.
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.mistakes import UserMistake
from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.attention import ChannelAttention, SpatialAttention
from mer_jax.models.blocks.convolution import Convolution, Form, dense_like_torch
from mer_jax.models.blocks.flow_channels import flow_channels
from mer_jax.models.blocks.normalisation import batch_norm, normalised
from mer_jax.models.blocks.pooling import max_pool_tiles
from mer_jax.models.network import Output, compute_dtype

VARIANTS = {"enlarged": {}, "native": {"flow_size": (112, 112), "flow_coding": "pixels"}}
LEAST_SIDE = 16                                               # which is halved four times


def place_code(side: int) -> Float[np.ndarray, "side side"]:
    """P_ij = p_i + p_j, p_i the sine (i even) or cosine (i odd) of 10000^(-floor(i / 2) / side): the same for all channels.

    The angle is no multiple of i, as it is elsewhere; so the released code has it.
    """
    i = np.arange(side)
    angle = 10000.0 ** (-(i // 2) / side)
    p = np.where(i % 2, np.cos(angle), np.sin(angle))
    return (p[:, None] + p).astype(np.float32)


class MapSelfAttention(nn.Module):
    """Each channel's map attends to itself: (N, s, s, C) -> the same, and the weights (N, C, s, s).

    A map is taken as a matrix: S_c = Q_c (K_c + P)^T, weights = softmax over all s^2 entries of S_c, answer = weights * V_c,
    entry by entry. As channels never meet, the paper's four heads of seven channels are this with 28.
    """

    how: Arithmetic

    @nn.compact
    def __call__(self, x: Float[Array, "n s s c"]) -> tuple[Float[Array, "n s s c"], Float[Array, "n c s s"]]:
        q, k, v = (Convolution(x.shape[-1], 1, dtype=self.how.dtype, like_torch=True, name=name)(x).astype(jnp.float32)
                   for name in "qkv")
        scores = jnp.einsum("nhwc,ngwc->nchg", q, k + place_code(x.shape[1])[..., None])
        weights = jax.nn.softmax(scores, (2, 3))
        return (weights.transpose(0, 2, 3, 1) * v).astype(x.dtype), weights


class Residual(nn.Module):
    """Two 3x3 convolutions with batch norm and ReLU, beside them a 1x1 convolution of the input, and max-pool 2 of the sum.

    middle: channels between the two. gates: which attention stands there, in this order: "channel", "spatial", "self".
    Gives the attention maps beside the features, see `OffTANet`.
    """

    features: int
    middle: int
    how: Arithmetic
    gates: tuple[str, ...] = ()

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], train: bool) -> tuple[Float[Array, "n h2 w2 f"], dict[str, jax.Array]]:
        def conv(features: int, size: int, name: str) -> Convolution:
            return Convolution(features, size, form=self.how.form, dtype=self.how.dtype, like_torch=True, name=name)

        y, maps = normalised(conv(self.middle, 3, "conv1")(x), train, "norm1", self.how), {}
        if "channel" in self.gates:
            gate = ChannelAttention(ratio=self.middle, least=1, bias=False, name="channel")(y)
            y, maps["channel"] = y * gate.astype(y.dtype), gate[:, 0, 0]
        if "spatial" in self.gates:
            gate = SpatialAttention(3, name="spatial")(y)
            y, maps["spatial"] = y * gate.astype(y.dtype), gate[..., 0]
        if "self" in self.gates:
            y, maps["self"] = MapSelfAttention(self.how, name="self")(y)
        y = normalised(conv(self.features, 3, "conv2")(y), train, "norm2", self.how)
        return max_pool_tiles(y + conv(self.features, 1, "shortcut")(x), 2), maps


class OffTANet(nn.Module):
    """inputs["flow"]: (N, *flow_size, 3), (u, v, strain) -> logits (N, classes).

    attention: "channel" (N, 28) and "spatial" (N, 14, 14) gates in (0, 1), "self" (N, 28, 14, 14), each map's sum being 1.

    The paper reads TV-L1 flow of 112 x 112 pixels as it was found: variant "native". Variant "enlarged" reads the field's
    stretched 28 x 28 picture, enlarged to `side` by bilinear interpolation. side: of the picture that the network works on.
    channel_attention, spatial_attention, self_attention: switch a part off. form: of the 3x3 convolutions, "conv" or
    "patches", equal to rounding. dtype: what convolutions are computed in, "float32" or "bfloat16"; attention, statistics and
    answers are float32. batch_axis: the mapped axis over which batch statistics are synchronised, else None.
    Raises UserMistake for flow of another size, and for a side below LEAST_SIDE.

    The channel gate has one hidden unit, as in the paper: where its first weights are bad, it says .5 for good.
    Where it departs from the published code: the strain is sqrt(u_x^2 + v_y^2 + (u_y + v_x)^2 / 2), theirs has u_y for v_y and
    Sobel's gain of 8; the gates' first weights are Flax's; the running variance is the biased one (Flax).
    """

    classes: int = 3
    side: int = 112
    flow_size: tuple[int, int] = (28, 28)
    flow_coding: str = "minmax8"
    dropout: float = 0.5
    channel_attention: bool = True
    spatial_attention: bool = True
    self_attention: bool = True
    form: Form = "conv"
    dtype: str = "float32"
    batch_axis: str | None = None
    inputs: ClassVar[tuple[str, ...]] = ("flow",)

    @nn.compact
    def __call__(self, inputs: dict[str, jax.Array | np.ndarray], *, train: bool) -> Output:
        how = Arithmetic(self.form, compute_dtype(self.dtype), self.batch_axis)
        if self.side < LEAST_SIDE:
            raise UserMistake(f"Off-TANet: side={self.side}: wanted {LEAST_SIDE} or more")
        x = flow_channels(self, inputs["flow"], self.side)
        x = Convolution(8, 7, stride=2, dtype=how.dtype, like_torch=True, name="conv0")(x)
        x = batch_norm(nn.relu(x), train, "norm0", how.dtype, how.batch_axis)                     # in this order
        x, _ = Residual(18, 18, how, name="block1")(x, train)
        x, _ = Residual(28, 28, how, name="block2")(x, train)
        gates = tuple(name for name in ("channel", "spatial", "self") if getattr(self, f"{name}_attention"))
        x, maps = Residual(8, 28, how, gates, name="block3")(x, train)
        x = x.astype(jnp.float32).transpose(0, 3, 1, 2).reshape(len(x), -1)            # channels first, as PyTorch flattens
        for name in ("dense1", "dense2"):
            x = nn.relu(dense_like_torch(64, x.shape[-1], name=name)(x))
            x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return Output(dense_like_torch(self.classes, 64, name="dense3")(x), maps)
