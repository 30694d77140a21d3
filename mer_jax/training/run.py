"""One run: one fold, one seed, one set of numbers, as pure functions of arrays. `train` is a whole run in one call.

Everything that may differ between the runs of a batch is a leaf of `Run`; everything that shapes the program is in
`Program`. Held-out rows are reached by index alone: no held-out pixel enters a training batch, not even with weight
zero (batch norm would see it).
"""

import dataclasses
import math
from typing import Any, NamedTuple

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int

from mer_jax.models.looking import as_shares, place_maps
from mer_jax.models.network import Output
from mer_jax.training.front import PLAIN, Front
from mer_jax.training.inputs import Data, scored_inputs, training_inputs
from mer_jax.training.losses import soft_target
from mer_jax.training.optimizers import make_optimizer
from mer_jax.training.stages import Recipe, Stage
from mer_jax.training.train_state import TrainState, init_state
from mer_jax.training.train_step import Batch, train_step

SELECTIONS = ("last", "inner", "test_peek")
GRADIENT = "input gradient"                                   # a kind of map, beside those of attention


class Run(NamedTuple):
    """seed, fold: () int32. learning_rate_factor, weight_decay, label_smoothing: () float32. class_weight: (classes,) float32.

    train, watch, test: rows of the data, padded to the longest fold's by repeating; *_count: how many are real.
    `watch` are the rows that choose the epoch: inner validation rows, or (test_peek) the held-out ones, padded as `test`.
    """

    seed: jax.Array
    fold: jax.Array
    learning_rate_factor: jax.Array
    weight_decay: jax.Array
    label_smoothing: jax.Array
    class_weight: jax.Array
    train: jax.Array
    train_count: jax.Array
    watch: jax.Array
    watch_count: jax.Array
    test: jax.Array


@dataclasses.dataclass(frozen=True)
class Program:
    """What every run of a batch shares. Hashable, so that it may be a static argument.

    light: the levels at which held-out clips are predicted. window: native frames around each instant.
    spread: devices, of all hosts, over which each batch is split; its statistics are those of the whole batch.
    front: what stands between the camera and the network.
    """

    network: nn.Module
    recipe: Recipe
    classes: int
    train_rows: int
    selection: str = "last"
    flow_coding: str | None = None
    light: tuple[str, ...] = ("L0",)
    window: int = 1
    spread: int = 1
    front: Front = PLAIN

    @property
    def steps_per_epoch(self) -> int:
        return max(1, math.ceil(self.train_rows / self.recipe.batch_size))

    @property
    def batch_rows(self) -> int:
        """Rows of a batch, the same for all: the recipe's batch size is the most there may be."""
        return math.ceil(self.train_rows / self.steps_per_epoch)

    def optimizer(self, stage: Stage, run: Run):
        return make_optimizer(self.recipe, stage, self.steps_per_epoch, run.learning_rate_factor, run.weight_decay)


@flax.struct.dataclass
class RunState:
    """train: the TrainState. kept, kept_epoch, best: the held-out probabilities of the epoch chosen so far."""

    train: Any
    kept: Any
    kept_epoch: Any
    best: Any


def run_key(run: Run) -> jax.Array:
    return jax.random.fold_in(jax.random.key(run.seed), run.fold)


def init_run(program: Program, run: Run, data: Data) -> RunState:
    """The state before the first epoch."""
    tx = program.optimizer(program.recipe.stages[0], run)
    inputs = scored_inputs(program.network, program.window, ("L0",), data, run.test[:1], program.front)
    state = init_state(program.network, tx, jax.random.fold_in(run_key(run), 0), inputs, data.start)
    kept = jnp.full((run.test.shape[0], len(program.light), program.classes), jnp.nan, jnp.float32)
    return RunState(state, kept, jnp.int32(-1), jnp.float32(-1))


def begin_stage(program: Program, stage: Stage, run: Run, state: RunState) -> RunState:
    """The same parameters with the fresh optimizer of the next stage."""
    train = state.train.replace(opt_state=program.optimizer(stage, run).init(state.train.params))
    return state.replace(train=train)


def epoch_rows(program: Program, run: Run, epoch: jax.Array) -> Int[Array, "steps batch"]:
    """Rows of one epoch in random order: training rows only, in equal batches.

    An epoch of n rows is ceil(n / batch_size) equal batches, so no batch is a short rest (which would unsettle batch
    norm); where they don't come out even, or the fold is smaller than the largest, the order starts over.
    """
    positions = jnp.arange(run.train.shape[0])
    key = jax.random.fold_in(jax.random.fold_in(run_key(run), 1), epoch)
    order = jnp.argsort(jnp.where(positions < run.train_count, jax.random.uniform(key, positions.shape), 2.0))
    slots = jnp.arange(program.steps_per_epoch * program.batch_rows)
    return run.train[order[slots % run.train_count]].reshape(program.steps_per_epoch, program.batch_rows)


def batch_sharding(spread: int) -> NamedSharding:
    """A leading axis split over so many devices."""
    mesh = jax.make_mesh((spread,), ("data",), axis_types=(AxisType.Auto,), devices=jax.devices()[:spread])
    return NamedSharding(mesh, PartitionSpec("data"))


def run_step(program: Program, stage: Stage, run: Run, data: Data, state: RunState,
             rows: Int[Array, " batch"]) -> tuple[RunState, dict]:
    """Gather, augment, darken, one `train_step`."""
    if program.spread > 1:
        rows = jax.lax.with_sharding_constraint(rows, batch_sharding(program.spread))
    key = jax.random.fold_in(run_key(run), 2)
    chance = jax.random.fold_in(jax.random.fold_in(run_key(run), 3), state.train.step)
    inputs, bright = training_inputs(program.network, program.flow_coding, program.recipe.augmentation, program.window, data,
                                     rows, chance, program.front)
    label = data.label[rows]
    target = soft_target(label, program.classes, run.label_smoothing)
    subject = None if data.subject is None else data.subject[rows]
    batch = Batch(inputs, target, run.class_weight[label], bright, subject)
    train, metrics = train_step(program.network, stage.losses, program.optimizer(stage, run), state.train, batch, key)
    return state.replace(train=train), metrics


def answers(program: Program, state: TrainState, data: Data, rows: Int[Array, " rows"]) -> Output:
    """What the network gives for some rows at all light levels at once; every leaf is (levels, rows, ...)."""
    inputs = scored_inputs(program.network, program.window, program.light, data, rows, program.front)
    output = program.network.apply(state.variables(), inputs, train=False)
    return jax.tree.map(lambda leaf: leaf.reshape(len(program.light), len(rows), *leaf.shape[1:]), output)


def predict(program: Program, state: TrainState, data: Data,
            rows: Int[Array, " rows"]) -> Float[Array, "rows levels classes"]:
    """Class probabilities at each light level, float32."""
    return probabilities_of(answers(program, state, data, rows))


def probabilities_of(output: Output) -> Float[Array, "rows levels classes"]:
    """Of what `answers` gives; nan where a logit is none. (XLA's fused softmax on CPU turns nan logits into 1, 0, 0.)"""
    logits = output.logits.astype(jnp.float32)
    sound = jnp.isfinite(logits).all(-1, keepdims=True)
    return jnp.moveaxis(jnp.where(sound, jax.nn.softmax(logits), jnp.nan), 0, 1)


def watched_score(program: Program, probabilities: jax.Array, label: jax.Array, real: jax.Array) -> jax.Array:
    """() float32: UF1 pooled over the inner rows, or (test_peek) the accuracy on the held-out subject, as peers peek.

    probabilities: (rows, levels, classes); rows of all light levels are pooled.
    """
    guess = jax.nn.one_hot(probabilities.argmax(-1), program.classes).sum(1)            # (rows, classes), over the levels
    hit = jax.nn.one_hot(label, program.classes).T @ (guess * real[:, None])
    if program.selection == "test_peek":
        return jnp.trace(hit) / hit.sum()
    return jnp.mean(2 * jnp.diag(hit) / jnp.maximum(hit.sum(0) + hit.sum(1), 1.0))


def end_epoch(program: Program, run: Run, data: Data, state: RunState, epoch: jax.Array) -> tuple[RunState, dict]:
    """Keeps this epoch's held-out probabilities where its watched score is the best so far; ties go to the earlier.
    The score is given as well, {"watched": ()}; nothing where none is watched.

    An epoch that predicts NaN is never the best; where all do, what is kept stays NaN.
    """
    if program.selection == "last":
        return state, {}
    real = (jnp.arange(run.watch.shape[0]) < run.watch_count).astype(jnp.float32)
    watched = predict(program, state.train, data, run.watch)
    score = watched_score(program, watched, data.label[run.watch], real)
    better = (score > state.best) & jnp.isfinite(watched).all()
    held_out = watched if program.selection == "test_peek" else predict(program, state.train, data, run.test)
    kept = jnp.where(better, held_out, state.kept)
    state = state.replace(kept=kept, kept_epoch=jnp.where(better, epoch, state.kept_epoch),
                          best=jnp.where(better, score, state.best))
    return state, {"watched": score}


def train_epoch(program: Program, stage: Stage, run: Run, data: Data, state: RunState,
                epoch: jax.Array) -> tuple[RunState, dict]:
    """One epoch as a scan over its steps; the metrics are (steps,) each, but the watched score, ()."""
    state, metrics = jax.lax.scan(lambda s, rows: run_step(program, stage, run, data, s, rows), state,
                                  epoch_rows(program, run, epoch))
    state, watched = end_epoch(program, run, data, state, epoch)
    return state, metrics | watched


def train(program: Program, run: Run, data: Data) -> tuple[Float[Array, "test levels classes"], jax.Array, dict]:
    """A whole run: the held-out probabilities, the epoch they are of, and the history, (epochs, steps) each, or (epochs,)."""
    state, first, history = init_run(program, run, data), 0, []
    for number, stage in enumerate(program.recipe.stages):
        if number:
            state = begin_stage(program, stage, run, state)
        state, metrics = jax.lax.scan(lambda s, e, stage=stage: train_epoch(program, stage, run, data, s, e), state,
                                      jnp.arange(first, first + stage.epochs))
        first += stage.epochs
        history.append(metrics)
    history = jax.tree.map(lambda *parts: jnp.concatenate(parts), *history)
    if program.selection == "last":
        return predict(program, state.train, data, run.test), jnp.int32(first - 1), history
    return state.kept, state.kept_epoch, history


def looking_maps(program: Program, state: TrainState, data: Data, rows: Int[Array, " rows"],
                 output: Output) -> dict[str, Float[Array, "rows _ _"]]:
    """{kind: maps} of where the network looks at the first light level; each map sums to 1. `output` is what `answers` gave.

    Its attention maps over places, see `models.looking`; and of one that reads flow, GRADIENT:
    |d log p(predicted class) / d flow|, summed over channels.
    """
    maps = place_maps(jax.tree.map(lambda leaf: leaf[0], output))
    if "flow" not in program.network.inputs:
        return maps
    inputs = scored_inputs(program.network, program.window, program.light[:1], data, rows, program.front)

    def log_likelihood(flow):
        logits = program.network.apply(state.variables(), {**inputs, "flow": flow}, train=False).logits
        return jax.nn.log_softmax(logits).max(-1).sum()

    gradient = jnp.abs(jax.grad(log_likelihood)(inputs["flow"].astype(jnp.float32))).sum(-1)
    return {**maps, GRADIENT: as_shares(gradient)}
