"""What networks read of a flow field: the horizontal and vertical motion and the optical strain, as one image."""

import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8


def strain(flow: Float[Array, "*n height width 2"]) -> Float[Array, "*n height width"]:
    """Optical strain sqrt(u_x^2 + v_y^2 + (u_y + v_x)^2 / 2) by central differences, one-sided at the edges.

    Shreve et al., FG 2011, eq. 5; the form of STSTNet, eq. 7, whose print repeats u_x in the shear. The gradient is
    finite at zero flow.
    """
    (u_y, u_x), (v_y, v_x) = (jnp.gradient(flow[..., c], axis=(-2, -1)) for c in (0, 1))
    return jnp.sqrt(u_x**2 + v_y**2 + 0.5 * (u_y + v_x) ** 2 + 1e-12)


def minmax8(flow: Float[Array, "height width 2"]) -> UInt8[Array, "height width 3"]:
    """(u, v, strain), each stretched to 0..255 by its own smallest and largest value, as peers store flow."""
    return stretched(jnp.concatenate([flow, strain(flow)[..., None]], -1))


def stretched(image: Float[Array, "height width channels"]) -> UInt8[Array, "height width channels"]:
    """Each channel from its smallest value, 0, to its largest, 255."""
    low, high = image.min((0, 1)), image.max((0, 1))
    return jnp.round(255 * (image - low) / jnp.maximum(high - low, 1e-6)).astype(jnp.uint8)
