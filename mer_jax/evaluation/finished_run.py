"""A finished run, read back from its folder alone: settings, predictions, log, attention. Nothing is unpickled."""

import dataclasses
import zipfile
from pathlib import Path

import numpy as np

from mer_jax.evaluation.predictions import Predictions, read_csv
from mer_jax.mistakes import UserMistake
from mer_jax.training.event_log import events_of
from mer_jax.whole_files import read_json


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """What a folder holds: `config.json` and `metrics.json` as dictionaries, `predictions.csv` as a table, and, where the
    network reads frames, `linear.csv`: the predictions of the linear classifier."""

    folder: Path
    config: dict
    metrics: dict
    table: Predictions
    linear: Predictions | None

    def setting(self, name: str) -> str:
        """The setting of a dotted name, e.g. `network.name`, as text; an empty text where there is none."""
        value = self.config.get("settings", {})
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return "" if value is None else str(value)


def is_finished(folder: Path) -> bool:
    """Whether all that a run leaves at its end is there."""
    return all((folder / name).exists() for name in ("config.json", "predictions.csv", "metrics.json", "report.html"))


def read_run(folder: Path) -> FinishedRun:
    """Reads config.json, metrics.json and predictions.csv. Raises UserMistake where one is missing or damaged."""
    if folder.is_file():
        raise UserMistake(f"{folder} is a file; wanted the folder of a finished run")
    if not folder.is_dir():
        raise UserMistake(f"{folder} is not a finished run: no such folder")
    for name in ("config.json", "metrics.json", "predictions.csv"):
        if not (folder / name).is_file():
            raise UserMistake(f"{folder} is not a finished run: no {name}")
    config, metrics = read_json(folder / "config.json"), read_json(folder / "metrics.json")
    for name in ("settings", "versions", "data", "code", "weights"):
        if not isinstance(config.get(name, {}), dict):
            raise UserMistake(f"{folder / 'config.json'}: {name!r} is {config[name]!r}, wanted a JSON object")
    table = read_csv(folder / "predictions.csv")
    if not len(table):
        raise UserMistake(f"{folder / 'predictions.csv'}: no predictions")
    for column in ("label", "prediction"):
        unknown = sorted(set(table.columns[column].tolist()) - set(table.classes))
        if unknown:
            raise UserMistake(f"{folder / 'predictions.csv'}: {column} {unknown[0]!r} is none of the classes "
                              f"{', '.join(table.classes)}")
    check_whole(folder, config, metrics, table)
    linear = folder / "linear.csv"
    return FinishedRun(folder, config, metrics, table, read_csv(linear) if linear.is_file() else None)


def check_whole(folder: Path, config: dict, metrics: dict, table: Predictions) -> None:
    """Raises UserMistake where the table has fewer clips than are stated (`read_csv` sees to it that all runs have the same).

    Stated are the clips of the data, unless a protocol predicts only a part of them, and the clips scored.
    """
    clips = len(set(zip(table.subject_keys().tolist(), table.columns["clip"].tolist(), strict=True)))
    settings, overall = config.get("settings", {}), metrics.get("overall")
    in_part = settings.get("protocol") == "hold_out" or "subjects" in dict(settings.get("protocol_options") or {})
    stated = [None if in_part else config.get("data", {}).get("clips"),
              overall.get("clips") if isinstance(overall, dict) else None]
    wanted = max((number for number in stated if type(number) is int), default=0)
    if clips < wanted:
        raise UserMistake(f"{folder / 'predictions.csv'}: {clips} clips, wanted {wanted}: the file is cut off, or of "
                          "other data")


def beside_scores(run: FinishedRun) -> dict:
    """What metrics.json says beside the scores that a reader of them must know, as it is where an older version left it out:
    "pointing", "told_the_true_motion", "only_subjects"."""
    usual = {"pointing": {}, "told_the_true_motion": False, "only_subjects": []}
    return {name: run.metrics.get(name, value) for name, value in usual.items()}


def read_curves(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """((E,) epochs, {"loss": (E, runs), "accuracy": (E, runs)}) of log.jsonl; nan where a run has no value.

    A run that went on after being killed repeats epochs: the last line wins. Lines of other events, and lines cut
    off when a run was killed, are passed over. Curves are no scores: a missing log gives no epochs.
    """
    values: dict[tuple[int, str], tuple[float, float]] = {}
    for event in events_of(path):
        try:
            if event["event"] == "epoch":
                for run, *pair in zip(event["runs"], event["loss"], event["accuracy"], strict=True):
                    values[int(event["epoch"]), str(run)] = tuple(np.nan if v is None else float(v) for v in pair)
        except (ValueError, KeyError, TypeError):
            continue
    epochs, runs = sorted({epoch for epoch, _ in values}), sorted({run for _, run in values})
    grid = np.full((2, len(epochs), len(runs)), np.nan)
    places = {epoch: i for i, epoch in enumerate(epochs)}, {run: i for i, run in enumerate(runs)}
    for (epoch, run), pair in values.items():
        grid[:, places[0][epoch], places[1][run]] = pair
    grid[~np.isfinite(grid)] = np.nan
    return np.array(epochs, np.int64), {"loss": grid[0], "accuracy": grid[1]}


def read_attention(path: Path) -> tuple[list[str], dict[str, np.ndarray]]:
    """(N clip keys `dataset/subject/clip`, {kind: (N, h, w) maps ≥ 0 of mean 1}) of attention.npz; no kind without one."""
    if not path.is_file():
        return [], {}
    try:
        with np.load(path, allow_pickle=False) as file:
            clips = [str(clip) for clip in file["clip"].tolist()]
            kinds = {kind: np.abs(file[kind].astype(np.float64)) for kind in file.files if kind != "clip"}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserMistake(f"{path}: not readable as attention maps, cut off or damaged: {error}") from error
    for kind, maps in kinds.items():
        if maps.ndim != 3 or not maps.size or len(maps) != len(clips):
            raise UserMistake(f"{path}: {kind}: maps of shape {maps.shape} for {len(clips)} clips, wanted (clips, height, "
                              "width)")
    return clips, {kind: multiples_of_the_mean(maps) for kind, maps in kinds.items()}


def multiples_of_the_mean(maps: np.ndarray) -> np.ndarray:
    """Each of (N, h, w) maps over its mean; 1 everywhere where that is 0."""
    maps = np.nan_to_num(maps, nan=0, posinf=0)
    mean = maps.mean((1, 2), keepdims=True)
    return np.divide(maps, mean, out=np.ones_like(maps), where=mean > 0)


def read_faces(path: Path) -> tuple[np.ndarray, list[str], list[str], bool] | None:
    """((clips, panels, H, W, 3) uint8, clip keys, panel names, whether licensed) of faces.npz; None without one."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            faces, clips, panels, licensed = file["face"], file["clip"].tolist(), file["panel"].tolist(), bool(file["licensed"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserMistake(f"{path}: not readable as example faces, cut off or damaged: {error}") from error
    if faces.dtype != np.uint8 or faces.ndim != 5 or faces.shape[:2] != (len(clips), len(panels)) or faces.shape[-1] != 3:
        raise UserMistake(f"{path}: faces {faces.dtype} {faces.shape}, wanted (clips, panels, height, width, 3) uint8")
    return faces, clips, panels, licensed
