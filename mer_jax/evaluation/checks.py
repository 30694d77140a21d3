"""What a benchmark checks before it trains: that network, clips, folds and recipe are what they must be, and fit."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mer_jax.data.clips import Clips
from mer_jax.data.folds import Folds
from mer_jax.data.sampling import window_of
from mer_jax.evaluation.kept_network import name_of
from mer_jax.evaluation.layout import data_of
from mer_jax.evaluation.start import Start
from mer_jax.light.camera import LEVELS
from mer_jax.mistakes import UserMistake
from mer_jax.models.network import example_inputs
from mer_jax.training.front import PLAIN, Front
from mer_jax.training.inputs import MARKS, scored_inputs, sources
from mer_jax.training.losses import LOSSES
from mer_jax.training.run import SELECTIONS, Run
from mer_jax.training.stages import Recipe
from mer_jax.training.train_step import Batch


def check_kinds(network: object, clips: object, folds: object, recipe: object, seeds: object, selection: object,
                front: object = PLAIN) -> None:
    """Raises UserMistake where an argument of a benchmark is not of its kind."""
    wanted = {"network": (network, nn.Module, "a network, as models.create makes it"), "clips": (clips, Clips, "Clips"),
              "folds": (folds, Folds, "Folds, as a protocol makes them"), "recipe": (recipe, Recipe, "a Recipe"),
              "front": (front, Front, "a Front(enhancer, flow)")}
    for name, (value, kind, what) in wanted.items():
        if not isinstance(value, kind):
            raise UserMistake(f"benchmark: {name} is {_kind(value)}, wanted {what}: benchmark(network, clips, folds, recipe)")
    if isinstance(seeds, bool) or not isinstance(seeds, int | np.integer) or seeds < 1:
        raise UserMistake(f"benchmark: seeds={seeds!r}: wanted how many, a whole number of at least 1")
    if selection not in SELECTIONS:
        raise UserMistake(f"selection {selection!r} is not known; there are: {', '.join(SELECTIONS)}")


def _kind(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"of the kind {type(value).__name__}"


def check_inputs(network: nn.Module, clips: Clips, light: tuple[str, ...] = ("L0",), front: Front = PLAIN) -> None:
    """Raises UserMistake where the network is for other classes, it or its front end reads what the clips lack, or stored
    flow of another coding or size, or it is to be scored in the dark and there are no frames that could be darkened."""
    have, name, wanted = clips.inputs(), type(network).__name__, sources(network, front)
    classes = getattr(network, "classes", len(clips.classes))
    if classes != len(clips.classes):
        raise UserMistake(f"{name} is made for {classes} classes, the clips have {len(clips.classes)}: "
                          f"{', '.join(clips.classes)}")
    check_front(network, front)
    missing = [source for source in wanted if source not in have]
    if missing:
        read = ", ".join(source for source in wanted if source not in MARKS)
        behind = "" if front == PLAIN else f" behind front.enhancer={front.enhancer!r}, front.flow={front.flow!r}"
        raise UserMistake(f"{name}{behind} reads {read}, the data have no {', '.join(missing)} "
                          f"(they have: {', '.join(have) or 'nothing'})")
    unknown = [level for level in light if level not in LEVELS]
    if unknown or not light:
        raise UserMistake(f"light={light}: wanted some of {', '.join(LEVELS)}")
    if tuple(light) != ("L0",) and "frames" not in wanted:
        raise UserMistake(f"light={light}: {name} reads no frames, so it can be scored at L0 only, light as recorded"
                          + (" (front.flow=tvl1 finds its flow on frames)" if "flow" in wanted else ""))
    if "flow" in wanted:
        check_stored_flow(network, clips)


def check_front(network: nn.Module, front: Front) -> None:
    """Raises UserMistake where a part of the front end would have nothing to do."""
    name = type(network).__name__
    if front.flow == "tvl1" and "flow" not in network.inputs:
        raise UserMistake(f"front.flow='tvl1': {name} reads {', '.join(network.inputs)}, no flow")
    if front.enhancer and "frames" not in sources(network, front):
        raise UserMistake(f"front.enhancer={front.enhancer!r}: {name} reads stored {', '.join(network.inputs)}, which no "
                          "enhancer can change; wanted front.flow='tvl1' beside it")


def check_stored_flow(network: nn.Module, clips: Clips) -> None:
    """Raises UserMistake where the clips' flow is of another coding or size than the network reads."""
    name, wanted, size = type(network).__name__, getattr(network, "flow_coding", None), getattr(network, "flow_size", None)
    if wanted and wanted != clips.flow_coding:
        raise UserMistake(f"{name} reads flow coded {wanted!r}, the data's flow is coded {clips.flow_coding!r}")
    if size and tuple(clips.flow.shape[1:3]) != size:
        found = "x".join(map(str, clips.flow.shape[1:3]))
        raise UserMistake(f"{name} reads flow of {size[0]}x{size[1]} pixels, the data's flow is {found}")


def check_start(network: nn.Module, clips: Clips, start: Start, front: Front = PLAIN) -> None:
    """Raises UserMistake where a start has variables that the network has not, reading these clips, or of another shape, or
    lacks some that it should have."""
    if not start.variables:
        return
    data = data_of(network, clips, front=front)
    window = window_of(clips.fps) if "frames" in data.inputs else 1
    read = functools.partial(scored_inputs, network, window, ("L0",), front=front)
    have = jax.eval_shape(lambda data: network.init(jax.random.key(0), read(data, jnp.zeros(1, jnp.int32)), train=False), data)
    wanted, given = ({name_of(path): np.shape(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}
                     for tree in (have, start.variables))
    name, another = type(network).__name__, "of another network, variant, option or frame size?"
    for variable, shape in given.items():
        if wanted.get(variable) != shape:
            found = "no such variable" if variable not in wanted else f"one of {wanted[variable]}"
            raise UserMistake(f"{start.source}: {variable} has the shape {shape}; in {name} there is {found}: {another}")
    lacking = [] if start.drawn is None else [variable for variable in wanted if variable not in {*given, *start.drawn}]
    if lacking:
        raise UserMistake(f"{start.source}: no variable {lacking[0]}, which {name} has: {another}")


def check_loss_inputs(network: nn.Module, recipe: Recipe, subjects: int) -> None:
    """Raises UserMistake where a loss needs what the network does not give, or a head for so many subjects is too small."""
    example = example_inputs(network)
    try:
        output, _ = jax.eval_shape(lambda: network.init_with_output(jax.random.key(0), example, train=False))
    except (TypeError, ValueError, ZeroDivisionError, IndexError) as error:
        why, name = (str(error).strip() or repr(error)).splitlines()[0], type(network).__name__
        raise UserMistake(f"{name} cannot be made with these options: {why}") from error
    batch = Batch({}, jnp.zeros((1, output.logits.shape[1])), jnp.ones(1), example.get("frames"), jnp.zeros(1, jnp.int32))
    for name in dict.fromkeys(name for stage in recipe.stages for name, _ in stage.losses):
        try:
            jax.eval_shape(lambda given, name=name: LOSSES[name](given, batch), output)
        except KeyError as error:
            raise UserMistake(f"loss {name!r} needs {error.args[0]!r}, which {type(network).__name__} does not give") from None
        if name == "identity" and (heads := output.extras[name].shape[1]) < subjects:
            raise UserMistake(f"loss 'identity': {type(network).__name__} tells {heads} people apart, the data have {subjects}")


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
