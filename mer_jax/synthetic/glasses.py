"""Glasses: rims, bridge, temples, and a streak of light on the lens. They move with the head, never with the skin."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

COLOURS = ((0.01, 0.01, 0.01), (0.06, 0.02, 0.01), (0.25, 0.22, 0.18))                          # linear: black, brown, metal


class Glasses(NamedTuple):
    """worn: () 0 or 1. middle (2, 2): of the lenses, IOD; half (2,): their half width and height; rim: () its width, IOD;
    corner: () power of the superellipse, 2 an ellipse; colour (3,)."""

    worn: Array
    middle: Array
    half: Array
    rim: Array
    corner: Array
    colour: Array


def draw_glasses(key: jax.Array, eyes: Float[Array, "2 2"], share: float) -> Glasses:
    """Glasses that fit these eyes, straight, worn by this share of people."""
    worn, sizes, colour = jax.random.split(key, 3)
    wide, high, rim, corner, drop = jax.random.uniform(sizes, (5,))
    middle = jnp.stack([eyes[:, 0], jnp.full(2, eyes[:, 1].mean() + 0.03 + 0.04 * drop)], -1)
    half = jnp.stack([0.36 + 0.08 * wide, 0.22 + 0.10 * high])
    chosen = jax.random.randint(colour, (), 0, len(COLOURS))
    return Glasses(jax.random.bernoulli(worn, share).astype(jnp.float32), middle, half, 0.018 + 0.012 * rim, 2.0 + 2.5 * corner,
                   jnp.array(COLOURS)[chosen])


def wear(picture: Float[Array, "height width 3"], upright: Float[Array, "height width 2"],
         glasses: Glasses) -> Float[Array, "height width 3"]:
    """The picture with the glasses over it, whoever's they are; upright: face coordinates of the pixels, the head upright."""
    streak = 0.0
    for middle in glasses.middle:
        away = (upright - middle) / glasses.half
        across = (away[..., 0] + away[..., 1] + 0.9) / 0.12
        streak = streak + jnp.exp(-0.5 * jnp.square(across)) * jax.nn.sigmoid((0.9 - radius(away, glasses.corner)) / 0.05)
    amount = hiding(upright, glasses)[..., None]
    return (picture + (0.06 * streak)[..., None]) * (1 - amount) + amount * glasses.colour


def covered(upright: Float[Array, "height width 2"], glasses: Glasses) -> Float[Array, "height width"]:
    """How much of each pixel rims, bridge and temples hide, 0 to 1; 0 of whoever wears none."""
    return jax.lax.cond(glasses.worn > 0, hiding, lambda upright, _: jnp.zeros_like(upright[..., 0]), upright, glasses)


def hiding(upright: Float[Array, "height width 2"], glasses: Glasses) -> Float[Array, "height width"]:
    """What `covered` says of somebody with glasses."""
    rims = 0.0
    for middle in glasses.middle:
        off = (radius((upright - middle) / glasses.half, glasses.corner) - 1) * glasses.half.mean()
        rims = jnp.maximum(rims, jnp.exp(-0.5 * jnp.square(off / glasses.rim)))
    middle, apart = glasses.middle.mean(0), glasses.middle[1, 0] - glasses.middle[0, 0]
    aside = jnp.abs(upright[..., 0] - middle[0])
    bridge = jax.nn.sigmoid(40 * (apart / 2 - glasses.half[0] - aside))
    temples = jax.nn.sigmoid(60 * (aside - apart / 2 - glasses.half[0])) * jax.nn.sigmoid(40 * (apart / 2 + 0.55 - aside))
    level = jnp.exp(-0.5 * jnp.square((upright[..., 1] - middle[1] + 0.3 * glasses.half[1]) / glasses.rim))
    return jnp.maximum(rims, jnp.maximum(bridge, temples) * level)


def radius(away: Float[Array, "height width 2"], corner: Float[Array, ""]) -> Float[Array, "height width"]:
    """Distance from the middle of a lens in units of its rim: that of the superellipse with this power."""
    return (jnp.abs(away) ** corner + 1e-6).sum(-1) ** (1 / corner)
