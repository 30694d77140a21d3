"""What every network is: a Linen module with `inputs` and `flow_coding`, called with a dict, giving an `Output`."""

from typing import Any

import flax.struct


@flax.struct.dataclass
class Output:
    """logits (N, classes) float32; attention: named maps, (N, ...) each, for the report; extras: what losses need."""

    logits: Any
    attention: dict[str, Any] = flax.struct.field(default_factory=dict)
    extras: dict[str, Any] = flax.struct.field(default_factory=dict)
