"""What lowlight.py and lowlight_again.py print: trials, rows, and the tables of the plans, in words."""

from lowlight_rows import ALL, searched
from lowlight_tables import METRICS
from lowlight_verdict import VERDICTS


def text_of(found: dict) -> str:
    """What lowlight.py prints without --json."""
    if "networks" not in found:
        return text_of_runs(found)
    lines = [*heading(found), *score_lines(found)]
    for title, rows in (("AGMENet less each network", found["against"]), ("AGMENet less AGMENet but for", found["parts"])):
        lines += difference_lines(title, rows, parts=rows is found["parts"])
    for what, rows in (("T5", found["behind_t5"]), ("the gain of T5 alone", found["behind_gain"])):
        if rows:
            lines += ["", f"each network behind {what} less itself without, likewise; p alone, since the plan does not ask it"]
            lines += [f"{name:22} {differences_of(row)}" for name, row in rows.items()]
    if found["supplement"]:
        lines += ["", "asked after the verdict: the row of the same numbers less each, likewise; p alone"]
        lines += [f"{name:22} {differences_of(row)}   {searched(name)}" for name, row in found["supplement"].items()]
    return "\n".join([*lines, *ending(found)])


def text_of_runs(found: dict) -> str:
    """Of searches, or of final runs."""
    if "search" in found:
        return "\n".join(f"{name:18} trial {part['trial']}: {words_of(part['setting'])}   accuracy over L1 to L4 "
                         f"{part['accuracy'][part['trial']]:.3f} (of the trials {min(part['accuracy']):.3f} to "
                         f"{max(part['accuracy']):.3f})" for name, part in found["search"].items())
    return "\n".join(f"{kind} {name:22} accuracy " + "  ".join(
        f"{level} {part['accuracy']:.3f}" for level, part in row["by_light"].items())
        for kind, rows in found.items() for name, row in rows.items())


def heading(found: dict) -> list[str]:
    """Whom it is of, in which form, and whose code trained what where that is of more than one version."""
    rehearsal = ", who are not the plan's: a rehearsal" if found["rehearsal"] else ""
    form = found["form"]
    protocol = f"subject_kfold of {form['folds']} folds" if form["folds"] else "one subject out"
    lines = [f"people: {found['people']}{rehearsal}",
             f"variants {form['variant']}, {protocol}, {form['seeds']} seeds"]
    if len(found["codes"]) > 1:
        lines += [f"code {digest}: {', '.join(rows)}" for digest, rows in found["codes"].items()]
    return lines


def score_lines(found: dict) -> list[str]:
    """The networks, the best first, and what everything should be better than."""
    lines = ["", "accuracy and UF1, mean over L1 to L4 [95 % over people], and the accuracy at each level"]
    for name, row in sorted(found["networks"].items(), key=lambda item: -item[1]["accuracy"]["mean"]):
        means = "   ".join(f"{row[metric]['mean']:.3f} {ends_of(row[metric]['interval'])}" for metric in METRICS)
        lines.append(f"{name:18} {means}   " + "  ".join(f"{level} {value:.3f}" for level, value in row["by_level"].items()))
    for name, levels in found["trivial"].items():
        lines.append(f"{name:18} {levels['dark']:.3f}{'':34}" + "  ".join(f"{level} {levels[level]:.3f}" for level in ALL))
    return lines


def difference_lines(title: str, rows: dict, parts: bool = False) -> list[str]:
    """One network less each of the others; of `parts` it is said which buy nothing."""
    return ["", f"{title}, on the same people: accuracy, UF1 over L1 to L4; accuracy at L0; over L1 to L4 of each seed; p, and "
            "after Holm; after Holm that the other is better",
            *(f"{name:22} {differences_of(row)} {row['holm']:.4f}; {row['holm_other']:.4f}"
              + ("   buys nothing that can be shown" if parts and holds_zero(row) else "") for name, row in rows.items())]


def ending(found: dict) -> list[str]:
    """The verdict, the statements beside it, and what is missing."""
    best = f" (the best other row: {found['best_other']})" if found["best_other"] else ""
    return ["", f"verdict{' of the rehearsal' if found['rehearsal'] else ''}: {VERDICTS[found['verdict']]}{best}",
            *found["statements"], "", f"not run yet: {', '.join(found['missing']) or 'none'}"]


def differences_of(row: dict) -> str:
    return "   ".join(f"{row[part]['difference']:+.3f} {ends_of(row[part]['interval'], '+')}"
                      for part in (*METRICS, "L0")) + f"   {seeds_of(row)}   p {row['p']:.4f}"


def seeds_of(row: dict) -> str:
    """The differences of the seeds, where there are several."""
    return "of each seed " + " ".join(f"{less:+.3f}" for less in row["by_seed"]) if len(row["by_seed"]) > 1 else "one seed"


def holds_zero(row: dict) -> bool:
    low, high = row["accuracy"]["interval"]
    return low <= 0 <= high


def ends_of(interval: list[float], sign: str = "") -> str:
    return f"[{interval[0]:{sign}.2f}, {interval[1]:{sign}.2f}]"


def words_of(setting: dict) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in setting.items())
