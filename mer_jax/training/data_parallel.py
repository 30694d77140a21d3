"""One model over several devices: the same `train_step`, its batch split over the mesh axis `data`.

`sharded_step` is the way to do it: no collective is written, batch statistics are those of the whole batch.
`pmapped_step` is a thin entry for those who ask for pmap, which JAX keeps for old code and builds on shard_map.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import optax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from mer_jax.training.train_state import TrainState
from mer_jax.training.train_step import Batch, train_step

Step = Callable[[TrainState, Batch, jax.Array], tuple[TrainState, dict]]


def sharded_step(network: nn.Module, losses: tuple[tuple[str, float], ...], tx: optax.GradientTransformation,
                 devices: int | None = None) -> Step:
    """(state, batch, key) -> (state, metrics) with the batch split by rows; the number of rows must divide evenly."""
    mesh = jax.make_mesh((devices or jax.device_count(),), ("data",), axis_types=(AxisType.Auto,),
                         devices=jax.devices()[: devices or jax.device_count()])
    whole, by_row = NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec("data"))

    def step(state: TrainState, batch: Batch, key: jax.Array):
        return train_step(network, losses, tx, state, batch, key)

    return jax.jit(step, in_shardings=(whole, by_row, whole), out_shardings=whole)


def pmapped_step(network: nn.Module, losses: tuple[tuple[str, float], ...], tx: optax.GradientTransformation) -> Step:
    """(state, batch, key) -> (state, metrics); the batch's leaves have a leading axis of devices.

    The network must be made with `batch_axis="data"` where it has batch norm. Every device draws the same dropout
    mask for its own rows, so with dropout the numbers differ from `sharded_step`'s.
    """

    def step(state: TrainState, batch: Batch, key: jax.Array):
        return train_step(network, losses, tx, state, batch, key, axis="data")

    return jax.pmap(step, axis_name="data", in_axes=(None, 0, None), out_axes=None)
