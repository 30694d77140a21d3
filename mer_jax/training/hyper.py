"""The numbers in which the runs of one batch may differ beside fold and seed: so a sweep over them is one program."""

import dataclasses

from mer_jax.training.stages import Recipe


@dataclasses.dataclass(frozen=True)
class Hyper:
    """None: as the recipe has it. learning_rate: the last stage's peak; those of earlier stages change by the same factor."""

    learning_rate: float | None = None
    weight_decay: float | None = None
    label_smoothing: float | None = None

    def applied_to(self, recipe: Recipe) -> Recipe:
        """The recipe with these numbers. Raises UserMistake where one is outside of what it may be."""
        changed = {name: value for name in ("weight_decay", "label_smoothing") if (value := getattr(self, name)) is not None}
        if self.learning_rate is not None:
            dataclasses.replace(recipe.stages[-1], learning_rate=self.learning_rate)                  # which checks it
        factor = self.learning_rate_factor(recipe)
        stages = tuple(dataclasses.replace(stage, learning_rate=stage.learning_rate * factor) for stage in recipe.stages)
        return dataclasses.replace(recipe, stages=stages, **changed)

    def learning_rate_factor(self, recipe: Recipe) -> float:
        """What every learning rate of the recipe is multiplied by."""
        return 1.0 if self.learning_rate is None else self.learning_rate / recipe.stages[-1].learning_rate
