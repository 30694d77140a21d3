"""A benchmark in a folder: everything needed to repeat it, resumable at any moment, one process at a time.

Files: config.json, plan.json, predictions.csv, metrics.json, log.jsonl, attention.npz, checkpoints/, report.html. Each
is written whole or not at all.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import importlib.metadata
import io
import platform
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np

from mer_jax.data.clips import Clips, data_digest
from mer_jax.data.folds import PROTOCOLS, Folds
from mer_jax.evaluation.benchmark import looking_maps, predictions_of, prepare, train_experiment
from mer_jax.evaluation.predictions import to_csv
from mer_jax.evaluation.report import write_report
from mer_jax.evaluation.score import score
from mer_jax.evaluation.whole_files import read_json, write_json, write_whole
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.training.many_runs import Plan, make_plan

FILES = ("report.html", "metrics.json", "predictions.csv", "attention.npz", "log.jsonl", "plan.json", "config.json")
VERSIONS_OF = ("mer_jax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def code_digest() -> str:
    """sha256 of the library's own sources: tells two code versions apart where no version number does."""
    root = Path(__file__).parents[1]
    files = sorted(root.rglob("*.py"))
    return hashlib.sha256(b"".join(str(f.relative_to(root)).encode() + f.read_bytes() for f in files)).hexdigest()


def describe(settings, clips: Clips) -> dict:
    """The content of config.json; `identity` is the digest of all that the predictions depend on."""
    digest = data_digest(clips)
    identity = hashlib.sha256(f"{settings.digest()}{digest}".encode()).hexdigest()
    return {
        "identity": identity,
        "settings": settings.to_json(),
        "data": {"digest": digest, "clips": len(clips), "subjects": len(clips.subjects),
                 "datasets": list(clips.datasets), "classes": list(clips.classes)},
        "versions": {"python": platform.python_version(),
                     **{name: importlib.metadata.version(name) for name in VERSIONS_OF}},
        "code": {"digest": code_digest()},
        "command": shlex.join(["mer-jax", *sys.argv[1:]]),
    }


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder for this process; the lock goes with the process, however it ends."""
    with open(folder / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserMistake(f"{folder}: another process is running in this folder") from error
        yield


def check_folder(folder: Path, description: dict) -> None:
    """Raises UserMistake where the folder holds another run, or something that is no run."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserMistake(f"{folder}: wanted a folder for the run, found a file")
    if not (folder / "config.json").exists():
        strange = [e.name for e in folder.iterdir() if e.name != ".lock" and not e.name.endswith(".part")]
        if strange:
            raise UserMistake(f"{folder}: not a run's folder: it has {strange[0]!r}, but no config.json")
        return
    found = read_json(folder / "config.json")
    if found.get("identity") == description["identity"]:
        return
    changed = differences(found.get("settings"), description["settings"])
    what = f"settings differ in {'; '.join(changed)}" if changed else "the data differ (another digest)"
    raise UserMistake(f"{folder}: holds another run: {what}; name another --out, or start over with --fresh")


def differences(there: object, here: object, name: str = "settings") -> list[str]:
    """What differs between the settings on file and those asked for: "epochs (3 there, 2 here)"."""
    if isinstance(there, dict) and isinstance(here, dict):
        return [line for key in {**here, **there} for line in differences(there.get(key), here.get(key), key)]
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        return [line for pair in zip(there, here, strict=True) for line in differences(*pair, name)]
    return [] if there == here else [f"{name} ({there!r} there, {here!r} here)"]


def is_finished(folder: Path) -> bool:
    return all((folder / name).exists() for name in ("config.json", "predictions.csv", "metrics.json", "report.html"))


def check_clearable(folder: Path) -> None:
    """Raises UserMistake where a folder is there and no run's."""
    if folder.exists() and not (folder / "config.json").is_file():
        raise UserMistake(f"{folder}: --fresh removes runs only, and this folder has no config.json")


def clear(folder: Path) -> None:
    """Removes what a run left in its folder, which the caller holds locked."""
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)


def make_folds(settings, clips: Clips) -> Folds:
    """The settings' protocol on these clips; an option that the protocol does not know is a mistake."""
    try:
        return PROTOCOLS[settings.protocol](clips, **dict(settings.protocol_options))
    except TypeError as error:
        raise UserMistake(f"protocol {settings.protocol} does not know one of the options "
                          f"{', '.join(name for name, _ in settings.protocol_options)}") from error


def obeyed_plan(folder: Path, fresh: Plan) -> Plan:
    """The plan on file, which a resumed run obeys where the devices are still the same; else the fresh one."""
    path = folder / "plan.json"
    if path.exists():
        found = read_plan(path)
        if (found.devices, found.backend, found.runs) == (fresh.devices, fresh.backend, fresh.runs):
            return found
        print(f"{path}: made for {found.devices} {found.backend} devices, here are {fresh.devices} "
              f"{fresh.backend}: a new plan is made, and unfinished runs start over", file=sys.stderr)
    write_json(path, dataclasses.asdict(fresh))
    return fresh


def read_plan(path: Path) -> Plan:
    """The plan on file. Raises UserMistake where it is none that could be obeyed."""
    found = read_json(path)
    counts = ("runs", "chunk", "devices")
    whole = (set(found) == {field.name for field in dataclasses.fields(Plan)}
             and all(type(found[name]) is int and found[name] > 0 for name in counts)
             and found["driver"] in ("scan", "loop") and found["chunk"] % found["devices"] == 0)
    if not whole:
        raise UserMistake(f"{path}: found {found}, which is no plan, wanted {', '.join(counts)}, driver, backend; "
                          "start over with --fresh")
    return Plan(**found)


def run_benchmark(settings, clips: Clips, folder: Path, fresh: bool = False) -> dict:
    """Runs, or goes on with, the benchmark in its folder; returns what metrics.json holds. `fresh` starts over.

    Nothing is written, and nothing of an earlier run removed, before everything that can be checked is.
    """
    description = describe(settings, clips)
    if fresh:
        check_clearable(folder)
    else:
        check_folder(folder, description)
        if is_finished(folder):
            return finished_metrics(folder)
    network = create(settings.network, len(clips.classes), settings.variant)
    experiment = prepare(network, clips, make_folds(settings, clips), settings.recipe, seeds=settings.seeds,
                         selection=settings.selection, allow_leak=settings.allow_leak,
                         allow_absent_class=settings.allow_absent_class)
    plan = make_plan(experiment.program, experiment.runs, experiment.data)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        if fresh:
            clear(folder)
        check_folder(folder, description)
        if not (folder / "config.json").exists():
            write_json(folder / "config.json", description)
        plan, begun = obeyed_plan(folder, plan), time.monotonic()
        print(f"{jax.local_device_count()} {jax.default_backend()} devices", file=sys.stderr)
        result = train_experiment(experiment, plan, folder, settings.checkpoint_seconds)
        return write_results(folder, experiment, result, time.monotonic() - begun)


def finished_metrics(folder: Path) -> dict:
    """What metrics.json of a finished run holds."""
    metrics = read_json(folder / "metrics.json")
    missing = [name for name in ("overall", "by_dataset", "selection") if name not in metrics]
    if missing:
        raise UserMistake(f"{folder / 'metrics.json'}: no {missing[0]!r}, damaged; start over with --fresh")
    return metrics


def write_results(folder: Path, experiment, result, seconds: float) -> dict:
    """predictions.csv, attention.npz, metrics.json and report.html, in this order."""
    table = predictions_of(experiment, result)
    write_whole(folder / "predictions.csv", to_csv(table))
    if (maps := looking_maps(experiment, result)) is not None:
        np.savez_compressed(file := io.BytesIO(), map=maps[0], clip=maps[1], kind=np.array("input gradient"))
        write_whole(folder / "attention.npz", file.getvalue())
    metrics = {**score(table, experiment.program.selection), "seconds": round(seconds, 3),
               "leak_audit": {"findings": list(experiment.findings), "allowed": bool(experiment.findings)}}
    write_json(folder / "metrics.json", metrics)
    write_report(folder)
    return metrics
