"""Convolutions in their forms: all give what `lax.conv` gives, and so do their gradients."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

from mer_jax.models.blocks.convolution import (
    Convolution,
    Depthwise,
    halving_convolution,
    same_convolution,
    spaced_convolution,
)


def numbers(*shape: int, seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def plainly(x, kernel, stride):
    edge = len(kernel) // 2
    return jax.lax.conv_general_dilated(x, kernel, (stride, stride), [(edge, edge)] * 2,
                                        dimension_numbers=("NHWC", "HWIO", "NHWC"))


def assert_the_same(one, other, x, kernel):
    """Values, and gradients of a random weighing of them."""
    weight = numbers(*other(x, kernel).shape, seed=1)
    found, wanted = ((f(x, kernel), jax.grad(lambda *given, f=f: (f(*given) * weight).sum(), (0, 1))(x, kernel))
                     for f in (one, other))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("form", ["conv", "patches"])
def test_at_stride_1_every_form_is_the_convolution(size, form):
    assert_the_same(lambda x, kernel: same_convolution(x, kernel, form), lambda x, kernel: plainly(x, kernel, 1),
                    numbers(2, 6, 5, 3), numbers(size, size, 3, 4))


@pytest.mark.parametrize(("height", "width", "size", "dilation"), [(2, 2, 3, 1), (1, 6, 3, 1), (4, 5, 3, 2), (3, 2, 5, 2)])
@pytest.mark.parametrize("form", ["conv", "patches"])
def test_on_pictures_smaller_than_the_kernel_every_form_is_the_convolution(form, height, width, size, dilation):
    def plain(x, kernel):
        edge = size // 2 * dilation
        return jax.lax.conv_general_dilated(x, kernel, (1, 1), [(edge, edge)] * 2, rhs_dilation=(dilation, dilation),
                                            dimension_numbers=("NHWC", "HWIO", "NHWC"))

    assert_the_same(lambda x, kernel: same_convolution(x, kernel, form, dilation), plain,
                    numbers(2, height, width, 3), numbers(size, size, 3, 4))


@pytest.mark.parametrize(("height", "width", "size"), [(8, 6, 3), (9, 7, 3), (12, 10, 7), (11, 12, 7), (5, 4, 1)])
def test_at_stride_2_tiles_give_the_convolution(height, width, size):
    assert_the_same(halving_convolution, lambda x, kernel: plainly(x, kernel, 2),
                    numbers(2, height, width, 3), numbers(size, size, 3, 4))


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (3, 1), (7, 2)])
def test_parameters_are_those_of_flax_from_the_same_key(size, stride):
    x, init = numbers(1, 8, 8, 3), nn.initializers.kaiming_normal()
    theirs = nn.Conv(4, (size, size), (stride, stride), padding=size // 2, use_bias=False, kernel_init=init)
    ours, key = Convolution(4, size, stride), jax.random.key(3)
    found = ours.init(key, x)
    np.testing.assert_array_equal(found["params"]["kernel"], theirs.init(key, x)["params"]["kernel"])
    np.testing.assert_allclose(ours.apply(found, x), theirs.apply(found, x), rtol=1e-5, atol=1e-5)
    assert Convolution(4, size, stride, dtype=jnp.bfloat16).apply(found, x).dtype == jnp.bfloat16


@pytest.mark.parametrize(("stride", "size", "dilation"), [(3, 3, 1), (3, 3, 3), (2, 5, 2), (4, 1, 1)])
@pytest.mark.parametrize("form", ["conv", "patches"])
def test_at_any_stride_every_form_is_what_stands_at_these_places_of_the_convolution(form, stride, size, dilation):
    assert_the_same(lambda x, kernel: spaced_convolution(x, kernel, stride, form, dilation),
                    lambda x, kernel: same_convolution(x, kernel, "conv", dilation)[:, ::stride, ::stride],
                    numbers(2, 11, 9, 3), numbers(size, size, 3, 4))


@pytest.mark.parametrize(("size", "stride", "dilation"), [(1, 1, 1), (5, 1, 1), (3, 2, 1), (3, 3, 2)])
def test_with_a_start_of_its_own_it_is_flaxs_with_a_bias(size, stride, dilation):
    x, draw = numbers(1, 8, 8, 3), nn.initializers.glorot_uniform()
    theirs = nn.Conv(4, (size, size), stride, padding=size // 2 * dilation, kernel_dilation=dilation, kernel_init=draw)
    ours, key = Convolution(4, size, stride, dilation=dilation, draw=draw), jax.random.key(3)
    found = ours.init(key, x)
    jax.tree.map(np.testing.assert_array_equal, found, theirs.init(key, x))
    found["params"]["bias"] = numbers(4)
    np.testing.assert_allclose(ours.apply(found, x), theirs.apply(found, x), rtol=1e-5, atol=1e-5)


def test_runs_batched_as_patches_need_no_convolution():
    """Mapped over kernels, a convolution becomes a grouped one; a product stays a product."""
    x, kernels = numbers(2, 2, 6, 6, 3), numbers(2, 3, 3, 3, 4)
    program = {form: str(jax.make_jaxpr(jax.vmap(lambda x, k, form=form: same_convolution(x, k, form)))(x, kernels))
               for form in ("conv", "patches")}
    assert "feature_group_count=2" in program["conv"] and "conv_general_dilated" not in program["patches"]


@pytest.mark.parametrize("form", ["conv", "patches"])
def test_a_depthwise_convolution_is_one_convolution_a_channel(form):
    x = jax.random.normal(jax.random.key(0), (2, 7, 6, 3))
    layer = Depthwise(5, form)
    variables = layer.init(jax.random.key(1), x)
    kernel, bias = (variables["params"][name] for name in ("kernel", "bias"))
    found = layer.apply(variables, x)
    for c in range(3):
        alone = scipy.signal.correlate(np.asarray(x[..., c]), np.asarray(kernel[None, :, :, 0, c]), "same", "direct") + bias[c]
        np.testing.assert_allclose(found[..., c], alone, atol=1e-5)


def test_both_forms_of_a_depthwise_convolution_have_the_same_gradients():
    x, kernel = numbers(2, 3, 6, 4), numbers(5, 5, 1, 4)

    def layer(form):
        return lambda x, kernel: Depthwise(5, form).apply({"params": {"kernel": kernel, "bias": numbers(4)}}, x)

    assert_the_same(layer("patches"), layer("conv"), x, kernel)


def test_a_convolution_like_pytorchs_starts_within_its_bounds():
    x, bound = jnp.zeros((1, 4, 4, 6)), (9 * 6) ** -0.5
    start = Convolution(400, 3, like_torch=True).init(jax.random.key(0), x)["params"]
    for leaf in (start["kernel"], start["bias"]):
        assert 0.97 * bound < float(jnp.abs(leaf).max()) <= bound
    depthwise = Depthwise(3).init(jax.random.key(0), jnp.zeros((1, 4, 4, 400)))["params"]
    for leaf in (depthwise["kernel"], depthwise["bias"]):
        assert 0.97 / 3 < float(jnp.abs(leaf).max()) <= 1 / 3


@pytest.mark.parametrize("form", ["conv", "patches"])
def test_a_dilated_kernel_is_one_with_zeros_between_its_taps(form):
    x, kernel = numbers(2, 9, 8, 3), numbers(3, 3, 3, 4, seed=1)
    wide = jnp.zeros((5, 5, 3, 4)).at[::2, ::2].set(kernel)
    np.testing.assert_allclose(same_convolution(x, kernel, form, 2), plainly(x, wide, 1), atol=1e-4)
