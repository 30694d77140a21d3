"""The adversary that asks whose face it is: its gradient, its loss, and what features keep of a person when it is asked."""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mer_jax.evaluation.checks import check_loss_inputs
from mer_jax.mistakes import UserMistake
from mer_jax.models.blocks.identity import IdentityHead, reversed_gradient
from mer_jax.models.network import Output
from mer_jax.training.losses import identity
from mer_jax.training.stages import Recipe, Stage
from mer_jax.training.train_state import init_state
from mer_jax.training.train_step import Batch, train_step

PEOPLE, EACH = 6, 20


class Asked(nn.Module):
    """One layer of features, from which the class is told and, backwards, the person."""

    classes: int = 2
    subjects: int = PEOPLE
    factor: float = 1.0
    inputs: ClassVar[tuple[str, ...]] = ("flow",)
    flow_coding: ClassVar[str] = "pixels"
    flow_size: ClassVar[tuple[int, int]] = (4, 4)

    @nn.compact
    def __call__(self, inputs, *, train: bool) -> Output:
        features = nn.Dense(6, name="features")(jnp.asarray(inputs["flow"]).reshape(len(inputs["flow"]), -1))
        told = IdentityHead(self.subjects, 16, self.factor, name="identity")(features)
        return Output(nn.Dense(self.classes, name="head")(features), {}, {"identity": told, "features": features})


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0])
def test_a_reversed_gradient_changes_no_value_and_turns_the_slope_round(factor):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4)) * 1e3, jnp.float32)
    np.testing.assert_array_equal(reversed_gradient(x, factor), x)
    plain = jax.grad(lambda x: jnp.sin(x).sum())(x)
    turned = jax.grad(lambda x: jnp.sin(reversed_gradient(x, factor)).sum())(x)
    np.testing.assert_allclose(turned, -factor * plain, rtol=1e-6)
    _, forward = jax.jvp(lambda x: reversed_gradient(x, factor), (x,), (jnp.ones_like(x),))
    np.testing.assert_allclose(forward, -factor)


def test_the_loss_is_the_cross_entropy_of_the_right_person():
    logits = np.random.default_rng(1).normal(size=(5, PEOPLE)).astype(np.float32)
    subject = np.array([0, 5, 2, 2, 1])
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found = identity(Output(None, {}, {"identity": jnp.asarray(logits)}),
                     Batch({}, jnp.zeros((5, 2)), jnp.ones(5), None, jnp.asarray(subject)))
    np.testing.assert_allclose(found, -np.log(shares[np.arange(5), subject]), rtol=1e-5)


def told_apart(factor: float) -> tuple[float, float]:
    """(how much of the class, how much of the person) a linear reading of the trained features tells, as shares of the
    variance of which class and of which person it is. Every clip shows its class in one number and its person in six."""
    rng = np.random.default_rng(2)
    subject, label = np.repeat(np.arange(PEOPLE), EACH), np.tile([0, 1], PEOPLE * EACH // 2)
    flow = 0.1 * rng.normal(size=(PEOPLE * EACH, 4, 4, 3)).astype(np.float32)
    flow[:, 0, 0, 0] += label - 0.5
    flow[np.arange(len(flow)), 1 + subject // 3, subject % 3, 1] += 1
    network, tx = Asked(factor=factor), optax.adam(1e-2)
    batch = Batch({"flow": jnp.asarray(flow)}, jax.nn.one_hot(label, 2), jnp.ones(len(flow)), None, jnp.asarray(subject))
    state = init_state(network, tx, jax.random.key(0), batch.inputs)
    losses = (("cross_entropy", 1.0), ("identity", 1.0))
    step = jax.jit(lambda state: train_step(network, losses, tx, state, batch, jax.random.key(1))[0])
    for _ in range(300):
        state = step(state)
    features = np.asarray(network.apply({"params": state.params}, batch.inputs, train=False).extras["features"], np.float64)

    def told(wanted):
        wanted, known = wanted - wanted.mean(0), np.column_stack([features, np.ones(len(features))])
        return 1 - np.square(wanted - known @ np.linalg.lstsq(known, wanted, rcond=1e-6)[0]).sum() / np.square(wanted).sum()

    return told(np.eye(2)[label]), told(np.eye(PEOPLE)[subject])


def test_features_behind_the_reversal_tell_the_class_and_hardly_whose_face_it_is():
    """Beside the same network whose features no adversary reaches."""
    (class_kept, person_kept), (class_alone, person_alone) = told_apart(1.0), told_apart(0.0)
    assert class_kept > 0.85 and class_alone > 0.85
    assert person_kept < 0.2 < 0.35 < person_alone


def test_a_head_for_fewer_people_than_the_data_have_is_refused():
    recipe = Recipe((Stage(1, 1e-3, (("cross_entropy", 1.0), ("identity", 0.1))),))
    check_loss_inputs(Asked(), recipe, PEOPLE)
    with pytest.raises(UserMistake, match="loss 'identity': Asked tells 6 people apart, the data have 7"):
        check_loss_inputs(Asked(), recipe, PEOPLE + 1)
