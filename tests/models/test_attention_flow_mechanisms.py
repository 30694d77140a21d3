"""What each network with attention over a flow picture promises by itself, and the parts that it is made of."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.attention import ChannelAttention, SelfAttention, TransformerLayer
from mer_jax.models.blocks.flow_channels import flow_channels
from mer_jax.models.blocks.regions import BROWS_AND_MOUTH, stacked_bands
from mer_jax.models.mfe_net import KERNELS, MultiScaleResidual
from mer_jax.models.network import Output
from mer_jax.models.off_tanet import OffTANet, place_code
from mer_jax.training.losses import branches_alike, cross_entropy, focal, proposals
from mer_jax.training.train_step import Batch


def test_a_stretched_picture_is_read_around_zero_and_enlarged_without_new_values():
    ramp = np.broadcast_to(np.arange(28, dtype=np.uint8)[:, None, None] * 9, (2, 28, 28, 3))
    small, large = flow_channels(OffTANet(), ramp), flow_channels(OffTANet(), ramp, 112)
    np.testing.assert_allclose(small[0, :, 0, 0], np.arange(28) * 9 / 127.5 - 1, atol=1e-6)
    np.testing.assert_allclose(large[0, 2:-2, 5, 1], np.interp(np.arange(2, 110), np.arange(28) * 4 + 1.5, small[0, :, 0, 0]),
                               atol=1e-5)
    pixels = np.random.default_rng(0).normal(size=(1, 112, 112, 3)).astype(np.float32)
    np.testing.assert_array_equal(flow_channels(create("off_tanet", 3, "native"), pixels, 112), pixels)


def test_off_tanets_places_are_those_of_its_released_weights():
    code = place_code(14)
    np.testing.assert_allclose([code[0, 0], code[0, 1], code[1, 1]], [1.6829, 1.3818, 1.0806], atol=1e-4)
    np.testing.assert_allclose(code[2, 5], np.sin(10000 ** (-1 / 14)) + np.cos(10000 ** (-2 / 14)), atol=1e-6)


def test_a_motion_moved_by_a_patch_moves_the_gates_of_convmixer_by_a_token(variables_of):
    """Away from the border: what stands there is no part of it."""
    network = create("cabm_fmer", 3, flow_coding="pixels", flow_size=(98, 98), side=98, width=8, depth=1, kernel=3)
    still, variables = np.zeros((1, 98, 98, 3), np.float32), variables_of(network)
    still[:, 42:56, 42:56] = np.random.default_rng(3).normal(size=(14, 14, 3))
    here, there = (network.apply(variables, {"flow": np.roll(still, (k * 7, -k * 7), (1, 2))}, train=False).attention
                   for k in (0, 1))
    np.testing.assert_allclose(here["channel"], there["channel"], atol=1e-5)
    gate, moved = here["spatial"][0, 0], there["spatial"][0, 0]                                       # 14 x 14 tokens
    np.testing.assert_allclose(moved[5:10, 4:9], gate[4:9, 5:10], atol=1e-5)
    assert float(jnp.abs(moved - gate)[4:10, 4:10].max()) > 1e-2


def test_bands_of_a_face_are_stretched_and_laid_below_each_other():
    ramp = jnp.broadcast_to(jnp.arange(28.0)[:, None, None], (2, 28, 5, 3))
    np.testing.assert_allclose(stacked_bands(ramp, ((0.0, 0.5), (0.5, 1.0))), ramp, atol=1e-5)
    np.testing.assert_allclose(stacked_bands(ramp, ((0.5, 1.0), (0.0, 0.5)))[0, :, 0, 0], (np.arange(28) + 14) % 28, atol=1e-5)
    rows = stacked_bands(ramp, BROWS_AND_MOUTH)[0, :, 2, 1]
    each = (np.arange(14) + 0.5) / 14
    np.testing.assert_allclose(rows, np.concatenate([0.14 + 0.4 * each, 0.61 + 0.35 * each]) * 28 - 0.5, atol=1e-4)


def test_the_lower_branch_of_dual_atme_sees_brows_and_mouth_and_no_more(flow, variables_of):
    """The hair, rows 0 to 2, is seen by the upper branch alone; with the upper one off, by none."""
    network = create("dual_atme", 3, width=8)
    variables, hairless = variables_of(network), flow.copy()
    hairless[:, :3] = 255 - hairless[:, :3]
    one, other = (network.apply(variables, {"flow": x}, train=False).extras["branches"] for x in (flow, hairless))
    np.testing.assert_array_equal(one[:, 1], other[:, 1])
    assert float(jnp.abs(one[:, 0] - other[:, 0]).max()) > 1e-3
    lower = create("dual_atme", 3, width=8, off=("whole_face",))
    alone = lower.apply(variables_of(lower), {"flow": flow}, train=False)
    assert alone.attention == {} and alone.extras["branches"].shape == (6, 1, 2352)
    with pytest.raises(UserMistake, match="both off"):
        create("dual_atme", 3, off=("whole_face", "puzzled_face")).apply({}, {"flow": flow}, train=False)


def test_attending_the_lower_branch_too_changes_it_and_adds_no_parameter(flow, variables_of):
    variables = variables_of(create("dual_atme", 3, width=8))
    plain, attending = (create("dual_atme", 3, width=8, attend_lower=on).apply(
        variables, {"flow": flow}, train=False).extras["branches"] for on in (False, True))
    np.testing.assert_array_equal(plain[:, 0], attending[:, 0])
    assert float(jnp.abs(plain[:, 1] - attending[:, 1]).max()) > 1e-3


def test_a_channel_gate_of_eight_units_learns_from_every_start():
    """With the three that 48 channels have by CBAM's ratio, as in Dual-ATME, a start in which all are dead is no accident."""
    x = jax.nn.relu(jax.random.normal(jax.random.key(0), (6, 7, 7, 48)))

    def learns(gate, key):
        variables = gate.init(key, x)
        return jnp.abs(jax.grad(lambda v: gate.apply(v, x).sum())(variables)["params"]["hidden"]["kernel"]).max() > 0

    keys = jax.random.split(jax.random.key(1), 20)
    three, eight = (int(jax.jit(jax.vmap(lambda key, gate=gate: learns(gate, key)))(keys).sum())
                    for gate in (ChannelAttention(least=3), ChannelAttention()))
    assert three < 20 == eight


@pytest.mark.slow
def test_branches_that_point_the_same_way_cost_nothing_and_teach_no_head(flow, variables_of):
    x = jax.random.normal(jax.random.key(0), (4, 6))
    def cost(first, second):
        return branches_alike(Output(None, {}, {"branches": jnp.stack([first, second], 1)}), None)

    np.testing.assert_allclose([cost(x, 3 * x), cost(x, -x)], [[0] * 4, [2] * 4], atol=1e-5)
    assert np.isfinite(jax.grad(lambda v: cost(v, 0 * v).sum())(jnp.zeros((2, 3)))).all()
    network = create("dual_atme", 3, width=8)
    variables = variables_of(network)
    gradient = jax.jit(jax.grad(lambda params: branches_alike(
        network.apply({**variables, "params": params}, {"flow": flow}, train=False), None).sum()))(variables["params"])
    assert not any(np.abs(leaf).max() for name in ("hidden", "norm", "fc") for leaf in jax.tree.leaves(gradient[name]))
    assert all(np.abs(gradient[name]["inception1"]["one"]["kernel"]).max() > 0 for name in ("upper", "lower"))


def test_the_focal_loss_is_cross_entropy_times_the_squared_doubt():
    logits, target = jax.random.normal(jax.random.key(0), (5, 3)) * 3, jax.nn.one_hot(jnp.arange(5) % 3, 3)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    right = p[np.arange(5), np.arange(5) % 3]
    np.testing.assert_allclose(focal(Output(logits), Batch({}, target, jnp.ones(5))), -((1 - right) ** 2) * np.log(right),
                               rtol=1e-4)


def test_a_gate_without_the_maximum_hears_of_the_mean_alone():
    x = jax.random.normal(jax.random.key(0), (2, 6, 6, 8))
    louder = x.at[:, 0, 0].add(9.0).at[:, 0, 1].add(-9.0)
    for gate, same in ((ChannelAttention(maximum=False), True), (ChannelAttention(), False)):
        variables = gate.init(jax.random.key(1), x)
        assert np.allclose(gate.apply(variables, x), gate.apply(variables, louder), atol=1e-5) == same


@pytest.mark.parametrize("train", [False, True])
def test_one_place_looks_at_itself_and_its_query_and_key_learn_nothing(train):
    """With another place just like it beside it, each of the two has the same answer from weights of a half."""
    x, layer = jax.random.normal(jax.random.key(0), (3, 1, 8)), SelfAttention(2)
    variables = layer.init(jax.random.key(1), x)
    alone, weights = layer.apply(variables, x, train)
    twice, halves = layer.apply(variables, jnp.concatenate([x, x], 1), train)
    np.testing.assert_allclose(alone, twice[:, :1], atol=1e-6)
    np.testing.assert_array_equal(weights, np.ones((3, 2, 1, 1)))
    np.testing.assert_allclose(halves, 0.5, atol=1e-6)
    slope = jax.grad(lambda variables: jnp.square(layer.apply(variables, x, train)[0]).sum())(variables)["params"]
    assert {name for name, leaves in slope.items() if not np.any(leaves["kernel"])} == {"q", "k"}


def test_a_transformer_layer_without_its_last_norm_is_what_that_norm_is_of():
    x = jax.random.normal(jax.random.key(0), (2, 5, 8))
    whole = TransformerLayer(2)
    variables = whole.init(jax.random.key(1), x)
    (wanted, _), (bare, _) = whole.apply(variables, x), TransformerLayer(2, last_norm=False).apply(variables, x)
    deviation = np.sqrt(np.var(bare, -1, keepdims=True) + 1e-6)
    np.testing.assert_allclose((bare - np.mean(bare, -1, keepdims=True)) / deviation, wanted, atol=1e-4)
    assert float(jnp.abs(bare - wanted).max()) > 0.1


@pytest.mark.parametrize(("kernels", "reach"), [(KERNELS, 2), (KERNELS[1:2], 1), (KERNELS[2:3], 2)])
def test_a_multi_scale_block_sees_two_places_far_as_its_dilated_kernel_does_and_a_single_scale_one(kernels, reach):
    block, x = MultiScaleResidual(8, kernels, False, Arithmetic()), jnp.ones((1, 11, 11, 4))
    variables = block.init(jax.random.key(0), x, False)
    here, there = (block.apply(variables, v, False)[0] for v in (x, x.at[0, 5, 5].add(jnp.array([3.0, -2.0, 1.0, -4.0]))))
    rows, columns = np.nonzero(np.abs(here - there).max((0, 3)) > 1e-6)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5 - reach, 5 + reach) * 2


def featref(variables_of):
    network = create("featref", 3, width=12, features=6)
    return network, variables_of(network)


@pytest.mark.slow
def test_what_teaches_featrefs_proposals_is_their_own_loss(flow, variables_of):
    network, variables = featref(variables_of)
    batch = Batch({}, jax.nn.one_hot(jnp.arange(6) % 3, 3), jnp.ones(6))

    def taught_by(loss):
        gradient = jax.jit(jax.grad(lambda params: loss(network.apply({"params": params}, {"flow": flow}, train=False),
                                                        batch).sum()))(variables["params"])
        return tuple(bool(np.abs(leaf).max() > 0) for leaf in (
            gradient["expressions"]["proposal"]["kernel"], gradient["head"]["kernel"], gradient["u1"]["three"]["kernel"]))

    assert taught_by(cross_entropy) == (False, True, True) and taught_by(proposals) == (True, False, True)


@pytest.mark.slow
def test_each_expression_of_featref_has_weights_of_its_own(flow, variables_of):
    network, variables = featref(variables_of)
    turned = jax.tree.map_with_path(lambda path, leaf: leaf.at[1].set(-leaf[1]) if path[1].key == "expressions" else leaf,
                                    jax.tree.map(jnp.asarray, variables))
    one, other = (network.apply(v, {"flow": flow}, train=False) for v in (variables, turned))
    for before, after in ((one.attention["classes"], other.attention["classes"]),
                          (one.extras["proposals"], other.extras["proposals"])):
        np.testing.assert_array_equal(before[:, ::2], after[:, ::2])
        assert float(jnp.abs(before[:, 1] - after[:, 1]).max()) > 1e-3


@pytest.mark.slow
def test_featrefs_expressions_when_trained_have_gates_of_their_own_and_propose_their_own_class(clips):
    """On planted clips. That the features of a class serve that class most is not so, with and without the proposals' loss:
    nothing ties what the last layer reads to them."""
    network, optimizer = create("featref", 3, width=32, features=16, dropout=0.0), optax.adam(3e-3)
    flow, label = jnp.asarray(clips.flow), jnp.asarray(clips.label)
    batch = Batch({}, jax.nn.one_hot(label, 3), jnp.ones(len(label)))

    def loss(params):
        output = network.apply({"params": params}, {"flow": flow}, train=True)
        return 0.5 * (cross_entropy(output, batch) + proposals(output, batch)).mean()

    @jax.jit
    def trained(params):
        def step(state, _):
            updates, moments = optimizer.update(jax.grad(loss)(state[0]), state[1], state[0])
            return (optax.apply_updates(state[0], updates), moments), None

        return jax.lax.scan(step, (params, optimizer.init(params)), length=60)[0][0]

    params = trained(network.init(jax.random.key(0), {"flow": flow}, train=False)["params"])
    output = network.apply({"params": params}, {"flow": flow}, train=False)
    gates = np.asarray(output.attention["classes"])
    unit = gates / np.linalg.norm(gates, axis=-1, keepdims=True)
    assert np.einsum("nkw,nlw->nkl", unit, unit)[:, ~np.eye(3, dtype=bool)].mean() < 0.95
    assert (output.extras["proposals"].argmax(-1) == label).mean() > 0.9


def test_the_proposals_loss_is_the_mean_of_binary_cross_entropies():
    z, target = jax.random.normal(jax.random.key(0), (5, 3)) * 2, jax.nn.one_hot(jnp.arange(5) % 3, 3)
    p = 1 / (1 + np.exp(-z))
    wanted = -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean(1)
    np.testing.assert_allclose(proposals(Output(None, {}, {"proposals": z}), Batch({}, target, jnp.ones(5))), wanted, rtol=1e-4)
