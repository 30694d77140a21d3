"""Every network that reads a flow picture under the same honest leave-one-subject-out: the table that the field lacks.

Command:  python experiments/studies/zoo.py --table=CLIPS.csv --out=DIR [--only=ststnet,rcn_s] [--epochs=30] [--seeds=5]
          [--folds=5] [--recipe=same|own] [--figure=FILE.png] [--json]
          python experiments/studies/zoo.py --out=DIR [--only=...] [--figure=FILE.png] [--json]
Table:    of 28x28 flow pictures: real ones, or those that `mer-jax flow synthme --out=DIR` leaves in DIR/clips.csv. Without it
          the rows that are there are told, and nothing is trained: DIR/NAME/row.json is all that is read then, and has no clip
Folds:    each person is left out alone; with --folds people are left out in so many groups (subject_kfold): on two CPU cores
          that is a sixth of the work for 40 people in five groups
Rows:     one network each, and linear support vector machines, one for each class, C = 1, without chance and epochs: classes
          weighing as often as they are there (`linear_svm`) or alike (`linear_svm_balanced`). With --only also forms of a
          network of which its paper says how they rank: FORMS in zoo_rows.py
Columns:  last      UF1 [95 % over people], UAR, accuracy of the last epoch, mean over seeds: the score
          above     its UF1 above that of `linear_svm_balanced` on the same people [95 % over people]
          peek      UF1 at the epochs that were best on the tested: what choosing there adds; no score
          leaky     UF1 where clips, not people, are left out (ten folds, or --folds): no score either
          parameters, millions of operations and milliseconds a clip (one answer in a batch of 64, here), and the seconds that
          the honest cross-validation, peeking at every epoch, took as one program
          A second line has last and above of the mean of the seeds' probabilities. A network whose loss or answers end as no
          number says so in its row, and has no right answer
Tests:    each pair's exact sign-flip test over people of the number of right answers (not of UF1, by which the rows stand in
          order), both ways, Holm's correction over all pairs; the figure has the networks by their mean rank over people, with
          a bar over neighbours none of whom is told apart from another
Recipe:   same: Adam, 1e-3 falling along a cosine, batches of at most 64, --epochs, each network with its own paper's losses;
          no class weights (but for the balanced machines), no augmentation; own: what its file in experiments/ says, whatever
          --epochs. One recipe for all is nobody's best: MFE-Net's file has three times as many epochs, that of Dual-Inception
          a tenth of the rate
Stopped, the same command goes on; a row that is there is not asked again. No number is chosen by what the tested people say.
"""

import argparse
import json
import sys
from pathlib import Path

from called import called
from zoo_rows import FORMS, flow_networks, kept_rows, refuse_others, row_of, settings_for
from zoo_tests import compared, diagram

import mer_jax
from mer_jax.backend import start_jax
from mer_jax.evaluation.identity import code_digest
from mer_jax.mistakes import UserMistake, nearest

USUAL = {"epochs": 30, "seeds": 5, "recipe": "same", "folds": None}
HEADER = (f"{'':29}UF1, last epoch       UAR    accuracy  above linear_svm_bal.   peek   leaky   parameters    MFLOP  ms/clip  "
          "seconds")
FIGURES = (".png", ".svg", ".pdf")


def study(arguments: argparse.Namespace) -> dict:
    """The rows that are asked for, those that are not there yet trained where there is a table, and what they say together."""
    names = chosen(arguments.only, every=not arguments.table)
    if arguments.figure and arguments.figure.suffix not in FIGURES:
        raise UserMistake(f"--figure={arguments.figure}: wanted a name that ends in {', '.join(FIGURES)}")
    if arguments.table:
        train_missing(names, arguments)
    rows = kept_rows(arguments.out, names)
    pairs = compared({name: found["right"] for name, found in rows.items()})
    if arguments.figure:
        diagram(pairs, arguments.figure)
    return {**next(iter(rows.values()))["asked"]["table"], "rows": rows, **pairs}


def train_missing(names: tuple[str, ...], arguments: argparse.Namespace) -> None:
    """Leaves a row of each name in the folder."""
    first = settings_for("ststnet", "honest", arguments)
    clips = mer_jax.load(first.source, first.classes)
    refuse_others(names, clips, arguments)
    print(HEADER, file=sys.stderr)
    for name in names:
        print(f"{name:28} {line_of(row_of(name, clips, arguments))}", file=sys.stderr)


def chosen(only: str | None, every: bool = False) -> tuple[str, ...]:
    """The rows that are named; where none is, those of the whole table, and the forms beside it where `every`."""
    known = (*flow_networks(), *FORMS)
    for name in (names := tuple(only.split(",")) if only else known if every else flow_networks()):
        if name not in known:
            raise UserMistake(f"network {name!r} is none that reads flow{nearest(name, known)}; there are: {', '.join(known)}")
    return names


def with_usual(arguments: argparse.Namespace) -> argparse.Namespace:
    """What was not said as it usually is. Raises UserMistake where it was said and nothing is trained."""
    for name, usual in USUAL.items():
        value = getattr(arguments, name)
        if value is not None and not arguments.table:
            raise UserMistake(f"option --{name}={value}: belongs to --table=CLIPS.csv, where rows are trained; those that are "
                              "kept say themselves of what they are")
        if value is None:
            setattr(arguments, name, usual)
    if arguments.folds is not None and arguments.folds < 2:
        raise UserMistake(f"option --folds={arguments.folds}: wanted at least 2 groups of people")
    return arguments


def line_of(row: dict) -> str:
    if "failed" in row:
        return f"failed: {row['failed']}"
    leaky = "failed" if row["leaky"] is None else f"{row['leaky']:.3f} "
    return (f"{headlines_of(row)}  {row['peek']:.3f}  {leaky}{row['parameters']:>12,}  {row['mflops']:7.2f}  "
            f"{row['milliseconds']:7.3f}  {row['seconds']:6.0f}")


def headlines_of(part: dict) -> str:
    (low, high), above = part["interval"]["uf1"], part["above_machine"]
    return (f"{part['uf1']:.3f} [{low:.3f}, {high:.3f}]  {part['uar']:.3f}  {part['accuracy']:.3f}     "
            + "{:+.3f} [{:+.3f}, {:+.3f}]".format(above["difference"], *above["interval"]))


def text_of(found: dict) -> str:
    """The table, the best first, and the pairs that are told apart."""
    epochs = f", {found['epochs']} epochs" if found["epochs"] else ""
    left_out = "left out one by one" if found["folds"] is None else f"left out in {found['folds']} groups"
    lines = [f"{found['clips']} clips of {found['people']} people, {left_out}, {found['seeds']} seeds, recipe "
             f"{found['recipe']}{epochs}",
             HEADER]
    for name, row in sorted(found["rows"].items(), key=lambda item: -item[1].get("uf1", 0)):
        lines.append(f"{name:28} {line_of(row)}")
        if "ensemble" in row:
            lines.append(f"{'  its seeds, averaged':28} {headlines_of(row['ensemble'])}".rstrip())
    if older := [name for name, row in found["rows"].items() if row["code"] != code_digest()]:
        lines += [f"trained by another version of mer_jax than this: {', '.join(older)}"]
    trained = sum(row.get("seconds", 0) for row in found["rows"].values())
    lines += ["peek and leaky are no scores", f"all honest cross-validations: {trained:.0f} seconds", "",
              f"more right answers, over people (p after Holm, over all pairs of the {len(found['rows'])} rows above):"]
    lines += [f"{better} above {worse}: {'<0.0001' if p < 1e-4 else f'{p:.4f}'}"
              for better, worse, p in found["told_apart"]] or ["none is told apart"]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, help="of clips; without it nothing is trained")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", help="networks by their names; all that read flow where it is not said")
    parser.add_argument("--recipe", choices=("same", "own"))
    for name in ("epochs", "seeds", "folds"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = with_usual(parser.parse_args())
    start_jax("")                                             # every core a device, as the command has it
    found = study(arguments)
    print(json.dumps(found) if arguments.json else text_of(found))


if __name__ == "__main__":
    called("zoo", main)
