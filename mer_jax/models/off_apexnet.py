"""OFF-ApexNet: two small streams, over the horizontal and the vertical flow from onset to apex, and two wide dense layers.

Gan, Liong, Yau, Huang, Tan: "OFF-ApexNet on micro-expression recognition system", Signal Processing: Image Communication 74,
2019, https://doi.org/10.1016/j.image.2019.02.005 (arXiv 1805.08699). Exact: layers, their order and their sizes are those of
the port in Off-TANet's public code, with the 2.66 M parameters of its table (2,664,475). No code of the authors was found, and
of the paper the abstract was read: two streams, 5x5 kernels of 6 and 16, two layers of 1024. tvaranka/meb's network of this
name is another one: a single stream of 3x3 kernels over both directions, and one dense layer.
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mer_jax.models.blocks.convolution import Convolution, Form, dense_like_torch
from mer_jax.models.blocks.flow_channels import flow_channels
from mer_jax.models.blocks.pooling import max_pool_tiles
from mer_jax.models.network import Output, compute_dtype

VARIANTS = {"public": {}, "rectified": {"rectified": True}}


class OffApexNet(nn.Module):
    """inputs["flow"]: (N, 28, 28, 3) uint8, (u, v, third) each stretched to 0..255 -> logits (N, classes); the third channel is
    not read.

    Of each direction 5x5 convolutions to `features[0]` and `features[1]`, max-pool 2 behind each; both flattened and joined;
    two dense layers of `width`, ReLU and dropout behind each; the answer. No batch norm.

    rectified: ReLU behind each convolution. The public port has none there, so that its streams are linear but for the maxima;
    whether the paper has one is not known. Where it departs from the port: the stretched picture is brought to -1..1, the port
    reads TV-L1 flow in pixels. dropout: behind each dense layer. form: of the convolutions, "conv" or "patches", equal to
    rounding. dtype: of convolutions and of the first dense layer, "float32" or "bfloat16"; answers are float32.
    Raises UserMistake for flow of another size.
    """

    classes: int = 3
    features: tuple[int, int] = (6, 16)
    width: int = 1024
    dropout: float = 0.5
    rectified: bool = False
    form: Form = "conv"
    dtype: str = "float32"
    inputs: ClassVar[tuple[str, ...]] = ("flow",)
    flow_coding: ClassVar[str] = "minmax8"
    flow_size: ClassVar[tuple[int, int]] = (28, 28)

    @nn.compact
    def __call__(self, inputs: dict[str, jax.Array | np.ndarray], *, train: bool) -> Output:
        flow, dtype, directions = flow_channels(self, inputs["flow"]), compute_dtype(self.dtype), []
        for channel, direction in enumerate("uv"):
            x = flow[..., channel : channel + 1]
            for number, features in enumerate(self.features, 1):
                x = Convolution(features, 5, form=self.form, dtype=dtype, like_torch=True, name=f"{direction}{number}")(x)
                x = max_pool_tiles(nn.relu(x) if self.rectified else x, 2)
            directions.append(x.transpose(0, 3, 1, 2).reshape(len(x), -1))              # channels first, as PyTorch flattens
        x = jnp.concatenate(directions, -1)
        for number, given in ((1, dtype), (2, jnp.float32)):
            x = nn.relu(dense_like_torch(self.width, x.shape[-1], f"dense{number}", given)(x))
            x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return Output(dense_like_torch(self.classes, self.width, "fc")(x))
