"""The best score on a table of flow pictures of which nothing was chosen on the people it is said of.

Command:  python experiments/studies/best_flow.py --table=CLIPS.csv --out=DIR [--network=DIR] [--groups=4] [--seeds=5]
          [--epochs=100] [--json]
How:      people are parted into groups. For each group every candidate is scored (UF1, one seed) by subject_kfold of five folds
          among the people of the other groups alone; the best of them (of equals the first) is then trained for every person of
          the group as leave-one-subject-out has it, on all others, with --seeds seeds. So no person has a part in what is
          chosen for them.
Steps:    each may choose among its own candidates and all before:
          base          STSTNet, Adam 1e-3 falling along a cosine, batches of at most 256
          recipe        + other rates, label smoothing, class weights
          augmentation  + mirrored and shifted pictures
          losses        + focal loss, margins, smoothed and balanced labels
          network       + OFF-ApexNet, Dual-Inception, a linear classifier; what is dearer is hours for each group
          pretrained    + STSTNet that begins with a network kept by pretrain_synthme.py, where --network names one
          seeds         the answers of the last of these, the probabilities of its seeds averaged
          three         the three best candidates of each group instead of the best, averaged likewise
          networks      the best candidate of each of the three best networks, averaged likewise
Result:   the step `networks`, whatever the others say: fixed before anything was run. They say what each choice buys.
Measure:  UF1, UAR, accuracy [95 % over people], each step less the one before on the same people, and what each group chose.
          The ladder, its candidates and their order are fixed in this file; so is --epochs, a budget of time.
Expected: not measured yet. STSTNet's published weights, chosen by others, have .7525 on the 309 clips of CASME II and SMIC.
Stopped, the same command goes on: DIR/GROUP/CANDIDATE are the runs of the choice, DIR/all/CANDIDATE those of the end.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from called import called

import mer_jax
from mer_jax.backend import start_jax
from mer_jax.config_reading import read_config
from mer_jax.data.clips import Clips
from mer_jax.data.folds import subject_kfold
from mer_jax.evaluation.finished_run import read_run
from mer_jax.evaluation.predictions import Predictions, mean_of_runs
from mer_jax.evaluation.run_folder import run_benchmark
from mer_jax.evaluation.score import HEADLINES, entry
from mer_jax.evaluation.uncertainty import paired_difference
from mer_jax.mistakes import UserMistake
from mer_jax.settings import Settings, settings_of
from mer_jax.whole_files import read_json

STSTNET = Path(__file__).parents[1] / "ststnet.py"
CLASSES = ("negative", "positive", "surprise")
BASE = {"optimizer": {"learning_rate": 1e-3, "schedule": "cosine"}}
MOVED = {"augmentation": {"flip": True, "shift": 2}}
# step -> candidate -> what is changed of BASE, which is candidate "base"
STEPS: dict[str, dict[str, dict]] = {
    "base": {"base": {}},
    "recipe": {"slow": {"optimizer": {"learning_rate": 3e-4}}, "fast": {"optimizer": {"learning_rate": 3e-3}},
               "smooth": {"label_smoothing": 0.1}, "balanced": {"class_weights": "balanced"}},
    "augmentation": {"flip": {"augmentation": {"flip": True}}, "shift": {"augmentation": {"shift": 2}}, "moved": MOVED,
                     "moved_balanced": {**MOVED, "class_weights": "balanced"}},
    "losses": {"focal": {"losses": {"focal": 1.0}}, "margin": {"losses": {"margin": 1.0}},
               "smooth_balanced": {"label_smoothing": 0.1, "class_weights": "balanced"}},
    "network": {name: {"network": {"name": name}, **MOVED} for name in ("off_apexnet", "dual_inception", "linear")},
    "pretrained": {"pretrained": {}, "pretrained_moved": MOVED},
}
CHOOSING, BEST = {"protocol": "subject_kfold", "protocol_options": {"folds": 5}, "seeds": 1}, 3
RESULT = "networks"


def best_of_networks(candidates: dict[str, dict], score: dict[str, float]) -> list[str]:
    """The best candidate of each of the three best networks; of equals the first."""
    of_network: dict[str, list[str]] = {}
    for name in sorted(candidates, key=lambda name: -score[name]):
        of_network.setdefault(candidates[name].get("network", {}).get("name", "ststnet"), []).append(name)
    return [names[0] for names in of_network.values()][:BEST]


def steps_with(network: Path | None) -> dict[str, dict[str, dict]]:
    """The steps that can be had: without a kept network the last cannot. Raises UserMistake for a kept network of whose
    training something was chosen on labels of real clips."""
    if network is None:
        return {step: candidates for step, candidates in STEPS.items() if step != "pretrained"}
    if not (network / "choices.json").is_file():
        raise UserMistake(f"--network={network}: has no choices.json, which says what of it was chosen on real clips; wanted "
                          "DIR/network of pretrain_synthme.py")
    if made := read_json(network / "choices.json")["made_on_real_clips"]:
        raise UserMistake(f"--network={network}: chosen on labels of CASME II and SMIC: {'; '.join(made)}; wanted one of "
                          "--units=rules and not of --crop=fitted")
    begun = {name: {**changes, "weights": str(network)} for name, changes in STEPS["pretrained"].items()}
    return {**STEPS, "pretrained": begun}


def settings_for(name: str, changes: dict, arguments: argparse.Namespace, **how) -> Settings:
    """Of a candidate: those of STSTNet's file, changed by BASE, by the candidate, and by how it is run."""
    _, config = read_config([f"--config={STSTNET}", f"--config.data.table={arguments.table}"])
    config.losses = changes.get("losses", config.losses)
    for part in (BASE, changes, {"epochs": arguments.epochs, **how}):
        config.update({key: value for key, value in part.items() if key != "losses"})
    return settings_of(name, config)


def scored(name: str, changes: dict, group: str, clips: Clips, arguments: argparse.Namespace) -> float:
    """A candidate's UF1 among the people of the other groups, whose clips these are."""
    run_benchmark(settings_for(name, changes, arguments, **CHOOSING), clips, arguments.out / group / name)
    return entry(read_run(arguments.out / group / name).table)["uf1"]


def of_people(table: Predictions, people: set[str]) -> Predictions:
    """The rows of these people, `dataset/subject`."""
    keep = np.isin(table.subject_keys(), sorted(people))
    return Predictions(table.classes, {name: column[keep] for name, column in table.columns.items()}, table.probabilities[keep])


def joined(tables: list[Predictions]) -> Predictions:
    """Tables of different people as one."""
    columns = {name: np.concatenate([table.columns[name] for table in tables]) for name in tables[0].columns}
    return Predictions(tables[0].classes, columns, np.concatenate([table.probabilities for table in tables]))


def averaged(tables: list[Predictions]) -> Predictions:
    """One answer a clip: the mean of the probabilities of every run of every table."""
    runs = np.cumsum([0, *(table.columns["run"].max() + 1 for table in tables)])
    numbered = [Predictions(t.classes, {**t.columns, "run": t.columns["run"] + first}, t.probabilities)
                for t, first in zip(tables, runs, strict=False)]
    return mean_of_runs(joined(numbered))


def study(arguments: argparse.Namespace) -> dict:
    """Everything that is not done yet, and what came of it."""
    steps, clips = steps_with(arguments.network), mer_jax.load(str(arguments.table), CLASSES)
    every = {name: changes for candidates in steps.values() for name, changes in candidates.items()}
    folds = subject_kfold(clips, arguments.groups)
    groups = {name: {clips.subjects[s] for s in np.asarray(clips.subject)[test].tolist()}
              for name, test in zip(folds.names, folds.test, strict=True)}
    inner = {group: {name: scored(name, changes, group, clips.take(train), arguments) for name, changes in every.items()}
             for group, train in zip(folds.names, folds.train, strict=True)}

    def trained(name: str) -> Predictions:
        settings = settings_for(name, every[name], arguments, protocol="leave_one_subject_out", seeds=arguments.seeds)
        run_benchmark(settings, clips, arguments.out / "all" / name)
        return read_run(arguments.out / "all" / name).table

    tables, chosen, known = {}, {}, []
    for step, candidates in steps.items():
        known += candidates
        chosen[step] = {group: [max(known, key=inner[group].__getitem__)] for group in groups}
        tables[step] = joined([of_people(trained(chosen[step][group][0]), people) for group, people in groups.items()])
    last = list(steps)[-1]
    chosen["seeds"], tables["seeds"] = chosen[last], mean_of_runs(tables[last])
    chosen["three"] = {group: sorted(known, key=lambda name, group=group: -inner[group][name])[:BEST] for group in groups}
    chosen["networks"] = {group: best_of_networks(every, inner[group]) for group in groups}
    for step in ("three", "networks"):
        tables[step] = joined([averaged([of_people(trained(name), people) for name in chosen[step][group]])
                               for group, people in groups.items()])
    return {"clips": len(clips), "people": len(clips.subjects), "seeds": arguments.seeds, "epochs": arguments.epochs,
            "inner": inner, "chosen": chosen, **told(tables)}


def told(tables: dict[str, Predictions]) -> dict:
    """{"steps": step -> headline -> [score, interval over people], "gained": step -> what it has above the one before}."""
    names, steps = list(tables), {}
    for name, table in tables.items():
        found = entry(table)
        steps[name] = {metric: [found[metric], found["interval_subjects"][metric]] for metric in HEADLINES}
    gained = {after: paired_difference(tables[before], tables[after])
              for before, after in zip(names, names[1:], strict=False)}
    return {"steps": steps, "gained": gained}


def text_of(found: dict) -> str:
    """A line a step, and what each group chose."""
    lines = [f"{found['clips']} clips of {found['people']} people, leave-one-subject-out, {found['seeds']} seeds, "
             f"{found['epochs']} epochs; every choice on other people",
             f"{'':14}{'UF1':22}UAR    accuracy  UF1 above the step before"]
    for step, scores in found["steps"].items():
        (uf1, (low, high)), (uar, _), (accuracy, _) = (scores[metric] for metric in ("uf1", "uar", "accuracy"))
        gain = found["gained"].get(step, {}).get("uf1")
        above = "" if gain is None else "{:+.3f} [{:+.3f}, {:+.3f}]".format(gain["difference"], *gain["interval"])
        lines.append(f"{step:13} {uf1:.3f} [{low:.3f}, {high:.3f}]  {uar:.3f}  {accuracy:.3f}     {above}".rstrip())
    lines += [f"the result, fixed before anything was run: {RESULT}", "", "chosen:"]
    lines += [f"{step:13} " + "; ".join(f"{group} {', '.join(names)}" for group, names in groups.items())
              for step, groups in found["chosen"].items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--network", type=Path, help="DIR/network of pretrain_synthme.py")
    for name, usual in (("groups", 4), ("seeds", 5), ("epochs", 100)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    start_jax("")                                             # every core a device, as the command has it
    found = study(arguments)
    print(json.dumps(found) if arguments.json else text_of(found))


if __name__ == "__main__":
    called("best_flow", main)
