"""The least time that a training step can take on a device: layer by layer the longer of its operations and its bytes.

Counted in the step's own jaxpr, forward and backward: every matrix product and convolution reads its operands and writes its
result, every reduction reads its operand; an array that is reduced several times is read once, and one that was converted,
squared or padded before is counted as it was before. What works element by element is taken as done on the way, for nothing.
A compiler gets below it by keeping a layer's numbers on the chip, or where an operand is made of others on the way. The zero
taps that `halving_convolution` adds count in the gradient for its kernel alone, three in ten of that one product.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
from jax.extend.core import Literal

from mer_jax.models.operations import PRODUCTS, follow, inner_jaxprs, operations_of, taps_of, turns_of

REDUCTIONS = ("reduce_sum", "reduce_max", "reduce_min", "reduce_window_sum", "reduce_window_max", "argmax", "sort")


class Layer(NamedTuple):
    """operations and bytes of one step; seconds: the sum over its products and reductions of the longer of the two."""

    name: str
    operations: float
    bytes: float
    seconds: float


def layers(step: Callable, arguments: tuple, operations_a_second: float, bytes_a_second: float, depth: int = 2) -> list[Layer]:
    """The layers of a step by the first `depth` names of their path, in order of appearance; "" is what has none."""
    totals: dict[str, list[float]] = {}
    for name, operations, moved in counted(jax.make_jaxpr(step)(*arguments).jaxpr, ""):
        total = totals.setdefault("/".join(path_of(name)[:depth]), [0.0, 0.0, 0.0])
        for place, value in enumerate((operations, moved, max(operations / operations_a_second, moved / bytes_a_second))):
            total[place] += value
    return [Layer(name, *total) for name, total in totals.items()]


def counted(jaxpr, prefix: str) -> Iterator[tuple[str, float, float]]:
    """(name stack, operations, bytes) of every product and reduction, those of inner functions too."""
    before, reduced = {}, set()                               # what an array was made of, element by element or by padding
    for equation in jaxpr.eqns:
        follow(equation, before)
        name = f"{prefix}/{equation.source_info.name_stack}"
        inner = list(inner_jaxprs(equation.params.values()))
        for part in inner:
            for found, operations, moved in counted(part, name):
                yield found, turns_of(equation) * operations, turns_of(equation) * moved
        kind = equation.primitive.name
        sources = [v if isinstance(v, Literal) else before.get(v, v) for v in equation.invars]
        if not inner and kind in PRODUCTS:
            needed = sum(v.aval.size * v.aval.dtype.itemsize for v in (*sources, *equation.outvars))
            yield name, operations_of(equation) * taps_of(equation, before), float(needed)
        elif not inner and kind in REDUCTIONS and sources[0] not in reduced:
            reduced.add(sources[0])
            yield name, float(equation.invars[0].aval.size), float(sources[0].aval.size * sources[0].aval.dtype.itemsize)


def path_of(name: str) -> list[str]:
    """The names of a stack, without what the transformations of JAX add: `transpose(jvp(Net))/block/conv` is block, conv."""
    plain = re.sub(r"\w+\(|\)|rematted_computation|checkpoint", "", name)
    return [part for part in plain.split("/") if part and not part[0].isupper()]


def lines_of(found: list[Layer]) -> list[str]:
    """The table for the terminal, with what binds each layer."""
    width = max(len(layer.name) for layer in found)
    total = sum(layer.seconds for layer in found)
    return [f"{'layer':{width}} {'GFLOP':>9} {'MB':>9} {'ms':>9} {'share':>6}"] + [
        f"{layer.name:{width}} {layer.operations / 1e9:9.3f} {layer.bytes / 1e6:9.2f} {1e3 * layer.seconds:9.3f} "
        f"{layer.seconds / total:6.1%}" for layer in found]
