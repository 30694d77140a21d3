"""bfloat16 where it is asked for, and nowhere else: parameters, statistics, losses and answers stay float32."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mer_jax.mistakes import UserMistake
from mer_jax.models import MODELS, create, fields_of
from mer_jax.models.agmenet import AGMENet
from mer_jax.models.blocks.convolution import FORMS
from mer_jax.models.network import example_inputs
from mer_jax.models.ststnet import STSTNet
from mer_jax.training.train_state import init_state
from mer_jax.training.train_step import Batch, train_step

SMALL = {"agmenet": {"variant": "tiny", "instants": 2, "blocks": (1, 1), "stem": 8, "width": 8, "heads": 2, "dropout": 0.0},
         "cabm_fmer": {"side": 28, "width": 8, "depth": 1, "kernel": 3},
         "capsulenet": {"widths": (4, 6, 8), "features": 8, "types": 2},
         "cnn_gru": {"variant": "tiny", "instants": 2, "stages": (8, 8), "width": 8, "dropout": 0.0},
         "densenet": {"variant": "tiny", "instants": 2, "blocks": (1, 1), "stem": 8, "dropout": 0.0},
         "dual_atme": {"width": 16, "dropout": 0.0},
         "dual_inception": {"width": 16, "dropout": 0.0},
         "featref": {"width": 16, "features": 8, "dropout": 0.0},
         "htnet": {"variant": "attending", "width": 16, "depths": (1, 1)},
         "linear": {},
         "mfe_net": {"widths": (4, 8, 16), "heads": 2, "dropout": 0.0},
         "off_apexnet": {"features": (2, 4), "width": 16, "dropout": 0.0},
         "off_tanet": {"side": 32, "dropout": 0.0},
         "rcn": {"side": 32, "features": 8, "dropout": 0.0},
         "ststnet": {"dropout": 0.0}}


def inputs_of(name: str) -> dict:
    rng = np.random.default_rng(0)
    if "flow" in MODELS[name].network.inputs:
        return {"flow": rng.integers(0, 256, (6, 28, 28, 3), np.uint8)}
    return {"frames": rng.uniform(0, 1, (6, 2, 1, 16, 16, 3)).astype(np.float32)}


@pytest.fixture(scope="module", params=sorted(SMALL))
def stepped(request):
    """dtype -> (the network's answers, the state after a step, its metrics, the dtypes of its products), from one start;
    "start" -> that."""
    name, inputs, found, state = request.param, inputs_of(request.param), {}, None
    batch = Batch({key: jnp.asarray(value) for key, value in inputs.items()}, jax.nn.one_hot(jnp.arange(6) % 3, 3), jnp.ones(6))
    for dtype in ("float32", "bfloat16"):
        network, tx = create(name, 3, dtype=dtype, **SMALL[name]), optax.sgd(0.01)

        def begin(network=network, tx=tx):
            return init_state(network, tx, jax.random.key(0), batch.inputs)

        def answer_and_step(state, network=network, tx=tx):
            answers = network.apply(state.variables(), batch.inputs, train=False)
            return answers, *train_step(network, (("cross_entropy", 1.0),), tx, state, batch, jax.random.key(1))

        state = jax.jit(begin)() if state is None else state
        assert jax.tree.map(lambda leaf: leaf.dtype, jax.eval_shape(begin)) == jax.tree.map(lambda leaf: leaf.dtype, state)
        lowered = jax.jit(answer_and_step).lower(state)
        found[dtype] = *lowered.compile()(state), products(lowered.as_text())
    return found | {"start": state}


def products(program: str) -> set[str]:
    """The dtypes of all convolutions and matrix products in a lowered program."""
    lines = [line for line in program.splitlines() if "stablehlo.convolution" in line or "stablehlo.dot_general" in line]
    return {line.rsplit("x", 1)[1].split(">")[0] for line in lines}


@pytest.mark.slow
def test_everything_that_is_kept_is_float32(stepped):
    for answers, after, metrics, _ in (stepped["float32"], stepped["bfloat16"]):
        for leaf in jax.tree.leaves((answers, after.params, after.batch_stats, metrics)):
            assert leaf.dtype == jnp.float32


@pytest.mark.slow
def test_products_are_what_was_asked_for(stepped):
    assert stepped["float32"][3] == {"f32"}
    assert {"bf16"} <= stepped["bfloat16"][3] <= {"bf16", "f32"}


@pytest.mark.slow
def test_the_two_agree_as_far_as_bfloat16_can_tell(stepped):
    """Their steps point the same way, not more: these pictures are noise, and in networks as narrow as these one unit at the
    edge of its ReLU, which rounding puts on the other side, is a large part of the gradient."""
    (wide, state, metrics, _), (narrow, other, coarse, _) = stepped["float32"], stepped["bfloat16"]
    start = stepped["start"]
    spread = float(jnp.abs(wide.logits).max())
    np.testing.assert_allclose(wide.logits, narrow.logits, atol=0.05 * spread)
    assert float(jnp.abs(wide.logits - narrow.logits).max()) > 0
    assert float(metrics["loss"]) == pytest.approx(float(coarse["loss"]), rel=0.05)
    for first, second in zip(jax.tree.leaves(state.batch_stats), jax.tree.leaves(other.batch_stats), strict=True):
        np.testing.assert_allclose(first, second, atol=0.03 * float(jnp.abs(first).max()))
    steps = [np.concatenate([np.ravel(after - before) for after, before in zip(
        jax.tree.leaves(end.params), jax.tree.leaves(start.params), strict=True)]) for end in (state, other)]
    assert all(np.isfinite(way).all() for way in steps)
    assert steps[0] @ steps[1] > 0.7 * np.linalg.norm(steps[0]) * np.linalg.norm(steps[1])


def test_another_dtype_is_refused():
    line = "dtype 'float16' is not known .did you mean .*; there are: float32, bf"
    for network in (STSTNet(dtype="float16"), AGMENet(dtype="float16")):
        with pytest.raises(UserMistake, match=line):
            jax.eval_shape(lambda network=network: network.init(jax.random.key(0), example_inputs(network), train=False))


@pytest.mark.parametrize(("name", "field", "line"), [
    ("cabm_fmer", {"kernel": 8}, "CABM-FMER: kernel=8: wanted an odd number"),
    ("cabm_fmer", {"side": 100}, "CABM-FMER: patch=7: wanted one that divides the side, 100 pixels"),
    ("off_tanet", {"side": 8}, "Off-TANet: side=8: wanted 16 or more")])
def test_a_size_that_cannot_be_is_refused_when_the_network_is_made(name, field, line):
    network = create(name, 3, **field)
    with pytest.raises(UserMistake, match=line):
        jax.eval_shape(lambda: network.init(jax.random.key(0), example_inputs(network), train=False))


@pytest.mark.parametrize(("name", "field", "line"), [
    ("ststnet", {"dtype": "bf16"}, "network 'ststnet', option dtype='bf16' is not known .did you mean 'bfloat16'"),
    ("ststnet", {"form": "patch"}, "network 'ststnet', option form='patch' is not known .did you mean 'patches'"),
    ("agmenet", {"motion": "flaw"}, "network 'agmenet', option motion='flaw' is not known .did you mean 'flow'"),
    ("agmenet", {"readout": "place"}, "network 'agmenet', option readout='place' is not known .did you mean 'places'"),
    ("agmenet", {"dropout": 7.0}, "network 'agmenet', option dropout=7.0: wanted 0 or more, less than 1"),
    ("agmenet", {"dropout": float("nan")}, "network 'agmenet', option dropout=nan: wanted 0 or more, less than 1"),
    ("agmenet", {"width": -8}, "network 'agmenet', option width=-8: wanted 1 or more$"),
    ("cabm_fmer", {"depth": 0}, "network 'cabm_fmer', option depth=0: wanted 1 or more$"),
    ("htnet", {"depths": (2, 0)}, r"network 'htnet', option depths=\(2, 0\): wanted 1 or more of each"),
    ("mfe_net", {"widths": (16, 32)}, r"network 'mfe_net', option widths=\(16, 32\): wanted 3 numbers"),
    ("linear", {"flow_size": (28,)}, r"network 'linear', option flow_size=\(28,\): wanted 2 numbers")])
def test_a_field_that_cannot_be_is_refused_before_anything_is_made(name, field, line):
    with pytest.raises(UserMistake, match=line):
        create(name, 3, **field)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [name for name in MODELS if "form" in fields_of(name)])
def test_every_network_that_has_forms_takes_both(name, form):
    assert create(name, 3, form=form).form == form
