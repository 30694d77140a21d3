"""Losses as free functions `(output, batch) -> (B,)`: one value a clip, unreduced. A recipe names them with factors."""

from collections.abc import Callable

import jax
import optax
from jaxtyping import Array, Float

from mer_jax.models.network import Output


def cross_entropy(output: Output, batch) -> Float[Array, " batch"]:
    """-sum_c target_c log softmax(logits)_c; label smoothing has already gone into the target."""
    return optax.softmax_cross_entropy(output.logits, batch.target)


LOSSES: dict[str, Callable[[Output, "object"], jax.Array]] = {"cross_entropy": cross_entropy}


def soft_target(label: jax.Array, classes: int, smoothing: float) -> Float[Array, "batch classes"]:
    """One-hot labels, `smoothing` of whose mass is spread evenly over all classes (Szegedy et al., 2016, §7)."""
    return optax.smooth_labels(jax.nn.one_hot(label, classes), smoothing)
