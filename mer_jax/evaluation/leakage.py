"""The leak audit: what lets a held-out clip reach training. It runs before every benchmark, and refuses.

Two checks read the folds (a subject, or the same pixels, on both sides), a third whom the first weights have seen (see
`seen`), one trains: the first epoch of each stage is run
twice for one fold, the second time with all held-out clips replaced by noise and their labels by others, and must come
out equal to the last bit. It catches what reading folds cannot: statistics, normalisation or a stage fitted on held-out
rows.
"""

import functools

import jax
import numpy as np

from mer_jax.data.clips import Clips, content_digests
from mer_jax.data.folds import Folds
from mer_jax.training.inputs import MARKS, Data
from mer_jax.training.many_runs import first_epochs
from mer_jax.training.plan import Plan
from mer_jax.training.run import Program, Run


def shared_subjects(clips: Clips, folds: Folds) -> list[str]:
    """One finding for each fold whose training and held-out clips share subjects."""
    subject, findings = np.asarray(clips.subject), []
    for name, train, test in zip(folds.names, folds.train, folds.test, strict=True):
        both = np.intersect1d(subject[train], subject[test])
        if len(both):
            findings.append(f"fold {name}: {len(both)} subjects are trained on and held out, {clips.subjects[both[0]]} first")
    return findings


def shared_content(clips: Clips, folds: Folds) -> list[str]:
    """One finding for each pair of clips with the same pixels that some fold parts into training and held out."""
    rows_of: dict[str, list[int]] = {}
    for row, digest in enumerate(content_digests(clips)):
        rows_of.setdefault(digest, []).append(row)
    findings = []
    for rows in (rows for rows in rows_of.values() if len(rows) > 1):
        for name, train, test in zip(folds.names, folds.train, folds.test, strict=True):
            trained, held_out = np.intersect1d(rows, train), np.intersect1d(rows, test)
            if len(trained) and len(held_out):
                findings.append(f"fold {name}: {clips.ids[held_out[0]]} is held out and has the pixels of "
                                f"{clips.ids[trained[0]]}, which is trained on")
                break
    return findings


def poisoned(data: Data, held_out: np.ndarray, classes: int) -> Data:
    """The data with the held-out rows' pixels replaced by noise, their marks by those of a clip of one frame, their own
    noise by another, their labels by the next class, and their people by the next."""
    rng = np.random.default_rng(0)

    def spoil(array):
        array = np.array(array)
        noise = rng.integers(0, 256, array[held_out].shape) if array.dtype == np.uint8 else rng.normal(
            scale=100, size=array[held_out].shape)
        array[held_out] = noise.astype(array.dtype)
        return array

    def changed(array, values):
        array = np.array(array)
        array[held_out] = values
        return array

    inputs = {name: changed(array, int(name == "length")) if name in MARKS else spoil(array)
              for name, array in data.inputs.items()}
    label, seed = np.asarray(data.label)[held_out], np.asarray(data.seed)[held_out]
    subject = np.asarray(data.subject)
    return data._replace(inputs=inputs, label=changed(data.label, (label + 1) % classes), seed=changed(data.seed, seed ^ 1),
                         subject=changed(subject, (subject[held_out] + 1) % (subject.max() + 1)))


def poison_reaches_training(program: Program, plan: Plan, run: Run, data: Data, held_out: np.ndarray,
                            fold: str) -> list[str]:
    """Trains the first epoch of each stage with and without the poison; one finding if a weight, a statistic or the loss
    differs."""
    clean, spoiled = (first_epochs(program, plan, run, d) for d in (data, poisoned(data, held_out, program.classes)))
    same = jax.tree.map(functools.partial(np.array_equal, equal_nan=True), clean, spoiled)
    if all(jax.tree.leaves(same)):
        return []
    return [f"fold {fold}: training changes when the held-out clips are replaced by noise"]
