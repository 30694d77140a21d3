"""Optimizers by name, with warm-up, schedule and per-part factors. Learning rate and weight decay may be tracers."""

import jax
import optax

from mer_jax.training.stages import Recipe, Stage, falling_by_steps
from mer_jax.training.update_rules import OPTIMIZERS


def learning_rate_curve(stage: Stage, steps_per_epoch: int) -> optax.Schedule:
    """step of the stage -> factor of its peak learning rate, in [0, 1]."""
    warmup, total = stage.warmup_epochs * steps_per_epoch, stage.epochs * steps_per_epoch
    if stage.schedule == "cosine":
        after = optax.cosine_decay_schedule(1.0, max(1, total - warmup))
    elif steps := falling_by_steps(stage.schedule):
        factor, epochs = steps
        after = lambda step: factor ** (step // (epochs * steps_per_epoch))             # noqa: E731  (integers, so never late)
    else:
        after = optax.constant_schedule(1.0)
    if not warmup:
        return after
    return optax.join_schedules([optax.linear_schedule(1 / warmup, 1.0, warmup), after], [warmup])


def make_optimizer(recipe: Recipe, stage: Stage, steps_per_epoch: int, learning_rate_factor: jax.Array | float = 1.0,
                   weight_decay: jax.Array | float | None = None) -> optax.GradientTransformation:
    """The optimizer of one stage.

    Weight decay is decoupled for adamw, and added to the gradient (L2, as PyTorch's Adam and SGD do) for the others.
    """
    decay = optax.add_decayed_weights(recipe.weight_decay if weight_decay is None else weight_decay)
    rule, curve = OPTIMIZERS[recipe.optimizer](), learning_rate_curve(stage, steps_per_epoch)
    parts = [rule, decay] if recipe.optimizer == "adamw" else [decay, rule]
    if recipe.gradient_clip:
        parts.insert(0, optax.clip_by_global_norm(recipe.gradient_clip))
    parts.append(optax.scale_by_schedule(lambda step: -stage.learning_rate * learning_rate_factor * curve(step)))
    if stage.trainable:
        parts.append(optax.stateless(lambda updates, _: jax.tree.map_with_path(
            lambda path, update: update * part_factor(stage, path), updates)))
    return optax.chain(*parts)


def part_factor(stage: Stage, path: tuple) -> float:
    """The factor of the parameter at `path` (of jax.tree.map_with_path): the first matching prefix's, "*" being any; else 1."""
    name = "/".join(str(entry.key) for entry in path)
    return next((factor for prefix, factor in stage.trainable if prefix == "*" or name.startswith(prefix)), 1.0)
