"""One big model: one device = eight = pmap after five steps of SGD with batch norm."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mer_jax.models.ststnet import STSTNet
from mer_jax.training.augmentation import Augmentation, augment_flow
from mer_jax.training.data_parallel import pmapped_step, sharded_step
from mer_jax.training.inputs import clip_keys
from mer_jax.training.train_state import init_state
from mer_jax.training.train_step import Batch

LOSSES = (("cross_entropy", 1.0),)
TX = optax.sgd(1e-3)


@pytest.fixture(scope="module")
def batches():
    rng, made = np.random.default_rng(0), []
    for number in range(5):
        flow = {"flow": jnp.asarray(rng.integers(0, 256, (16, 28, 28, 3), dtype=np.uint8))}
        keys = clip_keys(jax.random.key(number), jnp.arange(16))
        flow = {"flow": jax.vmap(augment_flow, (0, None, None, 0))(flow["flow"], "minmax8", Augmentation(True, 2), keys)}
        made.append(Batch(flow, jax.nn.one_hot(jnp.asarray(rng.integers(0, 3, 16)), 3), jnp.ones(16)))
    return made


def after_five_steps(step, network, batches):
    state = init_state(network, TX, jax.random.key(0), batches[0].inputs)
    for batch in batches:
        state, metrics = step(state, batch, jax.random.key(7))
    return jax.device_get((state.params, state.batch_stats, metrics))


def agree(first, second):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(a).max()), first, second)


def test_eight_devices_equal_one_with_dropout(batches):
    network = STSTNet()
    one, eight = (after_five_steps(sharded_step(network, LOSSES, TX, devices), network, batches) for devices in (1, 8))
    agree(one, eight)


def test_pmap_equals_one_device_without_dropout(batches):
    plain, split = STSTNet(dropout=0.0), STSTNet(dropout=0.0, batch_axis="data")
    one = after_five_steps(sharded_step(plain, LOSSES, TX, 1), plain, batches)
    state = init_state(plain, TX, jax.random.key(0), batches[0].inputs)
    step = pmapped_step(split, LOSSES, TX)
    for batch in batches:
        rows = jax.tree.map(lambda leaf: leaf.reshape(8, 2, *leaf.shape[1:]), batch)
        state, metrics = step(state, rows, jax.random.key(7))
    agree(one, jax.device_get((state.params, state.batch_stats, metrics)))
