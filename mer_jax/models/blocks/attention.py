"""Attention over channels, over places, over regions of a face and over moments of a clip."""

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
        axes, channels = tuple(range(1, x.ndim - 1)), x.shape[-1]
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
    """One pre-norm transformer layer over the moments of a clip, or the places of a picture, and a last norm.

    last_norm: False leaves it out.
    """

    heads: int
    last_norm: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "n t d"]) -> tuple[Float[Array, "n t d"], Float[Array, "n heads t t"]]:
        mixed, weights = SelfAttention(self.heads, name="attention")(nn.LayerNorm(name="norm1")(x))
        x = x + mixed
        hidden = nn.gelu(nn.Dense(2 * x.shape[-1], name="hidden")(nn.LayerNorm(name="norm2")(x)), approximate=False)
        x = x + nn.Dense(x.shape[-1], name="out")(hidden)
        return nn.LayerNorm(name="norm3")(x) if self.last_norm else x, weights
