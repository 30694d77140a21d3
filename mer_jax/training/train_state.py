"""The state of one run between two steps: everything a checkpoint holds."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import optax


@flax.struct.dataclass
class TrainState:
    """step: () int32, counted over all stages; params, batch_stats: the network's; opt_state: the optimizer's.

    The leaves are typed Any because a tree of this shape also carries shardings, shapes and digests of its leaves.
    """

    step: Any
    params: Any
    batch_stats: Any
    opt_state: Any

    def variables(self) -> dict[str, Any]:
        return {"params": self.params, "batch_stats": self.batch_stats}


def init_state(network: nn.Module, tx: optax.GradientTransformation, key: jax.Array, inputs: dict,
               start: Mapping[str, Any] = MappingProxyType({})) -> TrainState:
    """A fresh state; `inputs` holds at least one clip and gives the shapes alone; `start`: variables taken from outside."""
    example = jax.tree.map(lambda array: jnp.zeros_like(array[:1]), inputs)
    variables = replaced(network.init(key, example, train=False), start)
    return TrainState(jnp.zeros((), jnp.int32), variables["params"], variables.get("batch_stats", {}),
                      tx.init(variables["params"]))


def replaced(tree: Any, by: Any) -> Any:
    """The tree of dictionaries with the leaves that `by` has in place of its own; every path of `by` is one of the tree."""
    if not isinstance(by, Mapping):
        return by
    return {**tree, **{name: replaced(tree[name], part) for name, part in by.items()}}
