"""How many operations a program asks for, counted in its jaxpr before any compiler has seen it.

Two (a multiplication and an addition) for each number that a matrix product or a convolution gives and each term of its sum,
zeros at a picture's edge among them, as the papers' tables count; not the zero taps that `halving_convolution` adds to kernels,
and nothing that works element by element. A picture is enlarged by products too, and those count.
"""

import math
from collections.abc import Iterator

from jax.extend.core import Literal

PRODUCTS = ("dot_general", "conv_general_dilated")
PLAIN = ("convert_element_type", "square", "integer_pow", "neg", "pad", "reshape", "transpose")


def operations(jaxpr) -> float:
    """Of one call of a traced program. Of ways that depend on the device, the one that asks least; a scan counts each turn."""
    total, before = 0.0, {}
    for equation in jaxpr.eqns:
        follow(equation, before)
        inner = [operations(part) for part in inner_jaxprs(equation.params.values())]
        if equation.primitive.name == "cond":
            total += min(inner)
        elif inner:
            total += sum(inner) * turns_of(equation)
        elif equation.primitive.name in PRODUCTS:
            total += operations_of(equation) * taps_of(equation, before)
    return total


def follow(equation, before: dict) -> None:
    """Keeps in `before` what an equation's result was made of, where that was element by element or by padding (`jnp.pad`)."""
    plain = equation.primitive.name in PLAIN or equation.params.get("name") == "_pad"
    if plain and not isinstance(equation.invars[0], Literal):
        before[equation.outvars[0]] = before.get(equation.invars[0], equation.invars[0])


def taps_of(equation, before: dict) -> float:
    """The share of a convolution's kernel that is not padding; 1 of a matrix product."""
    kernel = equation.invars[1]
    if equation.primitive.name != PRODUCTS[1] or isinstance(kernel, Literal):
        return 1.0
    return min(before.get(kernel, kernel).aval.size / kernel.aval.size, 1.0)


def turns_of(equation) -> int:
    """How often the inner program of a jaxpr's equation runs."""
    return equation.params["length"] if equation.primitive.name == "scan" else 1


def inner_jaxprs(values) -> Iterator:
    """The programs among the parameters of a jaxpr's equation."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from inner_jaxprs(value)
        elif hasattr(value, "eqns"):
            yield value
        elif hasattr(getattr(value, "jaxpr", None), "eqns"):
            yield value.jaxpr


def operations_of(equation) -> float:
    """Of one of PRODUCTS."""
    result, (left, right) = equation.outvars[0].aval.size, (variable.aval.shape for variable in equation.invars)
    if equation.primitive.name == "dot_general":
        (summed, _), _ = equation.params["dimension_numbers"]
        return 2.0 * result * math.prod(left[axis] for axis in summed)
    features = equation.params["dimension_numbers"].rhs_spec[0]
    return 2.0 * result * math.prod(right) / right[features]
