"""The best score on a table of flow pictures, every candidate being chosen on other people than it is said of.

Command:  python experiments/studies/best_flow.py --table=CLIPS.csv --out=DIR [--network=DIR] [--groups=4] [--seeds=5]
          [--epochs=30] [--json]
How:      people are parted into groups. For each group every candidate is scored (UF1, one seed) by subject_kfold of five folds
          among the people of the other groups alone; the best of them (of equals the first) is then trained for each person of
          the group as leave-one-subject-out has it, on all others, with --seeds seeds. So no person has a part in which
          candidate is chosen for them.
Steps:    each may choose among its own candidates and all before:
          base          STSTNet, Adam 1e-3 falling along a cosine, batches of at most 64: the zoo's recipe
          recipe        + other rates, label smoothing, class weights
          augmentation  + mirrored and shifted pictures
          losses        + focal loss, margins, smoothed and balanced labels
          network       + every network of up to 30 million operations, as the zoo has it and with moved pictures
          pretrained    + STSTNet that begins with a network kept by pretrain_synthme.py, where --network names one
          seeds         the answers of the last of these, the probabilities of its seeds averaged
          three         the three best candidates of each group instead of the best, averaged likewise
          networks      the best candidate of each of the three best networks, averaged likewise
Result:   the step `networks`, whatever the others say: fixed before anything was run. They say what each choice buys.
Known:    the zoo's recipe is one under which networks had been scored before on the 442 clips of the composite, the 309 among
          them, as was batch norm's momentum. When the step `network` was written, STSTNet, the linear classifier, OFF-ApexNet
          and Dual-ATME had been scored on the 309 under it. No candidate was let in or left out for its score: the bound of
          their operations alone decides.
Measure:  UF1, UAR, accuracy [95 % over people], each step less the one before on the same people, and what each group chose.
          A candidate whose loss ends as no number has 0. The ladder, its candidates and their order are fixed in this file; so
          are --epochs and the bound of a network's operations, which are budgets of time.
Expected: not measured yet. STSTNet's published weights, chosen by others, have .7525 on the 309 clips of CASME II and SMIC.
Stopped, the same command goes on: the runs of the choice are in DIR/GROUP, those of the end in DIR/GROUP_left_out.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from called import called
from zoo_rows import AT_ONCE, PLAIN, SAME, config_of

import mer_jax
from mer_jax.backend import start_jax
from mer_jax.data.clips import Clips
from mer_jax.data.folds import subject_kfold
from mer_jax.evaluation.finished_run import read_run
from mer_jax.evaluation.predictions import Predictions, mean_of_runs
from mer_jax.evaluation.run_folder import run_benchmark
from mer_jax.evaluation.score import HEADLINES, entry
from mer_jax.evaluation.uncertainty import paired_difference
from mer_jax.mistakes import UserMistake
from mer_jax.settings import Settings, settings_of
from mer_jax.training.finite import NotFinite
from mer_jax.whole_files import read_json

CLASSES = ("negative", "positive", "surprise")
MOVED = {"augmentation": {"flip": True, "shift": 2}}
NETWORKS = ("linear", "off_apexnet", "dual_atme", "dual_inception", "mfe_net", "featref")     # of up to DEAREST, cheapest first
DEAREST = 30                                                                                 # millions of operations
# step -> candidate -> what is changed of STSTNet under the zoo's recipe, which is candidate "base"
STEPS: dict[str, dict[str, dict]] = {
    "base": {"base": {}},
    "recipe": {"slow": {"optimizer": {"learning_rate": 3e-4}}, "fast": {"optimizer": {"learning_rate": 3e-3}},
               "smooth": {"label_smoothing": 0.1}, "balanced": {"class_weights": "balanced"}},
    "augmentation": {"flip": {"augmentation": {"flip": True}}, "shift": {"augmentation": {"shift": 2}}, "moved": MOVED,
                     "moved_balanced": {**MOVED, "class_weights": "balanced"}},
    "losses": {"focal": {"losses": {"focal": 1.0}}, "margin": {"losses": {"margin": 1.0}},
               "smooth_balanced": {"label_smoothing": 0.1, "class_weights": "balanced"}},
    "network": {**{name: {"network": name} for name in NETWORKS},
                **{f"{name}_moved": {"network": name, **MOVED} for name in NETWORKS}},
    "pretrained": {"pretrained": {}, "pretrained_moved": MOVED},
}
INNER, BEST = {"folds": 5}, 3
RESULT = "networks"


def best_of_networks(candidates: dict[str, dict], score: dict[str, float]) -> list[str]:
    """The best candidate of each of the three best networks; of equals the first."""
    of_network: dict[str, list[str]] = {}
    for name in sorted(candidates, key=lambda name: -score[name]):
        of_network.setdefault(candidates[name].get("network", "ststnet"), []).append(name)
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
    """Of a candidate: its network's own losses, the zoo's recipe, what the candidate changes, and how it is run."""
    config = config_of(changes.get("network", "ststnet"), f"--config.data.table={arguments.table}")
    config.losses = changes.get("losses", config.losses)
    zoo = {"optimizer": SAME, "epochs": arguments.epochs, "batch_size": AT_ONCE, **PLAIN}
    for part in (zoo, {key: value for key, value in changes.items() if key not in ("losses", "network")}, how):
        config.update(part)
    return settings_of(name, config)


def answers(name: str, changes: dict, clips: Clips, folder: Path, arguments: argparse.Namespace, **how) -> Predictions:
    """What a candidate says of the clips that are held out; how: the protocol and the seeds, in the words of a config."""
    run_benchmark(settings_for(name, changes, arguments, **how), clips, folder / name)
    return read_run(folder / name).table


def scored(name: str, changes: dict, group: str, clips: Clips, arguments: argparse.Namespace) -> float:
    """A candidate's UF1 among the people of the other groups, whose clips these are."""
    try:
        return entry(answers(name, changes, clips, arguments.out / group, arguments, seeds=1, protocol="subject_kfold",
                             protocol_options=INNER))["uf1"]
    except NotFinite:
        return 0.0


def joined(tables: list[Predictions]) -> Predictions:
    """Tables of different people as one."""
    columns = {name: np.concatenate([table.columns[name] for table in tables]) for name in tables[0].columns}
    return Predictions(tables[0].classes, columns, np.concatenate([table.probabilities for table in tables]))


def averaged(tables: list[Predictions]) -> Predictions:
    """One answer a clip: the mean over tables, each being the mean of the probabilities of its runs."""
    means = [mean_of_runs(table) for table in tables]
    numbered = [Predictions(t.classes, {**t.columns, "run": t.columns["run"] + number}, t.probabilities)
                for number, t in enumerate(means)]
    return mean_of_runs(joined(numbered))


def study(arguments: argparse.Namespace) -> dict:
    """Everything that is not done yet, and what came of it."""
    steps, clips = steps_with(arguments.network), mer_jax.load(str(arguments.table), CLASSES)
    every = {name: changes for candidates in steps.values() for name, changes in candidates.items()}
    folds = subject_kfold(clips, arguments.groups)
    groups = {name: tuple(sorted({clips.subjects[s] for s in np.asarray(clips.subject)[test].tolist()}))
              for name, test in zip(folds.names, folds.test, strict=True)}
    inner = {group: {name: scored(name, changes, group, clips.take(train), arguments) for name, changes in every.items()}
             for group, train in zip(folds.names, folds.train, strict=True)}

    def left_out(name: str, group: str) -> Predictions:
        people = {"subjects": groups[group]}
        return answers(name, every[name], clips, arguments.out / f"{group}_left_out", arguments, seeds=arguments.seeds,
                       protocol="leave_one_subject_out", protocol_options=people)

    tables, chosen, known = {}, {}, []
    for step, candidates in steps.items():
        known += candidates
        chosen[step] = {group: [max(known, key=inner[group].__getitem__)] for group in groups}
        tables[step] = [left_out(chosen[step][group][0], group) for group in groups]
    last = list(steps)[-1]
    chosen["seeds"], tables["seeds"] = chosen[last], [mean_of_runs(table) for table in tables[last]]
    chosen["three"] = {group: sorted(known, key=lambda name, group=group: -inner[group][name])[:BEST] for group in groups}
    chosen["networks"] = {group: best_of_networks(every, inner[group]) for group in groups}
    for step in ("three", "networks"):
        tables[step] = [averaged([left_out(name, group) for name in chosen[step][group]]) for group in groups]
    return {"clips": len(clips), "people": len(clips.subjects), "seeds": arguments.seeds, "epochs": arguments.epochs,
            "inner": inner, "chosen": chosen, **told({step: joined(parts) for step, parts in tables.items()})}


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
             f"{found['epochs']} epochs; every candidate chosen on other people, the ladder before (see Known)",
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
    for name, usual in (("groups", 4), ("seeds", 5), ("epochs", 30)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    start_jax("")                                             # every core a device, as the command has it
    found = study(arguments)
    print(json.dumps(found) if arguments.json else text_of(found))


if __name__ == "__main__":
    called("best_flow", main)
