"""The tables of lowlight.md, and what they share with those of lowlight_again.md, from the folders of the runs alone."""

import dataclasses
from pathlib import Path

from lowlight_rows import (
    ALL,
    DARK,
    NETWORKS,
    SUPPLEMENT,
    Form,
    final_settings,
    parts_of,
    read_winner,
    searched,
    trials,
    winner_file,
)
from lowlight_verdict import ERROR, best_other, verdict

from mer_jax.evaluation.finished_run import FinishedRun, read_run
from mer_jax.evaluation.predictions import Predictions
from mer_jax.evaluation.run_config import differences
from mer_jax.evaluation.significance import better_p, holm, over_levels
from mer_jax.evaluation.uncertainty import confusions_of_runs, interval_over_subjects, paired_difference
from mer_jax.metrics import scores_of_many
from mer_jax.mistakes import UserMistake

METRICS = ("accuracy", "uf1")


def finished(folder: Path, names: tuple[str, ...]) -> dict[str, FinishedRun]:
    """name -> its run, of those runs that are done: metrics.json is written after all that is read here."""
    return {name: read_run(folder / name) for name in names if (folder / name / "metrics.json").is_file()}


def people_of(folder: Path, runs: dict[str, dict[str, FinishedRun]], form: Form) -> str:
    """The people whom the runs of all kinds had, as their config.json names them.

    Raises UserMistake where there is no run, and where a run is not of this form (label, protocol, seeds, light levels,
    network, recipe: all but the people), has other numbers than its winner, or is of other clips than the first run.
    """
    every = [(name, run) for rows in runs.values() for name, run in rows.items()]
    for name, run in every:
        allowed = [final_settings(name, form, run.setting("source"), {"setting": setting}).to_json()
                   for setting in settings_allowed(folder, name, form)]
        if all(changed := [differences(run.config["settings"], wanted) for wanted in allowed]):
            raise UserMistake(f"{run.folder}: not of this form of the plan: {'; '.join(min(changed, key=len))}; another form, "
                              "or another --out")
        first = every[0][1]
        if people_and_digest(run) != people_and_digest(first):
            raise UserMistake(f"{run.folder}: of other clips than {first.folder}: {' '.join(people_and_digest(run))} there, "
                              f"{' '.join(people_and_digest(first))} here; wanted all rows on the same")
    if not every:
        raise UserMistake(f"{folder}: no run of the plan is kept there; wanted the --out of its runs")
    return every[0][1].setting("source")


def settings_allowed(folder: Path, name: str, form: Form) -> list[dict]:
    """The numbers that a row may have: its winner's, or where no search is kept those of any trial."""
    if winner_file(folder, name).is_file():
        return [read_winner(folder, name, form)["setting"]]
    return [dataclasses.asdict(trial) for trial in trials()]


def people_and_digest(run: FinishedRun) -> tuple[str, str]:
    """What the clips of a run are called, and the first digits of their digest."""
    return run.setting("source"), str(run.config.get("data", {}).get("digest"))[:8]


def scored(table: Predictions) -> dict:
    """Mean over L1 to L4 of accuracy and UF1, each with its interval over people, and the accuracy at each level."""
    dark = over_levels(table, DARK)
    mean, interval = scores_of_many(confusions_of_runs(dark)), interval_over_subjects(dark)
    found = {metric: {"mean": float(mean[metric].mean()), "interval": interval[metric]} for metric in METRICS}
    levels = {level: scores_of_many(confusions_of_runs(table.where(light=level)))["accuracy"].mean() for level in ALL}
    return {**found, "by_level": {level: float(accuracy) for level, accuracy in levels.items()}}


def of_seeds(table: Predictions) -> list[float]:
    """The accuracy of each seed, in the order of their numbers."""
    right = table.columns["prediction"] == table.columns["label"]
    return [float(right[table.columns["seed"] == seed].mean()) for seed in table.unique("seed")]


def compared(first: Predictions, others: dict[str, Predictions], named: tuple[str, ...]) -> dict:
    """`first` less each of the others, on the same people: over L1 to L4, and at L0; by_seed: the first seed's accuracy over L1
    to L4 less the other's first, and so on; p and holm one-sided, for "first is better", holm_other for "the other is better".

    Intervals and p are over people, with the seeds that were drawn: by_seed says whether other seeds might say otherwise.

    Holm's correction counts all that the plan names: what is not run yet counts as found nothing, so p can only sink.
    """
    found, dark = {}, over_levels(first, DARK)
    for name, table in others.items():
        other = over_levels(table, DARK)
        difference = paired_difference(other, dark)
        bright = paired_difference(table.where(light="L0"), first.where(light="L0"))
        found[name] = {**{metric: difference[metric] for metric in METRICS}, "L0": bright["accuracy"],
                       "by_seed": [ours - theirs for ours, theirs in zip(of_seeds(dark), of_seeds(other), strict=True)],
                       "p": better_p(other, dark), "p_other": better_p(dark, other)}
    adjusted, other_way = (holm({name: found[name][p] if name in found else 1.0 for name in named}) for p in ("p", "p_other"))
    return {name: {**part, "holm": adjusted[name], "holm_other": other_way[name]} for name, part in found.items()}


def trivial(run: FinishedRun) -> dict[str, dict[str, float]]:
    """Accuracy at each level, and "dark", their mean over L1 to L4, of what everything should be better than: the majority of
    the training people's answers, and the linear classifier on apex - onset, which is trained at the level it is asked at."""
    linear, majority = run.metrics.get("linear"), run.metrics.get("majority_vote")
    if not (linear and majority):
        return {}
    found = {"majority vote": dict.fromkeys(ALL, majority["accuracy"]),
             "linear classifier": {level: linear[level]["accuracy"] for level in ALL}}
    return {name: {**levels, "dark": sum(levels[level] for level in DARK) / len(DARK)} for name, levels in found.items()}


def behind(enhanced: dict[str, Predictions], plain: dict[str, Predictions], ending: str) -> dict:
    """What each network NAME is as NAME + ending above itself, where both are there; none of the plan's comparisons."""
    pairs = [name for name in plain if name + ending in enhanced]
    return {name: compared(enhanced[name + ending], {name: plain[name]}, (name,))[name] for name in pairs}


def statements(against: dict, named: tuple[str, ...]) -> list[str]:
    """The two that stand beside the verdict, by lowlight.md; none before all rows are there, since p still sinks."""
    found = []
    if not set(named) <= set(against):
        return found
    if against["agmenet_plain"]["holm"] > ERROR:
        found.append("the enhancement buys nothing that can be shown here")
    if against["agmenet_plain_t5"]["accuracy"]["interval"][0] <= 0:
        found.append("AGMENet without its enhancement behind T5 is as good, as far as can be shown")
    return found


def circumstances(folder: Path, runs: dict[str, dict[str, FinishedRun]], form: Form) -> dict:
    """{"people", "rehearsal": whether they are others than the plan's, "form", "codes": the first digits of a code's digest ->
    the rows it trained, "trivial": of the first kind's first run}."""
    people, codes = people_of(folder, runs, form), {}
    for kind, rows in runs.items():
        for name, run in rows.items():
            codes.setdefault(str(run.config.get("code", {}).get("digest"))[:8], []).append(f"{kind}/{name}")
    first = next(iter(runs.values()))
    return {"people": people, "rehearsal": people != form.people, "form": dataclasses.asdict(form),
            "codes": codes, "trivial": trivial(next(iter(first.values()))) if first else {}}


def comparison(rows: dict[str, Predictions], own: str, named: tuple[str, ...], plain: str) -> dict:
    """{"networks": scores, "against": `own` less each of the others, "best_other", "verdict"}; named: all others of the plan,
    plain: see `lowlight_verdict.verdict`."""
    others = {name: table for name, table in rows.items() if name != own}
    against = compared(rows[own], others, named) if own in rows else {}
    return {"networks": {name: scored(table) for name, table in rows.items()}, "against": against,
            "best_other": best_other(against) if against else "", "verdict": verdict(against, named, plain)}


def tables(folder: Path, form: Form) -> dict:
    """Of the first plan: what `circumstances` and `comparison` give, and {"behind_t5", "behind_gain", "statements", "parts":
    AGMENet less each with one part changed, "supplement": the row it has its numbers of less each, "missing"}: what the plan
    asks for and is not there."""
    runs = {"final": finished(folder / "final", tuple(NETWORKS)), "ablation": finished(folder / "ablation", parts_of(form)),
            "supplement": finished(folder / "supplement", tuple(SUPPLEMENT))}
    networks, parts, after = ({name: run.table for name, run in rows.items()} for rows in runs.values())
    own, named = networks.get("agmenet"), tuple(name for name in NETWORKS if name != "agmenet")
    found = {**circumstances(folder, runs, form), **comparison(networks, "agmenet", named, "agmenet_plain")}
    return {
        **found, "behind_t5": behind(networks, networks, "_t5"), "behind_gain": behind(after, networks, "_gain"),
        "statements": statements(found["against"], named),
        "supplement": {name: compared(networks[searched(name)], {name: table}, (name,))[name] for name, table in after.items()
                       if searched(name) in networks},
        "parts": compared(own, parts, parts_of(form)) if own else {},
        "missing": [*(f"final/{name}" for name in NETWORKS if name not in networks),
                    *(f"ablation/{name}" for name in parts_of(form) if name not in parts)]}
