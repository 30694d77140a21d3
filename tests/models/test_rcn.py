"""RCN's variants, its attention without parameters, and its means over parts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.models.blocks.class_map import class_map, weighed
from mer_jax.models.blocks.pooling import mean_pool_to

SMALL = {"side": 30, "features": 8}


def normal(*shape, seed=0):
    return jax.random.normal(jax.random.key(seed), shape)


@pytest.mark.parametrize(("height", "width"), [(14, 21), (10, 6), (3, 7)])
def test_a_part_is_the_mean_of_all_places_that_it_touches(height, width):
    x, found = normal(2, height, width, 3), mean_pool_to(normal(2, height, width, 3), 7)
    for i, j in np.ndindex(7, 7):
        rows, columns = ([k for k in range(length) if k * 7 < (part + 1) * length and (k + 1) * 7 > part * length]
                         for length, part in ((height, i), (width, j)))
        np.testing.assert_allclose(found[:, i, j], np.asarray(x)[:, rows][:, :, columns].mean((1, 2)), atol=1e-5)


def test_a_class_map_runs_from_0_to_1_and_does_not_hear_how_strong_the_motion_is():
    x, weights = normal(4, 7, 7, 5), normal(7, 7, 5, 3, seed=1)
    for k in range(3):
        one = class_map(x, weights[..., k : k + 1])
        np.testing.assert_allclose([one.min((1, 2)), one.max((1, 2))], [[0] * 4, [1] * 4], atol=1e-6)
    each = [class_map(x, weights[..., k : k + 1]) for k in range(3)]
    np.testing.assert_allclose(class_map(x, weights), np.mean(each, 0), atol=1e-5)
    np.testing.assert_allclose(class_map(x, weights), class_map(30 * x, weights * jnp.array([1, 0.1, 7])), atol=1e-5)


def test_where_nothing_moves_a_class_map_is_0_and_its_gradient_is_finite():
    still, weights = jnp.zeros((2, 7, 7, 5)), normal(7, 7, 5, 3)
    np.testing.assert_array_equal(class_map(still, weights), 0)
    for leaf in jax.grad(lambda x, w: class_map(x, w).sum(), (0, 1))(still, weights):
        assert np.isfinite(leaf).all()


def test_a_gate_holds_for_all_places_of_its_part():
    gate, x = normal(2, 2, 3), normal(2, 6, 6, 4)
    np.testing.assert_array_equal(weighed(x, gate), x * np.kron(gate, np.ones((3, 2)))[..., None])
    np.testing.assert_array_equal(weighed(jnp.ones((2, 5, 3, 1)), gate)[..., 0], gate[:, [0, 0, 0, 1, 1]])
    assert weighed(x, None) is x and weighed(x.astype(jnp.bfloat16), gate).dtype == jnp.bfloat16


@pytest.mark.parametrize("variant", ["s", "w", "p", "c", "f"])
@pytest.mark.slow
def test_every_part_of_each_variant_learns_and_gradients_are_finite_where_nothing_moves(variant, flow, variables_of):
    network = create("rcn", 3, variant, **SMALL, flow_coding="pixels")
    variables = variables_of(network)

    def loss(params, x):
        output, _ = network.apply({**variables, "params": params}, {"flow": x}, train=True, mutable=["batch_stats"],
                                  rngs={"dropout": jax.random.key(0)})
        return jnp.square(output.logits).sum()

    gradient = jax.jit(jax.grad(loss))
    for value in (0.0, 0.01):
        for leaf in jax.tree.leaves(gradient(variables["params"], np.full(flow.shape, value, np.float32))):
            assert np.isfinite(leaf).all()
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradient(variables["params"], flow / np.float32(127.5) - 1)):
        assert np.abs(leaf).max() > 0, jax.tree_util.keystr(path)


def test_the_attention_unit_looks_where_the_last_layer_does(flow, variables_of):
    """Turned to one place alone, the last layer leaves each class's map there alone; without the unit there is no map."""
    network = create("rcn", 3, **SMALL)
    variables = variables_of(network)
    kernel = np.zeros((8, 7, 7, 3), np.float32)
    kernel[:, 2, 5] = 1
    params = {**variables["params"], "classifier": {"kernel": kernel.reshape(-1, 3), "bias": np.zeros(3, np.float32)}}
    found = np.asarray(network.apply({**variables, "params": params}, {"flow": flow}, train=False).attention["spatial"])
    spot = np.zeros((7, 7), bool)
    spot[2, 5] = True
    for each in found:
        assert np.ptp(each[~spot]) < 1e-6 and abs(each[spot][0] - each[~spot][0]) > 0.99
    bare = create("rcn", 3, off=("attention_unit",), **SMALL)
    assert bare.apply(variables, {"flow": flow}, train=False).attention == {}


@pytest.mark.parametrize(("fields", "line"), [
    ({"gated": "end"}, "option gated='end' is not known.*parts, start, recurrence"),
    ({"variant": "w", "dilations": (1,)}, r"dilations=\(1,\) cannot share features=64: wanted two or more"),
    ({"variant": "w", "features": 10}, r"dilations=\(1, 2, 3\) cannot share features=10")])
def test_streams_and_gates_that_cannot_be_are_refused(fields, line, flow):
    with pytest.raises(UserMistake, match=line):
        create("rcn", 3, **fields).init(jax.random.key(0), {"flow": flow}, train=False)
