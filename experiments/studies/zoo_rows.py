"""The rows of the zoo's table: each is trained where it is not there yet, and kept as DIR/NAME/row.json, no clip in it."""

import argparse
import time
from pathlib import Path

import jax
import numpy as np

from mer_jax.config_reading import read_config
from mer_jax.data.clips import Clips, data_digest
from mer_jax.data.folds import PROTOCOLS, Folds
from mer_jax.evaluation.finished_run import read_run
from mer_jax.evaluation.identity import code_digest
from mer_jax.evaluation.linear_svm import svm_predictions
from mer_jax.evaluation.predictions import Predictions, mean_of_runs
from mer_jax.evaluation.run_config import decisive, differences
from mer_jax.evaluation.run_folder import run_benchmark
from mer_jax.evaluation.score import HEADLINES, entry
from mer_jax.evaluation.significance import right_answers
from mer_jax.mistakes import UserMistake
from mer_jax.models import MODELS, create, row_of
from mer_jax.settings import Settings, settings_of
from mer_jax.whole_files import read_json, write_json

EXPERIMENTS = Path(__file__).parents[1]
SAME = {"name": "adam", "learning_rate": 1e-3, "weight_decay": 0.0, "schedule": "cosine", "warmup_epochs": 0,
        "gradient_clip": 0.0}
PLAIN = {"class_weights": "none", "label_smoothing": 0.0, "augmentation": {"flip": False, "shift": 0, "dark": 0.0}}
KINDS = ("honest", "leaky")
AT_ONCE = 64
SVM = "linear_svm"


def flow_networks() -> tuple[str, ...]:
    """The names of the rows: what reads a flow picture and nothing else, the cheapest first."""
    names = [name for name, known in MODELS.items() if known.network.inputs == ("flow",)]
    return (SVM, *sorted(names, key=lambda name: row_of(name, next(iter(MODELS[name].variants)))["mflops"]))


def protocol(kind: str, folds: int | None) -> dict:
    """Who or what is left out: honest, a person or one of so many groups of people; leaky, clips whoever's they are."""
    options = {} if folds is None else {"folds": folds}
    if kind == "honest":
        return {"protocol": "leave_one_subject_out" if folds is None else "subject_kfold", "protocol_options": options}
    return {"protocol": "leaky_kfold", "protocol_options": options}


def settings_for(name: str, kind: str, arguments: argparse.Namespace) -> Settings:
    """Of a network's run: its own file's, but for data, protocol and seeds, and the recipe, unless --recipe=own."""
    _, config = read_config([f"--config={EXPERIMENTS / name}.py", f"--config.data.table={arguments.table}"])
    selected = {"selection": "test_peek"} if kind == "honest" else {"selection": "last", "allow_leak": True}
    config.update({**protocol(kind, arguments.folds), **selected, "seeds": arguments.seeds})     # peeking gives the last too
    if arguments.recipe == "same":
        config.update({"optimizer": SAME, "epochs": arguments.epochs, "batch_size": AT_ONCE, **PLAIN})
    return settings_of(name, config)


def asked(name: str, clips: Clips, arguments: argparse.Namespace) -> dict:
    """What a row is of: "table" all rows of a table must have in common, "settings" are the row's own."""
    table = {"data": data_digest(clips), "clips": len(clips), "people": len(clips.subjects), "folds": arguments.folds,
             "seeds": arguments.seeds, "recipe": arguments.recipe,
             "epochs": arguments.epochs if arguments.recipe == "same" else None}
    settings = {} if name == SVM else decisive(settings_for(name, "honest", arguments).to_json())
    return {"table": table, "settings": settings}


def row(name: str, clips: Clips, arguments: argparse.Namespace) -> dict:
    """A row: the one that is kept, or else trained now, and kept."""
    path = arguments.out / name / "row.json"
    if not path.is_file():
        found, last = svm_row(clips, arguments) if name == SVM else network_row(name, clips, arguments)
        right = dict(zip(np.unique(last.subject_keys()).tolist(), right_answers(last).tolist(), strict=True))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {**found, "right": right, "asked": asked(name, clips, arguments)})
    return read_json(path)


def kept_rows(out: Path, names: tuple[str, ...]) -> dict[str, dict]:
    """name -> its row, of those that are there. Raises UserMistake where there is none, or where they are of two tables."""
    rows = {name: read_json(out / name / "row.json") for name in names if (out / name / "row.json").is_file()}
    if not rows:
        raise UserMistake(f"{out}: no row of {', '.join(names)} is kept there; with --table=CLIPS.csv they are trained")
    first = next(iter(rows))
    for name, found in rows.items():
        if changed := differences(found["asked"]["table"], rows[first]["asked"]["table"]):
            raise UserMistake(f"{out}: the row of {name} is of another table than that of {first}: {'; '.join(changed)}")
    return rows


def refuse_others(names: tuple[str, ...], clips: Clips, arguments: argparse.Namespace) -> None:
    """Raises UserMistake, before anything is trained, where a row, or a run that would become one, is of other settings."""
    for name in names:
        path = arguments.out / name / "row.json"
        found = [(path, read_json(path).get("asked"), asked(name, clips, arguments))] if path.is_file() else []
        for kind in () if name == SVM else KINDS:
            path = arguments.out / name / kind / "config.json"
            if path.is_file():
                found.append((path, decisive(read_json(path).get("settings")),
                              decisive(settings_for(name, kind, arguments).to_json())))
        for path, there, here in found:
            if changed := differences(there, here):
                raise UserMistake(f"{path.parent}: of other settings: {'; '.join(changed)}; name another --out")


def network_row(name: str, clips: Clips, arguments: argparse.Namespace) -> tuple[dict, Predictions]:
    """A network's row, and the predictions of its last epoch."""
    honest, leaky = (arguments.out / name / kind for kind in KINDS)
    found = run_benchmark(settings_for(name, "honest", arguments), clips, honest)
    run_benchmark(settings_for(name, "leaky", arguments), clips, leaky)
    table = read_run(honest).table
    last = table.where(selection="last")
    known = row_of(name, next(iter(MODELS[name].variants)))
    return {**scores(last, ensemble=mean_of_runs(last), peek=table.where(selection="test_peek"), leaky=read_run(leaky).table),
            **{part: known[part] for part in ("parameters", "mflops", "evidence")},
            "milliseconds": milliseconds(name, clips), "seconds": found["seconds"],
            "code": read_json(honest / "config.json")["code"]["digest"]}, last


def svm_row(clips: Clips, arguments: argparse.Namespace) -> tuple[dict, Predictions]:
    """The row of the linear machines, and their predictions as those of each seed; deterministic, so ensemble and peek are what
    it says anyway."""
    def folds(kind: str) -> Folds:
        how = protocol(kind, arguments.folds)
        return PROTOCOLS[how["protocol"]](clips, **how["protocol_options"])

    start = time.perf_counter()
    last = svm_predictions(clips, folds("honest"))
    seconds, features = time.perf_counter() - start, clips.flow[0].size
    return {**scores(last, ensemble=last, peek=last, leaky=svm_predictions(clips, folds("leaky"))),
            "parameters": len(clips.classes) * (features + 1), "mflops": 2e-6 * len(clips.classes) * features,
            "evidence": "baseline, no paper's", "milliseconds": None, "seconds": seconds,
            "code": code_digest()}, repeated(last, arguments.seeds)


def repeated(table: Predictions, runs: int) -> Predictions:
    """A table of one run as so many equal ones."""
    columns = {name: np.tile(column, runs) for name, column in table.columns.items()}
    columns["run"] = np.repeat(np.arange(runs), len(table))
    return Predictions(table.classes, columns, np.tile(table.probabilities, (runs, 1)))


def scores(last: Predictions, **others: Predictions) -> dict:
    """Headlines and their intervals of the last epoch, of all and of each database, and the UF1 of the other ways to look at
    the same network."""
    own, parts = entry(last), {name: entry(last.where(dataset=name)) for name in last.unique("dataset")}
    return {**{metric: own[metric] for metric in HEADLINES},
            "by_dataset": {name: {metric: part[metric] for metric in HEADLINES} for name, part in parts.items()},
            "interval": {metric: own["interval_subjects"][metric] for metric in HEADLINES},
            **{name: entry(table)["uf1"] for name, table in others.items()}}


def milliseconds(name: str, clips: Clips) -> float:
    """Of one answer in a batch of AT_ONCE clips of the table, on the device that is there: the least of five."""
    network, flow = create(name, len(clips.classes)), jax.device_put(np.resize(np.asarray(clips.flow), (AT_ONCE, 28, 28, 3)))
    variables = jax.jit(lambda x: network.init(jax.random.key(0), {"flow": x}, train=False))(flow)
    answer, taken = jax.jit(lambda v, x: network.apply(v, {"flow": x}, train=False).logits), []
    for _ in range(6):
        start = time.perf_counter()
        jax.block_until_ready(answer(variables, flow))
        taken.append(time.perf_counter() - start)
    return 1000 * min(taken[1:]) / AT_ONCE
