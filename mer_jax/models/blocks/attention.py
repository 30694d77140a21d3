"""Attention over channels, over places, over regions of a face and over moments of a clip."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.models.blocks.normalisation import batch_norm


class ChannelAttention(nn.Module):
    """A gate for each channel from its mean and its maximum over all places (Woo et al., CBAM, ECCV 2018, eq. 2).

    (N, ..., C) -> (N, 1..., C) in (0, 1): sigmoid(MLP(mean) + MLP(max)), one MLP with max(C / ratio, least) hidden units.
    bias: whether the MLP has biases. maximum: False leaves the mean alone, "squeeze and excitation" (Hu et al., CVPR 2018).
    """

    ratio: int = 16
    least: int = 8
    bias: bool = True
    maximum: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "n *places channels"]) -> Float[Array, "n *ones channels"]:
        x, axes, channels = x.astype(jnp.float32), tuple(range(1, x.ndim - 1)), x.shape[-1]
        hidden = nn.Dense(max(channels // self.ratio, self.least), use_bias=self.bias, name="hidden")
        out = nn.Dense(channels, use_bias=self.bias, name="out")
        pooled = (x.mean(axes, keepdims=True), *([x.max(axes, keepdims=True)] if self.maximum else []))
        return nn.sigmoid(sum(out(nn.relu(hidden(p))) for p in pooled))


class SpatialAttention(nn.Module):
    """A gate for each place from the mean and the maximum over channels (CBAM, eq. 3): (N, ..., C) -> (N, ..., 1).

    norm: batch norm before the sigmoid, as CBAM's published code has it; with it `train` and `batch_axis` count.
    """

    kernel: int = 7
    norm: bool = False
    bias: bool = False
    batch_axis: str | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "n *places channels"], train: bool = False) -> Float[Array, "n *places 1"]:
        x = x.astype(jnp.float32)
        pooled = jnp.concatenate([x.mean(-1, keepdims=True), x.max(-1, keepdims=True)], -1)
        logit = nn.Conv(1, (self.kernel,) * (x.ndim - 2), use_bias=self.bias, name="conv")(pooled)
        return nn.sigmoid(batch_norm(logit, train, "norm", logit.dtype, self.batch_axis) if self.norm else logit)


class CBAM(nn.Module):
    """Channel gate, then spatial gate (CBAM, eq. 1); gates are computed in float32, what is gated keeps its dtype.

    (N, ..., C) -> the same, and the gates: "channel" (N, C) and "spatial" (N, ...). ratio, least, bias: of the channel gate;
    kernel, norm, place_bias (a bias of its convolution), batch_axis: of the spatial gate.
    """

    ratio: int = 16
    least: int = 8
    bias: bool = True
    kernel: int = 7
    norm: bool = False
    place_bias: bool = False
    batch_axis: str | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "n *places channels"],
                 train: bool = False) -> tuple[Float[Array, "n *places channels"], dict[str, jax.Array]]:
        channel = ChannelAttention(self.ratio, self.least, self.bias, name="channel")(x)
        x = x * channel.astype(x.dtype)
        spatial = SpatialAttention(self.kernel, self.norm, self.place_bias, self.batch_axis, name="spatial")(x, train)
        return x * spatial.astype(x.dtype), {"channel": channel.reshape(len(x), -1), "spatial": spatial[..., 0]}


def split_heads(x: Float[Array, "*n tokens d"], heads: int) -> Float[Array, "*n heads tokens d/heads"]:
    return jnp.moveaxis(x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads), -2, -3)


class RegionAttention(nn.Module):
    """Several heads that each say where on the face to look: tokens (N, P, d) -> pooled (N, d), weights (N, heads, P).

    One learned query: weights_h = softmax_i (q W_q^h)(LN(x_i) W_k^h)^T / sqrt(d / heads), pooled = [concat_h sum_i w_i
    x_i W_v^h] W_o. The weights of a head sum to 1 over the P places.
    """

    heads: int

    @nn.compact
    def __call__(self, tokens: Float[Array, "n places d"]) -> tuple[Float[Array, "n d"], Float[Array, "n heads places"]]:
        d = tokens.shape[-1]
        query = self.param("query", nn.initializers.normal(1.0), (1, 1, d))
        q = split_heads(nn.Dense(d, name="q")(query), self.heads)
        k = split_heads(nn.Dense(d, name="k")(nn.LayerNorm(name="norm")(tokens)), self.heads)
        v = split_heads(nn.Dense(d, name="v")(tokens), self.heads)
        scores = (q * k).sum(-1).astype(jnp.float32) * (d // self.heads) ** -0.5
        weights = jax.nn.softmax(scores)
        pooled = (weights[..., None] * v).sum(-2).reshape(len(tokens), d)
        return nn.Dense(d, name="o")(pooled), weights


class SelfAttention(nn.Module):
    """Multi-head self-attention (Vaswani et al., 2017, §3.2.2): (N, T, d) -> (N, T, d), weights (N, heads, T, T).

    Each head has d // heads numbers; what is left of d no head reads. bias: of queries, keys and values. dropout: of the
    weights, of which those given are without it. dtype: of the products with parameters, None being that of x.
    """

    heads: int
    bias: bool = True
    dropout: float = 0.0
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Float[Array, "n t d"],
                 train: bool = False) -> tuple[Float[Array, "n t d"], Float[Array, "n heads t t"]]:
        d, each = x.shape[-1], x.shape[-1] // self.heads
        q, k, v = (split_heads(nn.Dense(each * self.heads, self.bias, self.dtype, name=name)(x), self.heads) for name in "qkv")
        dropped = nn.Dropout(self.dropout, deterministic=not train)
        if x.shape[-2] == 1:                                     # nothing to choose from: a thousand products of one number
            weights = jnp.ones((*q.shape[:-1], 1), jnp.float32)
            mixed = jnp.moveaxis(dropped(weights) * v, -3, -2)
        else:
            weights = jax.nn.softmax((q @ jnp.swapaxes(k, -1, -2)).astype(jnp.float32) * each**-0.5)
            mixed = jnp.moveaxis(dropped(weights) @ v, -3, -2)
        return nn.Dense(d, dtype=self.dtype, name="o")(mixed.reshape(*x.shape[:-1], each * self.heads)), weights


class TransformerLayer(nn.Module):
    """One pre-norm transformer layer over the moments of a clip, or the places of a picture, and a last norm.

    last_norm: False leaves it out. expansion: hidden units to a feature. epsilon: of the norms. dropout: of the attention's
    weights and answers, of the hidden units and of theirs. bias, dtype: see `SelfAttention`; the sum stays as x was.
    """

    heads: int
    last_norm: bool = True
    expansion: int = 2
    bias: bool = True
    epsilon: float = 1e-6
    dropout: float = 0.0
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Float[Array, "n t d"],
                 train: bool = False) -> tuple[Float[Array, "n t d"], Float[Array, "n heads t t"]]:
        def norm(tokens: Array, name: str) -> Array:
            return nn.LayerNorm(self.epsilon, name=name)(tokens)

        def dropped(tokens: Array) -> Array:
            return nn.Dropout(self.dropout, deterministic=not train)(tokens)

        attention = SelfAttention(self.heads, self.bias, self.dropout, self.dtype, name="attention")
        mixed, weights = attention(norm(x, "norm1"), train)
        x = x + dropped(mixed)
        hidden = nn.Dense(self.expansion * x.shape[-1], dtype=self.dtype, name="hidden")(norm(x, "norm2"))
        hidden = dropped(nn.gelu(hidden, approximate=False))
        x = x + dropped(nn.Dense(x.shape[-1], dtype=self.dtype, name="out")(hidden))
        return norm(x, "norm3") if self.last_norm else x, weights
