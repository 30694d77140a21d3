"""Capsules: squashing, routing by agreement, the margin loss, and what CapsuleNet's logits say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.models.blocks.capsules import Routing, squash
from mer_jax.models.network import Output
from mer_jax.training.losses import margin
from mer_jax.training.train_step import Batch


def test_squashing_keeps_the_direction_and_says_the_length_as_a_probability():
    x = jnp.array([[3.0, 4.0], [0.03, -0.04], [0.0, 0.0]])
    squared = np.square(x).sum(1)
    np.testing.assert_allclose(np.linalg.norm(squash(x), axis=1), squared / (1 + squared), rtol=1e-5)
    np.testing.assert_allclose(squash(x)[:, 0] * x[:, 1], squash(x)[:, 1] * x[:, 0], rtol=1e-5)
    np.testing.assert_allclose(jax.jacobian(squash)(jnp.zeros(2)), np.zeros((2, 2)), atol=1e-6)


def test_a_capsule_that_contradicts_the_others_is_coupled_to_a_class_less_with_each_routing():
    """Nine propose one thing to class 0 and the tenth its opposite; to class 1 each proposes something else."""
    capsules, kernel = jnp.ones((1, 10, 1)), np.zeros((10, 1, 10, 2), np.float32)
    kernel[0, 0, :, 0], kernel[:, 0, :, 1] = np.where(np.arange(10) < 9, 1, -1), np.eye(10)
    coupled = np.stack([Routing(2, 10, routings).apply({"params": {"kernel": kernel}}, capsules)[1][0, 0]
                        for routings in (1, 2, 3)])
    np.testing.assert_allclose(coupled[0], 0.5, atol=1e-6)
    assert (np.diff(coupled[:, 0]) > 0.01).all() and (np.diff(coupled[:, 9]) < -0.01).all()


def test_the_gradient_takes_the_couplings_as_given():
    routing, capsules = Routing(2, 4), jax.random.normal(jax.random.key(0), (3, 5, 6))
    variables = jax.tree.map(lambda leaf: 40 * leaf, routing.init(jax.random.key(1), capsules))
    votes, coupling = routing.apply(variables, capsules)
    assert float(jnp.ptp(coupling)) > 0.1
    kernel, weight = variables["params"]["kernel"], jnp.cos(jnp.arange(votes.size)).reshape(votes.shape)
    found = jax.grad(lambda v: (routing.apply(v, capsules)[0] * weight).sum())(variables)["params"]["kernel"]
    wanted = np.einsum("ncd,nci,nik->dkic", weight, coupling, capsules)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(votes, np.einsum("nci,dkic,nik->ncd", coupling, kernel, capsules), rtol=1e-4, atol=1e-5)


def test_the_margin_loss_is_that_of_the_lengths_and_stops_where_they_are_right():
    length, target = np.array([[0.95, 0.05, 0.1], [0.6, 0.3, 0.05], [0.2, 0.95, 0.1]]), np.eye(3)[[0, 0, 2]]
    cost = margin(Output(jnp.log(length / (1 - length))), Batch({}, jnp.asarray(target), jnp.ones(3)))
    np.testing.assert_allclose(cost, [0, 0.3**2 + 0.5 * 0.2**2, 0.8**2 + 0.5 * (0.1**2 + 0.85**2)], atol=1e-6)


@pytest.mark.parametrize(("field", "line"), [({"side": 56}, "side=56, wanted 28 or 224"), ({"routings": 0}, "routings=0")])
def test_a_trunk_of_another_size_and_no_routing_are_refused(field, line):
    with pytest.raises(UserMistake, match=line):
        network = create("capsulenet", 3, widths=(2, 2, 2), features=2, types=1, **field)
        jax.eval_shape(lambda: network.init(jax.random.key(0), {"flow": jnp.zeros((1, 28, 28, 3))}, train=False))
