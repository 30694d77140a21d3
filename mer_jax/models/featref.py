"""FeatRef: features that all expressions share, refined for each class by an attention of its own, and put together again.

Zhou, Mao, Huang, Zhang, Zhang: "Feature refinement: An expression-specific feature learning and fusion method for
micro-expression recognition", Pattern Recognition 122, 2022, https://doi.org/10.1016/j.patcog.2021.108275 (arXiv 2101.04838).
Known, from the abstract: an inception module over optical flow, a branch for each class with attention and a proposal loss,
fusion of the branches. The inception module's sizes are those of the same authors' public code of Dual-Inception (ReLU without
batch norm, one stack for u and one for v); the sizes of the branches and the factors of the losses are a completion.
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.convolution import Form
from mer_jax.models.blocks.flow_channels import flow_channels
from mer_jax.models.blocks.inception import inception_directions
from mer_jax.models.network import Output, compute_dtype


class Expression(nn.Module):
    """One class: gates over the shared features (N, width) in (0, 1), features of its own, and whether it proposes itself.

    a = sigmoid(W2 relu(W1 s)), e = relu(U (a * s)), proposal = w e: (N, width), (N, features), (N,).
    """

    features: int

    @nn.compact
    def __call__(self, shared: Float[Array, "n width"]) -> tuple[Array, Array, Array]:
        shared = shared.astype(jnp.float32)
        gate = nn.sigmoid(nn.Dense(shared.shape[-1], name="gate")(nn.relu(nn.Dense(self.features, name="squeeze")(shared))))
        own = nn.relu(nn.Dense(self.features, name="refine")(gate * shared))
        return gate, own, nn.Dense(1, name="proposal")(own)[:, 0]


class FeatRef(nn.Module):
    """inputs["flow"]: (N, 28, 28, 3) uint8, (u, v, third) each stretched to 0..255 -> logits (N, classes); the third channel is
    not read.

    Of each direction two inception modules (6 and 16 of each kernel), max-pool 2 behind each; both flattened and joined into
    `width` shared features; `Expression` for each class; its features, all joined, through dropout into the answer.
    attention: "classes" (N, classes, width), gates in (0, 1). extras: "proposals" (N, classes), logits for the loss
    `proposals`. 7,631,822 parameters for three classes.

    form: of the 3x3 and 5x5 convolutions, "conv" or "patches", equal to rounding. dtype: of convolutions and of the first dense
    layer, "float32" or "bfloat16"; gates and answers are float32.
    Raises UserMistake for flow of another size.

    Nothing ties what the last layer reads of a class's features to that class, so they need not serve it most; its gates are
    its own, and its proposal is.

    Without batch norm a few in a hundred kernels of the second inception modules answer below 0 to every picture at the start,
    and learn nothing. Where it departs: values are brought to -1..1, theirs to 0..1, with which that befalls the first too.
    """

    classes: int = 3
    width: int = 1024
    features: int = 128
    dropout: float = 0.5
    form: Form = "conv"
    dtype: str = "float32"
    inputs: ClassVar[tuple[str, ...]] = ("flow",)
    flow_coding: ClassVar[str] = "minmax8"
    flow_size: ClassVar[tuple[int, int]] = (28, 28)

    @nn.compact
    def __call__(self, inputs: dict[str, jax.Array | np.ndarray], *, train: bool) -> Output:
        how = Arithmetic(self.form, compute_dtype(self.dtype))
        x = inception_directions(flow_channels(self, inputs["flow"]), how)
        shared = nn.relu(nn.Dense(self.width, dtype=how.dtype, name="shared")(x))
        each = nn.vmap(Expression, variable_axes={"params": 0}, split_rngs={"params": True}, in_axes=None, out_axes=1,
                       axis_size=self.classes)
        gates, own, proposals = each(self.features, name="expressions")(shared.astype(jnp.float32))
        x = nn.Dropout(self.dropout, deterministic=not train)(own.reshape(len(own), -1))
        return Output(nn.Dense(self.classes, name="head")(x), {"classes": gates}, {"proposals": proposals})
