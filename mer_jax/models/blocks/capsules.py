"""Capsules: groups of numbers whose direction says what is there and whose length how surely, and routing by agreement.

Sabour, Frosst, Hinton: "Dynamic Routing Between Capsules", NeurIPS 2017, https://arxiv.org/abs/1710.09829.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.mistakes import UserMistake


def squash(x: Float[Array, "*n d"]) -> Float[Array, "*n d"]:
    """The same direction with the length |x|^2 / (1 + |x|^2) (eq. 1); at zero it is zero, and so is its gradient."""
    square = jnp.square(x).sum(-1, keepdims=True)
    return x * (jnp.sqrt(square + 1e-20) / (1 + square))


class Routing(nn.Module):
    """From capsules (N, I, k) to one for each class, (N, classes, d), not squashed yet, and the couplings (N, classes, I).

    Each capsule i proposes W_ic x_i to each class c; it couples to the classes by the softmax over c of how well its proposals
    have agreed so far with what came of them (procedure 1), `routings` times in all. The gradient goes through the last sum,
    and takes the couplings as given, as CapsuleNet's public code has it. Raises UserMistake for less than one routing.
    """

    classes: int
    features: int = 16
    routings: int = 3

    @nn.compact
    def __call__(self, capsules: Float[Array, "n i k"]) -> tuple[Float[Array, "n c d"], Float[Array, "n c i"]]:
        if self.routings < 1:
            raise UserMistake(f"Routing: routings={self.routings}, wanted at least 1")
        shape = self.features, capsules.shape[-1], capsules.shape[1], self.classes
        kernel = self.param("kernel", nn.initializers.normal(0.01), shape)
        proposals = jnp.einsum("dkic,nik->ncid", kernel, capsules)
        given, agreement = jax.lax.stop_gradient(proposals), jnp.zeros(proposals.shape[:3])
        for _ in range(self.routings - 1):
            found = squash(jnp.einsum("nci,ncid->ncd", jax.nn.softmax(agreement, 1), given))
            agreement += jnp.einsum("ncd,ncid->nci", found, given)
        coupling = jax.nn.softmax(agreement, 1)
        return jnp.einsum("nci,ncid->ncd", coupling, proposals), coupling
