"""Protocols: which clips train and which are held out, as index arrays. A protocol never copies or sees a pixel.

Every function takes `Clips` and returns `Folds`; `PROTOCOLS` lists them by name, with what each is for.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from mer_jax.data.clips import Clips
from mer_jax.mistakes import UserMistake, nearest

__all__ = ["PROTOCOLS", "Folds", "composite", "hold_out", "leaky_kfold", "leave_one_dataset_out", "leave_one_subject_out",
           "subject_kfold"]


def __dir__() -> list[str]:
    return __all__


@dataclasses.dataclass(frozen=True)
class Folds:
    """F folds: for each a name (what is held out), and the sorted rows of its training and its held-out clips."""

    protocol: str
    names: tuple[str, ...]
    train: tuple[np.ndarray, ...]
    test: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.names)


def _held_out(protocol: str, clips: Clips, names: list[str], tests: list[np.ndarray]) -> Folds:
    everything = np.arange(len(clips))
    trains = [np.setdiff1d(everything, test) for test in tests]
    for name, train, test in zip(names, trains, tests, strict=True):
        if not len(train) or not len(test):
            raise UserMistake(f"{protocol}: fold {name} has {len(train)} training and {len(test)} held-out clips; "
                              "wanted at least one of each")
    return Folds(protocol, tuple(names), tuple(trains), tuple(np.sort(test) for test in tests))


def _at_least_two(protocol: str, names: tuple[str, ...], what: str) -> None:
    if len(names) < 2:
        raise UserMistake(f"{protocol} needs at least two {what}, the data have {f'one: {names[0]}' if names else 'none'}")


def _between(protocol: str, folds: int, most: int, what: str) -> None:
    if folds < 2:
        raise UserMistake(f"{protocol} of {folds} folds; wanted at least 2")
    if most < folds:
        raise UserMistake(f"{protocol} needs a {what} for each of its {folds} folds, the data have {most}")


def _drawn(rng: np.random.Generator, subjects: np.ndarray | list[int], share: float) -> np.ndarray:
    """`share` of the subjects: at least one where there are two, and never all."""
    return rng.permutation(subjects)[: min(len(subjects) - 1, max(1, round(share * len(subjects))))]


def _by_subject(protocol: str, clips: Clips, chosen: tuple[str, ...]) -> Folds:
    _at_least_two(protocol, clips.subjects, "subjects")
    for name in chosen:
        if name not in clips.subjects:
            raise UserMistake(f"{protocol} of subject {name!r}{nearest(name, clips.subjects)}; wanted dataset/subject, as "
                              f"{clips.subjects[0]}")
    left_out = [s for s, name in enumerate(clips.subjects) if name in chosen or not chosen]
    subject = np.asarray(clips.subject)
    return _held_out(protocol, clips, [clips.subjects[s] for s in left_out], [np.flatnonzero(subject == s) for s in left_out])


def leave_one_subject_out(clips: Clips, subjects: tuple[str, ...] = ()) -> Folds:
    """One fold a subject (LOSO), the subject keyed with its database. Of one database, the field's usual protocol.

    subjects: these alone ("casme2/sub05", ...) are left out, one by one, each of all others: a part of the same folds.
    """
    return _by_subject("leave_one_subject_out", clips, subjects)


def composite(clips: Clips, subjects: tuple[str, ...] = ()) -> Folds:
    """One LOSO over several databases, scored in all and per database from the same folds (MEGC2019's CDE).

    subjects: see `leave_one_subject_out`.
    """
    _at_least_two("composite", clips.datasets, "databases")
    return _by_subject("composite", clips, subjects)


def leave_one_dataset_out(clips: Clips) -> Folds:
    """One fold a database: train on all others, predict it (HDE of MEGC2018, cross-database evaluation)."""
    _at_least_two("leave_one_dataset_out", clips.datasets, "databases")
    dataset = np.asarray(clips.dataset)
    return _held_out("leave_one_dataset_out", clips, list(clips.datasets),
                     [np.flatnonzero(dataset == d) for d in range(len(clips.datasets))])


def subject_kfold(clips: Clips, folds: int = 5, seed: int = 0) -> Folds:
    """K folds with no subject in two of them; subjects dealt out largest first, each to the smallest fold so far."""
    _between("subject_kfold", folds, len(clips.subjects), "subject")
    subject = np.asarray(clips.subject)
    rows = [np.flatnonzero(subject == s) for s in np.random.default_rng(seed).permutation(len(clips.subjects))]
    groups: list[list[np.ndarray]] = [[] for _ in range(folds)]
    for chosen in sorted(rows, key=len, reverse=True):
        min(groups, key=lambda group: sum(map(len, group))).append(chosen)
    return _held_out("subject_kfold", clips, [f"fold{k}" for k in range(folds)], [np.concatenate(g) for g in groups])


def hold_out(clips: Clips, share: float = 0.2, seed: int = 0) -> Folds:
    """One fold: `share` of each database's subjects is held out, at least one and never all; a single one trains."""
    if not 0 < share < 1:
        raise UserMistake(f"hold_out of a share of {share}; wanted a number between 0 and 1")
    rng, test_subjects = np.random.default_rng(seed), []
    for name in clips.datasets:
        test_subjects.extend(_drawn(rng, [s for s, key in enumerate(clips.subjects) if key.startswith(f"{name}/")], share))
    if not test_subjects:
        raise UserMistake("hold_out needs at least two subjects in one of the databases")
    return _held_out("hold_out", clips, ["held_out"], [np.flatnonzero(np.isin(np.asarray(clips.subject), test_subjects))])


def leaky_kfold(clips: Clips, folds: int = 10, seed: int = 0) -> Folds:
    """Random K folds over clips: a subject is trained on and tested at once. Only to show what that adds to a score."""
    _between("leaky_kfold", folds, len(clips), "clip")
    parts = np.array_split(np.random.default_rng(seed).permutation(len(clips)), folds)
    return _held_out("leaky_kfold", clips, [f"fold{k}" for k in range(folds)], parts)


PROTOCOLS: dict[str, Callable[[Clips], Folds]] = {
    function.__name__: function
    for function in (leave_one_subject_out, composite, leave_one_dataset_out, subject_kfold, hold_out, leaky_kfold)
}


PROTOCOL_ALIASES = {"cde": "composite", "hde": "leave_one_dataset_out", "kfold": "subject_kfold"}     # for messages alone


def inner_split(clips: Clips, train: np.ndarray, seed: int, share: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Splits a fold's training rows into (fit, validation): `share` of the subjects of each database validate.

    At least one subject of every database that has two stays in each part; no subject is in both.
    """
    rng, subject, dataset = np.random.default_rng(seed), np.asarray(clips.subject), np.asarray(clips.dataset)
    validating: list[int] = []
    for d in np.unique(dataset[train]):
        validating.extend(_drawn(rng, np.unique(subject[train][dataset[train] == d]), share))
    inside = np.isin(subject[train], validating)
    if not inside.any():
        raise UserMistake("selection=inner needs two training subjects in at least one database of every fold")
    return train[~inside], train[inside]
