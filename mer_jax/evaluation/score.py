"""Scores of a table of predictions, with their uncertainty: what `mer_jax.score` returns and `metrics.json` holds.

Every score is pooled over the folds of a run, then averaged over runs; fold means are never taken.
"""

import dataclasses

import numpy as np

from mer_jax.evaluation.predictions import Predictions
from mer_jax.evaluation.uncertainty import (
    confusions_of_runs,
    interval_over_seeds,
    interval_over_subjects,
    paired_difference,
    same_clips,
)
from mer_jax.metrics import scores_of_many
from mer_jax.mistakes import UserMistake, nearest

MAJORITY, LINEAR = "majority vote", "linear classifier"       # rows that no network stands behind
HEADLINES = {"uf1": "UF1", "uar": "UAR", "accuracy": "accuracy"}


def score(table: Predictions, selection: str | None = None, linear: Predictions | None = None, part: bool = False) -> dict:
    """The scores of the rows of one selection: "overall", "by_dataset", "by_light", "majority_vote", "selection".

    `overall`, `by_dataset` and `majority_vote` are at light L0, or at the only light. An entry holds uf1, uar,
    accuracy, wf1 and macro_precision (means over runs of the pooled score), `confusion` (summed over runs), `clips`,
    `runs`, and for each metric `interval_seeds` ([low, high], or None for one run) and `interval_subjects`.
    `selection` None is the only one, or the one beside `last`; where the table has several, `by_selection` has the
    overall entry of each. `linear` are the predictions of the linear classifier on the same clips: their entries by light
    stand under "linear", and what the network is above it on the same people under "over_linear". `majority_vote` is
    None where one fold holds every clip, and of a `part`: a table of some people alone, who were left out of more. Raises
    UserMistake for a selection that is not there, ValueError for an empty table.
    """
    if not isinstance(table, Predictions):
        raise TypeError(f"score wants Predictions, as benchmark gives them, found {type(table).__name__}")
    selection = chosen_selection(table, selection)
    rows = table.where(selection=selection)
    plain = at_plain_light(rows)
    votes = not part and all(len(plain.where(run=run).unique("fold")) > 1 for run in plain.unique("run"))
    entries = {
        "overall": entry(plain),
        "by_dataset": {name: entry(plain.where(dataset=name)) for name in plain.unique("dataset")},
        "by_light": {level: entry(rows.where(light=level)) for level in rows.unique("light")},
        "majority_vote": entry(majority_vote(plain)) if votes else None,
        "selection": selection,
    }
    if linear is not None:
        levels = [(level, linear.where(light=level), rows.where(light=level)) for level in linear.unique("light")]
        entries["linear"] = {level: entry(plain) for level, plain, _ in levels}
        entries["over_linear"] = {level: paired_difference(plain, ours) for level, plain, ours in levels
                                  if same_clips(plain, ours)}
    if len(table.unique("selection")) > 1:
        entries["by_selection"] = {name: entry(at_plain_light(table.where(selection=name)))
                                   for name in table.unique("selection")}
    return entries


def chosen_selection(table: Predictions, selection: str | None = None) -> str:
    """The selection asked for; None: the only one, or the one beside `last`."""
    known = table.unique("selection")
    if not known:
        raise ValueError("a score needs at least one prediction")
    others = [name for name in known if name != "last"] or known
    if selection is None and len(others) == 1:
        return others[0]
    if selection is None:
        raise UserMistake(f"the predictions hold the selections {', '.join(known)}: say which one to score")
    if selection not in known:
        raise UserMistake(f"no predictions of selection {selection!r}{nearest(selection, known)}; "
                          f"there are: {', '.join(known)}")
    return selection


def at_plain_light(table: Predictions) -> Predictions:
    """The rows at light L0; where there is no L0, those at the first level."""
    levels = table.unique("light")
    return table.where(light="L0" if "L0" in levels or not levels else levels[0])


def entry(table: Predictions) -> dict:
    """The scores and intervals of rows of one selection and one light level, as plain numbers for JSON."""
    confusions = confusions_of_runs(table)
    of_runs = scores_of_many(confusions)
    return {
        **{name: float(values.mean()) for name, values in of_runs.items()},
        "confusion": confusions.sum(0).tolist(),
        "clips": len(set(zip(table.subject_keys().tolist(), table.columns["clip"].tolist(), strict=True))),
        "runs": len(confusions),
        "interval_seeds": {name: interval_over_seeds(values) for name, values in of_runs.items()},
        "interval_subjects": interval_over_subjects(table),
    }


def majority_vote(table: Predictions) -> Predictions:
    """The same rows, each predicted as the most frequent class of its fold's training clips: a score without a face.

    The training clips of a fold are all clips of its run that are not in it, as in every leave-out protocol; the
    probabilities are their class frequencies; a tie goes to the earlier class. Raises ValueError where a run has one
    fold only, so that nothing was left to train on.
    """
    names = ("run", "selection", "light")
    _, table_of_row = np.unique(np.stack([table.columns[n].astype(str) for n in names]), axis=1, return_inverse=True)
    label, classes = table.indices("label"), len(table.classes)
    frequency = np.zeros((len(table), classes))
    for one in range(table_of_row.max() + 1):
        rows = np.flatnonzero(table_of_row == one)
        _, fold = np.unique(table.columns["fold"][rows], return_inverse=True)
        if fold.max() == 0:
            raise ValueError("a majority vote needs at least two folds: one trains on the clips of the others")
        held_out = np.zeros((fold.max() + 1, classes))
        np.add.at(held_out, (fold, label[rows]), 1)
        training = held_out.sum(0) - held_out
        frequency[rows] = (training / training.sum(1, keepdims=True))[fold]
    prediction = np.array(table.classes)[frequency.argmax(1)]
    return dataclasses.replace(table, columns={**table.columns, "prediction": prediction}, probabilities=frequency)


def rows_of(entries: dict) -> list[tuple[str, dict]]:
    """The (name, entry) rows of a table of scores: overall, each database, each light level, and the plain rivals.

    A single database or a single light level says what `overall` says and is left out.
    """
    parts = [("overall", entries["overall"])]
    for group, title in (("by_dataset", "{}"), ("by_light", "light {}")):
        if len(entries[group]) > 1:
            parts += [(title.format(name), part) for name, part in entries[group].items()]
    parts += [(f"{LINEAR}, light {level}", part) for level, part in entries.get("linear", {}).items()]
    return parts + [(MAJORITY, vote) for vote in [entries.get("majority_vote")] if vote]
