"""Many runs at once: runs are a batch axis, split over the local devices and cut into chunks that fit the memory.

The plan is made before the first step and obeyed on resume; so a run that was killed ends with the same numbers, bit for
bit on the same number of devices.
"""

import dataclasses
import functools
import math
import operator
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from mer_jax.mistakes import UserMistake
from mer_jax.training import checkpoints
from mer_jax.training.finite import check_losses, check_predictions
from mer_jax.training.inputs import Data
from mer_jax.training.metric_log import MetricLog
from mer_jax.training.plan import Plan, planned
from mer_jax.training.preemption import Interrupted, agreed, stop_requested
from mer_jax.training.run import (
    Program,
    Run,
    RunState,
    answers,
    batch_sharding,
    begin_stage,
    end_epoch,
    epoch_rows,
    init_run,
    looking_maps,
    probabilities_of,
    run_step,
    train_epoch,
)
from mer_jax.training.stages import Stage
from mer_jax.training.train_state import TrainState

BY_RUN, SHARED = PartitionSpec("run"), PartitionSpec()


class Result(NamedTuple):
    """For R runs: probabilities (R, test, levels, classes) of the selected epoch (epoch (R,)), those of the last epoch, and
    where the network looked: maps {kind: (R, test, H, W)}, none but of the last epoch. Padded test rows hold repeats."""

    probabilities: np.ndarray
    epoch: np.ndarray
    last: np.ndarray
    maps: dict[str, np.ndarray]


def batched(function: Callable, devices: int, alone: bool, spread: int, shared: tuple[bool, ...],
            donate: int | None = None) -> Callable:
    """`function` over a leading axis of runs, split over devices; arguments marked `shared` are the same for all.

    alone: a device has one run, which is then not mapped: a convolution mapped over one run is twice as slow on a CPU.
    spread: above 1, so many devices share the one run that there is, see `Program`.
    """
    given = () if donate is None else donate
    if spread > 1:
        return jax.jit(one_run(function, shared), out_shardings=on_each(spread), donate_argnums=given)
    mesh = jax.make_mesh((devices,), ("run",), axis_types=(AxisType.Auto,), devices=jax.local_devices()[:devices])
    mapped = one_run(function, shared) if alone else jax.vmap(function, in_axes=tuple(None if s else 0 for s in shared))
    specs = tuple(SHARED if s else BY_RUN for s in shared)
    sharded = jax.shard_map(mapped, mesh=mesh, in_specs=specs, out_specs=BY_RUN, check_vma=False)
    return jax.jit(sharded, donate_argnums=given)


def one_run(function: Callable, shared: tuple[bool, ...]) -> Callable:
    """`function` over a leading axis of length one."""
    def mapped(*arguments):
        taken = (a if s else jax.tree.map(lambda leaf: leaf[0], a) for a, s in zip(arguments, shared, strict=True))
        return jax.tree.map(lambda leaf: leaf[None], function(*taken))

    return mapped


def place(arrays: Any, devices: int, spec: PartitionSpec = BY_RUN) -> Any:
    """Arrays put on the devices: split by their leading axis of runs, or (SHARED) whole on each."""
    mesh = jax.make_mesh((devices,), ("run",), axis_types=(AxisType.Auto,), devices=jax.local_devices()[:devices])
    return jax.device_put(arrays, NamedSharding(mesh, spec))


def on_each(spread: int) -> NamedSharding:
    """Whole on each of the devices that share a run."""
    return NamedSharding(batch_sharding(spread).mesh, SHARED)


class Compiled(NamedTuple):
    """The batched functions of one program, compiled at their first call."""

    init: Callable
    begin: Callable
    epoch: Callable
    finish: Callable


@functools.lru_cache(maxsize=8)
def compiled(program: Program, driver: str, devices: int, alone: bool) -> Callable[[Stage], Compiled]:
    """stage -> its batched functions; the same program compiles once."""
    wrap = functools.partial(batched, devices=devices, alone=alone, spread=program.spread)
    init = wrap(functools.partial(init_run, program), shared=(False, True))
    finish = wrap(functools.partial(finish_run, program), shared=(False, True, False))

    @functools.cache
    def of_stage(stage: Stage) -> Compiled:
        begin = wrap(functools.partial(begin_stage, program, stage), shared=(False, False))
        if driver == "scan":
            epoch = wrap(functools.partial(train_epoch, program, stage), shared=(False, True, False, True), donate=2)
            return Compiled(init, begin, epoch, finish)
        batches_of = wrap(lambda run, epoch: tuple(epoch_rows(program, run, epoch)), shared=(False, True))
        step = wrap(functools.partial(run_step, program, stage), shared=(False, True, False, False), donate=2)
        end = wrap(functools.partial(end_epoch, program), shared=(False, True, False, True), donate=2)

        def loop(runs, data, state, epoch):
            metrics = []
            for rows in batches_of(runs, epoch):
                state, values = step(runs, data, state, rows)
                metrics.append(values)
            state, watched = end(runs, data, state, epoch)
            return state, jax.tree.map(lambda *m: jnp.stack(m, 1), *metrics) | watched

        return Compiled(init, begin, loop, finish)

    return of_stage


def finish_run(program: Program, run: Run, data: Data, state: RunState) -> tuple:
    """What is left of a run at its end, see `Result`."""
    output = answers(program, state.train, data, run.test)
    last = probabilities_of(output)
    epoch = jnp.int32(program.recipe.epochs - 1)
    chosen = (last, epoch) if program.selection == "last" else (state.kept, state.kept_epoch)
    maps = looking_maps(program, state.train, data, run.test, output) if program.selection == "last" else {}
    return *chosen, last, maps


def train_chunk(program: Program, plan: Plan, runs: Run, data: Data, names: Sequence[str], log: MetricLog,
                folder: Path | None, identity: str, save_every: float, stop: SimpleNamespace) -> RunState:
    """The states of one chunk of runs, trained to the end, going on from the newest valid checkpoint.

    stop: what `stop_requested` yields. Raises Interrupted after an epoch in which a signal came, its states stored.
    """
    functions = compiled(program, *plan.shape)
    state, begin = functions(program.recipe.stages[0]).init(runs, data), 0
    if folder is not None and (found := checkpoints.restore_latest_valid(folder, state, identity)):
        begin, state = found[0], place(found[1], plan.devices)
    log.chunk(names, begin)
    saved_at, pending = time.monotonic(), None
    for epoch in range(begin, program.recipe.epochs):
        stage, inside = program.recipe.stage_of(epoch)
        functions_now = functions(stage)
        if inside == 0 and epoch > 0:
            state = functions_now.begin(runs, state)
        state, metrics = functions_now.epoch(runs, data, state, np.int32(epoch))
        report(pending, names, log)                        # the epoch before: the device is already busy with this one
        pending = (epoch, metrics)
        due = epoch + 1 == program.recipe.epochs or time.monotonic() - saved_at > save_every
        stopped = agreed(stop.signal)
        if due or stopped:
            report(pending, names, log)
            pending = None
            if folder is not None:
                checkpoints.save(folder, epoch + 1, state, identity)
                log.call()
            saved_at = time.monotonic()
        if stopped:
            raise Interrupted(stopped)
    report(pending, names, log)
    return state


def train_one(program: Program, run: Run, data: Data, log: MetricLog, spread: int | None = None) -> TrainState:
    """One run alone, to its end: the weights themselves, as numpy arrays, for a network that is to be kept.

    spread: devices that share it; None: of accelerators, or of several hosts, as many as its batch can be split evenly over.
    """
    program = dataclasses.replace(program, spread=spread or even_spread(program))
    driver = "scan" if getattr(program.network, "form", "conv") == "patches" or jax.default_backend() != "cpu" else "loop"
    plan = Plan(1, 1, driver, 1, jax.default_backend())
    runs, data = jax.device_put((jax.tree.map(lambda leaf: np.asarray(leaf)[None], run), data), on_each(program.spread))
    with stop_requested() as stop:
        state = train_chunk(program, plan, runs, data, ("all",), log, None, "", math.inf, stop)
    return jax.tree.map(lambda leaf: np.asarray(leaf)[0], state.train)


def even_spread(program: Program) -> int:
    """See `train_one`. Raises UserMistake where several processes cannot share the batch."""
    if jax.process_count() > 1:
        if program.batch_rows % jax.device_count():
            raise UserMistake(f"batches of {program.batch_rows} clips cannot be split evenly over the {jax.device_count()} "
                              f"devices of {jax.process_count()} processes; choose another batch_size")
        return jax.device_count()
    if jax.default_backend() == "cpu":
        return 1
    return max(count for count in range(1, jax.device_count() + 1) if program.batch_rows % count == 0)


def first_epochs(program: Program, plan: Plan, run: Run, data: Data) -> list[tuple]:
    """The weights and statistics after the first epoch of each stage, and their metrics: one run, by the plan's functions.

    It is what training itself compiles, so that it costs nothing to compile again; the run fills a whole chunk.
    """
    functions, data = compiled(planned(program, plan), *plan.shape), place(data, plan.devices, SHARED)
    runs = place(jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf)[None], plan.chunk, 0), run), plan.devices)
    state, epoch, seen = functions(program.recipe.stages[0]).init(runs, data), 0, []
    for stage in program.recipe.stages:
        if epoch:
            state = functions(stage).begin(runs, state)
        state, metrics = functions(stage).epoch(runs, data, state, np.int32(epoch))
        of_steps = {name: values for name, values in metrics.items() if name != "watched"}      # that may be of held-out rows
        seen.append(jax.device_get((state.train, of_steps)))
        epoch += stage.epochs
    return jax.tree.map(lambda leaf: leaf[0], seen)


def report(pending: tuple | None, names: Sequence[str], log: MetricLog) -> None:
    """Logs an epoch of (runs, steps) metrics, watched scores (runs,); raises NotFinite where a loss is NaN or infinite."""
    if pending is None:
        return
    epoch, metrics = pending
    loss, accuracy = (np.asarray(metrics[name])[: len(names)] for name in ("loss", "accuracy"))
    check_losses(loss, epoch, names)
    watched = np.asarray(metrics["watched"])[: len(names)] if "watched" in metrics else None
    log.epoch(epoch, list(names), loss.mean(1), accuracy.mean(1), loss.shape[1], watched)


def train_many(program: Program, runs: Run, data: Data, names: Sequence[str], plan: Plan, log: MetricLog,
               folder: Path | None = None, identity: str = "", save_every: float = 60.0) -> Result:
    """Trains all runs by the plan; `names` says what to call them. With a folder, killed at any moment, it goes on.

    Raises NotFinite where a loss or a prediction of a run is NaN or infinite.
    runs: a `Run` whose leaves have a leading axis of runs. identity: a digest of all that the states depend on.
    """
    results, program = [], planned(program, plan)
    data = place(data, plan.devices, SHARED)
    finish = compiled(program, *plan.shape)(program.recipe.stages[0]).finish
    with stop_requested() as stop:                                     # over all chunks: a signal may come between two
        for number, first in enumerate(range(0, plan.runs, plan.chunk)):
            rows = np.minimum(np.arange(first, first + plan.chunk), plan.runs - 1)   # the last chunk is filled up
            chunk = place(jax.tree.map(lambda leaf, rows=rows: leaf[rows], runs), plan.devices)
            chunk_names = names[first : first + plan.chunk]
            chunk_folder = folder / f"chunk_{number:04d}" if folder is not None else None
            state = train_chunk(program, plan, chunk, data, chunk_names, log, chunk_folder, identity, save_every, stop)
            found = jax.tree.map(np.asarray, finish(chunk, data, state))
            if stopped := agreed(stop.signal):
                raise Interrupted(stopped)
            result = jax.tree.map(operator.itemgetter(slice(len(chunk_names))), Result(*found))
            check_predictions(result.probabilities, result.epoch, chunk_names)
            check_predictions(result.last, np.full(len(chunk_names), program.recipe.epochs - 1), chunk_names)
            results.append(result)
    return jax.tree.map(lambda *parts: np.concatenate(parts), *results)
