"""RCN: one recurrent convolution over a small picture, and three modules that add no parameter to it.

Xia, Peng, Khor, Feng, Zhao: "Revealing the Invisible with Model and Data Shrinking for Composite-database Micro-expression
Recognition", IEEE TIP 29, 2020, https://doi.org/10.1109/TIP.2020.3018222 (arXiv 2006.09674). Exact: layers, their order, their
sizes and their first kernels are those of the authors' public code, with the features and parts that its training script has
by itself. The recurrence shares its 3x3 kernel and its batch norm over all rounds. Left out are layers that the code makes and
never calls. As released, P and F stop at a wrong name; F runs, layer for layer the same, in the authors' later benchmark.
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.mistakes import UserMistake, nearest
from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.class_map import Classifier, class_map, weighed
from mer_jax.models.blocks.convolution import Convolution, Form
from mer_jax.models.blocks.flow_channels import flow_channels
from mer_jax.models.blocks.normalisation import batch_norm
from mer_jax.models.blocks.pooling import max_pool_tiles, mean_pool_to
from mer_jax.models.blocks.recurrence import HE, Recurrence, Unit
from mer_jax.models.network import Output, compute_dtype

GATED = ("parts", "start", "recurrence")                                             # what the attention unit's map weighs
A = {"wide_expansion": False, "shortcuts": False}
VARIANTS = {
    "a": A,
    "s": {"wide_expansion": False, "attention_unit": False},
    "w": {"shortcuts": False, "attention_unit": False},
    "p": {"dilations": (1, 3), "pooled": True},
    "c": {"gated": "start"},
    "f": {"gated": "recurrence", "dilations": (1, 2, 2)},
    "a_native": {**A, "flow_size": (60, 60), "flow_coding": "pixels"},
}


class Stream(nn.Module):
    """A dilated 3x3 convolution, ReLU, batch norm, at a third of the size: by a stride of 3 or, pooled, by the maximum over 3x3
    at a stride of 3."""

    features: int
    dilation: int
    pooled: bool
    how: Arithmetic

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], train: bool) -> Float[Array, "n h3 w3 f"]:
        x = Convolution(self.features, 3, stride=1 if self.pooled else 3, form=self.how.form, dtype=self.how.dtype,
                        dilation=self.dilation, draw=HE, name="conv")(x)
        x = batch_norm(nn.relu(x), train, "norm", self.how.dtype, self.how.batch_axis)
        if not self.pooled:
            return x
        return max_pool_tiles(jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-jnp.inf), 3)


class RCN(nn.Module):
    """inputs["flow"]: (N, *flow_size, 3), (u, v, strain) -> logits (N, classes).

    attention: "spatial" (N, parts, parts) in [0, 1], how much the classes have to do with each part: `class_map` under the last
    layer's own kernel; no map without the attention unit.

    Variants are the paper's: "a" the attention unit, "s" shortcuts, "w" wide expansion; "p", "c" and "f" have all three. "a"
    with its attention unit off is the bare RCN, of as many parameters as "a" and "s": 55,747.
    wide_expansion: `Stream`s beside each other at the start, the first with half of the features, the others with the rest;
    else one 5x5 kernel and max-pool 2. dilations: of the streams; one that stands twice is one stream, used twice. pooled: see
    `Stream`. shortcuts: see `Recurrence`. gated: by the attention unit: "parts", the means that the last layer reads, or what
    enters the "recurrence", both by what the start gave; or "start", what the start gives, by the picture itself.
    features: of every layer. parts: rows and columns of means that the last layer reads. dropout: behind the start and behind
    the recurrence. side: of the picture that the network works on; 60 is inferred, every pooling of "a" being even there.
    form: of kernels of more than one place, "conv" or "patches", equal to rounding. dtype: of convolutions, "float32" or
    "bfloat16"; attention, statistics and answers are float32. batch_axis: the mapped axis over which batch statistics are
    synchronised, else None. Raises UserMistake for flow of another size, where `gated` is none of these, and where the streams
    cannot share the features.

    "a_native" reads flow of 60 x 60 pixels as it was found, all others the field's stretched 28 x 28 picture, enlarged by
    bilinear interpolation. Where it departs: stretched values are brought to -1..1, theirs to 0..1; biases of convolutions
    start at 0; a class map that is the same everywhere counts as 0, theirs is not a number; the running variance is the biased
    one (Flax).
    """

    classes: int = 3
    features: int = 64
    parts: int = 7
    side: int = 60
    flow_size: tuple[int, int] = (28, 28)
    flow_coding: str = "minmax8"
    dropout: float = 0.5
    wide_expansion: bool = True
    shortcuts: bool = True
    attention_unit: bool = True
    dilations: tuple[int, ...] = (1, 2, 3)
    pooled: bool = False
    gated: str = "parts"
    form: Form = "conv"
    dtype: str = "float32"
    batch_axis: str | None = None
    inputs: ClassVar[tuple[str, ...]] = ("flow",)

    @nn.compact
    def __call__(self, inputs: dict[str, jax.Array | np.ndarray], *, train: bool) -> Output:
        if self.gated not in GATED:
            raise UserMistake(f"RCN: gated {self.gated!r} is not known{nearest(self.gated, GATED)}; "
                              f"there are: {', '.join(GATED)}")
        how = Arithmetic(self.form, compute_dtype(self.dtype), self.batch_axis)
        picture = flow_channels(self, inputs["flow"], self.side)
        kernel, bias = Classifier(self.classes, name="classifier")(self.features * self.parts**2)
        x = nn.Dropout(self.dropout, deterministic=not train)(self.start(picture, how, train))
        gates = {self.gated: self.gate(picture if self.gated == "start" else x, kernel)} if self.attention_unit else {}
        x = Recurrence(self.shortcuts, how, name="recurrence")(weighed(x, gates.get("start")), gates.get("recurrence"), train)
        x = nn.Dropout(self.dropout, deterministic=not train)(max_pool_tiles(x, 2)).astype(jnp.float32)
        x = weighed(mean_pool_to(x, self.parts), gates.get("parts"))
        x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)                              # channels first, as PyTorch flattens
        return Output(x @ kernel + bias, {"spatial": gates[self.gated]} if gates else {})

    def start(self, picture: Float[Array, "n h w 3"], how: Arithmetic, train: bool) -> Float[Array, "n h2 w2 f"]:
        """The first layer's features."""
        if not self.wide_expansion:
            return max_pool_tiles(Unit(self.features, 5, how, inside=True, name="start")(picture, train), 2)
        half = self.features // 2
        widths = dict.fromkeys(self.dilations, half // max(1, len(self.dilations) - 1)) | {self.dilations[0]: half}
        if sum(widths[dilation] for dilation in self.dilations) != self.features:
            raise UserMistake(f"RCN: streams of dilations={self.dilations} cannot share features={self.features}: wanted two "
                              "or more, the first with a half and the others with equal parts of the rest")
        streams = {dilation: Stream(width, dilation, self.pooled, how, name=f"stream{dilation}")
                   for dilation, width in widths.items()}
        return jnp.concatenate([streams[dilation](picture, train) for dilation in self.dilations], -1)

    def gate(self, x: Float[Array, "n h w c"], kernel: Float[Array, "inputs classes"]) -> Float[Array, "n p p"]:
        """The class map of features, or of a picture, whose channels all have the kernel's mean weight over features."""
        weights = kernel.reshape(self.features, self.parts, self.parts, self.classes).transpose(1, 2, 0, 3)
        x = mean_pool_to(x.astype(jnp.float32), self.parts)
        if self.gated == "start":
            x, weights = x.mean(-1, keepdims=True), weights.mean(2, keepdims=True)
        return class_map(x, weights)
