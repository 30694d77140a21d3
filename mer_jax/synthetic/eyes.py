"""Eyes that act: lids that close over them, and a gaze that wanders."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def close_lids(picture: Float[Array, "height width 3"], at: Float[Array, "height width 2"], eyes: Float[Array, "2 2"],
               colour: Float[Array, " 3"], closed: Float[Array, ""]) -> Float[Array, "height width 3"]:
    """Lids drawn over the eyes down to the share `closed` of their opening; `at`: each pixel's place on the face at rest."""
    for eye in eyes:
        away = at - eye
        arch = jnp.clip(1 - (away[..., 0] / 0.25) ** 2, 0, 1)
        edge = -0.10 * arch + closed * 0.175 * arch
        lid = jax.nn.sigmoid((edge - away[..., 1]) / 0.012) * jax.nn.sigmoid((away[..., 1] + 0.11 * arch) / 0.012)
        lid = (lid * (arch > 0) * (closed > 0.02))[..., None]
        picture = picture * (1 - lid) + lid * colour
    return picture


def looking(at: Float[Array, "height width 2"], eyes: Float[Array, "2 2"],
            gaze: Float[Array, " 2"]) -> Float[Array, "height width 2"]:
    """Where on the face at rest a pixel is looked up when iris and pupil have gone by `gaze` (IOD). It fades to the rims of the
    eyes; no flow knows of it, as none knows of the lids."""
    near = sum(jnp.square(jnp.clip(1 - jnp.square((at - eye) / jnp.array([0.30, 0.13])).sum(-1), 0, 1)) for eye in eyes)
    return at - near[..., None] * gaze
