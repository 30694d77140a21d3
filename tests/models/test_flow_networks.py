"""The networks that read a flow picture: laws that all of them keep, and the maps that they give."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.mistakes import UserMistake
from mer_jax.models import create, fields_of, table
from mer_jax.models.network import example_inputs

COUNTS = [("off_tanet", "enlarged", (), 59_403), ("off_tanet", "native", (), 59_403),
          ("off_tanet", None, ("self_attention",), 56_967), ("cabm_fmer", None, (), 807_971),
          ("cabm_fmer", "convmixer", (), 741_635), ("cabm_fmer", "small", (), 173_019), ("cabm_fmer", "native", (), 807_971),
          ("rcn", "a_native", (), 55_747), ("dual_atme", None, (), 4_833_193),
          ("featref", None, (), 7_631_822), ("mfe_net", None, (), 79_231), ("dual_inception", None, (), 6_449_867),
          ("off_apexnet", None, (), 2_664_475), ("off_apexnet", "rectified", (), 2_664_475), ("rcn", "a", (), 55_747),
          ("rcn", "a", ("attention_unit",), 55_747), ("rcn", "s", (), 55_747), ("rcn", "w", (), 52_675),
          ("rcn", "p", (), 52_675), ("rcn", "c", (), 52_675), ("rcn", "f", (), 52_195), ("htnet", "paper", (), 139_582_982),
          ("htnet", "attending", (), 34_265_099), ("capsulenet", "flow", (), 13_834_816),
          ("capsulenet", "enlarged", (), 11_689_512 - 8_393_728 - 513_000 + 11_059_712),    # ResNet-18 less its end, capsules
          ("capsulenet", "small", (), 464 + 9_344 + 33_088 + 131_712 + 2 * (81 * 64**2 + 64) + 36 * 8 * 8 * 3 * 16),
          ("linear", "picture", (), 3 * 2352 + 3)]
TINY = {"cabm_fmer": {"side": 28, "width": 16, "depth": 2, "kernel": 3},
        "capsulenet": {"widths": (4, 6, 8), "features": 8, "types": 2}, "dual_atme": {"width": 16},
        "dual_inception": {"width": 16}, "featref": {"width": 16, "features": 8},
        "htnet": {"variant": "attending", "width": 16, "depths": (1, 2)}, "linear": {},
        "mfe_net": {"widths": (4, 16, 32), "heads": 2}, "off_apexnet": {"features": (2, 4), "width": 16},
        "off_tanet": {"side": 32}, "rcn": {"side": 32, "features": 8}}
MAPS = {"cabm_fmer": {"channel": (2, 16), "spatial": (2, 4, 4)}, "capsulenet": {"coupling": (3, 6, 6)},
        "dual_atme": {"channel": (48,), "spatial": (7, 7)}, "dual_inception": {}, "featref": {"classes": (3, 16)},
        "htnet": {"level1": (4, 3, 4, 4), "level2": (1, 6, 4, 4), "squares": (4, 4)},
        "linear": {}, "off_apexnet": {}, "rcn": {"spatial": (7, 7)},
        "mfe_net": {"channel1": (16,), "channel2": (32,), "places": (2, 49, 49)},
        "off_tanet": {"channel": (28,), "spatial": (4, 4), "self": (28, 4, 4)}}
SHARES = {"self": (-2, -1), "places": -1, "level1": -1, "level2": -1, "coupling": 1, "squares": (-2, -1)}    # sums there are 1
FORMED = {"cabm_fmer": 2, "capsulenet": 13, "dual_atme": 8, "dual_inception": 8, "featref": 8, "htnet": 1, "mfe_net": 7,
          "off_apexnet": 4, "off_tanet": 6, "rcn": 3}                                   # convolutions that have two forms
NO_WAY_IN = {"dual_atme": 1, "off_tanet": 5}       # of 20 seeds: no hidden unit of the channel gate lives; they have 3 and 1
DEAD = {"dual_inception": 0.13, "featref": 0.13}                                      # shares of all their kernels at most
GATES = ("['channel']['hidden']['kernel']", "['gate']['hidden']['kernel']")
NORMED = sorted(set(TINY) - {"dual_inception", "featref", "htnet", "linear", "off_apexnet"})    # networks with batch norm


@pytest.fixture(scope="module", params=sorted(TINY))
def made(request, variables_of):
    """(name, tiny network, with dropout where it has any, its variables, a jitted function (variables, flow) -> Output
    in evaluation)."""
    dropout = {"dropout": 0.5} if "dropout" in fields_of(request.param) else {}
    network = create(request.param, 3, **dropout, **TINY[request.param])
    answer = jax.jit(lambda variables, x: network.apply(variables, {"flow": x}, train=False))
    return request.param, network, variables_of(network), answer


@pytest.fixture(scope="module")
def step(made):
    """A jitted function (variables, flow, dropout key) -> (gradient for the parameters, logits, batch statistics)."""
    _, network, _, _ = made
    weight = jnp.array([1.0, -2.0, 0.7])

    def loss(params, variables, x, key):
        output, updated = network.apply({**variables, "params": params}, {"flow": x}, train=True, mutable=["batch_stats"],
                                        rngs={"dropout": key})
        return (jnp.square(output.logits) + output.logits * weight).sum(), (output.logits, updated.get("batch_stats", {}))

    def step(variables, x, key):
        gradient, (logits, stats) = jax.grad(loss, has_aux=True)(variables["params"], variables, x, key)
        return gradient, logits, stats

    return jax.jit(step)


@pytest.mark.parametrize(("name", "variant", "off", "count"), COUNTS)
def test_parameters_are_as_many_as_published_or_laid_out(name, variant, off, count):
    network = create(name, 3, variant, off)
    variables = jax.eval_shape(lambda: network.init(jax.random.key(0), example_inputs(network), train=False))
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) == count


@pytest.mark.parametrize(("variant", "count"), [(None, 658_723), ("convmixer", 3_840 + 8 * 73_472 + 257 * 3)])
def test_cabm_fmer_of_another_size_has_as_many_parameters_as_laid_out(variant, count):
    """ConvMixer-256/8 with kernel 5 and patch 2: its blocks have 25 + 1, 2, 256 + 1 and 2 numbers for each of 256 channels."""
    network = create("cabm_fmer", 3, variant, kernel=5, patch=2, side=32)
    variables = jax.eval_shape(lambda: network.init(jax.random.key(0), example_inputs(network), train=False))
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) == count


def test_the_list_says_how_each_variant_reads_a_flow_picture():
    said = {(row["name"], row["variant"]): row["input"] for row in table() if row["name"] in TINY}
    assert said["off_tanet", "enlarged"] == "flow 28x28x3 minmax8 enlarged to 112x112"
    assert said["off_tanet", "native"] == "flow 112x112x3 pixels" and said["rcn", "a_native"] == "flow 60x60x3 pixels"
    assert said["capsulenet", "enlarged"].endswith("enlarged to 224x224") and said["rcn", "a"].endswith("enlarged to 60x60")
    assert said["capsulenet", "flow"] == said["htnet", "paper"] == "flow 28x28x3 minmax8"


def test_answers_and_maps_have_their_shapes_and_gates_lie_between_0_and_1(made, flow):
    name, _, variables, answer = made
    output = answer(variables, flow)
    assert output.logits.shape == (6, 3) and output.logits.dtype == jnp.float32
    assert {key: leaf.shape for key, leaf in output.attention.items()} == {key: (6, *dims) for key, dims in MAPS[name].items()}
    for weights in output.attention.values():
        assert float(weights.min()) > 0 and float(weights.max()) < 1 and weights.dtype == jnp.float32
        assert float(jnp.ptp(weights[0] - weights[1])) > 0                           # it looks at the picture
    for key in SHARES.keys() & output.attention.keys():
        np.testing.assert_allclose(output.attention[key].sum(SHARES[key]), 1, atol=1e-5)


@pytest.mark.slow
def test_compiled_or_not_the_answer_is_the_same(made, flow):
    _, network, variables, answer = made
    with jax.disable_jit():
        plain = network.apply(variables, {"flow": flow[:1]}, train=False).logits
    np.testing.assert_allclose(answer(variables, flow[:1]).logits, plain, atol=1e-4)


def test_a_batch_of_runs_answers_as_each_alone(made, flow):
    _, _, variables, answer = made
    runs = jax.tree.map(lambda leaf: jnp.stack([leaf, 0.5 * leaf + 0.1]), variables)
    together = jax.jit(jax.vmap(answer, (0, None)))(runs, flow).logits
    for row in (0, 1):
        alone = answer(jax.tree.map(lambda leaf, row=row: leaf[row], runs), flow).logits
        np.testing.assert_allclose(together[row], alone, rtol=1e-3, atol=1e-4)
    assert np.abs(together[0] - together[1]).max() > 1e-3


@pytest.mark.parametrize("name", sorted(FORMED))
def test_its_form_is_that_of_its_convolutions(name, flow, variables_of):
    """Equal to rounding, as `test_convolution` shows."""
    network = create(name, 3, **TINY[name])
    variables = variables_of(network)
    counts = [str(jax.make_jaxpr(lambda v, form=form: network.clone(form=form).apply(v, {"flow": flow}, train=False).logits)(
        variables)).count("conv_general_dilated[") for form in ("conv", "patches")]
    assert counts[0] - counts[1] == FORMED[name]


@pytest.mark.slow
def test_training_depends_on_the_dropout_key_if_any_and_gradients_are_finite_where_nothing_moves(made, step, flow):
    network, variables, keys = *made[1:3], jax.random.split(jax.random.key(0), 2)
    (_, first, _), (_, second, _), (_, again, _) = (step(variables, flow, keys[k]) for k in (0, 1, 0))
    assert (float(jnp.abs(first - second).max()) > 1e-3) == hasattr(network, "dropout")
    np.testing.assert_array_equal(first, again)
    for value in (0, 128):
        for leaf in jax.tree.leaves(step(variables, np.full_like(flow, value), keys[0])):
            assert np.isfinite(leaf).all()


@pytest.mark.parametrize("name", NORMED)
def test_statistics_are_of_the_whole_batch_where_an_axis_is_named(name, flow, variables_of):
    still = {"dropout": 0.0} if "dropout" in fields_of(name) else {}
    whole, half = (create(name, 3, **still, **TINY[name]).clone(batch_axis=axis) for axis in (None, "halves"))
    variables = variables_of(whole)

    def logits(network):
        return lambda x: network.apply(variables, {"flow": x}, train=True, mutable=["batch_stats"])

    halves = flow.reshape(2, 3, *flow.shape[1:])
    (wanted, stats), (found, split_stats) = (jax.jit(logits(whole))(flow),
                                             jax.jit(jax.vmap(logits(half), axis_name="halves"))(halves))
    np.testing.assert_allclose(found.logits.reshape(6, 3), wanted.logits, atol=2e-3)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[0], b, atol=1e-4), split_stats, stats)


@pytest.mark.parametrize("made", ["dual_inception", "featref", "off_apexnet"], indirect=True)
def test_networks_of_two_directions_read_both_and_no_third_channel(made, flow):
    _, _, variables, answer = made
    seen, two, *one = (answer(variables, flow * np.array(kept, np.uint8)).logits
                       for kept in ((1, 1, 1), (1, 1, 0), (0, 1, 1), (1, 0, 1)))
    np.testing.assert_array_equal(seen, two)
    assert all(float(jnp.abs(seen - other).max()) > 1e-3 for other in one)


@pytest.mark.slow
def test_no_convolution_has_a_dead_kernel_at_the_start_and_no_channel_gate_is_cut_off(made, step, flow):
    """Over 20 seeds; a unit that is never active for any picture gives its kernel no gradient. In inception modules without
    batch norm, FeatRef's and Dual-Inception's, a ninth are on noise (a twentieth on smooth pictures). A channel gate all of
    whose hidden units are dead is the same for every picture; the published ones of a few units may be."""
    name, network, _, _ = made
    init, gates, closed, dead, kernels = jax.jit(lambda key: network.init(key, {"flow": flow}, train=False)), 0, 0, 0, 0
    for seed in range(20):
        gradient, _, _ = step(init(jax.random.key(seed)), flow, jax.random.key(0))
        leaves = [(jax.tree_util.keystr(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(gradient)]
        alive = [np.abs(leaf).max((0, 1, 2)) > 0 for _, leaf in leaves if leaf.ndim == 4]
        dead, kernels = dead + sum((~of).sum() for of in alive), kernels + sum(of.size for of in alive)
        hidden = [leaf for path, leaf in leaves if path.endswith(GATES)]
        gates, closed = gates + len(hidden), closed + any(not np.any(leaf) for leaf in hidden)
    assert dead <= DEAD.get(name, 0) * kernels
    assert closed <= NO_WAY_IN.get(name, 0)
    assert bool(gates) == any(kind.startswith("channel") for kind in MAPS[name])


PARTS = [(name, part) for name in sorted(TINY) for part, default in fields_of(name).items()
         if default is True and getattr(create(name, 3), part)]                                # RCN's first form is without two


@pytest.mark.parametrize(("name", "part"), PARTS)
@pytest.mark.slow
def test_without_a_part_it_answers_otherwise_and_still_learns(name, part, flow, variables_of):
    """With the same parameters, but for those of the part. Its maps are those of the whole, and a share where they are one
    there."""
    fields = {option: value for option, value in TINY[name].items() if option != "variant"}
    whole, less = (create(name, 3, TINY[name].get("variant"), off, **fields) for off in ((), (part,)))

    def loss(params, variables):
        output = less.apply({**variables, "params": params}, {"flow": flow}, train=False)
        return jnp.square(output.logits).sum(), output

    of_whole = dict(jax.tree_util.tree_leaves_with_path(variables_of(whole)))
    variables = jax.tree_util.tree_map_with_path(
        lambda path, leaf: of_whole[path] if np.shape(of_whole.get(path)) == leaf.shape else leaf, variables_of(less))
    gradient, output = jax.jit(jax.grad(loss, has_aux=True))(variables["params"], variables)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient)) and any(
        np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))
    answer = jax.jit(lambda v: whole.apply(v, {"flow": flow}, train=False).logits)(variables_of(whole))
    assert float(jnp.abs(output.logits - answer).max()) > 1e-3
    for kind, weights in output.attention.items():
        if kind in MAPS[name]:
            assert weights.shape == (6, *MAPS[name][kind])
        if kind in SHARES:
            np.testing.assert_allclose(weights.sum(SHARES[kind]), 1, atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 32, 32, 3), (2, 28, 28, 1), (28, 28, 3)])
def test_flow_of_another_size_is_refused(made, shape):
    _, network, variables, _ = made
    with pytest.raises(UserMistake, match=rf"reads flow of shape \(N, 28, 28, 3\), found \({shape[0]}, "):
        network.apply(variables, {"flow": np.zeros(shape, np.uint8)}, train=False)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "fields"), [
    ("off_tanet", {"side": 16, "flow_size": (16, 16)}), ("linear", {}),
    ("cabm_fmer", {"side": 14, "flow_size": (14, 14), "width": 8, "depth": 1, "kernel": 3}),
    ("rcn", {"side": 28, "flow_size": (28, 28), "features": 4, "wide_expansion": True, "shortcuts": True})])
def test_faces_that_do_not_move_at_all_have_finite_answers_and_gradients(name, fields):
    """Flow in pixels, of which each number is 0: what is divided by its own size is divided by nothing."""
    network = create(name, 3, flow_coding="pixels", **fields)
    still = {"flow": np.zeros((2, *network.flow_size, 3), np.float32)}

    def loss(params, variables):
        output, _ = network.apply({**variables, "params": params}, still, train=True, mutable=["batch_stats"],
                                  rngs={"dropout": jax.random.key(1)})
        return (jnp.square(output.logits) + output.logits[:, :1]).sum(), output

    @jax.jit
    def found():
        variables = network.init(jax.random.key(0), still, train=False)
        return jax.grad(loss, has_aux=True)(variables["params"], variables)

    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found()))
