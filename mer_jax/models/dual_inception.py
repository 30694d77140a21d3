"""Dual-Inception: two stacks of inception modules, one for the horizontal flow and one for the vertical, and one dense layer.

Zhou, Mao, Xue: "Dual-Inception Network for Cross-Database Micro-Expression Recognition", FG 2019, pages 642 to 646. Exact:
every layer, its size and its start are those of the authors' public Keras code (https://github.com/xly135846/MEGC2019). That
reads each direction from an image file of three channels; from one, as here and in Off-TANet's public code, whose table says
6.45 M, there are 96 parameters fewer: 6,449,867.
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.convolution import Form
from mer_jax.models.blocks.flow_channels import flow_channels
from mer_jax.models.blocks.inception import inception_directions
from mer_jax.models.network import Output, compute_dtype


class DualInception(nn.Module):
    """inputs["flow"]: (N, 28, 28, 3) uint8, (u, v, third) each stretched to 0..255 -> logits (N, classes); the third channel is
    not read.

    Of each direction two inception modules (6 and 16 of each kernel), max-pool 2 behind each; both flattened and joined; a
    dense layer of `width` with ReLU; the answer. No batch norm.

    dropout: before the last layer; the public code has none. form: of the 3x3 and 5x5 convolutions, "conv" or "patches", equal
    to rounding. dtype: of convolutions and of the first dense layer, "float32" or "bfloat16"; answers are float32.
    Raises UserMistake for flow of another size.

    Without batch norm some kernels of the inception modules answer below 0 to every picture at the start, and learn nothing.
    Where it departs: values are brought to -1..1, theirs to 0..1.
    """

    classes: int = 3
    width: int = 1024
    dropout: float = 0.0
    form: Form = "conv"
    dtype: str = "float32"
    inputs: ClassVar[tuple[str, ...]] = ("flow",)
    flow_coding: ClassVar[str] = "minmax8"
    flow_size: ClassVar[tuple[int, int]] = (28, 28)

    @nn.compact
    def __call__(self, inputs: dict[str, jax.Array | np.ndarray], *, train: bool) -> Output:
        how, draw = Arithmetic(self.form, compute_dtype(self.dtype)), nn.initializers.glorot_uniform()
        x = inception_directions(flow_channels(self, inputs["flow"]), how)
        x = nn.relu(nn.Dense(self.width, dtype=how.dtype, kernel_init=draw, name="hidden")(x)).astype(jnp.float32)
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return Output(nn.Dense(self.classes, kernel_init=draw, name="head")(x))
