"""Brightness of a coloured picture."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

LUMA = (0.299, 0.587, 0.114)


def luma(images: Float[Array | np.ndarray, "*n channels"]) -> Float[Array, "*n"]:
    """Brightness (ITU-R BT.601); a grey image is its own."""
    return images @ jnp.array(LUMA) if images.shape[-1] == 3 else jnp.asarray(images).mean(-1)
