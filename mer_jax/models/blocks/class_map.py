"""Where a last layer's classes lie in a picture: attention with no parameters of its own.

Xia et al., IEEE TIP 29, 2020 (arXiv 2006.09674), the attention unit; as their public code has it.
"""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class Classifier(nn.Module):
    """The parameters of the last dense layer without the layer: `kernel` (inputs, classes) and `bias`, for networks that look
    where it looks. First values are normal, of deviation .01, and 0."""

    classes: int

    @nn.compact
    def __call__(self, inputs: int) -> tuple[Float[Array, "inputs classes"], Float[Array, " classes"]]:
        kernel = self.param("kernel", nn.initializers.normal(0.01), (inputs, self.classes))
        bias = self.param("bias", nn.initializers.zeros, (self.classes,))
        return jnp.asarray(kernel), jnp.asarray(bias)                                        # kept weights are numpy's


def class_map(x: Float[Array, "n h w c"], weights: Float[Array, "h w c classes"]) -> Float[Array, "n h w"]:
    """mean_k of m_k stretched to 0..1 over the places, m_k = sum_c x_c weights_ck: in [0, 1].

    A class whose m_k is the same everywhere, as where nothing moves, counts as 0.
    """
    maps = jnp.einsum("nhwc,hwck->nhwk", x, weights)
    maps = maps - maps.min((1, 2), keepdims=True)
    top = maps.max((1, 2), keepdims=True)
    return (maps / jnp.where(top > 0, top, 1)).mean(-1)


def weighed(x: Float[Array, "n h w c"], gate: Float[Array, "n p q"] | None) -> Float[Array, "n h w c"]:
    """x times its gate, of which place (i, j) takes the value at (floor(i p / h), floor(j q / w)), PyTorch's nearest one; x in
    its dtype. x as it is where gate is None."""
    if gate is None:
        return x
    rows, columns = (np.arange(after) * before // after for before, after in zip(gate.shape[1:], x.shape[1:3], strict=True))
    return x * gate[:, rows[:, None], columns, None].astype(x.dtype)
