"""The state of one run between two steps: everything a checkpoint holds."""

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


def init_state(network: nn.Module, tx: optax.GradientTransformation, key: jax.Array, inputs: dict) -> TrainState:
    """A fresh state; `inputs` holds at least one clip and gives the shapes alone."""
    example = jax.tree.map(lambda array: jnp.zeros_like(array[:1]), inputs)
    variables = network.init(key, example, train=False)
    return TrainState(jnp.zeros((), jnp.int32), variables["params"], variables.get("batch_stats", {}),
                      tx.init(variables["params"]))
