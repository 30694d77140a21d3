"""A benchmark in a folder: everything needed to repeat it, resumable at any moment, one process at a time.

Files: config.json, plan.json, predictions.csv, metrics.json, log.jsonl, attention.npz, checkpoints/, report.html, and where
the network is fed from frames linear.csv and, of rendered ones or on request, faces.npz. Each is written whole or not at all.
Beside them .lock (see `folder_lock`) and, where asked for, profile/ and tensorboard/.
"""

import functools
import inspect
import io
import shutil
import sys
from pathlib import Path

import jax
import numpy as np

from mer_jax.data.clips import Clips
from mer_jax.data.folds import PROTOCOLS, Folds
from mer_jax.evaluation.benchmark import Experiment, audit_again, maps_of, predictions_of, prepare, train_experiment
from mer_jax.evaluation.examples import example_faces
from mer_jax.evaluation.finished_run import beside_scores, is_finished, read_run
from mer_jax.evaluation.linear import linear_predictions
from mer_jax.evaluation.plan_file import obeyed_plan
from mer_jax.evaluation.pointing import pointing
from mer_jax.evaluation.predictions import to_csv
from mer_jax.evaluation.report import write_report
from mer_jax.evaluation.run_config import (
    START_OVER,
    check_clearable,
    check_folder,
    check_identity,
    check_unfinished,
    describe,
    with_runs,
)
from mer_jax.evaluation.score import score
from mer_jax.evaluation.start import read_start
from mer_jax.folder_lock import locked
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.models import create
from mer_jax.training.many_runs import Result
from mer_jax.training.metric_log import logged_seconds
from mer_jax.training.profile import profile_epoch
from mer_jax.training.tuning import measured_plan
from mer_jax.whole_files import write_json, write_whole

FILES = ("report.html", "metrics.json", "predictions.csv", "linear.csv", "attention.npz", "faces.npz", "log.jsonl",
         "plan.json", "config.json")


def clear(folder: Path, keep: tuple[str, ...] = ()) -> None:
    """Removes what a run left in its folder, which the caller holds locked, but the files of the names to keep."""
    for name in ("checkpoints", "profile", "tensorboard"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in FILES:
        if name not in keep:
            (folder / name).unlink(missing_ok=True)


def make_folds(settings, clips: Clips) -> Folds:
    """The settings' protocol on these clips; an option that the protocol does not know is a mistake."""
    protocol, options = PROTOCOLS[settings.protocol], dict(settings.protocol_options)
    known = [name for name in inspect.signature(protocol).parameters if name != "clips"]
    for name in options:
        if name not in known:
            raise UserMistake(f"protocol {settings.protocol} does not know the option {name!r}{nearest(name, known)}; "
                              f"it knows: {', '.join(known) or 'none'}")
    return protocol(clips, **options)


def run_benchmark(settings, clips: Clips, folder: Path, fresh: bool = False, profile: bool = False,
                  tune: bool = False) -> dict:
    """Runs, or goes on with, the benchmark in its folder; returns what metrics.json holds. `fresh` starts over.

    `profile` traces an epoch before; what it found is then given as well, under "profile". `tune` measures the plan.

    Nothing is written, and nothing of an earlier run removed, before everything that can be checked is.
    """
    network = create(settings.network, len(clips.classes), settings.variant, settings.off,
                     **dict(settings.network_options))
    start = read_start(network, clips.classes, settings.weights)
    description, findings = describe(settings, clips, start), None
    if fresh:
        check_clearable(folder)
    else:
        check_folder(folder, description)
        if is_finished(folder):
            if profile or tune:
                asked = "profile" if profile else "tune"
                raise UserMistake(f"{folder}: finished, so there is nothing to train and to {asked}; {START_OVER}")
            return finished_metrics(folder)
        findings = check_unfinished(folder, description)
    experiment = prepare(network, clips, make_folds(settings, clips), settings.recipe, seeds=settings.seeds,
                         selection=settings.selection, light=settings.light, allow_leak=settings.allow_leak,
                         allow_absent_class=settings.allow_absent_class, findings=findings, start=start,
                         front=settings.front)
    config = with_runs(description, experiment.runs, experiment.findings)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        if fresh:
            clear(folder)
        check_folder(folder, description)
        check_unfinished(folder, description)
        check_identity(folder, config)
        if not (folder / "config.json").exists():
            write_json(folder / "config.json", config)
        e = experiment
        plan = obeyed_plan(folder, e.plan, functools.partial(clear, folder, keep=("config.json", "plan.json")),
                           functools.partial(measured_plan, e.program, e.runs, e.data) if tune else None)
        audit_again(e, plan)
        print(f"{jax.local_device_count()} {jax.default_backend()} devices", file=sys.stderr)
        profiled = {"profile": profile_epoch(e.program, plan, e.runs, e.data, folder / "profile")} if profile else {}
        result = train_experiment(experiment, plan, folder, settings.checkpoint_seconds)
        alone = dict(settings.protocol_options).get("subjects", ())
        return write_results(folder, experiment, result, settings.report_faces, alone) | profiled


def finished_metrics(folder: Path) -> dict:
    """What metrics.json of a finished run holds, its scores computed anew from predictions.csv."""
    run = read_run(folder)
    kinds = {"overall": dict, "by_dataset": dict, "seconds": int | float, "leak_audit": dict}
    for name, kind in kinds.items():
        if not isinstance(run.metrics.get(name), kind):
            raise UserMistake(f"{folder / 'metrics.json'}: {name!r} is {run.metrics.get(name)!r}, damaged; "
                              "start over with --fresh")
    kept = {name: run.metrics[name] for name in ("seconds", "leak_audit")}
    beside = beside_scores(run)
    return {**score(run.table, linear=run.linear, part=bool(beside["only_subjects"])), **kept, **beside}


def told_the_true_motion(experiment: Experiment) -> bool:
    """Whether the network read the flow that is stored with rendered clips, which is how their faces truly moved."""
    return "flow" in experiment.data.inputs and experiment.clips.true_flow is not None


def write_results(folder: Path, experiment: Experiment, result: Result, licensed_faces: bool = False,
                  alone: tuple[str, ...] = ()) -> dict:
    """predictions.csv, what is drawn, metrics.json and report.html, in this order; gives what metrics.json holds.

    alone: the subjects that the protocol was asked for, none where it was asked for all.
    """
    table = predictions_of(experiment, result)
    write_whole(folder / "predictions.csv", to_csv(table))
    if maps := maps_of(experiment, result):
        held_out = np.unique(np.concatenate(experiment.folds.test))
        np.savez_compressed(file := io.BytesIO(), clip=np.array(experiment.clips.ids)[held_out],
                            **{kind: of_clips[held_out] for kind, of_clips in maps.items()})
        write_whole(folder / "attention.npz", file.getvalue())
    if (faces := example_faces(experiment, maps, licensed_faces)) is not None:
        np.savez_compressed(file := io.BytesIO(), **faces)
        write_whole(folder / "faces.npz", file.getvalue())
    linear = None
    if "frames" in experiment.data.inputs:
        e = experiment
        linear = linear_predictions(e.clips, e.folds, e.data, e.program.light, e.program.window)
        write_whole(folder / "linear.csv", to_csv(linear))
    metrics = {**score(table, experiment.program.selection, linear, part=bool(alone)),
               "seconds": round(logged_seconds(folder / "log.jsonl"), 3),
               "leak_audit": {"findings": list(experiment.findings), "allowed": bool(experiment.findings)},
               "pointing": pointing(maps, experiment.clips), "told_the_true_motion": told_the_true_motion(experiment),
               "only_subjects": list(alone)}
    write_json(folder / "metrics.json", metrics)
    write_report(folder)
    return metrics
