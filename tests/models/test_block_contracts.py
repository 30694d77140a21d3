"""Laws that every block keeps, whatever network it stands in; a block that is in no table here fails."""

import importlib
import pkgutil

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax import models
from mer_jax.models import blocks
from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.attention import (
    CBAM,
    ChannelAttention,
    RegionAttention,
    SelfAttention,
    SpatialAttention,
    TransformerLayer,
)
from mer_jax.models.blocks.capsules import Routing
from mer_jax.models.blocks.class_map import weighed
from mer_jax.models.blocks.convolution import Convolution, Depthwise
from mer_jax.models.blocks.densenet import DenseBlock, DenseLayer, LateDenseNet, Transition
from mer_jax.models.blocks.enhancement import CurveNet, IlluminationNet, LowLightEnhancement
from mer_jax.models.blocks.fusion import TemporalEnsemble
from mer_jax.models.blocks.identity import IdentityHead
from mer_jax.models.blocks.inception import Inception
from mer_jax.models.blocks.recurrence import Recurrence, Unit
from mer_jax.models.blocks.resnet import BasicBlock, ResNetStages
from mer_jax.models.cabm_fmer import MixerBlock
from mer_jax.models.dual_atme import Branch
from mer_jax.models.featref import Expression
from mer_jax.models.htnet import Level
from mer_jax.models.mfe_net import KERNELS, MultiScaleResidual
from mer_jax.models.off_tanet import MapSelfAttention, Residual
from mer_jax.models.rcn import Stream

HOW, PICTURES, TOKENS = Arithmetic(), (4, 8, 8, 6), (4, 5, 8)
# name -> (block, shapes of what it reads, whether it is told if it trains)
BLOCKS = {
    "ChannelAttention": (ChannelAttention(), [PICTURES], False),
    "SpatialAttention": (SpatialAttention(3, norm=True), [PICTURES], True),
    "CBAM": (CBAM(kernel=3, place_bias=True), [PICTURES], True),
    "RegionAttention": (RegionAttention(2), [TOKENS], False),
    "SelfAttention": (SelfAttention(2), [TOKENS], True),
    "TransformerLayer": (TransformerLayer(2), [TOKENS], True),
    "TemporalEnsemble": (TemporalEnsemble(8), [TOKENS], False),
    "Routing": (Routing(3, 4), [TOKENS], False),
    "Convolution": (Convolution(4, 3, like_torch=True), [PICTURES], False),
    "Depthwise": (Depthwise(3), [PICTURES], False),
    "DenseLayer": (DenseLayer(4), [PICTURES, None], True),
    "DenseBlock": (DenseBlock(2, 4), [PICTURES], True),
    "Transition": (Transition(), [PICTURES], True),
    "LateDenseNet": (LateDenseNet(6, 4, (1, 2), 3), [PICTURES], True),
    "Inception": (Inception(4, norm=True), [PICTURES], True),
    "Unit": (Unit(4, 3, HOW, inside=True), [PICTURES], True),
    "Recurrence": (Recurrence(True, HOW), [PICTURES, (4, 2, 2)], True),
    "BasicBlock": (BasicBlock(8, 2, HOW), [PICTURES], True),
    "ResNetStages": (ResNetStages((4, 8), 2, HOW), [PICTURES], True),
    "IdentityHead": (IdentityHead(5), [(4, 8)], False),
    "CurveNet": (CurveNet(4), [(4, 8, 8, 3)], False),
    "IlluminationNet": (IlluminationNet(), [(4, 8, 8, 3)], False),
    "LowLightEnhancement": (LowLightEnhancement(2), [(4, 2, 3, 8, 8, 3)], False),
    # which stand in one network, and so in its file
    "MapSelfAttention": (MapSelfAttention(HOW), [PICTURES], False),
    "Residual": (Residual(4, 6, HOW, ("channel", "spatial", "self")), [PICTURES], True),
    "MixerBlock": (MixerBlock(3, True, HOW), [PICTURES], True),
    "MultiScaleResidual": (MultiScaleResidual(8, KERNELS, True, HOW), [PICTURES], True),
    "Expression": (Expression(4), [(4, 8)], False),
    "Level": (Level(2, 2, 2, 0.0, HOW), [(4, 4, 4, 8)], True),
    "Stream": (Stream(4, 2, True, HOW), [PICTURES], True),
    "Branch": (Branch(HOW), [(4, 8, 8, 3)], True),
}
PARAMETERS_ONLY = {"Classifier", "Kernel", "BatchAffine"}                       # what they give is read by other blocks
# What adds the same to all that a softmax is over, so that no gradient reaches it.
UNHEARD = {"RegionAttention": ("['k']['bias']", "['norm']['bias']"), "SelfAttention": ("['k']['bias']",),
           "TransformerLayer": ("['attention']['k']['bias']",)}
# name -> (what of its answer is a gate in (0, 1), or None; what sums to 1, over its last axis but where said)
LOOKS = {
    "ChannelAttention": (lambda gate: gate, None), "SpatialAttention": (lambda gate: gate, None),
    "CBAM": (lambda answer: list(answer[1].values()), None),
    "RegionAttention": (None, lambda answer: answer[1]), "SelfAttention": (None, lambda answer: answer[1]),
    "TransformerLayer": (None, lambda answer: answer[1]), "TemporalEnsemble": (None, lambda beta: beta),
    "Routing": (None, lambda answer: jnp.moveaxis(answer[1], 1, -1)),
    "LowLightEnhancement": (lambda answer: answer[1]["gate"], None),
    "MapSelfAttention": (None, lambda answer: answer[1].reshape(*answer[1].shape[:2], -1)),
    "Residual": (lambda answer: [answer[1]["channel"], answer[1]["spatial"]], None),
    "MixerBlock": (lambda answer: list(answer[1].values()), None), "MultiScaleResidual": (lambda answer: answer[1], None),
    "Expression": (lambda answer: answer[0], None), "Level": (None, lambda answer: answer[1]),
}


@pytest.fixture(scope="module", params=list(BLOCKS))
def made(request):
    """(name, jitted answer (variables, *inputs) in evaluation, variables none of which is as at first, inputs)."""
    block, shapes, told = BLOCKS[request.param]
    rng, evaluation = np.random.default_rng(0), {"train": False} if told else {}
    inputs = tuple(None if shape is None else rng.uniform(0.1, 0.4, shape).astype(np.float32) for shape in shapes)
    shapes = jax.eval_shape(lambda *inputs: block.init(jax.random.key(0), *inputs, **evaluation), *inputs)
    variables = jax.tree.map(lambda leaf: rng.uniform(0.1, 0.3, leaf.shape).astype(np.float32)
                             * rng.choice([1, 1, -1], leaf.shape), shapes)
    variables["batch_stats"] = jax.tree.map(np.abs, variables.get("batch_stats", {}))
    return request.param, jax.jit(lambda variables, *inputs: block.apply(variables, *inputs, **evaluation)), variables, inputs


def test_every_block_is_here():
    modules = [importlib.import_module(f"{folder.__name__}.{found.name}") for folder in (blocks, models)
               for found in pkgutil.iter_modules(folder.__path__)]
    there = {name for module in modules for name, value in vars(module).items() if isinstance(value, type)
             and issubclass(value, nn.Module) and value.__module__ == module.__name__ and not hasattr(value, "inputs")}
    assert there == set(BLOCKS) | PARAMETERS_ONLY


def test_no_clip_has_a_part_in_the_answer_of_another(made):
    _, answer, variables, inputs = made
    turned = answer(variables, *(None if x is None else x[::-1].copy() for x in inputs))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[::-1], b, rtol=1e-5, atol=1e-5),
                 answer(variables, *inputs), turned)


def test_runs_answer_together_as_each_alone(made):
    _, answer, variables, inputs = made
    runs = jax.tree.map(lambda leaf: jnp.stack([leaf, 0.5 * leaf + 0.1]), variables)
    together = jax.jit(jax.vmap(answer, (0, *(None,) * len(inputs))))(runs, *inputs)
    for row in (0, 1):
        alone = answer(jax.tree.map(lambda leaf, row=row: leaf[row], runs), *inputs)
        jax.tree.map(lambda a, b, row=row: np.testing.assert_allclose(a[row], b, rtol=1e-3, atol=1e-4), together, alone)


def test_gradients_reach_every_parameter_and_are_finite_where_nothing_is_seen(made):
    _, answer, variables, inputs = made
    inputs = tuple(x for x in inputs if x is not None)
    extra = (None,) * (len(BLOCKS[made[0]][1]) - len(inputs))

    def loss(params, inputs):
        leaves = jax.tree.leaves(answer({**variables, "params": params}, *inputs, *extra))
        rng = np.random.default_rng(1)
        return sum((leaf * rng.uniform(-1, 1, leaf.shape)).sum() + jnp.square(leaf).sum() for leaf in leaves)

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))
    for path, leaf in jax.tree.leaves_with_path(gradient(variables["params"], inputs)[0]):
        name = jax.tree_util.keystr(path)
        assert bool(np.abs(leaf).max() > 1e-5) != (name in UNHEARD.get(made[0], ())), name
    for value in (0, 0.5):
        still = jax.tree.map(lambda x, value=value: np.full_like(x, value), inputs)
        for leaf in jax.tree.leaves(gradient(variables["params"], still)):
            assert np.isfinite(leaf).all()


@pytest.mark.parametrize("made", list(LOOKS), indirect=True)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_gates_lie_between_0_and_1_and_shares_sum_to_1_in_float32_whatever_is_read(made, dtype):
    name, answer, variables, inputs = made
    inputs, variables = jax.tree.map(lambda x: jnp.asarray(x, dtype), ([10 * (x - 0.25) for x in inputs], variables))
    found = answer(variables, *inputs)
    gate, shares = (pick and jax.tree.leaves(pick(found)) for pick in LOOKS[name])
    for weights in gate or shares:
        assert weights.dtype == jnp.float32 and float(weights.min()) > 0 and float(weights.max()) < 1
    for weights in shares or ():
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("block", [ChannelAttention(), SpatialAttention(3), CBAM(kernel=3, norm=True)])
def test_a_clip_of_one_moment_is_gated_as_its_picture_is(block):
    """What a kernel says of the moments before and after meets zeros; its middle is that of the picture."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=PICTURES), jnp.float32)
    clip, rng = x[:, None], np.random.default_rng(1)
    variables = jax.tree.map(lambda leaf: rng.uniform(0.1, 1, leaf.shape), block.init(jax.random.key(0), clip))
    of_picture = jax.tree.map(lambda leaf: leaf[1] if leaf.ndim == 5 else leaf, variables)
    whole, flat = block.apply(variables, clip), block.apply(of_picture, x)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(np.reshape(a, b.shape), b, rtol=1e-5, atol=1e-6), whole, flat)


def test_what_every_gate_lets_through_is_as_it_was():
    x = jnp.asarray(np.random.default_rng(0).normal(size=PICTURES), jnp.float32)
    block = CBAM(kernel=3, place_bias=True)
    shut = jax.tree.map(jnp.zeros_like, block.init(jax.random.key(0), x))
    opened = jax.tree.map_with_path(lambda path, leaf: leaf + 100 * (path[-1].key == "bias"), shut)
    np.testing.assert_array_equal(block.apply(opened, x)[0], x)
    np.testing.assert_array_equal(block.apply(shut, x)[0], x / 4)
    np.testing.assert_array_equal(weighed(x, jnp.ones((4, 2, 2))), x)
