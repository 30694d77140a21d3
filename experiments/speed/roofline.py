"""The least time that a training step can take on a device: layer by layer the longer of its operations and its bytes.

Counted in the step's own jaxpr, forward and backward: every matrix product and convolution reads its operands and writes its
result, every reduction reads its operand. What works element by element is taken as done on the way, for nothing. So it is a
bound that no compiler undercuts without recomputing or keeping a layer on the chip.
"""

import math
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax

PRODUCTS = ("dot_general", "conv_general_dilated")
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
    for equation in jaxpr.eqns:
        name = f"{prefix}/{equation.source_info.name_stack}"
        inner = list(inner_jaxprs(equation.params.values()))
        turns = equation.params.get("length", 1) if equation.primitive.name == "scan" else 1
        for part in inner:
            for found, operations, moved in counted(part, name):
                yield found, turns * operations, turns * moved
        kind = equation.primitive.name
        if not inner and kind in PRODUCTS + REDUCTIONS:
            arrays = [variable.aval for variable in equation.invars]
            product = kind in PRODUCTS
            moved = sum(array.size * array.dtype.itemsize for array in arrays + [v.aval for v in equation.outvars] * product)
            yield name, operations_of(equation) if product else float(arrays[0].size), float(moved)


def inner_jaxprs(values) -> Iterator:
    for value in values:
        if isinstance(value, list | tuple):
            yield from inner_jaxprs(value)
        elif hasattr(value, "eqns"):
            yield value
        elif hasattr(getattr(value, "jaxpr", None), "eqns"):
            yield value.jaxpr


def operations_of(equation) -> float:
    """Of a product: two for each number of the result and each term of its sum."""
    result, (left, right) = equation.outvars[0].aval.size, (variable.aval.shape for variable in equation.invars)
    if equation.primitive.name == "dot_general":
        (summed, _), _ = equation.params["dimension_numbers"]
        return 2.0 * result * math.prod(left[axis] for axis in summed)
    features = equation.params["dimension_numbers"].rhs_spec[0]
    return 2.0 * result * math.prod(right) / right[features]


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
