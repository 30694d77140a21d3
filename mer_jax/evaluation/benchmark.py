"""A cross-validated benchmark: clips and folds in, one table of held-out predictions out."""

import dataclasses
import hashlib
from pathlib import Path

import flax.linen as nn
import jax
import numpy as np

from mer_jax.data.clips import Clips, data_digest
from mer_jax.data.folds import Folds, inner_split
from mer_jax.evaluation.leakage import poison_reaches_training, shared_content, shared_subjects
from mer_jax.evaluation.predictions import Predictions
from mer_jax.mistakes import UserMistake
from mer_jax.training.many_runs import NotFinite, Plan, Result, make_plan, train_many
from mer_jax.training.metric_log import MetricLog
from mer_jax.training.run import SELECTIONS, Data, Program, Run
from mer_jax.training.stages import Recipe


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Everything a benchmark trains, before it trains: program, runs (fold x seed), their names, the data, the audit."""

    program: Program
    runs: Run
    names: tuple[str, ...]
    data: Data
    clips: Clips
    folds: Folds
    seeds: int
    findings: tuple[str, ...]


def check_inputs(network: nn.Module, clips: Clips) -> None:
    """Raises UserMistake where the network reads what the clips lack, or flow of the other coding."""
    have, name = clips.inputs(), type(network).__name__
    missing = [wanted for wanted in network.inputs if wanted not in have]
    if missing:
        raise UserMistake(f"{name} reads {', '.join(network.inputs)}, the data have no {', '.join(missing)} "
                          f"(they have: {', '.join(have) or 'nothing'})")
    wanted = getattr(network, "flow_coding", None)
    if "flow" in network.inputs and wanted and wanted != clips.flow_coding:
        raise UserMistake(f"{name} reads flow coded {wanted!r}, the data's flow is coded {clips.flow_coding!r}")
    size = getattr(network, "flow_size", None)
    if "flow" in network.inputs and size and tuple(have["flow"].shape[1:3]) != size:
        found = "x".join(map(str, have["flow"].shape[1:3]))
        raise UserMistake(f"{name} reads flow of {size[0]}x{size[1]} pixels, the data's flow is {found}")


def check_classes(clips: Clips, folds: Folds, allow_absent_class: bool) -> None:
    """Raises UserMistake where a class has no clip, or none among some fold's training rows (allowed on request)."""
    label = np.asarray(clips.label)
    for c, name in enumerate(clips.classes):
        if not (label == c).any():
            raise UserMistake(f"class {name!r} has no clip in the data")
    for fold, train in zip(folds.names, folds.train, strict=True):
        absent = [name for c, name in enumerate(clips.classes) if not (label[train] == c).any()]
        if absent and not allow_absent_class:
            raise UserMistake(f"fold {fold}: no training clip of class {', '.join(absent)}; "
                              "allow it with --config.allow_absent_class=true")


def class_weights(label: np.ndarray, classes: int, weights: str) -> np.ndarray:
    """(classes,) float32 from training labels alone: "balanced" is n / (present classes x n_c), mean 1 over the clips."""
    if weights == "none":
        return np.ones(classes, np.float32)
    counts = np.bincount(label, minlength=classes)
    return np.where(counts, len(label) / np.maximum(counts, 1) / (counts > 0).sum(), 0).astype(np.float32)


def padded(rows: list[np.ndarray]) -> np.ndarray:
    """(R, longest) int32: each row set repeated until it is as long as the longest."""
    longest = max(map(len, rows))
    return np.stack([np.resize(r, longest) for r in rows]).astype(np.int32)


def make_runs(clips: Clips, folds: Folds, recipe: Recipe, seeds: int, selection: str) -> Run:
    """All runs, seed by seed and in it fold by fold, as one `Run` with a leading axis."""
    label, train, watch = np.asarray(clips.label), [], []
    order = [(seed, fold) for seed in range(seeds) for fold in range(len(folds))]
    for seed, fold in order:
        fit, chosen = folds.train[fold], folds.test[fold]
        if selection == "inner":
            fit, chosen = inner_split(clips, fit, seed=seed * len(folds) + fold)
        train.append(fit)
        watch.append(chosen)
    count = len(order)
    return Run(
        seed=np.array([s for s, _ in order], np.int32), fold=np.array([f for _, f in order], np.int32),
        learning_rate_factor=np.ones(count, np.float32), weight_decay=np.full(count, recipe.weight_decay, np.float32),
        class_weight=np.stack([class_weights(label[r], len(clips.classes), recipe.weights) for r in train]),
        train=padded(train), train_count=np.array([len(r) for r in train], np.int32),
        watch=padded(watch), watch_count=np.array([len(r) for r in watch], np.int32),
        test=padded([folds.test[f] for _, f in order]))


def prepare(network: nn.Module, clips: Clips, folds: Folds, recipe: Recipe, *, seeds: int = 1, selection: str = "last",
            allow_leak: bool = False, allow_absent_class: bool = False) -> Experiment:
    """Checks everything, runs the leak audit, and lays out the runs. Nothing is trained yet but the audit's epoch."""
    if selection not in SELECTIONS:
        raise UserMistake(f"selection {selection!r} is not known; there are: {', '.join(SELECTIONS)}")
    check_inputs(network, clips)
    check_classes(clips, folds, allow_absent_class)
    runs = make_runs(clips, folds, recipe, seeds, selection)
    program = Program(network, recipe, len(clips.classes), int(runs.train_count.max()), selection, clips.flow_coding)
    data = Data({name: clips.inputs()[name] for name in network.inputs}, clips.label)
    first = jax.tree.map(lambda leaf: leaf[0], runs)
    findings = (*shared_subjects(clips, folds), *shared_content(clips, folds),
                *poison_reaches_training(program, first, data, folds.test[0], folds.names[0]))
    if findings and not allow_leak:
        raise UserMistake(f"the leak audit found {len(findings)} leaks and refuses: {findings[0]}"
                          + ("; …" if len(findings) > 1 else "") + "; allow it with --config.allow_leak=true")
    names = tuple(f"seed{s}/{folds.names[f]}" for s, f in zip(runs.seed, runs.fold, strict=True))
    return Experiment(program, runs, names, data, clips, folds, seeds, findings)


def train_experiment(experiment: Experiment, plan: Plan, folder: Path | None = None,
                     checkpoint_seconds: float = 60.0) -> Result:
    """Trains all runs; with a folder, its checkpoints and log.jsonl live there."""
    e = experiment
    identity = hashlib.sha256(repr((e.program, data_digest(e.clips), plan)).encode()).hexdigest()
    with_maps = e.program.network.inputs == ("flow",)
    with MetricLog(folder, plan.runs * e.program.recipe.epochs) as log:
        checkpoints = folder / "checkpoints" if folder is not None else None
        try:
            return train_many(e.program, e.runs, e.data, e.names, plan, log, checkpoints, identity, checkpoint_seconds,
                              with_maps)
        except NotFinite as error:
            raise UserMistake(f"training stopped: {error}") from error


def predictions_of(experiment: Experiment, result: Result) -> Predictions:
    """The table of held-out predictions. Beside `inner` and `test_peek` it holds the rows of the last epoch as well."""
    e, tables = experiment, []
    last_epoch = np.full(len(result.epoch), e.program.recipe.epochs - 1)
    kinds = [(e.program.selection, result.probabilities, result.epoch)]
    if e.program.selection != "last":
        kinds.append(("last", result.last, last_epoch))
    for selection, probabilities, epochs in kinds:
        for r, name in enumerate(e.names):
            fold, seed = int(e.runs.fold[r]), int(e.runs.seed[r])
            tables.append((selection, e.folds.test[fold], probabilities[r], int(epochs[r]), name.split("/", 1)[1], seed))
    rows = np.concatenate([test for _, test, *_ in tables])
    counts = [len(test) for _, test, *_ in tables]
    p = np.concatenate([values[:n] for (_, _, values, *_), n in zip(tables, counts, strict=True)])
    keys = np.array([e.clips.ids[row].split("/") for row in rows])
    classes = np.array(e.clips.classes)

    def repeated(column: int) -> np.ndarray:
        return np.repeat(np.array([t[column] for t in tables]), counts)

    columns = {"run": repeated(5), "dataset": keys[:, 0], "subject": keys[:, 1], "clip": keys[:, 2],
               "light": np.full(len(rows), "L0"), "label": classes[np.asarray(e.clips.label)[rows]],
               "fold": repeated(4), "seed": repeated(5), "prediction": classes[p.argmax(-1)], "epoch": repeated(3),
               "selection": repeated(0)}
    return Predictions(tuple(e.clips.classes), columns, p.astype(np.float64))


def looking_maps(experiment: Experiment, result: Result) -> tuple[np.ndarray, np.ndarray] | None:
    """(maps (N, H, W) float16, clip keys (N,)): where the networks that held a clip out looked, mean over seeds."""
    if result.maps is None:
        return None
    e = experiment
    total = np.zeros((len(e.clips), *result.maps.shape[2:]), np.float64)
    for r, fold in enumerate(e.runs.fold):
        test = e.folds.test[int(fold)]
        total[test] += result.maps[r, : len(test)]
    held_out = np.unique(np.concatenate(e.folds.test))
    return (total / e.seeds)[held_out].astype(np.float32), np.array(e.clips.ids)[held_out]


def benchmark(network: nn.Module, clips: Clips, folds: Folds, recipe: Recipe, *, seeds: int = 1, selection: str = "last",
              allow_leak: bool = False, allow_absent_class: bool = False) -> Predictions:
    """Trains every fold with every seed and returns the held-out predictions. The whole benchmark in one call.

    Raises UserMistake where the network cannot read the clips, a leak is found, or a loss is not finite.
    """
    experiment = prepare(network, clips, folds, recipe, seeds=seeds, selection=selection, allow_leak=allow_leak,
                         allow_absent_class=allow_absent_class)
    plan = make_plan(experiment.program, experiment.runs, experiment.data)
    return predictions_of(experiment, train_experiment(experiment, plan))
