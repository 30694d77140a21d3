"""Brightness of a coloured picture."""

import jax.numpy as jnp
from jaxtyping import Array, Float

LUMA = (0.299, 0.587, 0.114)


def luma(images: Float[Array, "*n channels"]) -> Float[Array, "*n"]:
    """Brightness (ITU-R BT.601); a grey image is its own."""
    return images @ jnp.array(LUMA) if images.shape[-1] == 3 else images.mean(-1)
