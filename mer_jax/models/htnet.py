"""HTNet: transformer layers inside the areas of eyes and lips, which then flow together, level by level.

Wang, Zhang, Luo, Sankaranarayana: "HTNet for micro-expression recognition", Neurocomputing 2024,
https://arxiv.org/abs/2307.14637. Exact: every layer and size is that of the authors' public code. Where the areas lie is ours.

In that code a picture of 28 x 28 has 4 x 4 patches, cut at the first level into 4 x 4 blocks, at the second its 2 x 2 into
2 x 2, and at the third one is left: every self-attention is over one place, its weight is 1, and queries and keys learn
nothing. And the code of a place is one number for all features: at the last level the norms behind it take it out again, before
that it shifts all features of a place alike. Variant "attending" leaves the first level out: four places look at each other
inside each area, as the paper tells it, and then in the face.
"""

import math
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.mistakes import UserMistake
from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.attention import TransformerLayer
from mer_jax.models.blocks.convolution import Convolution, Form
from mer_jax.models.blocks.flow_channels import flow_channels
from mer_jax.models.blocks.pooling import max_around
from mer_jax.models.blocks.regions import eyes_and_lips
from mer_jax.models.network import Output, compute_dtype

VARIANTS = {"paper": {}, "attending": {"depths": (2, 10)}}
EPSILON = 1e-5                                                              # of the norms, as PyTorch has it


class Level(nn.Module):
    """Transformer layers inside each of areas x areas squares of a picture; gives the last one's weights too,
    (N, areas^2, heads, places, places)."""

    depth: int
    heads: int
    areas: int
    dropout: float
    how: Arithmetic

    @nn.compact
    def __call__(self, x: Float[Array, "n s s c"], train: bool) -> tuple[Float[Array, "n s s c"], jax.Array]:
        n, side, _, channels = x.shape
        each = side // self.areas
        cut = x.reshape(n, self.areas, each, self.areas, each, channels).transpose(0, 1, 3, 2, 4, 5)
        tokens = cut.reshape(-1, each**2, channels) + self.param("place", nn.initializers.normal(1.0), (each**2,))[:, None]
        for number in range(1, self.depth + 1):
            layer = TransformerLayer(self.heads, last_norm=False, expansion=4, bias=False, epsilon=EPSILON,
                                     dropout=self.dropout, dtype=self.how.dtype, name=f"layer{number}")
            tokens, weights = layer(tokens, train)
        x = tokens.reshape(cut.shape).transpose(0, 1, 3, 2, 4, 5).reshape(x.shape)
        return x, weights.reshape(n, -1, *weights.shape[1:])


def looked_at(weights: Float[Array, "n areas heads places places"], side: int) -> Float[Array, "n side side"]:
    """How much each place of a level is looked at in its area, mean over heads and over the places that look, laid out as the
    picture has them and enlarged to side x side patches, those of one place having its number."""
    areas, each = math.isqrt(weights.shape[1]), math.isqrt(weights.shape[-1])
    seen = weights.mean((2, 3)).reshape(-1, areas, areas, each, each).transpose(0, 1, 3, 2, 4)
    seen = seen.reshape(-1, areas * each, areas * each)
    return seen.repeat(side // (areas * each), 1).repeat(side // (areas * each), 2)


class HTNet(nn.Module):
    """inputs["flow"]: (N, 28, 28, 3) uint8, (u, v, strain) each stretched to 0..255 -> logits (N, classes).

    The areas of `eyes_and_lips`, patches of `patch` pixels, a level for each of `depths`: level l has width 2^l features,
    heads 2^l heads and depths[l] layers; behind each but the last a 3x3 convolution, a norm and a maximum over 3x3 at stride 2.
    139,582,982 parameters; 34,265,099 as "attending".
    attention: "level1", ... (N, areas, heads, places, places) of each level's last layer, the weights with which each place
    looks at all, their sum being 1; none of a level of one place. Of those together "squares", or "patches" where the picture
    is read as it is: (N, patches, patches), the share of each patch in what the levels look at (`looked_at`), sum 1.

    four_areas: off, the whole picture is read as it is. dropout: everywhere in a layer; the public code trains without. form:
    of the 3x3 convolutions, "conv" or "patches", equal to rounding. dtype: what all products with parameters but the last are
    computed in, "float32" or "bfloat16"; sums, norms, softmax and answers are float32.
    Raises UserMistake for flow of another size, and where the levels do not divide the patches
    or one has no layer.

    Where it departs: the squares lie where an aligned face has its eyes and lips, in theirs around five landmarks of each
    clip's face, whose columns are taken for rows (so eyes come to lie on the left, lips on the right, about mirrored at the
    diagonal); values are brought to -1..1, theirs are 0..255; the transformers' first weights are Flax's.
    """

    classes: int = 3
    width: int = 256
    heads: int = 3
    depths: tuple[int, ...] = (2, 2, 10)
    patch: int = 7
    dropout: float = 0.0
    four_areas: bool = True
    form: Form = "conv"
    dtype: str = "float32"
    inputs: ClassVar[tuple[str, ...]] = ("flow",)
    flow_coding: ClassVar[str] = "minmax8"
    flow_size: ClassVar[tuple[int, int]] = (28, 28)

    @nn.compact
    def __call__(self, inputs: dict[str, jax.Array | np.ndarray], *, train: bool) -> Output:
        how, flow = Arithmetic(self.form, compute_dtype(self.dtype)), flow_channels(self, inputs["flow"])
        n, side, attention = len(flow), 28 // max(self.patch, 1), {}
        if min(self.depths, default=0) < 1:
            raise UserMistake(f"HTNet: depths={self.depths}: wanted at least one level, each of at least one layer")
        areas = 2 ** (len(self.depths) - 1)
        if side * self.patch != 28 or side % areas:
            raise UserMistake(f"HTNet: patch={self.patch}, depths={self.depths}: wanted patches that divide 28 pixels, and "
                              f"{len(self.depths)} levels that divide the patches: {areas} areas a side")
        x = eyes_and_lips(flow) if self.four_areas else flow
        x = x.reshape(n, side, self.patch, side, self.patch, 3).transpose(0, 1, 3, 2, 4, 5).reshape(n, side, side, -1)
        x = nn.Dense(self.width, dtype=how.dtype, name="patches")(x).astype(jnp.float32)
        looked = jnp.ones((n, side, side))
        for number, depth in enumerate(self.depths):
            last, name = number == len(self.depths) - 1, f"level{number + 1}"
            level = Level(depth, self.heads * 2**number, areas >> number, self.dropout, how, name=name)
            x, weights = level(x, train)
            if weights.shape[-1] > 1:
                attention[name], looked = weights, looked * looked_at(weights, side)
            if not last:
                x = Convolution(self.width * 2 ** (number + 1), 3, form=how.form, dtype=how.dtype, like_torch=True,
                                name=f"together{number + 1}")(x).astype(jnp.float32)
                x = max_around(nn.LayerNorm(EPSILON, name=f"norm{number + 1}")(x))[:, ::2, ::2]
        if attention:
            attention["squares" if self.four_areas else "patches"] = looked / looked.sum((1, 2), keepdims=True)
        x = nn.LayerNorm(EPSILON, name="norm")(x).mean((1, 2))
        return Output(nn.Dense(self.classes, name="head")(x), attention)
