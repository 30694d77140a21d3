"""What a network sees of a flow picture: numbers around zero, at the size that its paper reads."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.mistakes import UserMistake


def flow_channels(network: nn.Module, flow: jax.Array | np.ndarray, side: int | None = None) -> Float[Array, "n h w 3"]:
    """Flow (N, *network.flow_size, 3) in the network's `flow_coding` -> float32 (u, v, strain), side x side where one is given.

    "minmax8" is brought from 0..255 to -1..1, "pixels" stays as it is; another size is reached by bilinear interpolation,
    which leaves the units alone: enlarged flow is still counted in the pixels it was found in. Raises UserMistake for flow of
    another shape than the network says.
    """
    height, width = network.flow_size
    if flow.shape[1:] != (height, width, 3):
        raise UserMistake(f"{type(network).__name__} reads flow of shape (N, {height}, {width}, 3), found {tuple(flow.shape)}")
    x = jnp.asarray(flow).astype(jnp.float32)
    if network.flow_coding == "minmax8":
        x = x / 127.5 - 1
    return x if side is None or (height, width) == (side, side) else jax.image.resize(x, (len(x), side, side, 3), "bilinear")
