"""Action units as fields of displacement: where the skin moves, which way, and how far at full strength.

Face coordinates, here and in all of `synthetic`: one unit is the distance between the pupils (IOD, about 63 mm), the
origin lies midway between them, x to the right of the image, then y down. An action unit is a sum of Gaussian bumps;
the left side (of the image) is tabulated, the right side is its mirror image. Directions and sizes are anatomical
estimates, anchored to motion capture for the smile (9.3 mm), the raised brow (10.6 mm) and the frown (7.6 mm).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

MM_PER_IOD = 63.0

# number: ((centre x, y, sigma x, y in IOD; shift x, y in mm at strength E), ...), image-left side.
BUMPS: dict[int, tuple[tuple[float, ...], ...]] = {
    1: ((-0.24, -0.36, 0.17, 0.16, 0.0, -10.6),),
    2: ((-0.74, -0.33, 0.20, 0.16, 0.0, -9.0),),
    4: ((-0.24, -0.32, 0.20, 0.15, 3.0, 7.0),),
    5: ((-0.51, -0.09, 0.20, 0.05, 0.0, -3.5),),
    6: ((-0.62, 0.36, 0.26, 0.18, 0.8, -4.5), (-0.52, 0.11, 0.22, 0.05, 0.0, -1.5)),
    7: ((-0.51, 0.09, 0.20, 0.05, 0.0, -2.5), (-0.51, -0.07, 0.20, 0.04, 0.0, 1.0)),
    9: ((-0.14, 0.52, 0.14, 0.22, 0.0, -5.5), (-0.18, 0.95, 0.16, 0.10, 0.0, -3.5), (-0.20, -0.26, 0.16, 0.12, 1.2, 2.5)),
    10: ((-0.20, 1.04, 0.20, 0.11, 0.0, -5.5), (-0.30, 0.72, 0.16, 0.18, -0.5, -3.0)),
    12: ((-0.42, 1.18, 0.20, 0.16, -6.3, -6.8), (-0.50, 0.80, 0.26, 0.22, -1.5, -3.5)),
    14: ((-0.44, 1.19, 0.17, 0.14, -3.5, 0.3), (-0.60, 1.15, 0.16, 0.20, 1.5, 0.0)),
    15: ((-0.42, 1.21, 0.18, 0.16, -1.0, 6.0),),
    17: ((-0.10, 1.55, 0.24, 0.16, 0.0, -6.0), (-0.10, 1.32, 0.22, 0.08, 0.0, -3.5)),
    20: ((-0.42, 1.20, 0.20, 0.14, -6.5, 1.0),),
    23: ((-0.30, 1.19, 0.16, 0.10, 2.5, 0.0),),
    24: ((-0.12, 1.10, 0.28, 0.05, 0.0, 1.8), (-0.12, 1.30, 0.28, 0.05, 0.0, -1.8)),
    25: ((-0.08, 1.30, 0.26, 0.10, 0.0, 2.5),),
    26: ((-0.10, 1.45, 0.36, 0.30, 0.0, 9.0),),
}
NUMBERS = tuple(BUMPS)                                        # the order of every array over action units
MOST_BUMPS = max(map(len, BUMPS.values()))


class Bumps(NamedTuple):
    """Gaussian bumps (..., bumps): centre, sigma and shift (..., bumps, 2), all in IOD. A shift of 0 is no bump."""

    centre: Array | np.ndarray
    sigma: Array | np.ndarray
    shift: Array | np.ndarray


def standard_bumps() -> Bumps:
    """All action units of the mean face at strength E: (units, sides, bumps), sides being image left, image right."""
    table = np.zeros((len(BUMPS), 2, MOST_BUMPS, 6), np.float32)
    table[..., 2:4] = 1.0
    for row, bumps in enumerate(BUMPS.values()):
        table[row, 0, : len(bumps)] = bumps
    table[:, 1] = table[:, 0] * np.array([-1, 1, 1, 1, -1, 1], np.float32)
    return Bumps(table[..., 0:2], table[..., 2:4], table[..., 4:6] / MM_PER_IOD)


def displacement(bumps: Bumps, points: Float[Array, "*points 2"]) -> Float[Array, "*points 2"]:
    """The sum of all bumps (any leading axes, flattened) at the points, in IOD."""
    centre, sigma, shift = (jnp.reshape(part, (-1, 2)) for part in bumps)
    away = (points[..., None, :] - centre) / sigma
    return jnp.exp(-0.5 * jnp.square(away).sum(-1)) @ shift


def displacement_on_grid(bumps: Bumps, x: Float[Array, " columns"], y: Float[Array, " rows"]) -> Float[Array, "rows columns 2"]:
    """`displacement` at all places of a grid: each bump is one in x times one in y, so all are a product of matrices."""
    centre, sigma, shift = (jnp.reshape(part, (-1, 2)) for part in bumps)
    across, down = (jnp.exp(-0.5 * jnp.square((steps[:, None] - centre[:, axis]) / sigma[:, axis]))
                    for axis, steps in enumerate((x, y)))
    return jnp.einsum("yb,xb,bc->yxc", down, across, shift)
