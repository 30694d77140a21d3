"""Attention over channels, over places, over regions of a face and over moments of a clip."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class ChannelAttention(nn.Module):
    """A gate for each channel from its mean and its maximum over all places (Woo et al., CBAM, ECCV 2018, eq. 2).

    (N, ..., C) -> (N, 1..., C) in (0, 1): sigmoid(MLP(mean) + MLP(max)), one MLP with max(C / ratio, least) hidden units.
    """

    ratio: int = 16
    least: int = 8

    @nn.compact
    def __call__(self, x: Float[Array, "n *places channels"]) -> Float[Array, "n *ones channels"]:
        axes, channels = tuple(range(1, x.ndim - 1)), x.shape[-1]
        hidden, out = nn.Dense(max(channels // self.ratio, self.least), name="hidden"), nn.Dense(channels, name="out")
        pooled = (x.mean(axes, keepdims=True), x.max(axes, keepdims=True))
        return nn.sigmoid(sum(out(nn.relu(hidden(p))) for p in pooled))


class SpatialAttention(nn.Module):
    """A gate for each place from the mean and the maximum over channels (CBAM, eq. 3): (N, ..., C) -> (N, ..., 1)."""

    kernel: int = 7

    @nn.compact
    def __call__(self, x: Float[Array, "n *places channels"]) -> Float[Array, "n *places 1"]:
        pooled = jnp.concatenate([x.mean(-1, keepdims=True), x.max(-1, keepdims=True)], -1)
        return nn.sigmoid(nn.Conv(1, (self.kernel,) * (x.ndim - 2), use_bias=False, name="conv")(pooled))


class CBAM(nn.Module):
    """Channel gate, then spatial gate (CBAM, eq. 1); gates are computed in float32, what is gated keeps its dtype."""

    ratio: int = 16

    @nn.compact
    def __call__(self, x: Float[Array, "n *places channels"]) -> Float[Array, "n *places channels"]:
        x = x * ChannelAttention(self.ratio, name="channel")(x).astype(x.dtype)
        return x * SpatialAttention(name="spatial")(x).astype(x.dtype)


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
    """Multi-head self-attention (Vaswani et al., 2017, §3.2.2): (N, T, d) -> (N, T, d), weights (N, heads, T, T)."""

    heads: int

    @nn.compact
    def __call__(self, x: Float[Array, "n t d"]) -> tuple[Float[Array, "n t d"], Float[Array, "n heads t t"]]:
        d = x.shape[-1]
        q, k, v = (split_heads(nn.Dense(d, name=name)(x), self.heads) for name in "qkv")
        weights = jax.nn.softmax((q @ jnp.swapaxes(k, -1, -2)).astype(jnp.float32) * (d // self.heads) ** -0.5)
        mixed = jnp.moveaxis(weights @ v, -3, -2).reshape(x.shape)
        return nn.Dense(d, name="o")(mixed), weights


class TemporalEncoder(nn.Module):
    """One pre-norm transformer layer over the moments of a clip, and a last norm."""

    heads: int

    @nn.compact
    def __call__(self, x: Float[Array, "n t d"]) -> tuple[Float[Array, "n t d"], Float[Array, "n heads t t"]]:
        mixed, weights = SelfAttention(self.heads, name="attention")(nn.LayerNorm(name="norm1")(x))
        x = x + mixed
        hidden = nn.gelu(nn.Dense(2 * x.shape[-1], name="hidden")(nn.LayerNorm(name="norm2")(x)), approximate=False)
        return nn.LayerNorm(name="norm3")(x + nn.Dense(x.shape[-1], name="out")(hidden)), weights
