"""In what numbers a trunk computes, and over which devices its batch statistics are taken."""

import dataclasses
from typing import Any

import jax.numpy as jnp

from mer_jax.models.blocks.convolution import Form


@dataclasses.dataclass(frozen=True)
class Arithmetic:
    """How a trunk computes, whatever it computes. form: of the 3x3 convolutions, see `blocks.convolution`. dtype: what the
    convolutions are computed in, and what is handed on; parameters, batch statistics and gates are float32. batch_axis: the
    mapped axis over which batch statistics are synchronised, or None."""

    form: Form = "conv"
    dtype: Any = jnp.float32
    batch_axis: str | None = None
