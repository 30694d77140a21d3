"""Reports: one HTML page about a run, or about several side by side, made from their folders alone.

Every score is computed again from predictions.csv. The page loads nothing, so it opens without a network.
"""

from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup

from mer_jax.evaluation.charts import attention_chart, curve_chart, png_uri, subject_chart
from mer_jax.evaluation.confident_mistakes import confident_mistakes
from mer_jax.evaluation.finished_run import FinishedRun, beside_scores, read_attention, read_curves, read_faces, read_run
from mer_jax.evaluation.flat_settings import flat_settings
from mer_jax.evaluation.predictions import Predictions
from mer_jax.evaluation.score import HEADLINES, LINEAR, MAJORITY, at_plain_light, chosen_selection, entry, rows_of, score
from mer_jax.evaluation.score_table import PEEK, TOLD, over_linear, part_of_people, times
from mer_jax.evaluation.seen import began_with
from mer_jax.evaluation.uncertainty import paired_difference, same_clips
from mer_jax.light.camera import LEVELS
from mer_jax.mistakes import UserMistake
from mer_jax.whole_files import write_whole

LICENSED = "This file contains licensed faces: what may be done with them, their database's licence says."


def write_report(folder: Path, out: Path | None = None) -> tuple[Path, dict]:
    """Writes the page of a finished run, `report.html` in its folder or the file `out`; gives its path and the scores."""
    run = read_run(folder)
    beside = beside_scores(run)
    entries = score(run.table, linear=run.linear, part=bool(beside["only_subjects"]))
    rows = at_plain_light(run.table.where(selection=entries["selection"]))
    faces = _faces(folder / "faces.npz", rows)
    page = _page(
        "report.html", run=run, title=_title(run), entries=entries, score_rows=rows_of(entries), peek=PEEK,
        lights=[_light(level) for level in entries["by_light"]], warnings=_warnings(run, entries, faces),
        facts=_facts(run, rows), confusions=_confusions(entries), classes=run.table.classes, subjects=_subject_charts(rows),
        curves=_curves(folder / "log.jsonl", _stage_starts(run)), attention=_attention(run, rows),
        faces=faces, plain=(MAJORITY,), linear=LINEAR, mistakes=confident_mistakes(rows), above=over_linear(entries),
        audit=run.metrics.get("leak_audit"), settings=_settings(run), data=flat_settings(run.config.get("data", {})),
        versions=flat_settings(run.config.get("versions", {})) | flat_settings(run.config.get("code", {}), "code."))
    return _write(out or folder / "report.html", page), {**entries, **beside}


def compare(folders: list[Path]) -> dict:
    """{"runs": [...]}: for each folder its names, its overall entry and its `difference` to the first folder's.

    The difference is paired over subjects; it is None for the first run, and where the clips differ (`note` says so).
    """
    if len(folders) < 2:
        raise UserMistake(f"a comparison needs at least two runs, got {len(folders)}")
    for place, folder in enumerate(folders):
        if folder.resolve() in [other.resolve() for other in folders[:place]]:
            raise UserMistake(f"{folder}: the same folder twice; wanted runs that differ")
    runs, first, compared = [read_run(folder) for folder in folders], None, []
    for run in runs:
        selection = chosen_selection(run.table)
        rows = at_plain_light(run.table.where(selection=selection))
        first = first or rows
        paired = rows is not first and same_clips(first, rows)
        compared.append({
            "folder": str(run.folder), **_names(run), "epochs": _epochs(run), "selection": selection, "entry": entry(rows),
            "difference": paired_difference(first, rows) if paired else None,
            "note": "" if paired or rows is first else "other clips, labels or classes than the first run: not paired",
        })
    return {"runs": compared}


def write_comparison(folders: list[Path], out: Path) -> tuple[Path, dict]:
    """Writes the comparison of several runs to the file `out`; gives its path and what `compare` gave."""
    compared = compare(folders)
    page = _page("report.html", title="Comparison of runs", comparison=compared["runs"], peek=PEEK)
    return _write(out, page), compared


def _write(path: Path, page: str) -> Path:
    """Writes a page whole or not at all: the name appears when the file is complete."""
    try:
        write_whole(path, page)
    except OSError as error:
        raise UserMistake(f"{path}: cannot be written: {error.strerror}") from error
    return path


def _page(template: str, **values) -> str:
    environment = jinja2.Environment(loader=jinja2.PackageLoader("mer_jax.evaluation", ""), autoescape=True,
                                     undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(template).render(metrics=HEADLINES, **values)


def _names(run: FinishedRun) -> dict[str, str]:
    network = run.setting("network.name") or run.setting("network") or "network not recorded"
    variant = run.setting("network.variant") or run.setting("variant")
    return {"network": f"{network} {variant}".strip(), "data": ", ".join(run.table.unique("dataset")),
            "protocol": (run.setting("protocol") or "protocol not recorded").replace("_", " ")}


def _title(run: FinishedRun) -> str:
    return " · ".join(_names(run).values())


def _facts(run: FinishedRun, rows: Predictions) -> list[tuple[str, str]]:
    """What stands below the title: the size of the data and of the work."""
    scored, seconds = [epoch + 1 for epoch in rows.unique("epoch")], run.metrics.get("seconds")
    trained = _epochs(run)
    return [
        ("clips", str(len(rows.where(run=rows.unique("run")[0])))),
        ("subjects", str(len(np.unique(rows.subject_keys())))),
        ("databases", str(len(rows.unique("dataset")))),
        ("seeds", str(len(rows.unique("run")))),
        ("folds", str(len(rows.unique("fold")))),
        ("scored after epoch", (f"{scored[0]}" if len(scored) == 1 else f"{scored[0]} to {scored[-1]}")
         + (f" of {trained}" if trained else "")),
        *([("time", _duration(seconds))] if isinstance(seconds, int | float) else []),
    ]


def _epochs(run: FinishedRun) -> int | None:
    """How many epochs each network of a run was trained for; None where its settings do not say."""
    return sum(_stages(run)) or None


def _stages(run: FinishedRun) -> list[int]:
    """The epochs of each stage; none where the settings do not say."""
    recipe = run.config.get("settings", {}).get("recipe")
    try:
        return [int(stage["epochs"]) for stage in recipe["stages"]]
    except (KeyError, TypeError, ValueError):
        return []


def _stage_starts(run: FinishedRun) -> list[int]:
    """The first epoch, counted from 1, of each stage."""
    return [1 + sum(_stages(run)[:number]) for number in range(len(_stages(run)))]


def _duration(seconds: int | float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _warnings(run: FinishedRun, entries: dict, faces: dict | None) -> list[str]:
    """What a reader must know before the first number."""
    found = []
    if entries["selection"] == "test_peek":
        found.append(f"Selection test_peek: {PEEK}.")
        if last := entries.get("by_selection", {}).get("last"):
            found[0] += " Looking at the test subject added " + ", ".join(
                f"{entries['overall'][m] - last[m]:+.3f} {name}" for m, name in HEADLINES.items()
            ) + f": with the last epoch UF1 is {last['uf1']:.3f}."
    if run.metrics.get("told_the_true_motion"):
        found.append(f"Not a fair score: {TOLD}.")
    if alone := run.metrics.get("only_subjects"):
        found.append(f"{part_of_people(alone)}.")
    if run.setting("protocol").startswith("leaky"):
        found.append("The protocol trains and tests on the same people: the scores say nothing about new ones.")
    audit = run.metrics.get("leak_audit")
    if isinstance(audit, dict) and audit.get("findings"):
        found.append(f"The leak audit found {len(audit['findings'])}, listed below"
                     + (", and was told to allow it." if audit.get("allowed") else "."))
    if run.config.get("weights", {}).get("digest"):
        found.append(began_with(run.config["weights"]))
    if faces and faces["licensed"]:
        found.append(LICENSED)
    stated = run.metrics.get("overall")
    if isinstance(stated, dict) and not all(_close(stated.get(m), entries["overall"][m]) for m in HEADLINES):
        found.append("metrics.json states other scores than predictions.csv gives; this page shows the latter.")
    return found


def _close(stated: object, found: float) -> bool:
    return isinstance(stated, int | float) and abs(stated - found) < 1e-6


def _confusions(entries: dict) -> list[tuple[str, list]]:
    """(name, rows) overall, of each database and of each darker light, a row being (count, share of its true class) per
    predicted class."""
    levels = list(entries["by_light"])
    plain = "L0" if "L0" in levels else levels[0]
    wanted = {"overall", *entries["by_dataset"], *(f"light {level}" for level in levels if level != plain)}
    return [(name, [[(count, count / max(sum(row), 1)) for count in row] for row in part["confusion"]])
            for name, part in rows_of(entries) if name in wanted]


def _subject_charts(rows: Predictions) -> list[tuple[str, int, Markup]]:
    charts = []
    for dataset in rows.unique("dataset"):
        part = rows.where(dataset=dataset)
        hit = part.columns["label"] == part.columns["prediction"]
        names, subject = np.unique(part.columns["subject"], return_inverse=True)
        accuracy = np.bincount(subject, hit) / np.bincount(subject)
        clips = np.array([len(np.unique(part.columns["clip"][subject == s])) for s in range(len(names))])
        chart = subject_chart(names.tolist(), accuracy, clips, float(hit.mean()), dataset)
        charts.append((dataset, len(names), Markup(chart)))
    return charts


def _curves(path: Path, starts: list[int]) -> dict | None:
    epochs, curves = read_curves(path)
    charts = []
    for name, title in (("loss", "loss"), ("accuracy", "training accuracy")):
        there = ~np.isnan(curves[name]).all(1)
        if there.any():
            charts.append((title, Markup(curve_chart(epochs[there] + 1, curves[name][there], title, starts))))
    return {"charts": charts, "runs": curves["loss"].shape[1], "epochs": len(epochs), "stages": len(starts)} if charts else None


def _attention(run: FinishedRun, rows: Predictions) -> list[dict]:
    """Of each kind of map the mean of each true class, as multiples of the average attention, all of a kind on one scale; and
    what the pointing game says of it, where that could be played."""
    clips, kinds = read_attention(run.folder / "attention.npz")
    played = run.metrics.get("pointing", {})
    keys = np.char.add(np.char.add(rows.subject_keys(), "/"), rows.columns["clip"].astype(str))
    label_of = dict(zip(keys.tolist(), rows.columns["label"].tolist(), strict=True))
    label = np.array([label_of.get(clip, "") for clip in clips])
    found = []
    for kind, maps in kinds.items():
        means = [(name, int((label == name).sum()), maps[label == name].mean(0))
                 for name in rows.classes if (label == name).any()]
        most = max((mean.max() for *_, mean in means), default=1.0)
        found.append({"kind": kind, "most": most, "pointing": times(*played[kind]) if kind in played else "", "charts": [
            (name, count, Markup(attention_chart(mean, most, "mean attention"))) for name, count, mean in means]})
    return found


def _faces(path: Path, rows: Predictions) -> dict | None:
    """{"clips": [(clip and its class, [(panel, PNG as a data URI)])], "licensed"} of the example faces, if there are some."""
    found = read_faces(path)
    if found is None:
        return None
    faces, clips, panels, licensed = found
    label = {f"{subject}/{clip}": name for subject, clip, name in zip(
        rows.subject_keys().tolist(), rows.columns["clip"].tolist(), rows.columns["label"].tolist(), strict=True)}
    return {"licensed": licensed, "clips": [
        (f"{label.get(clip, '')}: {clip}", list(zip(panels, map(png_uri, images), strict=True)))
        for clip, images in zip(clips, faces, strict=True)]}


def _settings(run: FinishedRun) -> dict[str, str]:
    """The settings by dotted names; the light levels are explained."""
    flat = flat_settings(run.config.get("settings", {}))
    if "light" in flat:
        flat["light"] = ", ".join(_light(level) for level in flat["light"].split(", "))
    return flat


def _light(level: str) -> str:
    """A level with how much light it is."""
    if level not in LEVELS:
        return level
    return f"{level} (as recorded)" if level == "L0" else f"{level} ({100 * LEVELS[level].exposure:g} % of the light)"
