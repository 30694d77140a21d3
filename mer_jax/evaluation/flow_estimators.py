"""The two estimators of flow by which enhancers are judged, each with the regularities that are tried, and by what their
flows are multiplied to show the whole of the motion."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Array

from mer_jax.motion.farneback import FARNEBACK, farneback
from mer_jax.motion.tvl1 import FAST, tvl1

SCALES = (1.0, 1.125, 1.25, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0)


class Estimator(NamedTuple):
    """flow: (first, second, regularity) -> flow. regularities: those tried; default: the one that peers use."""

    flow: Callable
    regularities: tuple[float, ...]
    default: float


def tvl1_of(first: Array, second: Array, lam: float | Array) -> Array:
    return tvl1(first, second, dataclasses.replace(FAST, lam=lam))


def farneback_of(first: Array, second: Array, window: int) -> Array:
    return farneback(first, second, dataclasses.replace(FARNEBACK, winsize=window))


ESTIMATORS = {
    "TV-L1": Estimator(tvl1_of, (2.4, 1.2, 0.6, 0.3, 0.15, 0.06, 0.03, 0.015), 0.15),
    "Farneback": Estimator(farneback_of, (9, 15, 25, 41), 15),
}
