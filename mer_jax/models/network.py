"""What every network is: a Linen module with `inputs` and `flow_coding`, called with a dict, giving an `Output`."""

from typing import Any

import flax.linen as nn
import flax.struct


@flax.struct.dataclass
class Output:
    """logits (N, classes) float32; attention: named maps, (N, ...) each, for the report; extras: what losses need."""

    logits: Any
    attention: dict[str, Any] = flax.struct.field(default_factory=dict)
    extras: dict[str, Any] = flax.struct.field(default_factory=dict)


def input_shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shape of one clip of each input: flow (*flow_size, 3); of others what the network's `NAME_shape` says, else ()."""
    return {name: (*network.flow_size, 3) if name == "flow" else getattr(network, f"{name}_shape", ())
            for name in network.inputs}
