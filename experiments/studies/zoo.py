"""Every network that reads a flow picture under the same honest leave-one-subject-out: the table that the field lacks.

Command:  python experiments/studies/zoo.py --table=CLIPS.csv --out=DIR [--only=ststnet,rcn] [--epochs=30] [--seeds=5]
          [--recipe=same|own] [--figure=FILE.png] [--json]
Table:    of 28x28 flow pictures: real ones, or those that `mer-jax flow synthme --out=DIR` leaves in DIR/clips.csv.
Rows:     one network each, and `linear_svm`, a linear support vector machine for each class, C = 1, without seeds and epochs
Columns:  last      UF1 [95 % over people], UAR, accuracy of the last epoch, mean over seeds: the score
          ensemble  UF1 of the mean of the seeds' probabilities
          peek      UF1 at the epochs that were best on the tested: what choosing there adds; no score
          leaky     UF1 where clips, not people, are left out (ten folds): no score either
          parameters, millions of operations and milliseconds a clip (one answer in a batch of 64, here), and the seconds that
          the honest cross-validation, peeking at every epoch, took as one program
Tests:    each pair's exact sign-flip test over people of the number of right answers, both ways, Holm's correction over all
          pairs; the figure has the networks by their mean rank over people, with a bar over neighbours none of whom is told
          apart from another
Recipe:   same: Adam, 1e-3 falling along a cosine, batches of at most 64, --epochs, each network with its own paper's losses;
          no class weights, no augmentation; own: what its file in experiments/ says, whatever --epochs
Stopped, the same command goes on. No number is chosen by what the tested people say.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import jax
import numpy as np
from called import called
from zoo_tests import compared, diagram

import mer_jax
from mer_jax.backend import start_jax
from mer_jax.config_reading import read_config
from mer_jax.data.clips import Clips
from mer_jax.data.folds import leaky_kfold, leave_one_subject_out
from mer_jax.evaluation.finished_run import read_run
from mer_jax.evaluation.identity import code_digest
from mer_jax.evaluation.linear_svm import svm_predictions
from mer_jax.evaluation.predictions import Predictions, mean_of_runs
from mer_jax.evaluation.run_config import decisive, differences
from mer_jax.evaluation.run_folder import run_benchmark
from mer_jax.evaluation.score import HEADLINES, entry
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.models import MODELS, create, row_of
from mer_jax.settings import Settings, settings_of
from mer_jax.whole_files import read_json

EXPERIMENTS = Path(__file__).parents[1]
SAME = {"name": "adam", "learning_rate": 1e-3, "weight_decay": 0.0, "schedule": "cosine", "warmup_epochs": 0,
        "gradient_clip": 0.0}
PLAIN = {"class_weights": "none", "label_smoothing": 0.0, "augmentation": {"flip": False, "shift": 0, "dark": 0.0}}
KINDS = {"honest": {"protocol": "leave_one_subject_out", "selection": "test_peek"},       # which gives the last epoch as well
         "leaky": {"protocol": "leaky_kfold", "selection": "last", "allow_leak": True}}
AT_ONCE = 64
SVM = "linear_svm"
FIGURES = (".png", ".svg", ".pdf")


def flow_networks() -> tuple[str, ...]:
    """The names of the rows: what reads a flow picture and nothing else, the cheapest first."""
    names = [name for name, known in MODELS.items() if known.network.inputs == ("flow",)]
    return (SVM, *sorted(names, key=lambda name: row_of(name, next(iter(MODELS[name].variants)))["mflops"]))


def settings_for(name: str, kind: str, arguments: argparse.Namespace) -> Settings:
    """Of a network's run: its own file's, but for data, protocol and seeds, and the recipe, unless --recipe=own."""
    _, config = read_config([f"--config={EXPERIMENTS / name}.py", f"--config.data.table={arguments.table}"])
    config.update({**KINDS[kind], "seeds": arguments.seeds})
    if arguments.recipe == "same":
        config.update({"optimizer": SAME, "epochs": arguments.epochs, "batch_size": AT_ONCE, **PLAIN})
    return settings_of(name, config)


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


def network_row(name: str, clips: Clips, arguments: argparse.Namespace) -> tuple[dict, Predictions]:
    """A network's row, trained where it is not there yet, and the predictions of its last epoch."""
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


def svm_row(clips: Clips, seeds: int) -> tuple[dict, Predictions]:
    """The row of the linear machines, and their predictions as those of each seed; deterministic, so ensemble and peek are what
    it says anyway."""
    start = time.perf_counter()
    last = svm_predictions(clips, leave_one_subject_out(clips))
    seconds, features = time.perf_counter() - start, clips.flow[0].size
    return {**scores(last, ensemble=last, peek=last, leaky=svm_predictions(clips, leaky_kfold(clips))),
            "parameters": len(clips.classes) * (features + 1), "mflops": 2e-6 * len(clips.classes) * features,
            "evidence": "baseline, no paper's", "milliseconds": None, "seconds": seconds,
            "code": code_digest()}, repeated(last, seeds)


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


def study(arguments: argparse.Namespace) -> dict:
    """Everything that is not done yet, and what came of it."""
    names = chosen(arguments.only)
    refuse_others([name for name in names if name != SVM], arguments)
    if arguments.figure and arguments.figure.suffix not in FIGURES:
        raise UserMistake(f"--figure={arguments.figure}: wanted a name that ends in {', '.join(FIGURES)}")
    first = settings_for("ststnet", "honest", arguments)
    clips = mer_jax.load(first.source, first.classes)
    rows, tables = {}, {}
    for name in names:
        rows[name], tables[name] = svm_row(clips, arguments.seeds) if name == SVM else network_row(name, clips, arguments)
        print(f"zoo: {name} {line_of(rows[name])}", file=sys.stderr)
    pairs = compared(tables)
    if arguments.figure:
        diagram(pairs, arguments.figure)
    return {"clips": len(clips), "people": len(clips.subjects), "seeds": arguments.seeds, "recipe": arguments.recipe,
            "epochs": arguments.epochs if arguments.recipe == "same" else None, "rows": rows, **pairs}


def chosen(only: str | None) -> tuple[str, ...]:
    known = flow_networks()
    for name in (names := tuple(only.split(",")) if only else known):
        if name not in known:
            raise UserMistake(f"network {name!r} is none that reads flow{nearest(name, known)}; there are: {', '.join(known)}")
    return names


def refuse_others(names: list[str], arguments: argparse.Namespace) -> None:
    """Raises UserMistake, before anything is trained, where a row's folder holds a run of other settings."""
    for name in names:
        for kind in KINDS:
            path = arguments.out / name / kind / "config.json"
            wanted = decisive(settings_for(name, kind, arguments).to_json())
            if path.is_file() and (changed := differences(decisive(read_json(path).get("settings")), wanted)):
                raise UserMistake(f"{path.parent}: of other settings: {'; '.join(changed)}; name another --out")


def line_of(row: dict) -> str:
    low, high = row["interval"]["uf1"]
    taken = "     -" if row["milliseconds"] is None else f"{row['milliseconds']:6.3f}"
    return (f"{row['uf1']:.3f} [{low:.3f}, {high:.3f}]  {row['uar']:.3f}  {row['accuracy']:.3f}     {row['ensemble']:.3f}   "
            f"{row['peek']:.3f}  {row['leaky']:.3f}  {row['parameters']:>9,}  {row['mflops']:7.2f}  {taken}"
            f"  {row['seconds']:6.0f}")


def text_of(found: dict) -> str:
    """The table, the best first, and the pairs that are told apart."""
    epochs = f", {found['epochs']} epochs" if found["epochs"] else ""
    lines = [f"{found['clips']} clips of {found['people']} people, leave-one-subject-out, {found['seeds']} seeds, recipe "
             f"{found['recipe']}{epochs}",
             f"{'':16}UF1, last epoch       UAR    accuracy  ensemble  peek   leaky  parameters   MFLOP  ms/clip  seconds"]
    lines += [f"{name:15} {line_of(row)}" for name, row in sorted(found["rows"].items(), key=lambda item: -item[1]["uf1"])]
    if older := [name for name, row in found["rows"].items() if row["code"] != code_digest()]:
        lines += [f"trained by another version of mer_jax than this: {', '.join(older)}"]
    lines += ["peek and leaky are no scores", "", "better, over people (p after Holm):"]
    lines += [f"{better} above {worse}: {p:.4f}" for better, worse, p in found["told_apart"]] or ["none is told apart"]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", help="networks by their names; all that read flow where it is not said")
    parser.add_argument("--recipe", choices=("same", "own"), default="same")
    for name, usual in (("epochs", 30), ("seeds", 5)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    start_jax("")                                             # every core a device, as the command has it
    found = study(arguments)
    print(json.dumps(found) if arguments.json else text_of(found))


if __name__ == "__main__":
    called("zoo", main)
