"""The rows of the zoo's table: each is trained where it is not there yet, and kept as DIR/NAME/row.json, no clip in it."""

import argparse
import time
from pathlib import Path

import flax.linen as nn
import jax
import numpy as np
from ml_collections import ConfigDict

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
from mer_jax.evaluation.uncertainty import paired_difference
from mer_jax.mistakes import UserMistake
from mer_jax.models import MODELS, counted, create
from mer_jax.settings import Settings, settings_of
from mer_jax.training.finite import NotFinite
from mer_jax.whole_files import read_json, write_json

EXPERIMENTS = Path(__file__).parents[1]
SAME = {"name": "adam", "learning_rate": 1e-3, "weight_decay": 0.0, "schedule": "cosine", "warmup_epochs": 0,
        "gradient_clip": 0.0}
PLAIN = {"class_weights": "none", "label_smoothing": 0.0, "augmentation": {"flip": False, "shift": 0, "dark": 0.0}}
KINDS = ("honest", "leaky")
AT_ONCE, COST = 64, 1.0                                       # clips of a batch; of the machines, chosen by nobody
SVM, BALANCED_SVM = "linear_svm", "linear_svm_balanced"
MACHINES = (SVM, BALANCED_SVM)
# Rows that are asked for by their names alone: row -> what is changed of a network's own. Papers state how these rank, but for
# the small CapsuleNet, the form of it that CPUs can train.
FORMS: dict[str, dict] = {
    "capsulenet_small": {"network": {"name": "capsulenet", "variant": "small"}},
    "cabm_fmer_without_attention": {"network": {"name": "cabm_fmer", "variant": "convmixer"}},
    "dual_atme_whole_face": {"network": {"name": "dual_atme", "off": ("puzzled_face",)}},
    "dual_atme_puzzled_face": {"network": {"name": "dual_atme", "off": ("whole_face",)}},
    "featref_without_proposals": {"network": {"name": "featref"}, "losses": {"cross_entropy": 1.0}},
    "htnet_attending": {"network": {"name": "htnet", "variant": "attending"}},
    **{f"mfe_net_without_{part}": {"network": {"name": "mfe_net", "off": (part,)}}
       for part in ("multi_scale", "channel_attention", "self_attention")},
    **{f"rcn_{variant}": {"network": {"name": "rcn", "variant": variant}} for variant in "swpcf"},
}


def flow_networks() -> tuple[str, ...]:
    """The names of the rows of the whole table: what reads a flow picture and nothing else, the cheapest first."""
    names = [name for name, known in MODELS.items() if known.network.inputs == ("flow",)]
    return (*MACHINES, *sorted(names, key=lambda name: counted(create(name, 3))["mflops"]))


def protocol(kind: str, folds: int | None) -> dict:
    """Who or what is left out: honest, a person or one of so many groups of people; leaky, clips whoever's they are."""
    options = {} if folds is None else {"folds": folds}
    if kind == "honest":
        return {"protocol": "leave_one_subject_out" if folds is None else "subject_kfold", "protocol_options": options}
    return {"protocol": "leaky_kfold", "protocol_options": options}


def config_of(name: str, *words: str) -> ConfigDict:
    """Of a network's own file, with what the form of this name changes, and other words of the command line."""
    changes = FORMS.get(name, {"network": {"name": name}})
    _, config = read_config([f"--config={EXPERIMENTS / changes['network']['name']}.py", *words])
    config.network.update(changes["network"])
    config.losses = changes.get("losses", config.losses)
    return config


def settings_for(name: str, kind: str, arguments: argparse.Namespace) -> Settings:
    """Of a row's run: its network's own file's, but for data, protocol and seeds, and the recipe, unless --recipe=own."""
    config = config_of(name, f"--config.data.table={arguments.table}")
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
    machine = {"weights": weights_of(name), "cost": COST}
    settings = machine if name in MACHINES else decisive(settings_for(name, "honest", arguments).to_json())
    return {"table": table, "settings": settings}


def row_of(name: str, clips: Clips, arguments: argparse.Namespace) -> dict:
    """A row: the one that is kept, or else trained now, and kept; of a network whose numbers end as none what was said of it,
    and no right answer."""
    path = arguments.out / name / "row.json"
    if not path.is_file():
        try:
            found = (machine_row if name in MACHINES else network_row)(name, clips, arguments)
        except NotFinite as failure:
            found = {"failed": str(failure), "right": dict.fromkeys(clips.subjects, 0), "code": code_digest()}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {**found, "asked": asked(name, clips, arguments)})
    return read_json(path)


def kept_rows(out: Path, names: tuple[str, ...]) -> dict[str, dict]:
    """name -> its row, of those that are there. Raises UserMistake where there is none, or where they are of two tables."""
    rows = {name: read_json(out / name / "row.json") for name in names if (out / name / "row.json").is_file()}
    if not rows:
        whose = ", ".join(names) if len(names) < 4 else "any network"
        raise UserMistake(f"{out}: no row of {whose} is kept there; with --table=CLIPS.csv rows are trained")
    first = next(iter(rows))
    for name, found in rows.items():
        if changed := differences(found["asked"]["table"], rows[first]["asked"]["table"]):
            raise UserMistake(f"{out}: the row of {name} is of another table than that of {first}: {'; '.join(changed)}")
    return rows


def refuse_others(names: tuple[str, ...], clips: Clips, arguments: argparse.Namespace) -> None:
    """Raises UserMistake, before anything is trained, where a row, or a run that would become one, is of other settings or
    other clips."""
    digest = data_digest(clips)
    for name in names:
        path = arguments.out / name / "row.json"
        found = [(path, read_json(path).get("asked"), asked(name, clips, arguments))] if path.is_file() else []
        for kind in () if name in MACHINES else KINDS:
            path = arguments.out / name / kind / "config.json"
            if path.is_file():
                kept = read_json(path)
                there = {"digest of clips": kept.get("data", {}).get("digest"), **decisive(kept.get("settings", {}))}
                here = {"digest of clips": digest, **decisive(settings_for(name, kind, arguments).to_json())}
                found.append((path, there, here))
        for path, there, here in found:
            if changed := differences(there, here):
                raise UserMistake(f"{path.parent}: of other settings: {'; '.join(changed)}; name another --out")


def network_row(name: str, clips: Clips, arguments: argparse.Namespace) -> dict:
    """Of a network. Raises NotFinite where its loss or an answer is none where people are left out; where clips are, that
    column alone is empty."""
    honest, leaky = (arguments.out / name / kind for kind in KINDS)
    settings = settings_for(name, "honest", arguments)
    seconds, table = run_benchmark(settings, clips, honest)["seconds"], read_run(honest).table
    try:
        run_benchmark(settings_for(name, "leaky", arguments), clips, leaky)
        leaks = read_run(leaky).table
    except NotFinite:                                         # which is no score, and so takes none away
        leaks = None
    machine = svm_predictions(clips, folds_of(clips, "honest", arguments), COST, weights_of(BALANCED_SVM))
    network = create(settings.network, len(clips.classes), settings.variant, settings.off, **dict(settings.network_options))
    known = counted(network)
    codes = {read_json(path)["code"]["digest"] for path in (honest / "config.json", leaky / "config.json") if path.is_file()}
    return {**scores(table.where(selection="last"), table.where(selection="test_peek"), leaks, machine), **known,
            "evidence": MODELS[settings.network].evidence, "milliseconds": milliseconds(network, clips), "seconds": seconds,
            "code": " and ".join(sorted(codes))}


def folds_of(clips: Clips, kind: str, arguments: argparse.Namespace) -> Folds:
    how = protocol(kind, arguments.folds)
    return PROTOCOLS[how["protocol"]](clips, **how["protocol_options"])


def weights_of(machine: str) -> str:
    """How a machine's classes weigh: "balanced", each the same, or "none", as often as it is there."""
    return "balanced" if machine == BALANCED_SVM else "none"


def machine_row(name: str, clips: Clips, arguments: argparse.Namespace) -> dict:
    """Of the linear machines, whose classes weigh the same in the second form. They have no chance in them and no epochs, so
    each seed is the same to them, and peeking adds nothing."""
    def said(kind: str, machine: str = name) -> Predictions:
        return svm_predictions(clips, folds_of(clips, kind, arguments), COST, weights_of(machine))

    start = time.perf_counter()
    last = repeated(said("honest"), arguments.seeds)
    seconds, network = time.perf_counter() - start, create("linear", len(clips.classes))           # whose answer is theirs
    told = scores(last, last, said("leaky"), said("honest", BALANCED_SVM))
    return {**told, **counted(network), "evidence": "baseline, no paper's", "milliseconds": milliseconds(network, clips),
            "seconds": seconds, "code": code_digest()}


def repeated(table: Predictions, runs: int) -> Predictions:
    """A table of one run as so many equal ones."""
    columns = {name: np.tile(column, runs) for name, column in table.columns.items()}
    columns["run"] = np.repeat(np.arange(runs), len(table))
    return Predictions(table.classes, columns, np.tile(table.probabilities, (runs, 1)))


def scores(last: Predictions, peek: Predictions, leaky: Predictions | None, machine: Predictions) -> dict:
    """Of the last epoch: headlines with their intervals, of each database, and of its seeds' probabilities averaged
    ("ensemble"); the UF1 of both above that of the balanced machine on the same people; right answers of each person; and the
    UF1 of the two other ways to look at the same network."""
    averaged = mean_of_runs(last)

    def headlines(table: Predictions) -> dict:
        found = entry(table)
        return {**{metric: found[metric] for metric in HEADLINES},
                "interval": {metric: found["interval_subjects"][metric] for metric in HEADLINES}}

    def above(table: Predictions) -> dict:
        return paired_difference(machine, table)["uf1"]

    return {**headlines(last), "above_machine": above(last),
            "ensemble": {**headlines(averaged), "above_machine": above(averaged)}, "peek": entry(peek)["uf1"],
            "leaky": None if leaky is None else entry(leaky)["uf1"],
            "by_dataset": {name: headlines(last.where(dataset=name)) for name in last.unique("dataset")},
            "right": dict(zip(np.unique(last.subject_keys()).tolist(), right_answers(last).tolist(), strict=True))}


def milliseconds(network: nn.Module, clips: Clips) -> float:
    """Of one answer in a batch of AT_ONCE clips of the table, on the device that is there: the least of five."""
    flow = jax.device_put(np.resize(np.asarray(clips.flow), (AT_ONCE, *clips.flow.shape[1:])))
    variables = jax.jit(lambda x: network.init(jax.random.key(0), {"flow": x}, train=False))(flow)
    answer, taken = jax.jit(lambda v, x: network.apply(v, {"flow": x}, train=False).logits), []
    for _ in range(6):
        start = time.perf_counter()
        jax.block_until_ready(answer(variables, flow))
        taken.append(time.perf_counter() - start)
    return 1000 * min(taken[1:]) / AT_ONCE
