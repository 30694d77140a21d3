"""What a benchmark checks before it trains: that network, clips, folds and recipe are what they must be, and fit."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mer_jax.data.clips import Clips
from mer_jax.data.folds import Folds
from mer_jax.light.camera import LEVELS
from mer_jax.mistakes import UserMistake
from mer_jax.models.network import example_inputs
from mer_jax.training.losses import LOSSES
from mer_jax.training.run import SELECTIONS, Run
from mer_jax.training.stages import Recipe
from mer_jax.training.train_step import Batch


def check_kinds(network: object, clips: object, folds: object, recipe: object, seeds: object, selection: object) -> None:
    """Raises UserMistake where an argument of a benchmark is not of its kind."""
    wanted = {"network": (network, nn.Module, "a network, as models.create makes it"), "clips": (clips, Clips, "Clips"),
              "folds": (folds, Folds, "Folds, as a protocol makes them"), "recipe": (recipe, Recipe, "a Recipe")}
    for name, (value, kind, what) in wanted.items():
        if not isinstance(value, kind):
            raise UserMistake(f"benchmark: {name} is {_kind(value)}, wanted {what}: benchmark(network, clips, folds, recipe)")
    if isinstance(seeds, bool) or not isinstance(seeds, int | np.integer) or seeds < 1:
        raise UserMistake(f"benchmark: seeds={seeds!r}: wanted how many, a whole number of at least 1")
    if selection not in SELECTIONS:
        raise UserMistake(f"selection {selection!r} is not known; there are: {', '.join(SELECTIONS)}")


def _kind(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"of the kind {type(value).__name__}"


def check_inputs(network: nn.Module, clips: Clips, light: tuple[str, ...] = ("L0",)) -> None:
    """Raises UserMistake where the network is for other classes, reads what the clips lack, or flow of another coding, or
    is to be scored in the dark and reads no frames that could be darkened."""
    have, name = clips.inputs(), type(network).__name__
    classes = getattr(network, "classes", len(clips.classes))
    if classes != len(clips.classes):
        raise UserMistake(f"{name} is made for {classes} classes, the clips have {len(clips.classes)}: "
                          f"{', '.join(clips.classes)}")
    missing = [wanted for wanted in network.inputs if wanted not in have]
    if missing:
        raise UserMistake(f"{name} reads {', '.join(network.inputs)}, the data have no {', '.join(missing)} "
                          f"(they have: {', '.join(have) or 'nothing'})")
    unknown = [level for level in light if level not in LEVELS]
    if unknown or not light:
        raise UserMistake(f"light={light}: wanted some of {', '.join(LEVELS)}")
    if tuple(light) != ("L0",) and "frames" not in network.inputs:
        raise UserMistake(f"light={light}: {name} reads no frames, so it can be scored at L0 only, light as recorded")
    wanted = getattr(network, "flow_coding", None)
    if "flow" in network.inputs and wanted and wanted != clips.flow_coding:
        raise UserMistake(f"{name} reads flow coded {wanted!r}, the data's flow is coded {clips.flow_coding!r}")
    size = getattr(network, "flow_size", None)
    if "flow" in network.inputs and size and tuple(have["flow"].shape[1:3]) != size:
        found = "x".join(map(str, have["flow"].shape[1:3]))
        raise UserMistake(f"{name} reads flow of {size[0]}x{size[1]} pixels, the data's flow is {found}")


def check_start(network: nn.Module, start: Mapping[str, Any]) -> None:
    """Raises UserMistake where `start` has variables that the network has not, or of another shape."""
    if not start:
        return
    example = example_inputs(network)
    have = jax.eval_shape(lambda: network.init(jax.random.key(0), example, train=False))
    shapes = {jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape
              for path, leaf in jax.tree.leaves_with_path(have)}
    for path, leaf in jax.tree.leaves_with_path(start):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if shapes.get(name) != np.shape(leaf):
            found = "no such variable" if name not in shapes else f"one of {shapes[name]}"
            raise UserMistake(f"start: {name} has the shape {np.shape(leaf)}; in {type(network).__name__} there is {found}: "
                              "were the weights read for another network?")


def check_loss_inputs(network: nn.Module, recipe: Recipe) -> None:
    """Raises UserMistake where a loss needs what the network does not give."""
    example = example_inputs(network)
    try:
        output, _ = jax.eval_shape(lambda: network.init_with_output(jax.random.key(0), example, train=False))
    except (TypeError, ValueError, ZeroDivisionError, IndexError) as error:
        why, name = (str(error).strip() or repr(error)).splitlines()[0], type(network).__name__
        raise UserMistake(f"{name} cannot be made with these options: {why}") from error
    batch = Batch({}, jnp.zeros((1, output.logits.shape[1])), jnp.ones(1), example.get("frames"))
    for name in dict.fromkeys(name for stage in recipe.stages for name, _ in stage.losses):
        try:
            jax.eval_shape(lambda given, name=name: LOSSES[name](given, batch), output)
        except KeyError as error:
            raise UserMistake(f"loss {name!r} needs {error.args[0]!r}, which {type(network).__name__} does not give") from None


def check_folds(clips: Clips, folds: Folds) -> None:
    """Raises UserMistake where a fold trains on nothing or holds nothing out, names rows that are not there, or holds a
    clip out that is held out already."""
    if not len(folds):
        raise UserMistake(f"protocol {folds.protocol}: no folds, wanted at least one")
    holder: dict[int, str] = {}
    for name, train, test in zip(folds.names, folds.train, folds.test, strict=True):
        for part, rows in (("training", np.asarray(train)), ("test", np.asarray(test))):
            if not rows.size:
                raise UserMistake(f"fold {name}: no {part} clips, wanted at least one")
            if rows.ndim != 1 or rows.dtype.kind not in "iu":
                raise UserMistake(f"fold {name}: its {part} rows are {rows.dtype} of shape {rows.shape}, wanted row numbers")
            outside = rows[(rows < 0) | (rows >= len(clips))]
            if outside.size:
                raise UserMistake(f"fold {name}: {part} row {outside[0]} is none of the {len(clips)} clips; "
                                  "were the folds made from other clips?")
        for row in np.asarray(test).tolist():
            if row in holder:
                raise UserMistake(f"fold {name}: {clips.ids[row]} is held out already, by fold {holder[row]}; "
                                  "wanted each clip at most once")
            holder[row] = name


def check_classes(clips: Clips) -> None:
    """Raises UserMistake where a class has no clip."""
    for c, name in enumerate(clips.classes):
        if not (np.asarray(clips.label) == c).any():
            raise UserMistake(f"class {name!r} has no clip in the data")


def check_trained_classes(clips: Clips, folds: Folds, runs: Run) -> None:
    """Raises UserMistake where a run trains on no clip of some class; under `inner` it trains on a part of its fold."""
    label = np.asarray(clips.label)
    for seed, fold, rows, count in zip(runs.seed, runs.fold, runs.train, runs.train_count, strict=True):
        absent = [name for c, name in enumerate(clips.classes) if not (label[rows[:count]] == c).any()]
        if absent:
            raise UserMistake(f"seed {seed}, fold {folds.names[fold]}: no training clip of class {', '.join(absent)}; "
                              "allow it with --config.allow_absent_class=true (from Python: allow_absent_class=True)")
