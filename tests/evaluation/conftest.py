"""Made-up tables of predictions for the tests of this folder."""

import numpy as np
import pytest

from mer_jax.evaluation.predictions import Predictions

CLASSES = ("negative", "positive", "surprise")


def made_up(skill: float = 0.7, runs: int = 3, subjects: int = 12, lights=("L0",), selections=("last",), seed: int = 0):
    """Two databases, a third of the subjects in the second; each clip is right with probability `skill`."""
    draw, rows, guesses = np.random.default_rng(seed), [], []
    clips = [("casme2" if s % 3 else "samm", f"s{s:02d}", f"clip{c}", CLASSES[(s * 5 + c * (1 + s % 2)) % 3])
             for s in range(subjects) for c in range(2 + s % 4)]
    for run in range(runs):
        for light in lights:
            for selection in selections:
                for dataset, subject, clip, label in clips:
                    guess = label if draw.random() < skill else CLASSES[draw.integers(3)]
                    fold = f"{dataset}/{subject}"
                    rows.append((run, dataset, subject, clip, light, label, fold, run, guess, 7, selection))
                    guesses.append(CLASSES.index(guess))
    names = ("run", "dataset", "subject", "clip", "light", "label", "fold", "seed", "prediction", "epoch", "selection")
    columns = {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    return Predictions(CLASSES, columns, 0.1 + 0.7 * np.eye(3)[guesses])


@pytest.fixture(name="made_up")
def made_up_fixture():
    return made_up


@pytest.fixture
def shuffled():
    """A function: the same rows in another order."""
    def shuffle(table: Predictions) -> Predictions:
        order = np.random.default_rng(1).permutation(len(table))
        return Predictions(table.classes, {n: c[order] for n, c in table.columns.items()}, table.probabilities[order])
    return shuffle
