"""SynthME's gates: the class shows in the motion alone, and who it is shows everywhere.

Command:  python experiments/studies/synthme_gates.py [--tier=easy] [--light=L2,L4] [--epochs=60] [--json]
Gates:    easy: STSTNet on the true flow >= .85 UF1; casme2_like (label5): a linear classifier on the true flow .5 to .75;
          both: onset and apex pixels <= shuffled labels + .05; nearest neighbour on onset pixels finds the person >= .95;
          scores on apex minus onset do not rise from L0 to L4; leaky_kfold above LOSO for nearest neighbour on pixels.
Linear:   ridge regression, leave one subject out, the ridge chosen on the training subjects.
"""

import argparse
import json

import jax
import numpy as np

import mer_jax
from mer_jax.data.sampling import window_of
from mer_jax.evaluation.benchmark import data_of
from mer_jax.evaluation.linear import best_ridge, differences, ridge_scores
from mer_jax.light.camera import LEVELS
from mer_jax.metrics import scores


def linear_uf1(x: np.ndarray, label: np.ndarray, folds, subject: np.ndarray) -> float:
    """Pooled UF1 of the linear classifier over the folds."""
    classes, confusion = label.max() + 1, np.zeros((label.max() + 1,) * 2, int)
    for train, test in zip(folds.train, folds.test, strict=True):
        ridge = best_ridge(x[train], label[train], subject[train], classes)
        np.add.at(confusion, (label[test], ridge_scores(x[train], label[train], x[test], classes, ridge).argmax(1)), 1)
    return float(scores(confusion)["uf1"])


def nearest_uf1(x: np.ndarray, label: np.ndarray, folds) -> float:
    """Pooled UF1 of the nearest neighbour over the folds."""
    confusion = np.zeros((label.max() + 1,) * 2, int)
    for train, test in zip(folds.train, folds.test, strict=True):
        distance = np.square(x[test][:, None] - x[train][None]).sum(-1)
        np.add.at(confusion, (label[test], label[train][distance.argmin(1)]), 1)
    return float(scores(confusion)["uf1"])


def pixels(clips, index: np.ndarray) -> np.ndarray:
    """One frame of every clip, grey, 32 x 32, as rows."""
    frames = np.asarray(clips.frames)[np.arange(len(clips)), index].astype(np.float32).mean(-1)
    return np.asarray(jax.image.resize(frames, (len(clips), 32, 32), "linear"), np.float64).reshape(len(clips), -1)


def gates(tier: str, levels: list[str], epochs: int) -> dict[str, float]:
    """The measures of one tier."""
    clips = mer_jax.load(f"synthme/{tier}", label="label3" if tier == "easy" else "label5")
    label, subject = np.asarray(clips.label), np.asarray(clips.subject)
    folds, count = mer_jax.protocols.leave_one_subject_out(clips), len(clips)
    side = clips.true_flow.shape[1] // 16
    flow = np.asarray(clips.true_flow).reshape(count, 16, side, 16, side, 2).mean((2, 4)).reshape(count, -1).astype(np.float64)
    onset, apex = pixels(clips, clips.onset), pixels(clips, clips.apex)
    shuffled = np.random.default_rng(0).permutation(label)
    found = {"clips": count, "linear, true flow": linear_uf1(flow, label, folds, subject),
             "linear, onset pixels": linear_uf1(onset, label, folds, subject),
             "linear, apex pixels": linear_uf1(apex, label, folds, subject),
             "linear, true flow, shuffled labels": linear_uf1(flow, shuffled, folds, subject)}
    distance = np.square(onset[:, None] - onset[None]).sum(-1) + np.diag(np.full(count, np.inf))
    found["nearest onset is the same person"] = float((subject[distance.argmin(1)] == subject).mean())
    found["nearest neighbour on apex pixels, LOSO"] = nearest_uf1(apex, label, folds)
    found["nearest neighbour on apex pixels, leaky_kfold"] = nearest_uf1(apex, label, mer_jax.protocols.leaky_kfold(clips))
    data = data_of(mer_jax.models.create("agmenet", len(clips.classes)), clips)
    for level in ["L0", *levels]:
        x = differences(data, level, window_of(clips.fps))
        found[f"linear, apex - onset, {level}"] = linear_uf1(x, label, folds, subject)
    if epochs:
        recipe = mer_jax.Recipe((mer_jax.Stage(epochs, 1e-3),), batch_size=64, weights="balanced")
        network = mer_jax.models.create("ststnet", len(clips.classes))
        table = mer_jax.benchmark(network, clips, folds, recipe)
        found[f"STSTNet, true flow, {epochs} epochs"] = mer_jax.score(table)["overall"]["uf1"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tier", default="easy", choices=("easy", "casme2_like"))
    parser.add_argument("--light", default="L1,L2,L3,L4", help=f"levels below L0, of {', '.join(LEVELS)}")
    parser.add_argument("--epochs", type=int, default=60, help="of STSTNet; 0 leaves it out")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = gates(arguments.tier, [level for level in arguments.light.split(",") if level], arguments.epochs)
    print(json.dumps(found) if arguments.json else "\n".join(f"{value:8.3f}  {name}" for name, value in found.items()))


if __name__ == "__main__":
    main()
