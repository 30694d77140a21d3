"""Pictures moved by a flow."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def warp(image: Float[Array, "height width channels"],
         flow: Float[Array, "height width 2"]) -> Float[Array, "height width channels"]:
    """The image moved along `flow` (pixels, given at the places where things are before they move), edges repeated.

    out(y) = image(x) with y = x + flow(x), solved for x by fixed-point steps; exact where the flow's gradient is below 1.
    """
    height, width, _ = image.shape
    y, x = jnp.mgrid[:height, :width].astype(jnp.float32)
    target = jnp.stack([x, y], -1)

    def sampled(picture, at):
        places = [at[..., 1], at[..., 0]]
        channels = [jax.scipy.ndimage.map_coordinates(picture[..., c], places, 1, mode="nearest")
                    for c in range(picture.shape[-1])]
        return jnp.stack(channels, -1)

    at = target
    for _ in range(10):
        at = 0.5 * at + 0.5 * (target - sampled(flow, at))
    return sampled(image, at)


def magnified(onset: Float[Array, "height width channels"], flow: Float[Array, "height width 2"],
              factor: int | float) -> Float[Array, "height width channels"]:
    """The onset frame with its motion to the apex made `factor` times as large: what a pixel of motion looks like."""
    return warp(onset, factor * flow)
