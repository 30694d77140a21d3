"""What a training run consists of: a recipe of stages. Frozen, hashable, and nothing in it can be batched.

Both raise UserMistake where a name is not known or a number is outside of what it may be; lists become tuples.
"""

import dataclasses
import math
import re
from collections.abc import Iterable

import numpy as np

from mer_jax.mistakes import UserMistake, nearest
from mer_jax.training.augmentation import Augmentation
from mer_jax.training.losses import LOSSES
from mer_jax.training.update_rules import OPTIMIZERS

SCHEDULES = ("constant", "cosine")
CLASS_WEIGHTS = ("none", "balanced")


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stretch of epochs with its own losses, learning rate and trainable part; its optimizer starts fresh.

    losses: (name, factor) pairs of `training/losses`.
    learning_rate: the peak, after warm-up. warmup_epochs: linear from zero. schedule: "constant", "cosine" (to zero), or
        "FACTOR every EPOCHS", e.g. "0.3 every 60": times the factor whenever so many epochs after the warm-up are done.
    trainable: (path prefix, factor) pairs: the factor multiplies the updates of every parameter whose path (joined by
        "/") begins so, "*" meaning all, the first match counting; 0 freezes; a parameter without a match has factor 1.
    """

    epochs: int
    learning_rate: float
    losses: tuple[tuple[str, float], ...] = (("cross_entropy", 1.0),)
    warmup_epochs: int = 0
    schedule: str = "constant"
    trainable: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        for name in ("losses", "trainable"):
            object.__setattr__(self, name, _pairs(getattr(self, name), f"stage: {name}"))
        _whole("stage: epochs", self.epochs, 1)
        _number("stage: learning_rate", self.learning_rate, "a number above 0", above=0)
        _whole("stage: warmup_epochs", self.warmup_epochs, 0)
        if self.warmup_epochs >= self.epochs:
            raise UserMistake(f"stage: warmup_epochs={self.warmup_epochs}: wanted fewer than its {self.epochs} epochs")
        check_schedule("stage: schedule ", self.schedule)
        if not self.losses:
            raise UserMistake(f"stage: no losses, wanted at least one of {', '.join(LOSSES)}")
        for name, _ in self.losses:
            _known("stage: loss", name, LOSSES)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """batch_size: the largest; an epoch is cut into equal batches no larger than that (see `run.epoch_rows`).

    optimizer: a name of `optimizers.OPTIMIZERS`. class_weights: "balanced" (each class's clips weigh 1 / its count in the
    fold's training rows, with mean 1 over the clips) or "none".
    """

    stages: tuple[Stage, ...]
    batch_size: int = 256
    optimizer: str = "adam"
    weight_decay: float = 0.0
    gradient_clip: float = 0.0
    label_smoothing: float = 0.0
    class_weights: str = "none"
    augmentation: Augmentation = Augmentation()

    def __post_init__(self) -> None:
        stages = tuple(self.stages) if isinstance(self.stages, Iterable) else ()
        if not stages or not all(isinstance(stage, Stage) for stage in stages):
            raise UserMistake(f"recipe: stages={self.stages!r}: wanted a tuple of one or more Stage(epochs, learning_rate)")
        object.__setattr__(self, "stages", stages)
        _whole("recipe: batch_size", self.batch_size, 1)
        _known("recipe: optimizer", self.optimizer, OPTIMIZERS)
        _number("recipe: weight_decay", self.weight_decay, "0 or more")
        _number("recipe: gradient_clip", self.gradient_clip, "0 or more")
        _number("recipe: label_smoothing", self.label_smoothing, "0 or more and less than 1", below=1)
        _known("recipe: class_weights", self.class_weights, CLASS_WEIGHTS)
        if not isinstance(self.augmentation, Augmentation):
            raise UserMistake(f"recipe: augmentation={self.augmentation!r}: wanted an Augmentation")

    @property
    def epochs(self) -> int:
        return sum(stage.epochs for stage in self.stages)

    def stage_of(self, epoch: int) -> tuple[Stage, int]:
        """The stage of an epoch counted over the whole recipe, and that epoch's number inside the stage."""
        for stage in self.stages:
            if epoch < stage.epochs:
                return stage, epoch
            epoch -= stage.epochs
        raise ValueError(f"the recipe has {self.epochs} epochs, {epoch + self.epochs} was asked for")


def falling_by_steps(schedule: str) -> tuple[float, int] | None:
    """(factor, epochs) of a schedule "FACTOR every EPOCHS", 0 < factor < 1 and epochs at least one; None for another."""
    found = re.fullmatch(r"(\d*\.?\d+) every (\d+)", str(schedule))
    return (float(found[1]), int(found[2])) if found and 0 < float(found[1]) < 1 and int(found[2]) > 0 else None


def check_schedule(where: str, schedule: str) -> None:
    """Raises UserMistake, its line beginning with `where`, for a schedule that is none."""
    if schedule not in SCHEDULES and falling_by_steps(schedule) is None:
        raise UserMistake(f"{where}{schedule!r} is not known{nearest(str(schedule), SCHEDULES)}; there are: "
                          f"{', '.join(SCHEDULES)}, and \"FACTOR every EPOCHS\", e.g. \"0.3 every 60\", the factor below 1")


def _known(where: str, name: object, known: Iterable[str]) -> None:
    if name not in tuple(known):
        raise UserMistake(f"{where} {name!r} is not known{nearest(str(name), known)}; there are: {', '.join(known)}")


def _whole(where: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise UserMistake(f"{where}={value!r}: wanted a whole number, at least {least}")


def _number(where: str, value: object, wanted: str, above: int | None = None, below: int | float = math.inf) -> None:
    """0 or more where `above` is None."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not (value >= 0 if above is None else value > above) or not value < below:
        raise UserMistake(f"{where}={value!r}: wanted {wanted}")


def _pairs(pairs: object, where: str) -> tuple[tuple[str, float], ...]:
    """(name, factor) pairs as tuples."""
    try:
        found = tuple((name, factor) for name, factor in pairs)
    except (TypeError, ValueError) as error:
        raise UserMistake(f"{where}={pairs!r}: wanted a tuple of (name, factor) pairs") from error
    for name, factor in found:
        if not isinstance(name, str) or not isinstance(factor, int | float) or not math.isfinite(factor):
            raise UserMistake(f"{where}: found the pair {(name, factor)!r}, wanted a name and a number")
    return found
