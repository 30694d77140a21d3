"""The table of predictions: one row per run, light level, clip and selection. Every score is computed from it alone."""

import csv
import dataclasses
import io
from pathlib import Path

import numpy as np

from mer_jax.mistakes import UserMistake

COLUMNS = ("run", "dataset", "subject", "clip", "light", "label", "fold", "seed", "prediction", "epoch", "selection")
NUMBERS = ("run", "seed", "epoch")


@dataclasses.dataclass(frozen=True)
class Predictions:
    """P rows as columns: `columns[name]` is (P,) str or int; `probabilities` is (P, classes) float64.

    `run` is one whole cross-validation of one seed, so a run holds every clip once per light and selection; `label`
    and `prediction` are class names; `subject` is the database's own name for it; `epoch` is the one whose weights
    predicted.
    """

    classes: tuple[str, ...]
    columns: dict[str, np.ndarray]
    probabilities: np.ndarray

    def __len__(self) -> int:
        return len(self.probabilities)

    def where(self, **equal) -> "Predictions":
        """The rows whose columns equal the given values, e.g. `where(dataset="casme2", light="L0")`."""
        keep = np.ones(len(self), bool)
        for name, value in equal.items():
            keep &= self.columns[name] == value
        return Predictions(self.classes, {n: c[keep] for n, c in self.columns.items()}, self.probabilities[keep])

    def indices(self, name: str) -> np.ndarray:
        """(P,) int: the class index of column `label` or `prediction`."""
        return np.array([self.classes.index(value) for value in self.columns[name]], np.int64)

    def unique(self, name: str) -> list:
        return sorted(set(self.columns[name].tolist()))

    def subject_keys(self) -> np.ndarray:
        """(P,) str: `dataset/subject`."""
        return np.char.add(np.char.add(self.columns["dataset"].astype(str), "/"), self.columns["subject"].astype(str))


def mean_of_runs(table: Predictions) -> Predictions:
    """The runs as one: each clip with the mean of its probabilities at the same light and selection, the answer being the most
    probable class. Seed and epoch are those of the first run. Raises ValueError where a run lacks a clip of another."""
    keys = [table.subject_keys(), *(table.columns[name].astype(str) for name in ("clip", "light", "selection"))]
    _, first, clip, count = np.unique(np.stack(keys), axis=1, return_index=True, return_inverse=True, return_counts=True)
    if len(set(count.tolist())) > 1 or (len(count) and count[0] != len(table.unique("run"))):
        raise ValueError("the runs do not have the same clips")
    total = np.zeros((len(first), len(table.classes)))
    np.add.at(total, clip, table.probabilities)
    probabilities = total / count[:, None]
    columns = {name: column[first] for name, column in table.columns.items()}
    columns["prediction"] = np.array(table.classes)[probabilities.argmax(1)]
    return Predictions(table.classes, {**columns, "run": np.zeros(len(first), np.int64)}, probabilities)


def to_csv(table: Predictions) -> str:
    """The table as CSV, sorted by run, selection, light and clip; probabilities as `%.9g`, so float32 survives."""
    header = [*COLUMNS[:9], *(f"p_{name}" for name in table.classes), *COLUMNS[9:]]
    columns = [table.columns[name] for name in COLUMNS]
    rows = [(*row[:9], *(f"{p:.9g}" for p in probabilities), *row[9:])
            for row, probabilities in zip(zip(*columns, strict=True), table.probabilities, strict=True)]
    order = [header.index(name) for name in ("run", "selection", "light", "dataset", "subject", "clip")]
    rows.sort(key=lambda row: tuple(row[i] for i in order))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def read_csv(path: Path) -> Predictions:
    """Reads what `to_csv` wrote. Raises UserMistake with file and row where it is damaged."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file, strict=True)
    except (OSError, ValueError, csv.Error) as error:
        raise UserMistake(f"{path}: not a readable table of predictions: {error}") from error
    classes = tuple(name[2:] for name in header if name.startswith("p_"))
    missing = [name for name in COLUMNS if name not in header]
    if missing or not classes:
        raise UserMistake(f"{path}: columns missing: {', '.join(missing) or 'p_<class>'}")
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise UserMistake(f"{path}, row {number}: {len(row)} cells, wanted {len(header)}: the file is cut off or damaged")
    cells = dict(zip(header, np.array(rows, dtype=str).reshape(-1, len(header)).T, strict=True))
    try:
        columns = {name: cells[name].astype(np.int64 if name in NUMBERS else str) for name in COLUMNS}
        probabilities = np.stack([cells[f"p_{name}"].astype(np.float64) for name in classes], -1)
    except ValueError as error:
        raise UserMistake(f"{path}: a cell that should be a number is not: {error}") from error
    table = Predictions(classes, columns, probabilities)
    _check(table, path)
    return table


def _check(table: Predictions, path: Path) -> None:
    """Raises UserMistake where a probability is none, a clip is there twice, or is missing from some run."""
    bad = np.flatnonzero(~((table.probabilities >= 0) & (table.probabilities <= 1)).all(1))
    if len(bad):
        raise UserMistake(f"{path}, row {bad[0] + 2}: the probabilities {table.probabilities[bad[0]].tolist()}, wanted "
                          "numbers from 0 to 1")
    clips_of: dict[tuple, set] = {}
    names = ("run", "selection", "light", "dataset", "subject", "clip")
    for number, (*group, dataset, subject, clip) in enumerate(
            zip(*(table.columns[name].tolist() for name in names), strict=True), 2):
        seen = clips_of.setdefault(tuple(group), set())
        if (dataset, subject, clip) in seen:
            raise UserMistake(f"{path}, row {number}: a second prediction of {dataset}/{subject}/{clip} in run {group[0]}")
        seen.add((dataset, subject, clip))
    whole = set().union(*clips_of.values())
    for (run, selection, light), seen in clips_of.items():
        if missing := whole - seen:
            raise UserMistake(f"{path}: run {run}, selection {selection}, light {light}: no prediction of "
                              f"{'/'.join(min(missing))}: the file is cut off or damaged")
