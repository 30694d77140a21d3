"""Dense blocks, with the module names of torchvision's DenseNet so that its ImageNet weights load as they are.

Huang, Liu, van der Maaten, Weinberger: "Densely Connected Convolutional Networks", CVPR 2017.
`dtype` is what convolutions are computed in, and what is handed on; parameters, batch statistics and gates are float32.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.models.blocks.attention import CBAM
from mer_jax.models.blocks.convolution import Convolution, Form
from mer_jax.models.blocks.normalisation import batch_norm


class DenseLayer(nn.Module):
    """norm, relu, 1x1 convolution to `bottleneck` * growth, norm, relu, 3x3 convolution to growth, dropout."""

    growth: int
    bottleneck: int = 4
    dropout: float = 0.0
    form: Form = "conv"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], train: bool) -> Float[Array, "n h w growth"]:
        x = nn.relu(batch_norm(x, train, "norm1", self.dtype))
        x = Convolution(self.bottleneck * self.growth, 1, dtype=self.dtype, name="conv1")(x)
        x = nn.relu(batch_norm(x, train, "norm2", self.dtype))
        x = Convolution(self.growth, 3, form=self.form, dtype=self.dtype, name="conv2")(x)
        return nn.Dropout(self.dropout, deterministic=not train)(x)


class DenseBlock(nn.Module):
    """Layers that each see all features made before them."""

    layers: int
    growth: int
    bottleneck: int = 4
    dropout: float = 0.0
    form: Form = "conv"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], train: bool) -> Float[Array, "n h w more"]:
        for number in range(1, self.layers + 1):
            layer = DenseLayer(self.growth, self.bottleneck, self.dropout, self.form, self.dtype, name=f"denselayer{number}")
            new = layer(x, train)
            x = jnp.concatenate([x, new], -1)
        return x


class Transition(nn.Module):
    """norm, relu, 1x1 convolution to half the channels, mean over 2x2."""

    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], train: bool) -> Float[Array, "n h/2 w/2 c/2"]:
        x = nn.relu(batch_norm(x, train, "norm", self.dtype))
        x = Convolution(x.shape[-1] // 2, 1, dtype=self.dtype, name="conv")(x)
        return nn.avg_pool(x, (2, 2), (2, 2))


class LateDenseNet(nn.Module):
    """DenseNet features with late pooling: no pooling after the first convolution, CBAM after every dense block.

    (N, H, W, C) -> (N, h, w, features), h = H / 2^blocks. stem, growth, blocks: 64, 32, (6, 12, 24, 16) is
    DenseNet-121, which then has at 112 x 112 the map sizes that it has with pooling at 224 x 224. Names are those of
    torchvision (conv0, norm0, denseblock1, ...), CBAM's are extra (cbam1, ...).
    """

    stem: int
    growth: int
    blocks: tuple[int, ...]
    stem_kernel: int = 7
    bottleneck: int = 4
    dropout: float = 0.0
    gated: bool = True
    form: Form = "conv"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], *, train: bool) -> Float[Array, "n h2 w2 features"]:
        x = Convolution(self.stem, self.stem_kernel, stride=2, dtype=self.dtype, name="conv0")(x)
        x = nn.relu(batch_norm(x, train, "norm0", self.dtype))
        for number, layers in enumerate(self.blocks, 1):
            x = DenseBlock(layers, self.growth, self.bottleneck, self.dropout, self.form, self.dtype,
                           name=f"denseblock{number}")(x, train)
            if self.gated:
                x = CBAM(name=f"cbam{number}")(x)
            if number < len(self.blocks):
                x = Transition(self.dtype, name=f"transition{number}")(x, train)
        return nn.relu(batch_norm(x, train, f"norm{len(self.blocks) + 1}", self.dtype))
