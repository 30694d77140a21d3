"""Dense blocks, with the module names of torchvision's DenseNet so that its ImageNet weights load as they are.

Huang, Liu, van der Maaten, Weinberger: "Densely Connected Convolutional Networks", CVPR 2017.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.attention import CBAM
from mer_jax.models.blocks.convolution import Convolution
from mer_jax.models.blocks.normalisation import Moments, moments_of, normalised


class DenseLayer(nn.Module):
    """norm, relu, 1x1 convolution to `bottleneck` * growth, norm, relu, 3x3 convolution to growth, dropout."""

    growth: int
    bottleneck: int = 4
    dropout: float = 0.0
    how: Arithmetic = Arithmetic()

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], moments: Moments | None, train: bool) -> Float[Array, "n h w growth"]:
        x = normalised(x, train, "norm1", self.how, moments)
        x = Convolution(self.bottleneck * self.growth, 1, dtype=self.how.dtype, name="conv1")(x)
        x = normalised(x, train, "norm2", self.how)
        x = Convolution(self.growth, 3, form=self.how.form, dtype=self.how.dtype, name="conv2")(x)
        return nn.Dropout(self.dropout, deterministic=not train)(x)


class DenseBlock(nn.Module):
    """Layers that each see all features made before them.

    Every layer normalises them anew, with its own scale and bias, but with the same batch moments: those are reckoned once.
    """

    layers: int
    growth: int
    bottleneck: int = 4
    dropout: float = 0.0
    how: Arithmetic = Arithmetic()

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], train: bool) -> Float[Array, "n h w more"]:
        made, moments = [x], []
        for number in range(1, self.layers + 1):
            if train:
                moments.append(moments_of(made[-1], self.how.batch_axis))
            known = jax.tree.map(lambda *parts: jnp.concatenate(parts), *moments) if train else None
            layer = DenseLayer(self.growth, self.bottleneck, self.dropout, self.how, name=f"denselayer{number}")
            made.append(layer(jnp.concatenate(made, -1), known, train))
        return jnp.concatenate(made, -1)


class Transition(nn.Module):
    """norm, relu, 1x1 convolution to half the channels, mean over 2x2."""

    how: Arithmetic = Arithmetic()

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], train: bool) -> Float[Array, "n h/2 w/2 c/2"]:
        x = normalised(x, train, "norm", self.how)
        x = Convolution(x.shape[-1] // 2, 1, dtype=self.how.dtype, name="conv")(x)
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
    how: Arithmetic = Arithmetic()

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], *, train: bool) -> Float[Array, "n h2 w2 features"]:
        x = Convolution(self.stem, self.stem_kernel, stride=2, dtype=self.how.dtype, name="conv0")(x)
        x = normalised(x, train, "norm0", self.how)
        for number, layers in enumerate(self.blocks, 1):
            x = DenseBlock(layers, self.growth, self.bottleneck, self.dropout, self.how,
                           name=f"denseblock{number}")(x, train)
            if self.gated:
                x, _ = CBAM(name=f"cbam{number}")(x)
            if number < len(self.blocks):
                x = Transition(self.how, name=f"transition{number}")(x, train)
        return normalised(x, train, f"norm{len(self.blocks) + 1}", self.how)
