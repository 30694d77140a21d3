"""A cross-validated benchmark: clips and folds in, one table of held-out predictions out."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from mer_jax.data.clips import Clips
from mer_jax.data.folds import Folds
from mer_jax.data.sampling import window_of
from mer_jax.evaluation.checks import (
    check_classes,
    check_folds,
    check_inputs,
    check_kinds,
    check_loss_inputs,
    check_start,
    check_trained_classes,
)
from mer_jax.evaluation.identity import experiment_digest
from mer_jax.evaluation.layout import data_of, make_runs
from mer_jax.evaluation.leakage import poison_reaches_training, shared_content, shared_subjects
from mer_jax.evaluation.predictions import Predictions
from mer_jax.evaluation.seen import NOBODY, Seen, tested_but_seen
from mer_jax.evaluation.start import NOTHING, Start, as_start
from mer_jax.mistakes import UserMistake
from mer_jax.training.front import PLAIN, Front
from mer_jax.training.hyper import Hyper
from mer_jax.training.inputs import Data
from mer_jax.training.many_runs import Result, train_many
from mer_jax.training.metric_log import MetricLog
from mer_jax.training.plan import Plan, make_plan
from mer_jax.training.run import Program, Run
from mer_jax.training.stages import Recipe


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Everything a benchmark trains, before it trains: program, runs (hyper by hyper, in it seed by seed, in it fold by fold),
    their names, the data, the audit."""

    program: Program
    runs: Run
    names: tuple[str, ...]
    data: Data
    clips: Clips
    folds: Folds
    seeds: int
    findings: tuple[str, ...]
    plan: Plan
    hypers: tuple[Hyper, ...] = (Hyper(),)

    def runs_of(self, hyper: int) -> range:
        """The numbers of a hyper's runs."""
        each = self.seeds * len(self.folds)
        return range(hyper * each, (hyper + 1) * each)


def prepare(network: nn.Module, clips: Clips, folds: Folds, recipe: Recipe, *, seeds: int = 1, selection: str = "last",
            light: tuple[str, ...] = ("L0",), allow_leak: bool = False, allow_absent_class: bool = False,
            findings: tuple[str, ...] | None = None, start: Start | Mapping[str, Any] = NOTHING,
            hypers: Sequence[Hyper] = (Hyper(),), front: Front = PLAIN) -> Experiment:
    """Checks everything, runs the leak audit, and lays out the runs. Nothing is trained yet but the audit's epoch.

    `findings` of an earlier audit of the same experiment spare another. Raises UserMistake where something does not fit.
    """
    check_kinds(network, clips, folds, recipe, seeds, selection, front)
    start = as_start(start)
    check_inputs(network, clips, light, front)
    check_loss_inputs(network, recipe, len(clips.subjects))
    check_start(network, clips, start, front)
    check_classes(clips)
    check_folds(clips, folds)
    if isinstance(hypers, Hyper) or not hypers or not all(isinstance(hyper, Hyper) for hyper in hypers):
        raise UserMistake(f"hypers={hypers!r}: wanted one or more Hyper(learning_rate, weight_decay, label_smoothing)")
    runs = make_runs(clips, folds, recipe, seeds, selection, hypers)
    if not allow_absent_class:
        check_trained_classes(clips, folds, runs)
    data = data_of(network, clips, start.variables, front)
    program = Program(network, recipe, len(clips.classes), int(runs.train_count.max()), selection, clips.flow_coding, light,
                      window_of(clips.fps) if "frames" in data.inputs else 1, front=front)
    plan = make_plan(program, runs, data)
    if findings is None:
        findings = audit(program, plan, runs, data, clips, folds, start.seen)
    if findings and not allow_leak:
        raise UserMistake(f"the leak audit found {len(findings)} leaks and refuses: {findings[0]}"
                          + ("; …" if len(findings) > 1 else "")
                          + "; allow it with --config.allow_leak=true (from Python: allow_leak=True)")
    names = tuple(f"seed{s}/{folds.names[f]}" for s, f in zip(runs.seed, runs.fold, strict=True))
    if len(hypers) > 1:
        names = tuple(f"hyper{number * len(hypers) // len(names)}/{name}" for number, name in enumerate(names))
    return Experiment(program, runs, names, data, clips, folds, seeds, findings, plan, tuple(hypers))


def audit_again(experiment: Experiment, plan: Plan) -> None:
    """Where the plan compiles other programs than those that were audited, and found sound, lets the poison loose on them too.

    Raises UserMistake where it reaches training.
    """
    e = experiment
    if e.findings or (plan.shape, plan.form, plan.chunk) == (e.plan.shape, e.plan.form, e.plan.chunk):
        return
    first = jax.tree.map(lambda leaf: leaf[0], e.runs)
    if findings := poison_reaches_training(e.program, plan, first, e.data, e.folds.test[0], e.folds.names[0]):
        raise UserMistake(f"the leak audit refuses the plan: {findings[0]}")


def audit(program: Program, plan: Plan, runs: Run, data: Data, clips: Clips, folds: Folds,
          seen: Seen = NOBODY) -> tuple[str, ...]:
    """What the leak audit finds, one line a leak; seen: whom the first weights were fitted on.

    It trains the first run for the first epoch of each stage.
    """
    first = jax.tree.map(lambda leaf: leaf[0], runs)
    return (*shared_subjects(clips, folds), *shared_content(clips, folds), *tested_but_seen(clips, folds, seen),
            *poison_reaches_training(program, plan, first, data, folds.test[0], folds.names[0]))


def train_experiment(experiment: Experiment, plan: Plan, folder: Path | None = None,
                     checkpoint_seconds: float = 60.0) -> Result:
    """Trains all runs; with a folder, its checkpoints and log.jsonl live there."""
    e = experiment
    stages = [stage.epochs for stage in e.program.recipe.stages]
    with MetricLog(folder, plan.runs, plan.chunk, stages, e.program.selection) as log:
        checkpoints = folder / "checkpoints" if folder is not None else None
        return train_many(e.program, e.runs, e.data, e.names, plan, log, checkpoints,
                          experiment_digest(e.program, e.runs, e.clips, e.data.start, plan), checkpoint_seconds)


def predictions_of(experiment: Experiment, result: Result, hyper: int = 0) -> Predictions:
    """The table of held-out predictions of one hyper's runs.

    Beside `test_peek` it holds the rows of the last epoch as well, so that one sees what peeking adds. Under `inner` the
    last epoch's networks have not trained on the validating subjects, so they are no `last` ones, and left out.
    """
    e, tables = experiment, []
    last_epoch = np.full(len(result.epoch), e.program.recipe.epochs - 1)
    kinds = [(e.program.selection, result.probabilities, result.epoch)]
    if e.program.selection == "test_peek":
        kinds.append(("last", result.last, last_epoch))
    for selection, probabilities, epochs in kinds:
        for r, (number, level) in itertools.product(e.runs_of(hyper), enumerate(e.program.light)):
            fold, seed = int(e.runs.fold[r]), int(e.runs.seed[r])
            tables.append((selection, e.folds.test[fold], probabilities[r][:, number], int(epochs[r]),
                           e.folds.names[fold], seed, level))
    rows = np.concatenate([test for _, test, *_ in tables])
    counts = [len(test) for _, test, *_ in tables]
    p = np.concatenate([values[:n] for (_, _, values, *_), n in zip(tables, counts, strict=True)])
    keys = np.array([e.clips.ids[row].split("/") for row in rows])
    classes = np.array(e.clips.classes)

    def repeated(column: int) -> np.ndarray:
        return np.repeat(np.array([t[column] for t in tables]), counts)

    columns = {"run": repeated(5), "dataset": keys[:, 0], "subject": keys[:, 1], "clip": keys[:, 2],
               "light": repeated(6), "label": classes[np.asarray(e.clips.label)[rows]],
               "fold": repeated(4), "seed": repeated(5), "prediction": classes[p.argmax(-1)], "epoch": repeated(3),
               "selection": repeated(0)}
    return Predictions(tuple(e.clips.classes), columns, p.astype(np.float64))


def maps_of(experiment: Experiment, result: Result) -> dict[str, np.ndarray]:
    """{kind: (N, H, W) float32}: where the last epoch's network that held a clip out looked, mean over seeds, of the first
    hyper; nan for a clip that was never held out. No kind where the predictions are not of the last epoch."""
    e, found = experiment, {}
    never = np.setdiff1d(np.arange(len(e.clips)), np.concatenate(e.folds.test))
    for kind, maps in result.maps.items():
        total = np.zeros((len(e.clips), *maps.shape[2:]), np.float64)
        for r in e.runs_of(0):
            test = e.folds.test[int(e.runs.fold[r])]
            total[test] += maps[r, : len(test)]
        total[never] = np.nan
        found[kind] = (total / e.seeds).astype(np.float32)
    return found


def benchmark(network: nn.Module, clips: Clips, folds: Folds, recipe: Recipe, *, seeds: int = 1, selection: str = "last",
              light: tuple[str, ...] = ("L0",), allow_leak: bool = False, allow_absent_class: bool = False,
              start: Start | Mapping[str, Any] = NOTHING, front: Front = PLAIN) -> Predictions:
    """Trains every fold with every seed and returns the held-out predictions. The whole benchmark in one call.

    light: the levels of `light.camera` at which the held-out clips are predicted, from the same training runs.
    start: what every run begins with, as `read_start` reads it from a kept network or a file; the rest is drawn by its seed.
        Or variables alone: then nobody knows whom they were fitted on, and the audit cannot say whether it was the tested.
    front: what is done to the frames before the network: `Front(enhancer="t5")`, for one that reads flow `Front(flow="tvl1")`.

    Raises UserMistake where the parts do not fit, a leak is found, or a loss or a prediction is not finite.
    """
    return benchmark_many(network, clips, folds, recipe, (Hyper(),), seeds=seeds, selection=selection, light=light,
                          allow_leak=allow_leak, allow_absent_class=allow_absent_class, start=start, front=front)[0]


def benchmark_many(network: nn.Module, clips: Clips, folds: Folds, recipe: Recipe, hypers: Sequence[Hyper], *, seeds: int = 1,
                   selection: str = "last", light: tuple[str, ...] = ("L0",), allow_leak: bool = False,
                   allow_absent_class: bool = False,
                   start: Start | Mapping[str, Any] = NOTHING, front: Front = PLAIN) -> list[Predictions]:
    """A `benchmark` for each hyper, all their runs in one batch: the held-out predictions of each, in order.

    To choose among them by these predictions is to choose on held-out people: what the chosen one has is then no score.
    """
    experiment = prepare(network, clips, folds, recipe, seeds=seeds, selection=selection, light=light, allow_leak=allow_leak,
                         allow_absent_class=allow_absent_class, start=start, hypers=hypers, front=front)
    result = train_experiment(experiment, experiment.plan)
    return [predictions_of(experiment, result, number) for number in range(len(hypers))]
