"""Searches and final runs of the low-light plans: rows by their names, in DIR/search/NAME and DIR/KIND/NAME."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import lowlight_rows
from lowlight_rows import DARK, Form, chosen, read_winner, winner_file

import mer_jax
from mer_jax.data.clips import content_digests
from mer_jax.evaluation.benchmark import predictions_of, prepare, train_experiment
from mer_jax.evaluation.identity import code_digest
from mer_jax.evaluation.predictions import to_csv
from mer_jax.evaluation.run_folder import make_folds, run_benchmark
from mer_jax.evaluation.significance import over_levels
from mer_jax.evaluation.uncertainty import confusions_of_runs
from mer_jax.folder_lock import locked
from mer_jax.metrics import scores_of_many
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.settings import Settings
from mer_jax.whole_files import write_json, write_whole


def clips_of(settings: Settings) -> mer_jax.Clips:
    return mer_jax.load(settings.source, settings.classes, **dict(settings.data_options))


def search(name: str, folder: Path, form: Form) -> dict:
    """The winner of a network's search, which is trained where it is not there yet: all trials as one batch of runs."""
    path = winner_file(folder, name)
    if path.is_file():
        return read_winner(folder, name, form)
    settings, tried = lowlight_rows.row_settings(name, form), lowlight_rows.trials()
    clips = clips_of(settings)
    network = mer_jax.models.create(settings.network, len(clips.classes), settings.variant, settings.off,
                                    **dict(settings.network_options))
    e = prepare(network, clips, make_folds(settings, clips), settings.recipe, light=settings.light, hypers=tried,
                front=settings.front)
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.parent):
        result = train_experiment(e, e.plan, path.parent)
        tables = [predictions_of(e, result, number) for number in range(len(tried))]
        for number, table in enumerate(tables):
            write_whole(path.parent / f"trial{number}.csv", to_csv(table))
        scores = [scores_of_many(confusions_of_runs(over_levels(table, DARK))) for table in tables]
        accuracy, uf1 = ([float(score[metric].mean()) for score in scores] for metric in ("accuracy", "uf1"))
        best = chosen(accuracy)
        write_json(path, {"network": name, "trial": best, "setting": vars(tried[best]), "accuracy": accuracy, "uf1": uf1,
                          "trials": [vars(hyper) for hyper in tried], "settings": settings.to_json(),
                          "code": code_digest()})
    return read_winner(folder, name, form)


def final_run(name: str, folder: Path, kind: str, form: Form, people: str, winners: Path) -> dict:
    """A row's run on the people that no search saw, in DIR/KIND/NAME; gives its scores, and the winner that it used, which is
    read from WINNERS/search."""
    winner = read_winner(winners, name, form)
    settings = lowlight_rows.final_settings(name, form, people, winner)
    clips, before = clips_of(settings), clips_of(lowlight_rows.row_settings(name, form))
    if shared := set(content_digests(clips)) & set(content_digests(before)):
        raise UserMistake(f"{people}: {len(shared)} of its clips were searched on, in {form.search}; wanted others")
    print(f"{kind} {name}: trial {winner['trial']} of the search in {winners / 'search'}, {winner['setting']}", file=sys.stderr)
    metrics = run_benchmark(settings, clips, folder / kind / name, False)
    return {"winner": {part: winner[part] for part in ("trial", "setting", "code")}, "by_light": metrics["by_light"]}


def chosen_names(only: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """The rows that are named, or all where none is. Raises UserMistake for one that there is not."""
    names = known if only is None else tuple(only.split(","))
    for name in names:
        if name not in known:
            raise UserMistake(f"row {name!r} is not known{nearest(name, known)}; there are: {', '.join(known)}")
    return names


def search_all(names: tuple[str, ...], folder: Path, form: Form) -> dict:
    return {"search": {name: search(name, folder, form) for name in names}}


def final_runs(names: tuple[str, ...], folder: Path, kind: str, form: Form, people: str,
               kept: Mapping[str, Path] = MappingProxyType({})) -> dict:
    """Each row's run; none is trained where the winner of one of them is missing. kept: where the winners of rows are that
    were not searched for in this folder."""
    winners = {name: kept.get(name, folder) for name in names}
    for name in names:
        read_winner(winners[name], name, form)
    return {kind: {name: final_run(name, folder, kind, form, people, winners[name]) for name in names}}
