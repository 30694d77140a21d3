"""One step of training, the whole mathematics of it. Everything else in this package calls this function many times."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from mer_jax.training.losses import LOSSES
from mer_jax.training.train_state import TrainState


class Batch(NamedTuple):
    """inputs: what the network reads, (B, ...) each; target: (B, classes) label probabilities; weight: (B,).

    bright: the frames before they were darkened, for losses that compare; None where the network reads no frames.
    subject: (B,) int32, whose clips they are, for the loss `identity`.
    """

    inputs: dict[str, jax.Array]
    target: jax.Array
    weight: jax.Array
    bright: jax.Array | None = None
    subject: jax.Array | None = None


def train_step(network: nn.Module, losses: tuple[tuple[str, float], ...], tx: optax.GradientTransformation,
               state: TrainState, batch: Batch, key: jax.Array, axis: str | None = None) -> tuple[TrainState, dict]:
    """The next state, and the batch's mean loss and accuracy before the step.

    Randomness depends on (key, state.step) alone, so a resumed run draws the same masks. `axis` names a mapped axis
    that splits the batch (pmap): gradients and metrics are then averaged over it. Under `jit` with a sharded batch it
    is None, and nothing needs to be averaged by hand.
    """

    def objective(params):
        variables = {"params": params, "batch_stats": state.batch_stats}
        output, updated = network.apply(variables, batch.inputs, train=True, mutable=["batch_stats"],
                                        rngs={"dropout": jax.random.fold_in(key, state.step)})
        loss = sum(factor * LOSSES[name](output, batch) for name, factor in losses)
        return jnp.mean(batch.weight * loss), (output.logits, updated.get("batch_stats", {}))

    (loss, (logits, batch_stats)), gradient = jax.value_and_grad(objective, has_aux=True)(state.params)
    accuracy = jnp.mean(logits.argmax(-1) == batch.target.argmax(-1))
    if axis is not None:
        gradient, loss, accuracy = jax.lax.pmean((gradient, loss, accuracy), axis)
    updates, opt_state = tx.update(gradient, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    return TrainState(state.step + 1, params, batch_stats, opt_state), {"loss": loss, "accuracy": accuracy}
