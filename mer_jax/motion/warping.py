"""Pictures moved by a flow."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def look_up(images: Float[Array, "n height width channels"], flow: Float[Array, "n height width 2"],
            interpolation: str = "linear") -> Float[Array, "n height width channels"]:
    """What the images hold at x + flow(x), edges repeated; interpolation "linear", or "cubic" (Keys, 1981, a = -3/4, as
    OpenCV has it). Differentiable in both."""
    y, x = jnp.mgrid[: images.shape[1], : images.shape[2]].astype(flow.dtype)
    return at_places(images, jnp.stack([x, y], -1) + flow, interpolation)


def at_places(images: Float[Array, "n height width channels"], places: Float[Array, "n rows columns 2"],
              interpolation: str = "linear") -> Float[Array, "n rows columns channels"]:
    """What the images hold at places (x, y) in pixels, (0, 0) the middle of the first; otherwise as `look_up`."""
    n, height, width, channels = images.shape
    x, y = places[..., 0], places[..., 1]
    left, top = jnp.floor(x), jnp.floor(y)
    taps, weights = INTERPOLATIONS[interpolation]
    across, down = weights(x - left), weights(y - top)
    column, row = left.astype(jnp.int32), top.astype(jnp.int32)
    flat, found = images.reshape(n, height * width, channels), 0.0
    for dy, share in zip(taps, down, strict=True):
        start, line = jnp.clip(row + dy, 0, height - 1) * width, 0.0
        for dx, part in zip(taps, across, strict=True):
            at = (start + jnp.clip(column + dx, 0, width - 1)).reshape(n, -1, 1)
            line += part[..., None] * jnp.take_along_axis(flat, at, 1, mode="clip").reshape(*places.shape[:-1], channels)
        found += share[..., None] * line
    return found


def linear_weights(part: Float[Array, "*n"]) -> tuple[Float[Array, "*n"], ...]:
    """Of the two nearest pixels, of a place `part` of the way from the first to the second."""
    return 1 - part, part


def cubic_weights(part: Float[Array, "*n"], a: float = -0.75) -> tuple[Float[Array, "*n"], ...]:
    """Of the four nearest pixels, of a place `part` of the way from the second to the third (Keys, 1981, eq. 15)."""
    def near(d):
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d):
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return far(part + 1), near(part), near(1 - part), far(2 - part)


INTERPOLATIONS = {"linear": ((0, 1), linear_weights), "cubic": ((-1, 0, 1, 2), cubic_weights)}


def warp(image: Float[Array, "height width channels"],
         flow: Float[Array, "height width 2"]) -> Float[Array, "height width channels"]:
    """The image moved along `flow` (pixels, given at the places where things are before they move), edges repeated.

    out(y) = image(x) with y = x + flow(x), solved for x by fixed-point steps; exact where the flow's gradient is below 1.
    """
    back = jnp.zeros_like(flow)
    for _ in range(10):
        back = 0.5 * back - 0.5 * look_up(flow[None], back[None])[0]
    return look_up(image[None], back[None])[0]
