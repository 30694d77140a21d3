"""Does AGMENet help in the dark? The frozen plan of lowlight.md: searched on some people, then scored on others, once.

Command:  python experiments/studies/lowlight.py --out=DIR (--search | --final | --ablation | --supplement | --table)
          [--only=NAME,NAME] [--full] [--people=synthme/easy_fresh] [--json]
--search    each network's twelve trials on the search people; leaves DIR/search/NAME/winner.json, which is never changed
--final     each network with its winner's numbers on people that no search saw; refuses where a winner is missing
--ablation  AGMENet with its winner's numbers, but for one part, on the people of --final
--supplement  what the plan lacks, asked after its verdict, on the same people: AGMENet without each part of its enhancement,
            and three networks behind the gain of T5 without its mean
--table     the tables of the plan and its verdict, from the folders of the runs; nothing is trained
--full      networks `small`, synthme/casme2_like and its fresh people, one subject out, five seeds: for an accelerator
Stopped, the same command goes on. Each row is a run of its own (DIR/final/NAME, DIR/ablation/NAME), with its report.
"""

import argparse
import json
import sys
from pathlib import Path


def search(name: str, folder: Path, form) -> dict:
    """The winner of a network's search, which is trained where it is not there yet: all trials as one batch of runs."""
    from lowlight_rows import DARK, chosen, read_winner, row_settings, trials, winner_file

    from mer_jax.evaluation.benchmark import predictions_of, prepare, train_experiment
    from mer_jax.evaluation.identity import code_digest
    from mer_jax.evaluation.predictions import to_csv
    from mer_jax.evaluation.run_folder import make_folds
    from mer_jax.evaluation.significance import over_levels
    from mer_jax.evaluation.uncertainty import confusions_of_runs
    from mer_jax.folder_lock import locked
    from mer_jax.metrics import scores_of_many
    from mer_jax.whole_files import write_json, write_whole

    path = winner_file(folder, name)
    if path.is_file():
        return read_winner(folder, name, form)
    settings, tried = row_settings(name, form), trials()
    clips, network = clips_of(settings), network_of(settings)
    e = prepare(network, clips, make_folds(settings, clips), settings.recipe, light=settings.light, hypers=tried,
                front=settings.front)
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.parent):
        tables = [predictions_of(e, result, number) for result in [train_experiment(e, e.plan, path.parent)]
                  for number in range(len(tried))]
        for number, table in enumerate(tables):
            write_whole(path.parent / f"trial{number}.csv", to_csv(table))
        scores = [scores_of_many(confusions_of_runs(over_levels(table, DARK))) for table in tables]
        accuracy, uf1 = ([float(score[metric].mean()) for score in scores] for metric in ("accuracy", "uf1"))
        best = chosen(accuracy)
        write_json(path, {"network": name, "trial": best, "setting": vars(tried[best]), "accuracy": accuracy, "uf1": uf1,
                          "trials": [vars(hyper) for hyper in tried], "settings": settings.to_json(),
                          "code": code_digest()})
    return read_winner(folder, name, form)


def clips_of(settings):
    import mer_jax

    return mer_jax.load(settings.source, settings.classes, **dict(settings.data_options))


def network_of(settings):
    import mer_jax

    classes = len(clips_of(settings).classes)
    return mer_jax.models.create(settings.network, classes, settings.variant, settings.off, **dict(settings.network_options))


def final_run(name: str, folder: Path, kind: str, form, people: str) -> dict:
    """A row's run on the people that no search saw, in DIR/KIND/NAME; gives its scores, and the winner that it used."""
    from lowlight_rows import final_settings, read_winner, row_settings

    from mer_jax.data.clips import content_digests
    from mer_jax.evaluation.run_folder import run_benchmark
    from mer_jax.mistakes import UserMistake

    winner = read_winner(folder, name, form)
    settings = final_settings(name, form, people, winner)
    clips, before = clips_of(settings), clips_of(row_settings(name, form))
    if shared := set(content_digests(clips)) & set(content_digests(before)):
        raise UserMistake(f"--people={people}: {len(shared)} of its clips were searched on, in {form.search}; wanted others")
    print(f"{kind} {name}: trial {winner['trial']} of the search in {folder / 'search'}, {winner['setting']}", file=sys.stderr)
    metrics = run_benchmark(settings, clips, folder / kind / name, False)
    return {"winner": {part: winner[part] for part in ("trial", "setting", "code")}, "by_light": metrics["by_light"]}


def chosen_names(only: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    from mer_jax.mistakes import UserMistake, nearest

    names = tuple(only.split(",")) if only else known
    for name in names:
        if name not in known:
            raise UserMistake(f"row {name!r} is not known{nearest(name, known)}; there are: {', '.join(known)}")
    return names


def check_words(arguments: argparse.Namespace) -> None:
    """Raises UserMistake where an option is given to a command that has no use for it."""
    from mer_jax.mistakes import UserMistake

    if arguments.people and not (arguments.final or arguments.ablation or arguments.supplement):
        raise UserMistake(f"option --people={arguments.people}: belongs to --final, --ablation and --supplement; the search "
                          "has the plan's people, and the table says which its runs had")
    if arguments.only and arguments.table:
        raise UserMistake(f"option --only={arguments.only}: belongs to --search, --final, --ablation and --supplement; the "
                          "table is of all rows that are there")


def command(arguments: argparse.Namespace) -> dict:
    """What the command gives with --json."""
    from lowlight_rows import FULL, NETWORKS, SUPPLEMENT, TINY, parts_of, read_winner
    from lowlight_tables import tables

    from mer_jax.backend import start_jax

    check_words(arguments)
    form, folder = FULL if arguments.full else TINY, arguments.out
    people = arguments.people or form.people
    known = tuple(SUPPLEMENT) if arguments.supplement else parts_of(form) if arguments.ablation else tuple(NETWORKS)
    names = chosen_names(arguments.only, known)
    if arguments.table:
        return tables(folder, form)
    if not arguments.search:
        for name in names:
            read_winner(folder, name, form)                   # before any is trained
    start_jax("")                                             # every core a device, as the command has it
    if arguments.search:
        return {"search": {name: search(name, folder, form) for name in names}}
    kind = next(kind for kind in ("ablation", "supplement", "final") if getattr(arguments, kind))
    return {kind: {name: final_run(name, folder, kind, form, people) for name in names}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    what = parser.add_mutually_exclusive_group(required=True)
    for name in ("search", "final", "ablation", "supplement", "table"):
        what.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--only", help="rows by their names")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--people", help="the data of the rows at the end")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()

    from lowlight_text import text_of

    from mer_jax.mistakes import UserMistake
    from mer_jax.training.preemption import Interrupted

    try:
        found = command(arguments)
    except UserMistake as mistake:
        print(f"lowlight: {mistake}", file=sys.stderr)
        sys.exit(2)
    except Interrupted as stopped:
        print("stopped; the same command goes on", file=sys.stderr)
        sys.exit(128 + stopped.signal)
    print(json.dumps(found) if arguments.json else text_of(found))


if __name__ == "__main__":
    main()
