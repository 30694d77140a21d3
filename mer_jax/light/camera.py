"""What a camera records of a scene when there is little light.

A recorded sRGB frame is taken back to linear light (gamma 2.2), the exposure is cut, photons and electronics add their
noise, the sensor clips and quantises to 12 bits, and the result is encoded again as 8-bit sRGB:

    x = v^2.2;   y = k x + n,  n ~ N(0, a k x + b) + N(0, row^2) once a row;   v' = round255(round4095(clip(y))^(1/2.2))

Shot and read noise as one normal with variance a x + b: Brooks et al., "Unprocessing Images for Learned Raw
Denoising", CVPR 2019, eq. 1 and 2. Noise depends on the key alone, so every method sees identical dark frames.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.light.noise import normal

GAMMA = 2.2
STEPS = 4095                                                  # of a 12-bit sensor


class Camera(NamedTuple):
    """exposure k: share of the recorded light. shot a, read b: noise variance a x + b; row: its deviation a row.

    All in units of the sensor's full scale; () each, or with leading axes under `vmap`. Exposure 1 without noise
    returns what was recorded, to 8 bits.
    """

    exposure: float | Array = 1.0
    shot: float | Array = 0.0
    read: float | Array = 0.0
    row: float | Array = 0.0


# The levels at which the library scores, by one fixed camera; L0 is light as recorded.
LEVELS = {
    "L0": Camera(),
    "L1": Camera(0.2, 4e-4, 1e-6, 5e-5),
    "L2": Camera(0.08, 4e-4, 1e-6, 5e-5),
    "L3": Camera(0.04, 8e-4, 4e-6, 1e-4),
    "L4": Camera(0.02, 1.2e-3, 1e-5, 1.5e-4),
}


# Both curves act on numbers that are quantised already (8 bits in a file, 12 in the sensor), so a table holds them whole.
LINEAR = ((np.arange(256) / 255) ** GAMMA).astype(np.float32)
ENCODED = (np.round(255 * (np.arange(STEPS + 1) / STEPS) ** (1 / GAMMA)) / 255).astype(np.float32)


def linear(values: Array) -> Array:
    """8-bit sRGB values, in [0, 1] -> linear light."""
    return jnp.asarray(LINEAR)[jnp.round(255 * values).astype(jnp.int32)]


def encoded(seen: Array) -> Array:
    """12-bit readings of the sensor, in [0, 1] -> sRGB values in [0, 1], as an 8-bit file holds them."""
    return jnp.asarray(ENCODED)[jnp.round(STEPS * seen).astype(jnp.int32)]


def expose(light: Float[Array, "*frames height width channels"], camera: Camera,
           key: jax.Array) -> Float[Array, "*frames height width channels"]:
    """What the sensor reads, in [0, 1] linear; every frame has noise of its own."""
    pixel_key, row_key = jax.random.split(key)
    light = camera.exposure * light
    deviation = jnp.sqrt(camera.shot * light + camera.read)
    seen = light + deviation * normal(pixel_key, light.shape)
    seen = seen + camera.row * normal(row_key, (*light.shape[:-2], 1, 1))
    return jnp.round(STEPS * jnp.clip(seen, 0.0, 1.0)) / STEPS


def darken(frames: Float[Array, "*frames height width channels"], camera: Camera,
           key: jax.Array) -> Float[Array, "*frames height width channels"]:
    """Recorded frames (8-bit sRGB in [0, 1], at the native rate) as this camera would have recorded them; 8-bit values."""
    return encoded(expose(linear(frames), camera, key))


def training_camera(key: jax.Array) -> Camera:
    """A camera to train with: exposure log-uniform in [.015, .3], shot and read noise as Brooks et al. draw them.

    log a ~ U(log 1e-4, log 3e-3), log b ~ N(2.18 log a + 1.2, .26), row sqrt(b) / 10. It is almost never the fixed
    camera of LEVELS, whose scores therefore say something about another camera than those trained with.
    """
    exposure, shot, read = jax.random.split(key, 3)
    log_shot = jax.random.uniform(shot, minval=jnp.log(1e-4), maxval=jnp.log(3e-3))
    log_read = 2.18 * log_shot + 1.2 + 0.26 * jax.random.normal(read)
    log_exposure = jax.random.uniform(exposure, minval=jnp.log(0.015), maxval=jnp.log(0.3))
    return Camera(jnp.exp(log_exposure), jnp.exp(log_shot), jnp.exp(log_read), 0.1 * jnp.exp(0.5 * log_read))
