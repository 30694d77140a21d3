"""Operations as closed forms have them."""

import jax
import jax.numpy as jnp
import pytest

from mer_jax.models.operations import operations

X, K = jnp.ones((2, 9, 7, 6)), jnp.ones((3, 3, 3, 8))


def convolved(x, kernel):
    return jax.lax.conv_general_dilated(x, kernel, (2, 2), "SAME", feature_group_count=2,
                                        dimension_numbers=("NHWC", "HWIO", "NHWC"))


def repeated(x):
    return jax.lax.scan(lambda carry, _: (carry @ x, None), x, length=5)[0]


def by_device(x):
    return jax.lax.platform_dependent(x, cpu=lambda x: x @ x, default=lambda x: (x @ x) @ x)


@pytest.mark.parametrize(("function", "arguments", "count"), [
    (jnp.add, (X, X), 0), (lambda a, b: jnp.einsum("nhwc,nhwd->ncd", a, b), (X, X), 2 * (2 * 6 * 6) * 63),
    (convolved, (X, K), 2 * (2 * 5 * 4 * 8) * (3 * 3 * 3)), (repeated, (jnp.ones((4, 4)),), 5 * 2 * 4**3),
    (jax.jit(by_device), (jnp.ones((4, 4)),), 2 * 4**3)])
def test_products_convolutions_loops_and_ways_that_depend_on_the_device(function, arguments, count):
    assert operations(jax.make_jaxpr(function)(*arguments).jaxpr) == count
