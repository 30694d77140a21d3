"""A linear classifier of the flow picture, by softmax: the least that a network must be better than.

No paper's. Trained by the library's own loop, so a study's row beside the networks; `evaluation.linear_svm` reads
the same picture and is solved to the end.
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mer_jax.models.blocks.flow_channels import flow_channels
from mer_jax.models.network import Output, compute_dtype

VARIANTS = {"picture": {}, "pixels": {"flow_coding": "pixels"}}


class Linear(nn.Module):
    """inputs["flow"]: (N, *flow_size, 3), (u, v, strain) -> logits (N, classes): one weight for each number of the picture and
    class, and a bias. 7,059 parameters at 28 x 28.

    Variant "picture" reads the field's stretched picture, brought to -1..1; "pixels" the flow as it was found. flow_size: any.
    dtype: of the product, "float32" or "bfloat16"; answers are float32. Raises UserMistake for flow of another size.
    """

    classes: int = 3
    flow_size: tuple[int, int] = (28, 28)
    flow_coding: str = "minmax8"
    dtype: str = "float32"
    inputs: ClassVar[tuple[str, ...]] = ("flow",)

    @nn.compact
    def __call__(self, inputs: dict[str, jax.Array | np.ndarray], *, train: bool) -> Output:
        x = flow_channels(self, inputs["flow"])
        head = nn.Dense(self.classes, dtype=compute_dtype(self.dtype), name="head")
        return Output(head(x.reshape(len(x), -1)).astype(jnp.float32))
