"""Pictures that move as faces do, and how far a flow is from the motion."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.motion.smoothing import blur
from mer_jax.motion.warping import warp

HEIGHT, WIDTH = 340, 280


def textured(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Skin-like noise of several sizes, in [0, 1]."""
    rng = np.random.default_rng(seed)
    parts = [share * np.asarray(blur(jnp.asarray(rng.normal(size=(height, width, 1)), jnp.float32), sigma))[..., 0] * sigma
             for sigma, share in ((1.5, 0.02), (4.0, 0.12), (12.0, 0.3), (30.0, 0.5))]
    return np.clip(0.5 + sum(parts), 0, 1).astype(np.float32)


def bumped(height: int, width: int, peak: float, seed: int = 0) -> np.ndarray:
    """A smooth motion with a few centres, as action units have; (height, width, 2) pixels, `peak` at most."""
    rng, (y, x) = np.random.default_rng(seed), np.mgrid[:height, :width]
    flow = np.zeros((height, width, 2))
    for _ in range(4):
        centre, sigma, angle = rng.uniform(0.25, 0.75, 2), rng.uniform(0.06, 0.1) * width, rng.uniform(0, 2 * np.pi)
        hill = np.exp(-((x - centre[0] * width) ** 2 + (y - centre[1] * height) ** 2) / (2 * sigma**2))
        flow += hill[..., None] * np.array([np.cos(angle), np.sin(angle)])
    return (peak * flow / np.linalg.norm(flow, axis=-1).max()).astype(np.float32)


def endpoint_errors(found: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Mean endpoint error in pixels: over all places, and over those that move by a quarter of the largest motion."""
    error, length = np.linalg.norm(found - true, axis=-1), np.linalg.norm(true, axis=-1)
    return float(error.mean()), float(error[length > length.max() / 4].mean())


@pytest.fixture(scope="session")
def texture() -> Callable:
    return textured


@pytest.fixture(scope="session")
def bumps() -> Callable:
    return bumped


@pytest.fixture(scope="session")
def errors() -> Callable:
    return endpoint_errors


@pytest.fixture(scope="session")
def moved_face():
    """(first, second, true flow) of 340 x 280 with camera noise, 8 bits as stored; the largest motion is two pixels."""
    rng, flow = np.random.default_rng(1), bumped(HEIGHT, WIDTH, 2.0)
    first = textured(HEIGHT, WIDTH)
    second = np.asarray(warp(jnp.asarray(first)[..., None], jnp.asarray(flow)))[..., 0]
    first, second = (np.round(np.clip(255 * image + rng.normal(0, 1, image.shape), 0, 255)).astype(np.uint8)
                     for image in (first, second))
    return first, second, flow
