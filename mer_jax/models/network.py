"""What every network is: a Linen module with `inputs` and `flow_coding`, called with a dict, giving an `Output`."""

from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp

from mer_jax.mistakes import UserMistake, nearest

DTYPES = ("float32", "bfloat16")


@flax.struct.dataclass
class Output:
    """logits (N, classes) float32; attention: named maps, (N, ...) each, for the report; extras: what losses need."""

    logits: Any
    attention: dict[str, Any] = flax.struct.field(default_factory=dict)
    extras: dict[str, Any] = flax.struct.field(default_factory=dict)


def compute_dtype(name: str) -> Any:
    """What a network's `dtype` names. Raises UserMistake where it is neither float32 nor bfloat16."""
    if name not in DTYPES:
        raise UserMistake(f"dtype {name!r} is not known{nearest(name, DTYPES)}; there are: {', '.join(DTYPES)}")
    return jnp.dtype(name)


def input_shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shape of one clip of each input: flow (*flow_size, 3); of others what the network's `NAME_shape` says, else ()."""
    return {name: (*network.flow_size, 3) if name == "flow" else getattr(network, f"{name}_shape", ())
            for name in network.inputs}


def example_inputs(network: nn.Module) -> dict[str, jax.Array]:
    """One clip of zeros of each input: enough to learn the shapes of a network's variables and answers."""
    return {name: jnp.zeros((1, *shape)) for name, shape in input_shapes(network).items()}
