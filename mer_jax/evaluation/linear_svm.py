"""A linear support vector machine for each class against the rest, solved to the end, all folds at once.

min over w, b: (|w|^2 + (b / s)^2) / 2 + sum_i c_i max(0, 1 - y_i (w x_i + b))^2, y_i = 1 for the class's clips and -1 for the
others: the squared hinge loss of Fan et al. (LIBLINEAR, JMLR 2008) with its convention for the intercept, which is the weight
b / s of one more feature that is s for all clips, and so is kept small like every weight. With w = sum_i a_i x_i there are as
many unknowns as clips, fewer than a flow picture has numbers. They are found by Newton's method (Chapelle, "Training a
support vector machine in the primal", Neural Computation 2007), whose whole step is the solution once the clips inside the
margin are the same before and behind it; where it overshoots, a shorter one is taken.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from mer_jax.data.clips import Clips
from mer_jax.data.folds import Folds
from mer_jax.evaluation.layout import class_weights
from mer_jax.evaluation.linear import held_out_table
from mer_jax.evaluation.predictions import Predictions
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.models.blocks.flow_channels import flow_channels
from mer_jax.models.linear import Linear
from mer_jax.training.stages import CLASS_WEIGHTS

Number = float | Float[Array, ""]
STEPS = 100                                                   # at most; ten are usual
SHARES = 0.5 ** np.arange(16)                                 # of a Newton step, of which the best is taken
FOLDS_AT_ONCE = 16                                            # of each class and fold a matrix of clips x clips is held


class _Search(NamedTuple):
    """Where Newton's method stands: the unknowns, what they say of all clips, whether that is the solution."""

    weights: Array
    said: Array
    done: Bool[Array, ""]
    steps: Int[Array, ""]


def one_against_rest(gram: Float[Array, "clips clips"], sign: Float[Array, " clips"],
                     cost: Float[Array, " clips"]) -> Float[Array, " clips"]:
    """What one machine says of all clips, positive for its class. gram: products of the clips' features, with that of the
    intercept. sign: 1 and -1. cost: c_i, 0 for a clip that is to have no part in it. nan where STEPS were too few.
    Differentiable in nothing; vmaps."""
    ridge = 1 / (2 * jnp.where(cost > 0, cost, 1))

    def inside(said: Array) -> Array:
        return (sign * said < 1) & (cost > 0)

    def objective(weights: Array, said: Array) -> Array:
        return weights @ said / 2 + (cost * jnp.square(jax.nn.relu(1 - sign * said))).sum()

    def step(at: _Search) -> _Search:
        active = inside(at.said).astype(gram.dtype)
        system = active[:, None] * gram * active + jnp.diag(jnp.where(active > 0, ridge, 1))
        goal = jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(system), active * sign)
        heard, before = gram @ goal, objective(at.weights, at.said)
        solved = (inside(heard) == inside(at.said)).all()
        shares = jnp.asarray(SHARES, gram.dtype)[:, None]
        tried = at.weights + shares * (goal - at.weights), at.said + shares * (heard - at.said)
        costs = jax.vmap(objective)(*tried)
        best = jnp.where(solved, 0, costs.argmin())                                                 # the first is the whole
        settled = costs.min() >= before * (1 - 4 * jnp.finfo(gram.dtype).eps)         # a clip on the very edge goes in and out
        return _Search(tried[0][best], tried[1][best], solved | settled, at.steps + 1)

    zeros = jnp.zeros_like(sign)
    start = _Search(zeros, zeros, jnp.array(False), jnp.array(0))
    found = jax.lax.while_loop(lambda at: ~at.done & (at.steps < STEPS), step, start)
    return jnp.where(found.done, found.said, jnp.nan)


@functools.partial(jax.jit, static_argnames="classes")
def svm_scores(x: Float[Array | np.ndarray, "clips features"], label: Int[Array | np.ndarray, " clips"],
               weight: Float[Array | np.ndarray, "folds clips"], classes: int, cost: Number = 1.0,
               intercept: Number = 1.0) -> Float[Array, "folds clips classes"]:
    """What the machines of each fold say of every clip, the class that is said loudest being predicted.

    weight: of each clip in each fold's training, so that c_i = cost * weight_i; 0 holds a clip out. intercept: s above; 0 is
    without. Computed in the dtype of x; float32 is exact to about 1e-4 where rows of x are no longer than 1 and cost is 1.
    As scikit-learn's LinearSVC(loss="squared_hinge", C=cost, intercept_scaling=intercept), at its optimum; of two classes that
    has the second's machine alone, whose answers are here those of the first with the other sign.
    """
    with jax.default_matmul_precision("highest"):
        x = jnp.asarray(x)
        gram, signs = x @ x.T + intercept**2, 2 * jax.nn.one_hot(label, classes, dtype=x.dtype) - 1
        costs = jnp.asarray(weight, x.dtype) * cost
        machines = jax.vmap(one_against_rest, (None, 1, None), 1)
        return jax.lax.map(lambda row: machines(gram, signs, row), costs, batch_size=FOLDS_AT_ONCE)


def svm_predictions(clips: Clips, folds: Folds, cost: float = 1.0, weights: str = "balanced") -> Predictions:
    """The table of held-out predictions of the linear machines on the clips' flow pictures, one run, as recorded.

    The pictures are what the network `linear` reads, divided by the root of the count of their numbers: no stretched picture
    is then longer than 1. cost: the same for all folds. weights: "balanced", each class weighing the same, or "none".
    Raises UserMistake where the clips have no flow, cost or weights is none, or a machine did not settle.
    """
    if not 0 < cost < np.inf:
        raise UserMistake(f"svm_predictions: cost={cost}, wanted a number above 0")
    if weights not in CLASS_WEIGHTS:
        raise UserMistake(f"svm_predictions: weights={weights!r} is not known{nearest(weights, CLASS_WEIGHTS)}; "
                          f"there are: {', '.join(CLASS_WEIGHTS)}")
    if clips.flow is None:
        raise UserMistake("svm_predictions: the clips have no flow, which the linear machines read")
    label, classes = np.asarray(clips.label), len(clips.classes)
    x = flow_channels(Linear(flow_size=clips.flow.shape[1:3], flow_coding=clips.flow_coding), clips.flow)
    x = x.reshape(len(x), -1) * (x[0].size ** -0.5)
    weight = np.zeros((len(folds), len(clips)), np.float32)
    for row, train in zip(weight, folds.train, strict=True):
        row[train] = class_weights(label[train], classes, weights)[label[train]]
    said = np.asarray(svm_scores(x, label, weight, classes, cost), np.float64)
    if not np.isfinite(said).all():
        raise UserMistake(f"svm_predictions: at cost={cost} a machine did not settle in {STEPS} steps; wanted a smaller cost")
    return held_out_table(clips, folds, ("L0",), np.concatenate([of[test] for of, test in zip(said, folds.test, strict=True)]))
