"""Five sensors whose noise was measured: Wei et al., "A Physics-based Noise Formation Model for Extreme Low-light Raw
Denoising" (ELD), CVPR 2020, section 4; the numbers are those of the calibration its authors released.

A sensor's setting is its gain K, in digital numbers (DN) an electron: photons that release x / K electrons read as x DN
with variance K x. The deviations of the other noises are lines in log K, from which single settings scatter:

    log sigma = slope log K + bias + scatter N(0, 1)                                                       [DN]

Full scale is 15583 DN: 14 bits less the black level of 800. Departures: shot noise is normal, where ELD draws from
Poisson's law (alike above some ten electrons); the shape of the tails is drawn between the ends of what was measured,
where ELD picks one of the measured ones; the offsets of single colours are left out.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from mer_jax.light.camera import Camera
from mer_jax.light.noise import tukey_variance

BITS, BLACK = 14, 800                                                                               # DN
FULL_SCALE = 2**BITS - 1 - BLACK                                                                    # DN, 15583


class Line(NamedTuple):
    """log sigma (DN) = slope log K + bias, ± scatter."""

    slope: float
    bias: float
    scatter: float


class Sensor(NamedTuple):
    """gains: the lowest and highest K at which it was measured. read: of normal read noise. tukey: the scale of read noise of
    Tukey's lambda distribution, whose shape lies within `tails`. row: of row noise."""

    gains: tuple[float, float]
    read: Line
    tukey: Line
    tails: tuple[float, float]
    row: Line


SENSORS = {
    "SonyA7S2": Sensor((0.094, 6.01), Line(0.541, 1.218, 0.268), Line(0.462, 0.566, 0.263), (-0.14, 0.13),
                       Line(0.528, -0.592, 0.294)),
    "NikonD850": Sensor((0.415, 26.6), Line(0.564, 0.799, 0.214), Line(0.477, -0.090, 0.239), (-0.24, -0.10),
                        Line(0.448, -1.798, 0.232)),
    "Canon5D4": Sensor((0.218, 14.0), Line(0.677, 1.512, 0.246), Line(0.656, 1.093, 0.286), (0.01, 0.20),
                       Line(0.471, -0.808, 0.244)),
    "Canon70D": Sensor((0.408, 26.1), Line(0.568, 1.998, 0.249), Line(0.487, 1.464, 0.382), (-0.17, 0.14),
                       Line(0.729, -0.937, 0.250)),
    "Canon700D": Sensor((0.448, 28.6), Line(0.653, 2.080, 0.258), Line(0.598, 1.537, 0.389), (-0.16, 0.13),
                        Line(0.622, -0.776, 0.249)),
}


def deviation(line: Line, gain: float | Array, key: jax.Array | None) -> Array:
    """A line's sigma at gain K, in units of full scale; () each."""
    scatter = 0.0 if key is None else line.scatter * jax.random.normal(key)
    return jnp.exp(line.slope * jnp.log(gain) + line.bias + scatter) / FULL_SCALE


def sensor_camera(sensor: Sensor, gain: float | Array, exposure: float | Array = 1.0, key: jax.Array | None = None,
                  tails: bool = False) -> Camera:
    """A sensor at gain K that gets a share of the recorded light, as a camera in units of its full scale.

    key: of one setting's scatter about the lines; None: on the lines, with the middle of the tails. tails: read noise of
    Tukey's shape, normal else. Beyond the sensor's own gains the lines go on, as in ELD's code.
    """
    read_key, row_key, tail_key = (None, None, None) if key is None else jax.random.split(key, 3)
    row, black = deviation(sensor.row, gain, row_key), BLACK / FULL_SCALE
    if not tails:
        read = deviation(sensor.read, gain, read_key) ** 2
        return Camera(exposure, gain / FULL_SCALE, read, row, black=black, bits=BITS)
    low, high = sensor.tails
    tail = low + (high - low) * (0.5 if key is None else jax.random.uniform(tail_key))
    read = deviation(sensor.tukey, gain, read_key) ** 2 * tukey_variance(tail)
    return Camera(exposure, gain / FULL_SCALE, read, row, tail=tail, black=black, bits=BITS)
