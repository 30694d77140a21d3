"""The clips that a network is surest of, and wrong about."""

import numpy as np

from mer_jax.evaluation.predictions import Predictions

MISTAKES_SHOWN = 12


def confident_mistakes(rows: Predictions) -> list[dict]:
    """The clips whose mean probabilities over runs are wrong, the surest first, at most twelve."""
    keys = np.char.add(np.char.add(rows.subject_keys(), "/"), rows.columns["clip"].astype(str))
    clips, first, clip = np.unique(keys, return_index=True, return_inverse=True)
    count = np.bincount(clip)
    mean = np.stack([np.bincount(clip, p) / count for p in rows.probabilities.T], -1)
    wrong = np.bincount(clip, rows.columns["label"] != rows.columns["prediction"])
    label, guess, every = rows.indices("label")[first], mean.argmax(1), np.arange(len(clips))
    sure = mean[every, guess]
    order = [i for i in np.lexsort((clips, -sure)) if guess[i] != label[i]][:MISTAKES_SHOWN]
    return [{"clip": str(clips[i]), "label": rows.classes[label[i]], "prediction": rows.classes[guess[i]],
             "probability": float(sure[i]), "probability_of_label": float(mean[i, label[i]]),
             "wrong": int(wrong[i]), "runs": int(count[i])} for i in order]
