"""What a training run consists of: a recipe of stages. Frozen, hashable, and nothing in it can be batched."""

import dataclasses

from mer_jax.training.augmentation import Augmentation


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stretch of epochs with its own losses, learning rate and trainable part; its optimizer starts fresh.

    losses: (name, factor) pairs of `training/losses`.
    learning_rate: the peak, after warm-up. warmup_epochs: linear from zero. schedule: "constant" or "cosine" (to zero).
    trainable: (path prefix, factor) pairs: the factor multiplies the updates of every parameter whose path (joined by
        "/") begins so, the first match counting; 0 freezes; a parameter without a match has factor 1.
    """

    epochs: int
    learning_rate: float
    losses: tuple[tuple[str, float], ...] = (("cross_entropy", 1.0),)
    warmup_epochs: int = 0
    schedule: str = "constant"
    trainable: tuple[tuple[str, float], ...] = ()


@dataclasses.dataclass(frozen=True)
class Recipe:
    """batch_size: the largest; an epoch is cut into equal batches no larger than that (see `run.epoch_rows`).

    optimizer: a name of `optimizers.OPTIMIZERS`. weights: "balanced" (each class's clips weigh 1 / its count in the
    fold's training rows, with mean 1 over the clips) or "none".
    """

    stages: tuple[Stage, ...]
    batch_size: int = 256
    optimizer: str = "adam"
    weight_decay: float = 0.0
    gradient_clip: float = 0.0
    label_smoothing: float = 0.0
    weights: str = "none"
    augmentation: Augmentation = Augmentation()

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
