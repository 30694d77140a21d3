"""The rules by which a gradient becomes an update, by name; learning rate, decay and clipping come on top."""

from collections.abc import Callable

import optax

OPTIMIZERS: dict[str, Callable[[], optax.GradientTransformation]] = {
    "sgd": optax.identity,
    "adam": optax.scale_by_adam,
    "adamw": optax.scale_by_adam,
}
