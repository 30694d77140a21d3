"""Putting the answers of several moments together."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class TemporalEnsemble(nn.Module):
    """How much each moment's answer counts: features (N, T, d) -> weights (N, T) that sum to 1.

    beta = softmax_t(v^T tanh(W g_t + b) / temperature): attention pooling (Ilse et al., 2018, eq. 8), over moments.
    """

    hidden: int = 128
    temperature: float = 1.0

    @nn.compact
    def __call__(self, features: Float[Array, "n t d"]) -> Float[Array, "n t"]:
        score = nn.Dense(1, use_bias=False, name="v")(nn.tanh(nn.Dense(self.hidden, name="w")(features)))
        return jax.nn.softmax(score[..., 0].astype(jnp.float32) / self.temperature)


def mixed_log_probabilities(logits: Float[Array, "n t classes"], beta: Float[Array, "n t"]) -> Float[Array, "n classes"]:
    """log P with P = sum_t beta_t softmax(z_t): a mixture of the moments' answers, not of their scores."""
    return jax.nn.logsumexp(jax.nn.log_softmax(logits.astype(jnp.float32)) + jnp.log(beta + 1e-20)[..., None], axis=1)
