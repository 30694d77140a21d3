"""A made-up person: shape, skin, hair, habits of movement, and the picture of the face at rest.

Nothing is recorded from a real person and no asset is loaded: a face is drawn from a key by formulas, in linear
radiance, in the face coordinates of `action_units`. What makes people differ (proportions, a resting expression larger
than a micro-expression, skin, brows, light) is meant to confound: it shows who it is, never what the face does.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.motion.smoothing import blur
from mer_jax.synthetic.action_units import Bumps, displacement, displacement_on_grid, standard_bumps
from mer_jax.synthetic.glasses import Glasses, draw_glasses
from mer_jax.synthetic.portrait import REACH, paint, settled
from mer_jax.synthetic.studios import PLAIN, Studio

CENTRE = (0.0, 0.38)
SKINS = np.array([(236, 200, 180), (222, 180, 150), (198, 150, 118), (164, 116, 84), (120, 80, 58), (78, 52, 40)]) / 255
SHAPE_SPREAD, REST_STRENGTH = 0.035, 0.08     # IOD; share of strength E
FIELD_SIDE = 192                              # places across a table of motion


class Face(NamedTuple):
    """A person. texture (S, S, 3): linear radiance at rest. bumps: the person's own action units, (units, 2, bumps).

    landmarks (68, 2): the points of the 68-point scheme, in IOD. lid (3,): colour of a closed eye. eyes (2, 2): centres.
    glasses: worn or not. gain, skin (0 light to 1 dark): () each.
    """

    texture: Array
    bumps: Bumps
    landmarks: Array
    eyes: Array
    lid: Array
    glasses: Glasses
    gain: Array
    skin: Array


def mean_landmarks() -> np.ndarray:
    """(68, 2): the mean face in the 68-point scheme (jaw, brows, nose, eyes, mouth; image left first)."""
    angle = np.linspace(np.pi, 0, 17)
    jaw = np.stack([1.1 * np.cos(angle), 0.1 + 1.78 * np.sin(angle) ** 1.15], -1)
    brow = np.array([(-0.92, -0.26), (-0.78, -0.39), (-0.60, -0.43), (-0.40, -0.39), (-0.20, -0.32)])
    ridge = np.stack([np.zeros(4), np.linspace(0.02, 0.52, 4)], -1)
    base = np.array([(-0.22, 0.70), (-0.11, 0.74), (0.0, 0.77), (0.11, 0.74), (0.22, 0.70)])
    eye = np.array([(-0.74, 0.01), (-0.60, -0.08), (-0.42, -0.08), (-0.28, 0.02), (-0.42, 0.08), (-0.60, 0.08)])
    mirror = np.array([-1, 1])
    upper = np.array([(-0.42, 1.19), (-0.27, 1.11), (-0.10, 1.06), (0.0, 1.08), (0.10, 1.06), (0.27, 1.11), (0.42, 1.19)])
    lower = np.array([(0.27, 1.30), (0.12, 1.36), (0.0, 1.37), (-0.12, 1.36), (-0.27, 1.30)])
    inner = np.array([(-0.34, 1.19), (-0.11, 1.18), (0.0, 1.19), (0.11, 1.18), (0.34, 1.19), (0.11, 1.20), (0.0, 1.21),
                      (-0.11, 1.20)])
    right_eye = (eye * mirror)[[3, 2, 1, 0, 5, 4]]
    parts = [jaw, brow, (brow * mirror)[::-1], ridge, base, eye, right_eye, upper, lower, inner]
    return np.concatenate(parts).astype(np.float32)


def draw_face(key: jax.Array, size: int, studio: Studio = PLAIN) -> Face:
    """A person from a key; size: pixels across the picture at rest, 2 * REACH IOD. Pure; jit with a static size and studio."""
    keys = iter(jax.random.split(key, 24))
    shape = Bumps(jax.random.uniform(next(keys), (10, 2), minval=-1.0, maxval=1.0) + jnp.array(CENTRE),
                  jnp.full((10, 2), 0.35), SHAPE_SPREAD * jax.random.normal(next(keys), (10, 2)))
    aspect = jnp.array([1.0, 1.0]) + jnp.array([0.045, 0.05]) * jax.random.normal(next(keys), (2,))
    own, rest = settled(own_action_units(next(keys), shape, aspect))
    skin = jax.random.uniform(next(keys), minval=studio.skins[0], maxval=studio.skins[1])
    tone = jnp.stack([jnp.interp(skin, jnp.linspace(0, 1, len(SKINS)), SKINS[:, c]) for c in range(3)]) ** 2.2
    grid, line = texture_grid(size), grid_line(size)
    at_rest = settled(grid - displacement_on_grid(rest, line + CENTRE[0], line + CENTRE[1]))
    canonical = settled(to_mean_face(at_rest, shape, aspect))
    texture = paint(next(keys), canonical, tone, studio)
    # At the size of a picture of the face, a fine texture would only alias: smooth it a little, as a lens does.
    cast = jnp.exp(studio.cast * jax.random.normal(next(keys), (3,)))
    texture = jnp.clip(cast * blur(texture, max(1.0, studio.softness * size / (2 * REACH))), 0, 1)
    gain = jnp.exp(0.25 * jax.random.normal(next(keys)))
    places = from_mean_face(jnp.concatenate([jnp.asarray(mean_landmarks()), jnp.array([[-0.51, 0.0], [0.51, 0.0]])]),
                            shape, aspect)
    places = places + displacement(rest, places)
    lid = cast * tone * jnp.array([0.62, 0.55, 0.53])
    return Face(texture, own, places[:68], places[68:], lid, draw_glasses(next(keys), places[68:], studio.glasses), gain, skin)


def own_action_units(key: jax.Array, shape: Bumps, aspect: jax.Array) -> tuple[Bumps, Bumps]:
    """(the person's action units, the resting expression), both (units, 2, bumps).

    Habits: centres shifted by N(0, .06 IOD), directions turned by N(0, 15 degrees), widths e^.2z, strengths e^.3z, drawn
    for left and right apart. At rest every unit acts at N(0, .08) of its full strength.
    """
    centre, turn, width, strength, resting = jax.random.split(key, 5)
    mean = standard_bumps()
    sides = mean.centre.shape[:2]
    moved = from_mean_face(jnp.asarray(mean.centre), shape, aspect)
    moved = moved + 0.06 * jax.random.normal(centre, (*sides, 1, 2))
    angle = jnp.deg2rad(15.0) * jax.random.normal(turn, (*sides, 1))
    x, y = mean.shift[..., 0], mean.shift[..., 1]
    turned = jnp.stack([x * jnp.cos(angle) - y * jnp.sin(angle), x * jnp.sin(angle) + y * jnp.cos(angle)], -1)
    sigma = mean.sigma * jnp.exp(0.2 * jax.random.normal(width, (*sides, 1, 1)))
    own = Bumps(moved, sigma, turned * jnp.exp(0.3 * jax.random.normal(strength, (*sides, 1, 1))))
    amount = REST_STRENGTH * jax.random.normal(resting, (sides[0], 1, 1, 1))
    return own, own._replace(shift=own.shift * amount)


def to_mean_face(points: Array, shape: Bumps, aspect: Array) -> Array:
    """Places of this person -> the same places of the mean face."""
    return (points - displacement(shape, points)) / aspect


def from_mean_face(points: Array, shape: Bumps, aspect: Array) -> Array:
    """The inverse of `to_mean_face`, by fixed-point iteration (the shape's field is a contraction)."""
    found = points * aspect
    for _ in range(5):
        found = points * aspect + displacement(shape, found)
    return found


def grid_line(size: int) -> Float[Array, " size"]:
    """How far from the centre, in IOD, the columns (and rows) of a picture of the face at rest are."""
    return ((jnp.arange(size) + 0.5) / size * 2 - 1) * REACH


def texture_grid(size: int) -> Float[Array, "size size 2"]:
    """Face coordinates of the texture's pixel centres."""
    x, y = jnp.meshgrid(grid_line(size) + CENTRE[0], grid_line(size) + CENTRE[1])
    return jnp.stack([x, y], -1)


def field(bumps: Bumps) -> Float[Array, "side side 2"]:
    """Displacement by some bumps, laid down over the face at rest, for `look_up`."""
    line = grid_line(FIELD_SIDE)
    return displacement_on_grid(bumps, line + CENTRE[0], line + CENTRE[1])


def look_up(texture: Float[Array, "side side channels"], places: Float[Array, "*points 2"]) -> Float[Array, "*points channels"]:
    """What a picture over the face at rest holds at face coordinates, bilinear, edges repeated."""
    side = texture.shape[0]
    at = jnp.clip((places - jnp.array(CENTRE) + REACH) / (2 * REACH) * side - 0.5, 0, side - 1.001)
    cell, part = settled((at.astype(jnp.int32), at - jnp.floor(at)))
    (x, y), (u, v) = jnp.moveaxis(cell, -1, 0), jnp.moveaxis(part, -1, 0)[..., None]
    return ((texture[y, x] * (1 - u) + texture[y, x + 1] * u) * (1 - v)
            + (texture[y + 1, x] * (1 - u) + texture[y + 1, x + 1] * u) * v)


def holding(face: Face, held: Float[Array, " units"]) -> Face:
    """The same person holding every action unit at a share of its full strength: another resting expression."""
    side = face.texture.shape[0]
    bumps = face.bumps._replace(shift=face.bumps.shift * held[:, None, None, None])
    motion = displacement_on_grid(bumps, grid_line(side) + CENTRE[0], grid_line(side) + CENTRE[1])
    texture = settled(look_up(face.texture, texture_grid(side) - settled(motion)))
    return face._replace(texture=texture, landmarks=face.landmarks + displacement(bumps, face.landmarks),
                         eyes=face.eyes + displacement(bumps, face.eyes))
