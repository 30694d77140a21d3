"""The published weights of STSTNet through this library's port, on the real flow images they were trained for.

Paper:    Liong et al., "Shallow Triple Stream Three-dimensional CNN (STSTNet)", FG 2019.
Command:  python experiments/ststnet_published_weights.py --table=CLIPS.csv --weights=WEIGHTS.npz --json
Expected: CASME II .8304 / .8304, SMIC .6871 / .6876, both .7525 / .7530 (UF1 / UAR), accuracy .7573.
Cost:     seconds.

WEIGHTS.npz holds the state dicts of all folds, stacked on the first axis, and `subjects`, the left-out subject of each
(`sub01` or `casme2/sub01`). Every clip is predicted by the fold that left its subject out, and by no other.
"""

import argparse
import json
import sys
from pathlib import Path

import jax
import numpy as np

from mer_jax.data.clips import Clips
from mer_jax.data.from_table import clips_from_table
from mer_jax.evaluation.checks import check_inputs
from mer_jax.metrics import confusion_matrix, scores
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.models.torch_weights import read_tensors, variables_from_torch

CLASSES = ("negative", "positive", "surprise")


def fold_of_subjects(clips: Clips, left_out: list[str], source: Path) -> np.ndarray:
    """(S,) for each subject of `clips`, the fold that left it out."""
    folds = []
    for key in clips.subjects:
        matches = [f for f, name in enumerate(left_out) if name in (key, key.split("/", 1)[1])]
        if len(matches) != 1:
            raise UserMistake(f"{source}: {len(matches)} folds left out subject {key}, wanted one")
        folds += matches
    return np.array(folds)


def read_folds(weights: Path) -> tuple[list[str], dict[str, np.ndarray]]:
    """The left-out subject of each fold, and the tensors, each with the folds as its first axis."""
    tensors = read_tensors(weights)
    if "subjects" not in tensors or tensors["subjects"].ndim != 1:
        raise UserMistake(f"{weights}: no list 'subjects', which names the left-out subject of each fold")
    left_out = [str(name) for name in tensors.pop("subjects")]
    for name, tensor in tensors.items():
        if tensor.shape[:1] != (len(left_out),):
            raise UserMistake(f"{weights}: {name} has shape {tensor.shape}; wanted a first axis of {len(left_out)} folds, "
                              "one for each of 'subjects'")
    return left_out, tensors


def predict_held_out(clips: Clips, weights: Path) -> np.ndarray:
    """(N,) predicted class indices."""
    network = create("ststnet", classes=len(CLASSES))
    check_inputs(network, clips)
    left_out, tensors = read_folds(weights)
    template = jax.eval_shape(lambda: network.init(jax.random.key(0), {"flow": clips.flow[:1]}, train=False))
    fold = fold_of_subjects(clips, left_out, weights)[np.asarray(clips.subject)]
    predict = jax.jit(lambda variables, flow: network.apply(variables, {"flow": flow}, train=False).logits.argmax(-1))
    prediction = np.full(len(clips), -1)
    for f in np.unique(fold):
        variables = variables_from_torch({k: v[f] for k, v in tensors.items()}, template, str(weights))
        prediction[fold == f] = np.asarray(predict(variables, clips.flow))[fold == f]
    return prediction


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    arguments = parser.parse_args()
    clips = clips_from_table(arguments.table, CLASSES)
    prediction = predict_held_out(clips, arguments.weights)

    def score_of(rows: np.ndarray) -> dict[str, float]:
        return scores(confusion_matrix(np.asarray(clips.label)[rows], prediction[rows], len(CLASSES)))

    result = {"overall": score_of(np.arange(len(clips))),
              "by_dataset": {name: score_of(np.flatnonzero(np.asarray(clips.dataset) == d))
                             for d, name in enumerate(clips.datasets)}}
    if arguments.json:
        print(json.dumps(result))
        return
    for name, values in {"both" if len(clips.datasets) == 2 else "all": result["overall"], **result["by_dataset"]}.items():
        print(f"{name:8} UF1 {values['uf1']:.4f}  UAR {values['uar']:.4f}  accuracy {values['accuracy']:.4f}")


if __name__ == "__main__":
    try:
        main()
    except UserMistake as mistake:
        print(f"error: {mistake}", file=sys.stderr)
        sys.exit(2)
