"""The rules by which a gradient becomes an update, by name; learning rate, decay and clipping come on top."""

import functools
from collections.abc import Callable

import optax

OPTIMIZERS: dict[str, Callable[[], optax.GradientTransformation]] = {
    "sgd": optax.identity,
    "momentum": functools.partial(optax.trace, decay=0.9),                    # SGD with momentum, as PyTorch has it
    "adam": optax.scale_by_adam,
    "adamw": optax.scale_by_adam,
}
