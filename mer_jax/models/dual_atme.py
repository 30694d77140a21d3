"""Dual-ATME: two branches of inception modules, over the whole face with attention and over brows and mouth without.

"Dual-ATME: Dual-Branch Attention Network for Micro-Expression Recognition", Entropy 25(3), 460, 2023,
https://doi.org/10.3390/e25030460. Exact: every layer, the loss and the training are those of the authors' public code, with its
4,833,193 parameters, but for the attention of the lower branch, which the paper leaves out (`attend_lower`). Not known: the
coding of their flow (here the field's, u, v and strain), and their boxes.
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.mistakes import UserMistake
from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.attention import CBAM
from mer_jax.models.blocks.convolution import Form, dense_like_torch
from mer_jax.models.blocks.flow_channels import flow_channels
from mer_jax.models.blocks.inception import Inception
from mer_jax.models.blocks.normalisation import batch_norm
from mer_jax.models.blocks.pooling import max_pool_tiles
from mer_jax.models.blocks.regions import BROWS_AND_MOUTH, stacked_bands
from mer_jax.models.network import Output, compute_dtype


class Branch(nn.Module):
    """Two inception modules, each with max-pool 2 behind it: (N, 28, 28, 3) -> (N, 7, 7, 48)."""

    how: Arithmetic

    @nn.compact
    def __call__(self, x: Float[Array, "n h w 3"], train: bool) -> Float[Array, "n h4 w4 48"]:
        for name, features in (("inception1", 6), ("inception2", 12)):
            x = max_pool_tiles(Inception(features, 6, norm=True, how=self.how, name=name)(x, train), 2)
        return x


class DualATME(nn.Module):
    """inputs["flow"]: (N, 28, 28, 3) uint8, (u, v, strain) each stretched to 0..255 -> logits (N, classes).

    attention: "channel" (N, 48) and "spatial" (N, 7, 7), the CBAM's gates in (0, 1). extras: "branches" (N, 2, 2352), for the
    loss `branches_alike`, which the paper gives the factor .01 beside `focal`.

    whole_face, puzzled_face: switch a branch off. attend_lower: the same CBAM on the lower branch too, as the public code
    has it and the paper advises against. gate_units: hidden units of the channel gate; with the paper's 3 all may be dead at
    the start. width: of the dense layer. dropout: behind it. form: of the 3x3 and 5x5 convolutions, "conv" or "patches",
    equal to rounding. dtype: of convolutions and of the first dense layer, "float32" or "bfloat16"; gates, statistics and
    answers are float32. batch_axis: the mapped axis over which batch statistics are synchronised, else None.
    Raises UserMistake for flow of another size, and where both branches are off.

    Where it departs: the puzzled face (brows and eyes above, mouth below) is cut out of the flow at rows that fit an aligned
    face; the paper cuts it out of the frames by landmarks (`faces.regions.puzzled`) and finds flow on the puzzle. The gates'
    first weights are Flax's; the running variance is the biased one (Flax).
    """

    classes: int = 3
    width: int = 1024
    dropout: float = 0.5
    whole_face: bool = True
    puzzled_face: bool = True
    attend_lower: bool = False
    gate_units: int = 3
    form: Form = "conv"
    dtype: str = "float32"
    batch_axis: str | None = None
    inputs: ClassVar[tuple[str, ...]] = ("flow",)
    flow_coding: ClassVar[str] = "minmax8"
    flow_size: ClassVar[tuple[int, int]] = (28, 28)

    @nn.compact
    def __call__(self, inputs: dict[str, jax.Array | np.ndarray], *, train: bool) -> Output:
        if not (self.whole_face or self.puzzled_face):
            raise UserMistake("DualATME: whole_face and puzzled_face are both off, wanted at least one branch")
        how = Arithmetic(self.form, compute_dtype(self.dtype), self.batch_axis)
        flow, branches, attention = flow_channels(self, inputs["flow"]), [], {}
        attend = CBAM(ratio=16, least=self.gate_units, kernel=3, place_bias=True, name="cbam")
        if self.whole_face:
            x, attention = attend(Branch(how, name="upper")(flow, train))
            branches.append(x)
        if self.puzzled_face:
            x = Branch(how, name="lower")(stacked_bands(flow, BROWS_AND_MOUTH), train)
            branches.append(attend(x)[0] if self.attend_lower else x)
        rows = [x.astype(jnp.float32).transpose(0, 3, 1, 2).reshape(len(x), -1) for x in branches]     # channels first
        x = jnp.concatenate(rows, -1)
        x = dense_like_torch(self.width, x.shape[-1], "hidden", how.dtype)(x)
        x = nn.relu(batch_norm(x, train, "norm", jnp.float32, how.batch_axis))
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return Output(dense_like_torch(self.classes, self.width, "fc")(x), attention, {"branches": jnp.stack(rows, 1)})
