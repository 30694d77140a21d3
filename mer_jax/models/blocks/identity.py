"""Whose face it is, asked of features that are not to know it (domain-adversarial training, Ganin et al., JMLR 2016)."""

import flax.linen as nn
import jax
from jaxtyping import Array, Float


def reversed_gradient(x: Float[Array, "*shape"], factor: float = 1.0) -> Float[Array, "*shape"]:
    """x itself; what comes back through it is turned round and multiplied by `factor` (eq. 18 there)."""
    held = jax.lax.stop_gradient(x)
    return held - factor * (x - held)


class IdentityHead(nn.Module):
    """Features (N, d) -> logits (N, subjects), one for each person of the data, for the loss `identity` in
    Output.extras["identity"]: this head learns to tell people apart, and the features, behind it, to give nobody away.

    factor: of the reversed gradient; the loss's own factor multiplies both sides.
    """

    subjects: int
    hidden: int = 128
    factor: float = 1.0

    @nn.compact
    def __call__(self, features: Float[Array, "n d"]) -> Float[Array, "n subjects"]:
        x = nn.relu(nn.Dense(self.hidden, name="hidden")(reversed_gradient(features, self.factor)))
        return nn.Dense(self.subjects, name="out")(x)
