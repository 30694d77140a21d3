"""Flow pictures, and variables such as training leaves them, for the tests of the networks that read flow."""

import jax
import numpy as np
import pytest

from mer_jax.models.network import example_inputs


@pytest.fixture(scope="session")
def flow():
    return np.random.default_rng(0).integers(0, 256, (6, 28, 28, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def variables_of():
    """A function: the variables of a network, no statistic, scale or bias of which is what it was at first."""
    return trained_variables


def trained_variables(network):
    rng = np.random.default_rng(1)
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), example_inputs(network), train=False))

    def leaf(path, shape):
        if path[-1].key == "kernel":
            return rng.normal(0, np.prod(shape.shape[:-1]) ** -0.5, shape.shape).astype(np.float32)
        return rng.uniform(*((0.5, 1.5) if path[-1].key in ("scale", "var") else (-0.5, 0.5)), shape.shape).astype(np.float32)

    return jax.tree.map_with_path(leaf, shapes)
