"""What a benchmark trains, laid out as arrays: all its runs along one axis, and the data that they share."""

import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from mer_jax.data.clips import Clips
from mer_jax.data.folds import Folds, inner_split
from mer_jax.training.front import PLAIN, Front
from mer_jax.training.hyper import Hyper
from mer_jax.training.inputs import MARKS, Data, sources
from mer_jax.training.run import Run
from mer_jax.training.stages import Recipe


def class_weights(label: np.ndarray, classes: int, weights: str) -> np.ndarray:
    """(classes,) float32 from training labels alone: "balanced" is n / (present classes x n_c), mean 1 over the clips."""
    if weights == "none":
        return np.ones(classes, np.float32)
    counts = np.bincount(label, minlength=classes)
    return np.where(counts, len(label) / np.maximum(counts, 1) / (counts > 0).sum(), 0).astype(np.float32)


def padded(rows: list[np.ndarray]) -> np.ndarray:
    """(R, longest) int32: each row set repeated until it is as long as the longest."""
    longest = max(map(len, rows))
    return np.stack([np.resize(r, longest) for r in rows]).astype(np.int32)


def make_runs(clips: Clips, folds: Folds, recipe: Recipe, seeds: int, selection: str,
              hypers: Sequence[Hyper] = (Hyper(),)) -> Run:
    """All runs as one `Run` with a leading axis: hyper by hyper, in it seed by seed, in it fold by fold.

    Folds, seeds and inner splits are the same for every hyper. Raises UserMistake where one has a number that cannot be.
    """
    label, train, watch = np.asarray(clips.label), [], []
    order = [(seed, fold) for seed in range(seeds) for fold in range(len(folds))]
    for seed, fold in order:
        fit, chosen = folds.train[fold], folds.test[fold]
        if selection == "inner":
            fit, chosen = inner_split(clips, fit, seed=seed * len(folds) + fold)
        train.append(fit)
        watch.append(chosen)
    recipes = [hyper.applied_to(recipe) for hyper in hypers]

    def of_hypers(values: list[float]) -> np.ndarray:
        return np.repeat(np.array(values, np.float32), len(order))

    def of_each(values: list | np.ndarray) -> np.ndarray:
        return np.concatenate([np.asarray(values)] * len(hypers))

    return Run(
        seed=of_each(np.array([s for s, _ in order], np.int32)), fold=of_each(np.array([f for _, f in order], np.int32)),
        learning_rate_factor=of_hypers([hyper.learning_rate_factor(recipe) for hyper in hypers]),
        weight_decay=of_hypers([changed.weight_decay for changed in recipes]),
        label_smoothing=of_hypers([changed.label_smoothing for changed in recipes]),
        class_weight=of_each([class_weights(label[r], len(clips.classes), recipe.class_weights) for r in train]),
        train=of_each(padded(train)), train_count=of_each(np.array([len(r) for r in train], np.int32)),
        watch=of_each(padded(watch)), watch_count=of_each(np.array([len(r) for r in watch], np.int32)),
        test=of_each(padded([folds.test[f] for _, f in order])))


def data_of(network: nn.Module, clips: Clips, start: Mapping[str, Any] = MappingProxyType({}),
            front: Front = PLAIN) -> Data:
    """What goes to the device: of the clips what the network's inputs are made of, and `start`."""
    return named_data(clips, sources(network, front), start)


def frame_data(clips: Clips) -> Data:
    """The frames and their marks alone."""
    return jax.device_put(named_data(clips, ("frames", *MARKS)))


def named_data(clips: Clips, names: tuple[str, ...], start: Mapping[str, Any] = MappingProxyType({})) -> Data:
    """Inputs by name, with the labels and each clip's own seed of noise."""
    seed = np.array([zlib.crc32(key.encode()) for key in clips.ids], np.uint32)
    return Data({name: clips.inputs()[name] for name in names}, clips.label, seed, dict(start), clips.subject)
