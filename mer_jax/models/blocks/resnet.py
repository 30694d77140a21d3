"""Basic residual blocks, named as in torchvision's ResNet: `layer1_0` for layer1.0, `downsample0` for downsample.0.

He, Zhang, Ren, Sun: "Deep Residual Learning for Image Recognition", CVPR 2016.
"""

import flax.linen as nn
from jaxtyping import Array, Float

from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.convolution import Convolution
from mer_jax.models.blocks.normalisation import batch_norm, normalised


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, added to the input, ReLU; the input through a 1x1 convolution with batch norm
    where channels or size differ."""

    features: int
    stride: int
    how: Arithmetic

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], train: bool) -> Float[Array, "n h2 w2 f"]:
        def conv(pictures: Array, size: int, stride: int, name: str) -> Array:
            return Convolution(self.features, size, stride, self.how.form, self.how.dtype, name=name)(pictures)

        def norm(pictures: Array, name: str) -> Array:
            return batch_norm(pictures, train, name, self.how.dtype, self.how.batch_axis)

        y = normalised(conv(x, 3, self.stride, "conv1"), train, "bn1", self.how)
        y = norm(conv(y, 3, 1, "conv2"), "bn2")
        if self.stride > 1 or self.features != x.shape[-1]:
            x = norm(conv(x, 1, self.stride, "downsample0"), "downsample1")
        return nn.relu(x + y)


class ResNetStages(nn.Module):
    """The first convolution and the stages of two basic blocks each of ResNet-18, without its max-pool.

    (N, h, w, 3) -> (N, h, w, widths[-1]) at stride 1, the first kernel being 3x3; at stride 2 the first kernel is 7x7 and it
    and every stage but the first halve the size.
    """

    widths: tuple[int, ...]
    stride: int
    how: Arithmetic

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], train: bool) -> Float[Array, "n h2 w2 f"]:
        x = Convolution(self.widths[0], 3 if self.stride == 1 else 7, self.stride, self.how.form, self.how.dtype,
                        name="conv1")(x)
        x = normalised(x, train, "bn1", self.how)
        for stage, width in enumerate(self.widths, 1):
            for number in (0, 1):
                stride = self.stride if stage > 1 and number == 0 else 1
                x = BasicBlock(width, stride, self.how, name=f"layer{stage}_{number}")(x, train)
        return x
