"""The tables of lowlight.md, from the folders of the runs alone."""

from pathlib import Path

from lowlight_rows import ALL, DARK, NETWORKS, Form, final_settings, parts_of
from lowlight_verdict import VERDICTS, best_other, verdict

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


def people_of(runs: dict[str, dict[str, FinishedRun]], form: Form) -> str:
    """The people whom the runs of all kinds had, as their config.json names them; an empty text where there is no run.

    Raises UserMistake where a run is not of this form (label, protocol, seeds, light levels, network: all but the people and
    the recipe), or of other clips than the first run.
    """
    every = [(name, run) for rows in runs.values() for name, run in rows.items()]
    for name, run in every:
        wanted = final_settings(name, form, run.setting("source"), {"setting": {}}).to_json()
        there, here = ({**settings, "recipe": None} for settings in (run.config["settings"], wanted))
        if changed := differences(there, here):
            raise UserMistake(f"{run.folder}: not of this form of the plan: {'; '.join(changed)}; --full or not, or another "
                              "--out")
        first = every[0][1]
        if people_and_digest(run) != people_and_digest(first):
            raise UserMistake(f"{run.folder}: of other clips than {first.folder}: {' '.join(people_and_digest(run))} there, "
                              f"{' '.join(people_and_digest(first))} here; wanted all rows on the same")
    return every[0][1].setting("source") if every else ""


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


def compared(first: Predictions, others: dict[str, Predictions], named: tuple[str, ...]) -> dict:
    """`first` less each of the others, on the same people: over L1 to L4, and at L0; p and holm one-sided, for "first is
    better", holm_other for "the other is better".

    Holm's correction counts all that the plan names: what is not run yet counts as found nothing, so p can only sink.
    """
    found, dark = {}, over_levels(first, DARK)
    for name, table in others.items():
        other = over_levels(table, DARK)
        difference = paired_difference(other, dark)
        bright = paired_difference(table.where(light="L0"), first.where(light="L0"))
        found[name] = {**{metric: difference[metric] for metric in METRICS}, "L0": bright["accuracy"],
                       "p": better_p(other, dark), "p_other": better_p(dark, other)}
    adjusted, other_way = (holm({name: found[name][p] if name in found else 1.0 for name in named}) for p in ("p", "p_other"))
    return {name: {**part, "holm": adjusted[name], "holm_other": other_way[name]} for name, part in found.items()}


def tables(folder: Path, form: Form) -> dict:
    """{"people", "rehearsal": whether they are others than the plan's, "networks": scores, "against": AGMENet less each,
    "best_other", "verdict", "parts": AGMENet less each with one part changed, "missing"}."""
    runs = {"final": finished(folder / "final", tuple(NETWORKS)), "ablation": finished(folder / "ablation", parts_of(form))}
    people = people_of(runs, form)
    networks, parts = ({name: run.table for name, run in rows.items()} for rows in runs.values())
    own = networks.get("agmenet")
    others = {name: table for name, table in networks.items() if name != "agmenet"}
    named = tuple(name for name in NETWORKS if name != "agmenet")
    against = compared(own, others, named) if own else {}
    return {
        "people": people, "rehearsal": bool(people) and people != form.people,
        "networks": {name: scored(table) for name, table in networks.items()},
        "against": against, "best_other": best_other(against) if against else "", "verdict": verdict(against, named),
        "parts": compared(own, parts, parts_of(form)) if own else {},
        "missing": [*(f"final/{name}" for name in NETWORKS if name not in networks),
                    *(f"ablation/{name}" for name in parts_of(form) if name not in parts)]}


def text_of(found: dict) -> str:
    """What the command prints without --json."""
    if "search" in found:
        return "\n".join(f"{name:18} trial {part['trial']}: {words_of(part['setting'])}   accuracy over L1 to L4 "
                         f"{part['accuracy'][part['trial']]:.3f} (of the trials {min(part['accuracy']):.3f} to "
                         f"{max(part['accuracy']):.3f})" for name, part in found["search"].items())
    if "networks" not in found:
        return "\n".join(f"{kind} {name:22} accuracy " + "  ".join(
            f"{level} {part['accuracy']:.3f}" for level, part in row["by_light"].items())
            for kind, rows in found.items() for name, row in rows.items())
    rehearsal = ", who are not the plan's: a rehearsal" if found["rehearsal"] else ""
    lines = [f"people: {found['people'] or 'none yet'}{rehearsal}", "",
             "accuracy and UF1, mean over L1 to L4 [95 % over people], and the accuracy at each level"]
    for name, row in sorted(found["networks"].items(), key=lambda item: -item[1]["accuracy"]["mean"]):
        means = "   ".join(f"{row[metric]['mean']:.3f} {ends_of(row[metric]['interval'])}" for metric in METRICS)
        lines.append(f"{name:18} {means}   " + "  ".join(f"{level} {value:.3f}" for level, value in row["by_level"].items()))
    for title, rows in (("AGMENet less each network", found["against"]), ("AGMENet less AGMENet but for", found["parts"])):
        lines += ["", f"{title}, on the same people: accuracy, UF1 over L1 to L4; accuracy at L0; p, and after Holm; "
                  "after Holm that the other is better"]
        lines += [f"{name:22} " + "   ".join(f"{row[part]['difference']:+.3f} {ends_of(row[part]['interval'], '+')}"
                                             for part in (*METRICS, "L0"))
                  + f"   p {row['p']:.4f} {row['holm']:.4f}; {row['holm_other']:.4f}" for name, row in rows.items()]
    best = f" (the best other row: {found['best_other']})" if found["best_other"] else ""
    lines += ["", f"verdict{' of the rehearsal' if rehearsal else ''}: {VERDICTS[found['verdict']]}{best}"]
    return "\n".join([*lines, "", f"not run yet: {', '.join(found['missing']) or 'none'}"])


def ends_of(interval: list[float], sign: str = "") -> str:
    return f"[{interval[0]:{sign}.2f}, {interval[1]:{sign}.2f}]"


def words_of(setting: dict) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in setting.items())
