"""What a camera records of a scene when there is little light.

A recorded sRGB frame is taken back to linear light (gamma 2.2), the exposure is cut, photons and electronics add their
noise, the sensor clips and quantises to 12 bits, and the result is encoded again as 8-bit sRGB:

    x = v^2.2;   y = k x + n,  n ~ N(0, a k x + b) + N(0, row^2) once a row;   v' = round255(round4095(clip(y))^(1/2.2))

Shot and read noise as one normal with variance a x + b: Brooks et al., "Unprocessing Images for Learned Raw
Denoising", CVPR 2019, eq. 1 and 2. Noise depends on the key alone, so every method sees identical dark frames.

More is there for who asks, and costs nothing where it is None: read noise with heavy tails (Wei et al., "A Physics-based
Noise Formation Model for Extreme Low-light Raw Denoising", CVPR 2020, section 3), a pattern of pixels and of rows that
stays the same through a clip (Monakhova et al., "Dancing under the stars", CVPR 2022), lamps that ripple with the mains,
a black level, another number of bits or gamma, and the white balance, which colours the noise. Measured sensors are in
`light.sensors`. One function, `darken`, is for all 8-bit clips, those of a database and rendered ones.

Left out: demosaicing and compression, which smear noise over neighbours, and colour matrices. Noise is that of a pixel of
the stored frame; where faces were shrunk from larger ones before, it was less.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from mer_jax.light.noise import normal, tukey_lambda

GAMMA = 2.2
STEPS = 4095                                                  # of a 12-bit sensor
CLIP = 2**31                                                  # folded into a clip's key: no clip has so many frames


class Flicker(NamedTuple):
    """Lamps on the mains: light times 1 + amplitude sin(2 pi frequency t / fps + phase) in native frame t.

    amplitude: as recorded, after the shutter's own averaging; 0 to .03. fps: the camera's frames a second. frequency: of the
    ripple in Hz, twice the mains': 100 (Europe, China) or 120. phase: radians. At 200 fps 100 Hz is Nyquist's frequency:
    frames alternate, by as much as the phase says, and mains that are 1 % off make that beat at 1 Hz. () each.
    """

    amplitude: float | Array
    fps: float | Array
    frequency: float | Array = 100.0
    phase: float | Array = 0.0


class Camera(NamedTuple):
    """exposure k: share of the recorded light. shot a, read b: noise variance a x + b; row: its deviation a row.

    All in units of the sensor's full scale; () each, or with leading axes under `vmap`. Exposure 1 without noise
    returns what was recorded, to 8 bits. What follows is None where there is none of it.

    tail: read noise is Tukey's lambda of this shape, with the variance b as before; None: normal.
    pattern, banding: deviation of what each pixel, and each row, adds to every frame of a clip.
    black: what is added before the sensor clips at 0 and taken off its readings, so that noise in the dark keeps its mean.
    The range is then [-black, 1]. pedestal: what of it stays in the file; None: none, and the file clips at 0 after all.
    bits: of the sensor; None: 12. gamma: None: 2.2. flicker: of the lamps.
    balance: (red, green, blue) gains of the white balance, >= 1: the sensor sees colours divided by them (red 1.9 to 2.4 and
    blue 1.5 to 1.9 with green 1: Brooks et al., section 3).
    """

    exposure: float | Array = 1.0
    shot: float | Array = 0.0
    read: float | Array = 0.0
    row: float | Array = 0.0
    tail: float | Array | None = None
    pattern: float | Array | None = None
    banding: float | Array | None = None
    black: float | Array | None = None
    pedestal: float | Array | None = None
    bits: int | Array | None = None
    gamma: float | Array | None = None
    flicker: Flicker | None = None
    balance: tuple | Array | None = None


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


def linear(values: Array, gamma: float | Array | None = None) -> Array:
    """8-bit sRGB values, in [0, 1] -> linear light."""
    table = jnp.asarray(LINEAR) if gamma is None else (jnp.arange(256) / 255) ** gamma
    return table[jnp.round(255 * values).astype(jnp.int32)]


def encoded(seen: Array) -> Array:
    """12-bit readings of the sensor, in [0, 1] -> sRGB values in [0, 1], as an 8-bit file holds them."""
    return jnp.asarray(ENCODED)[jnp.round(STEPS * seen).astype(jnp.int32)]


def developed(seen: Float[Array, "*frames height width channels"],
              camera: Camera) -> Float[Array, "*frames height width channels"]:
    """A camera's readings, as `expose` gives them -> sRGB values in [0, 1], as an 8-bit file holds them."""
    if all(part is None for part in (camera.black, camera.pedestal, camera.bits, camera.gamma, camera.balance)):
        return encoded(seen)
    if camera.balance is not None:
        seen = seen * jnp.asarray(camera.balance)
    if camera.pedestal is not None:
        seen = seen + camera.pedestal
    return jnp.round(255 * jnp.clip(seen, 0.0, 1.0) ** (1 / (GAMMA if camera.gamma is None else camera.gamma))) / 255


def given(part: float | Array | None) -> bool:
    """Whether a term is there at all; a number that is only known when the program runs always is."""
    return part is not None and not (isinstance(part, int | float) and part == 0)


def arriving(light: Float[Array, "*frames height width channels"], camera: Camera,
             at: Int[Array, "*frames"] | None) -> Float[Array, "*frames height width channels"]:
    """The light of the scene as it falls on the sensor: in its colours, with the lamps' ripple, for so long."""
    if camera.balance is not None:
        light = light / jnp.asarray(camera.balance)
    if camera.flicker is not None:
        amplitude, fps, frequency, phase = camera.flicker
        at = jnp.arange(int(np.prod(light.shape[:-3]))).reshape(light.shape[:-3]) if at is None else at
        turn = 2 * jnp.pi * (at * (frequency / fps) % 1) + phase
        light = light * (1 + amplitude * jnp.sin(turn))[..., None, None, None]
    return camera.exposure * light


def with_noise(light: Float[Array, "*frames height width channels"], camera: Camera,
               key: jax.Array) -> Float[Array, "*frames height width channels"]:
    """Light with the noise of the moment: of photons and readout a pixel, and of a row."""
    pixel_key, row_key = jax.random.split(key)
    seen = light
    normal_read = camera.read if camera.tail is None else 0.0
    if given(camera.shot) or given(normal_read):
        seen = light + jnp.sqrt(camera.shot * light + normal_read) * normal(pixel_key, light.shape)
    if camera.tail is not None and given(camera.read):
        read_key = jax.random.fold_in(key, 2)
        seen = seen + jnp.sqrt(camera.read) * tukey_lambda(read_key, light.shape, camera.tail)
    if given(camera.row):
        seen = seen + camera.row * normal(row_key, (*light.shape[:-2], 1, 1))
    return seen


def with_pattern(seen: Float[Array, "*frames height width channels"], camera: Camera,
                 clip_key: jax.Array) -> Float[Array, "*frames height width channels"]:
    """Readings with what is the same in every frame of a clip: the pattern of the pixels and that of the rows."""
    pattern_key, banding_key = jax.random.split(jax.random.fold_in(clip_key, CLIP))
    if given(camera.pattern):
        seen = seen + camera.pattern * normal(pattern_key, seen.shape[-3:])
    if given(camera.banding):
        seen = seen + camera.banding * normal(banding_key, (seen.shape[-3], 1, 1))
    return seen


def quantised(seen: Float[Array, "*frames height width channels"],
              camera: Camera) -> Float[Array, "*frames height width channels"]:
    """Readings clipped to the sensor's range and rounded to its steps."""
    if camera.bits is None and camera.black is None:
        return jnp.round(STEPS * jnp.clip(seen, 0.0, 1.0)) / STEPS
    black = 0.0 if camera.black is None else camera.black
    numbers = STEPS if camera.bits is None else jnp.round(jnp.exp2(camera.bits)) - 1
    return jnp.round(numbers * jnp.clip((seen + black) / (1 + black), 0.0, 1.0)) / numbers * (1 + black) - black


def expose(light: Float[Array, "*frames height width channels"], camera: Camera, key: jax.Array,
           clip_key: jax.Array | None = None,
           at: Int[Array, "*frames"] | None = None) -> Float[Array, "*frames height width channels"]:
    """What the sensor reads, in [0, 1] linear (from -black where there is a black level).

    Every frame has noise of its own. What stays the same through a clip hangs on `clip_key`, by default on `key` and so
    shared by all frames here. at: which native frame each is, for the flicker; by default they are counted in order.
    """
    seen = with_noise(arriving(light, camera, at), camera, key)
    return quantised(with_pattern(seen, camera, key if clip_key is None else clip_key), camera)


def darken(frames: Float[Array, "*frames height width channels"], camera: Camera, key: jax.Array,
           clip_key: jax.Array | None = None,
           at: Int[Array, "*frames"] | None = None) -> Float[Array, "*frames height width channels"]:
    """Recorded frames (8-bit sRGB in [0, 1], at the native rate) as this camera would have recorded them; 8-bit values.

    The same for clips of a database and rendered ones, which are stored alike. clip_key, at: as in `expose`.
    """
    return developed(expose(linear(frames, camera.gamma), camera, key, clip_key, at), camera)


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
