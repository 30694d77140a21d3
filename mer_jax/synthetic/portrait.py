"""The picture of a face at rest, painted by formulas over the mean face's coordinates, in linear radiance."""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.synthetic.studios import Studio

REACH = 1.7                                   # the picture at rest covers ± this many IOD around its centre
HAIRS = np.array([(28, 22, 20), (52, 36, 26), (88, 60, 38), (120, 92, 62), (110, 106, 104)]) / 255
IRISES = np.array([(60, 40, 25), (85, 60, 35), (60, 80, 95), (70, 85, 60)]) / 255
WAVELENGTHS = {"broad": 0.9, "patches": 0.3, "locks": 0.1, "pores": 0.06, "stubble": 0.04, "strands": 0.03}   # in IOD
LATTICE = 128


def noise(key: jax.Array, at: Float[Array, "*points 2"]) -> dict[str, Float[Array, "*points 1"]]:
    """Smooth noise of about unit variance at the points, one field for each of WAVELENGTHS: values on a lattice, eased."""
    values = 1.4 * jax.random.normal(key, (len(WAVELENGTHS), LATTICE, LATTICE))

    def field(values, wavelength):
        place = (at + 2 * REACH) / wavelength
        cell, part = jnp.floor(place).astype(jnp.int32), place - jnp.floor(place)
        (x, y), (u, v) = jnp.moveaxis(cell, -1, 0) % LATTICE, jnp.moveaxis(part * part * (3 - 2 * part), -1, 0)
        x1, y1 = (x + 1) % LATTICE, (y + 1) % LATTICE
        return (values[y, x] * (1 - u) + values[y, x1] * u) * (1 - v) + (values[y1, x] * (1 - u) + values[y1, x1] * u) * v

    fields = jax.vmap(field)(values, jnp.array(list(WAVELENGTHS.values())))
    return dict(zip(WAVELENGTHS, fields[..., None], strict=True))


def settled(values):
    """The same values, computed here and now: XLA would else fuse the whole painting into one slow program."""
    return jax.lax.optimization_barrier(values)


def pick(uniform: Array, table: np.ndarray, below: tuple[float, ...]) -> Array:
    """The row of a table that a number from [0, 1) chooses; `below`: the cumulative shares of all rows but the last."""
    return jnp.asarray(table)[jnp.sum(uniform >= jnp.array(below))]


def inside(level: Array, softness: float) -> Array:
    """1 where level is negative, 0 where positive, with a soft edge so many IOD wide."""
    return jax.nn.sigmoid(-level / softness)


def darken(picture: Array, amount: Array | float, colour: Array | float = 0.0) -> Array:
    return picture * (1 - amount) + amount * colour


class Places(NamedTuple):
    """Where on the mean face the pixels lie: x and y, how far from the middle, and the noise there."""

    x: Array
    y: Array
    side: Array
    rough: dict[str, Array]

    def line(self, points: tuple, width: float) -> Array:
        """A soft stroke through (x, y) points of one side, drawn on both."""
        points = np.asarray(points)
        along = jnp.interp(self.side, points[:, 0], points[:, 1])
        ends = inside(self.side - points[-1, 0], 0.03) * inside(points[0, 0] - self.side, 0.03)
        return jnp.exp(-0.5 * ((self.y - along) / width) ** 2) * ends


def paint(key: jax.Array, at: Float[Array, "size size 2"], tone: Array, studio: Studio) -> Float[Array, "size size 3"]:
    """The face at rest in linear radiance, over the mean face's coordinates `at`."""
    keys = jax.random.split(key, 6)
    x, y = at[..., :1], at[..., 1:]
    places = Places(x, y, jnp.abs(x), settled(noise(keys[0], at)))
    draw = iter(jax.random.uniform(keys[1], (16,)))              # each part takes its numbers in this order
    mottle = 1 + 0.05 * places.rough["broad"] + 0.03 * places.rough["patches"]
    face = paint_skin(keys[2], at, places, tone, mottle, draw)
    hair = pick(next(draw), HAIRS, (0.4, 0.7, 0.85, 0.95)) ** 2.2
    face = paint_mouth_and_nose(paint_brows(face, places, hair, draw), places, tone)
    shaded = settled(face) * settled(shading(keys[3], x, y, studio))
    shaded = settled(paint_eyes(next(draw), shaded, x, y, tone))
    return paint_head(keys[4], shaded, places, tone * 0.35 * mottle, hair, draw)


def paint_skin(key: jax.Array, at: Array, places: Places, tone: Array, mottle: Array, draw: Iterator[Array]) -> Array:
    """Skin of its tone with pores and blush, moles, folds, and the stubble of some."""
    _, y, side, rough = places
    pores = 1 + 0.024 * (0.6 + next(draw)) * (rough["pores"] + rough["strands"])
    blush = 0.10 * jnp.exp(-0.5 * (((side - 0.62) / 0.25) ** 2 + ((y - 0.55) / 0.25) ** 2))
    face = tone * mottle * pores * (1 + blush * jnp.array([1.0, -0.6, -0.4]))
    moles = jax.random.uniform(key, (10, 2), minval=-1.0) * jnp.array([0.9, 1.1]) + jnp.array([0, 0.5])
    spots = jnp.exp(-0.5 * jnp.square(at[:, :, None] - moles).sum(-1) / 0.018**2).max(-1, keepdims=True)
    face = darken(face, 0.45 * spots * next(draw), tone * 0.2)
    folds = [0.05 + 0.25 * next(draw) for _ in range(3)]
    face = darken(face, folds[0] * places.line(((0.2, 0.68), (0.34, 0.88), (0.52, 1.14)), 0.03), tone * 0.25)
    face = darken(face, folds[1] * places.line(((0.0, -0.72), (0.6, -0.70)), 0.02), tone * 0.25)
    face = darken(face, folds[2] * places.line(((0.32, 0.15), (0.5, 0.21), (0.68, 0.17)), 0.025), tone * 0.25)
    stubble = (next(draw) < 0.35) * 0.35 * inside(0.75 - y + 0.35 * side, 0.08)
    stubble = stubble * (0.7 + 0.3 * rough["stubble"])
    return darken(face, jnp.clip(stubble, 0, 1), tone * 0.2)


def paint_brows(face: Array, places: Places, hair: Array, draw: Iterator[Array]) -> Array:
    _, y, side, rough = places
    thick = 0.045 + 0.035 * next(draw)
    brow = places.line(((0.19, -0.30), (0.42, -0.39), (0.62, -0.43), (0.80, -0.38), (0.93, -0.27)), 1.0)
    curve = jnp.interp(side, jnp.array([0.19, 0.42, 0.62, 0.80, 0.93]), jnp.array([-0.30, -0.39, -0.43, -0.38, -0.27]))
    brow = brow * jnp.exp(-0.5 * ((y - curve) / (thick * jnp.interp(side, jnp.array([0.2, 0.5, 0.93]),
                                                                       jnp.array([1.0, 1.0, 0.45])))) ** 2)
    return darken(face, jnp.clip(brow * (0.8 + 0.25 * rough["strands"]), 0, 1), hair)


def paint_mouth_and_nose(face: Array, places: Places, tone: Array) -> Array:
    """Two lips and the line between them; nostrils and wings."""
    x, y, side, rough = places
    lip = tone * jnp.array([0.80, 0.46, 0.46]) * (1 + 0.04 * rough["pores"])
    width = jnp.clip(1 - (side / 0.44) ** 2, 0, 1)
    upper = inside(jnp.maximum(1.19 - 0.13 * width**0.7 + 0.03 * jnp.exp(-((x / 0.06) ** 2)) - y, y - 1.19), 0.012)
    lower = inside(jnp.maximum(1.19 - y, y - 1.19 - 0.18 * width**0.6), 0.012)
    face = darken(face, 0.8 * upper * (side < 0.44), lip * 0.85)
    face = darken(face, 0.75 * lower * (side < 0.44), lip)
    face = darken(face, 0.85 * places.line(((0.0, 1.19), (0.30, 1.185), (0.45, 1.195)), 0.012), tone * 0.05)
    nostril = jnp.exp(-0.5 * (((side - 0.105) / 0.042) ** 2 + ((y - 0.735) / 0.022) ** 2))
    face = darken(face, 0.85 * nostril, tone * 0.04)
    wing = jnp.exp(-0.5 * (((side - 0.235) / 0.018) ** 2 + ((y - 0.66) / 0.06) ** 2))
    return darken(face, 0.35 * wing, tone * 0.2)


def paint_head(key: jax.Array, face: Array, places: Places, neck_tone: Array, hair: Array, draw: Iterator[Array]) -> Array:
    """The face in its outline, with the neck, the hair and what is behind. The hair line is high or low in the middle, receding
    or not at the sides, a fringe on some."""
    x, y, side, rough = places
    strands = jnp.clip(0.8 + 0.25 * rough["stubble"], 0.3, 1.5)
    crown = -0.95 + 0.23 * next(draw)
    crown = jnp.where(next(draw) < 0.25, -0.62 + 0.1 * next(draw), crown)
    recedes = 0.4 + next(draw)
    head = inside(jnp.sqrt((x / (1.17 - 0.13 * jnp.clip(y - 0.38, 0, 2) ** 1.5)) ** 2
                           + (jnp.abs(y - 0.38) / 1.54) ** 2.5) - 1, 0.015)
    hairline = inside(y - crown - 0.88 * recedes * jnp.clip(side - 0.55, 0, 1) ** 1.2 + 0.02 * rough["locks"], 0.04)
    mop = inside(jnp.sqrt((x / 1.33) ** 2 + ((y - 0.15) / 1.55) ** 2) - 1, 0.03) * inside(y - 0.75, 0.1)
    behind = (0.05 + 0.3 * next(draw)) * (1 + 0.1 * (y + x)) * (1 + 0.15 * jax.random.normal(key, (3,)))
    neck = inside(side - 0.72, 0.04) * inside(1.3 - y, 0.1)
    picture = darken(jnp.broadcast_to(behind, face.shape), neck, neck_tone)
    picture = darken(picture, mop, hair * strands)
    picture = darken(picture, head, face)
    return jnp.clip(darken(picture, mop * hairline, hair * strands), 0, 1)


def shading(key: jax.Array, x: Array, y: Array, studio: Studio) -> Array:
    """Lambert's law on a height field of the head, nose, brows, sockets, lips and chin; the light comes from a key."""
    ambient_key, side_key, height_key = jax.random.split(key, 3)

    def height(x, y):
        def bump(centre_x, centre_y, wide, high):
            return jnp.exp(-0.5 * (((jnp.sqrt(x * x + 1e-4) - centre_x) / wide) ** 2 + ((y - centre_y) / high) ** 2))

        head = 1.3 * jnp.sqrt(jnp.clip(1.25 - (x / 1.3) ** 2 - ((y - 0.38) / 1.75) ** 2, 0.02))
        nose = 0.20 * bump(0, 0.42, 0.11, 0.26) + 0.16 * bump(0, 0.62, 0.12, 0.1) + 0.06 * bump(0.16, 0.67, 0.06, 0.06)
        rest = (0.06 * bump(0.45, -0.28, 0.3, 0.09) - 0.09 * bump(0.5, -0.02, 0.2, 0.12) + 0.08 * bump(0.6, 0.45, 0.25, 0.2)
                + 0.05 * bump(0, 1.12, 0.25, 0.05) + 0.06 * bump(0, 1.28, 0.22, 0.06) + 0.10 * bump(0, 1.62, 0.22, 0.14)
                - 0.04 * bump(0, 1.43, 0.2, 0.05) - 0.03 * bump(0, 0.92, 0.03, 0.1))
        return head + nose + rest

    slope_x, slope_y = jax.grad(lambda p: height(*p).sum())((x, y))
    normal = jnp.stack([-slope_x, -slope_y, jnp.ones_like(x)], -1)
    normal = normal / jnp.linalg.norm(normal, axis=-1, keepdims=True)
    azimuth = jax.random.uniform(side_key, minval=-studio.lamps, maxval=studio.lamps)
    elevation = jax.random.uniform(height_key, minval=-0.7, maxval=0.2)
    light = jnp.stack([jnp.sin(azimuth) * jnp.cos(elevation), jnp.sin(elevation), jnp.cos(azimuth) * jnp.cos(elevation)])
    ambient = jax.random.uniform(ambient_key, minval=studio.ambient[0], maxval=studio.ambient[1])
    return ambient + (1 - ambient) * jnp.clip(normal @ light, 0, 1)


def paint_eyes(colour: Array, face: Array, x: Array, y: Array, tone: Array) -> Array:
    """Open eyes: white, iris, pupil, highlight, the shadow and line of the upper lid. colour: () in [0, 1]."""
    away = jnp.abs(x) - 0.51
    arch = jnp.clip(1 - (away / 0.245) ** 2, 0, 1)
    top, bottom = -0.10 * arch**0.8, 0.075 * arch**0.9
    opening = inside(jnp.maximum(top - y, y - bottom), 0.008) * (jnp.abs(away) < 0.245)
    iris = pick(colour, IRISES, (0.55, 0.75, 0.9)) ** 2.2
    radius = jnp.sqrt(away**2 + (y + 0.005) ** 2 + 1e-9)
    eye = jnp.array([0.55, 0.52, 0.50]) * (0.75 + 0.25 * jnp.clip((y - top) / 0.08, 0, 1))
    eye = jnp.where(radius < 0.108, iris * (0.7 + 3 * radius), eye)
    eye = jnp.where(radius < 0.045, 0.01, eye)
    eye = jnp.where((x - jnp.sign(x) * 0.51 - 0.03) ** 2 + (y + 0.035) ** 2 < 0.016**2, 0.9, eye)
    face = face * (1 - opening) + opening * eye
    lashes = jnp.exp(-0.5 * ((y - top) / 0.014) ** 2) * (jnp.abs(away) < 0.25)
    crease = jnp.exp(-0.5 * ((y - top + 0.07) / 0.014) ** 2) * (jnp.abs(away) < 0.24)
    face = face * (1 - 0.85 * lashes) + 0.85 * lashes * tone * 0.04
    return face * (1 - 0.3 * crease) + 0.3 * crease * tone * 0.2
