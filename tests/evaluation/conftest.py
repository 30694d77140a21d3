"""Made-up tables of predictions, folders of finished runs and acted clips, for the tests of this folder."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.data.clips import Clips, clips_of
from mer_jax.evaluation.enhancers_compared import compare_enhancers
from mer_jax.evaluation.predictions import Predictions, to_csv
from mer_jax.evaluation.score import score
from mer_jax.motion.smoothing import blur
from mer_jax.motion.warping import warp
from mer_jax.synthetic.face import mean_landmarks

SIDE, LENGTH = 48, 41
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


def _epoch(epoch: int, loss: list, accuracy: list, runs=("seed0/fold0", "seed0/fold1")) -> str:
    return json.dumps({"event": "epoch", "epoch": epoch, "runs": runs, "loss": loss, "accuracy": accuracy})


@pytest.fixture
def epoch_line():
    """A function: the line of log.jsonl of an epoch."""
    return _epoch


@pytest.fixture
def finished(tmp_path, made_up):
    """A function that writes the folder of a finished run."""
    def write(name="run", table=None, audit=(), protocol="leave_one_subject_out"):
        folder, table = tmp_path / name, table or made_up()
        folder.mkdir()
        (folder / "predictions.csv").write_text(to_csv(table))
        (folder / "config.json").write_text(json.dumps({
            "settings": {"network": {"name": "ststnet"}, "data": {"name": "synthme"}, "protocol": protocol},
            "versions": {"jax": "0.10.2"}, "data": {"digest": "abc123"}, "code": {}, "command": "mer-jax benchmark"}))
        (folder / "metrics.json").write_text(json.dumps(
            {**score(table), "seconds": 75.0, "leak_audit": {"findings": list(audit), "allowed": bool(audit)}}))
        (folder / "log.jsonl").write_text("\n".join(_epoch(e, [1.0 / e, 2.0 / e], [0.5, 0.6]) for e in (1, 2, 3)))
        return folder
    return write


def acted(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """((LENGTH, H, W, 3) uint8, (H, W, 2) pixels): a textured face whose cheek moves by two pixels and comes back."""
    rng, (y, x) = np.random.default_rng(seed), np.mgrid[:SIDE, :SIDE]
    face = sum(share * np.asarray(blur(jnp.asarray(rng.normal(size=(SIDE, SIDE, 3)), jnp.float32), sigma)) * sigma
               for sigma, share in ((1.0, 0.15), (3.0, 0.4)))
    hill = np.exp(-((x - 12 - seed) ** 2 + (y - 34) ** 2) / 40)[..., None] * np.array([1.6, -1.2])
    course = 0.5 - 0.5 * np.cos(np.pi * np.clip(1 - np.abs(np.arange(LENGTH) - 20) / 18, 0, 1))
    frames = [warp(jnp.asarray(0.5 + face, jnp.float32), jnp.asarray(share * hill, jnp.float32)) for share in course]
    return np.round(255 * np.clip(np.stack(frames), 0, 1)).astype(np.uint8), hill.astype(np.float32)


@pytest.fixture(scope="session")
def acting() -> Clips:
    """Four acted clips of two people."""
    frames, flow = zip(*map(acted, range(4)), strict=True)
    marks = {"length": LENGTH, "onset": 2, "apex": 20, "offset": 38}
    landmarks = (mean_landmarks() * 16 + np.array([24, 20])).astype(np.float32)
    return clips_of([("made", f"s{row // 2}", f"c{row}") for row in range(4)], ["a", "b", "a", "b"], ("a", "b"),
                    frames=np.stack(frames), fps=np.full(4, 200, np.float32),
                    true_flow=np.stack(flow), pixel_flow=np.stack(flow),
                    landmarks=np.stack([landmarks] * 4), **{name: np.full(4, mark, np.int32) for name, mark in marks.items()})


@pytest.fixture(scope="session")
def found(acting) -> dict:
    """What enhancers leave of them at two levels."""
    return compare_enhancers(acting, ("L1", "L4"), ("gain", "compensated"))
