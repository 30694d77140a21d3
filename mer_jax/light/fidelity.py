"""Fidelity: how much of the motion an enhancer of dark pictures keeps, and what a picture alone says beside it.

An enhancer is judged by the flow between two of its pictures, against the flow between the same two in good light (or the
true one, where it is known): a picture can look better and move worse. Flows are in pixels; a face's own drift, the median
motion of its nose, is taken off first (`aligned`). What moves is what moves by more than .0027 pupil distances.
Warping error: Lai et al., ECCV 2018, eq. 1 and 2. Flicker: Jiang and Zheng, ICCV 2019. SSIM: Wang et al., 2004.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from mer_jax.faces.landmarks import LEFT_EYE, NOSE, RIGHT_EYE
from mer_jax.motion.flow_features import strain
from mer_jax.motion.smoothing import blur
from mer_jax.motion.warping import look_up

MOVING = 0.0027                                               # pupil distances: .3 pixels where the pupils are 112 apart


Errors = float | Float[Array | np.ndarray, "*n"] | np.floating


class MotionKept(NamedTuple):
    """error: mean endpoint error in pixels where something moves (the moving endpoint error). gain: the share of the clean
    motion that is found, 1 ideal. correlation: Pearson's, of u and v there; strain: that of the optical strain there, which
    says whether the skin is stretched in the same places. false_motion: mean length in pixels where nothing moves, less that
    of the clean flow there. Leading axes as the flows'."""

    error: Array
    gain: Array
    correlation: Array
    strain: Array
    false_motion: Array


def nose_box(landmarks: Float[Array, "68 2"], height: int, width: int) -> Bool[Array, "height width"]:
    """Where the nose is: the pixels inside of the box around its landmarks (x, y)."""
    low, high = landmarks[NOSE].min(0), landmarks[NOSE].max(0)
    y, x = jnp.mgrid[:height, :width]
    return (x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1])


def face_ellipse(landmarks: Float[Array, "68 2"], height: int, width: int) -> Bool[Array, "height width"]:
    """Where the face is: the ellipse around the landmarks' box, a quarter larger, so that the forehead is in it."""
    low, high = landmarks.min(0), landmarks.max(0)
    y, x = jnp.mgrid[:height, :width]
    away = (jnp.stack([x, y], -1) - (low + high) / 2) / (0.625 * (high - low))
    return jnp.square(away).sum(-1) <= 1


def pupil_distance(landmarks: Float[Array, "68 2"]) -> Float[Array, ""]:
    """Pixels between the middles of the eyes."""
    return jnp.linalg.norm(landmarks[RIGHT_EYE].mean(0) - landmarks[LEFT_EYE].mean(0))


def aligned(flow: Float[Array, "height width 2"], nose: Bool[Array, "height width"]) -> Float[Array, "height width 2"]:
    """The flow less its median on the nose, which no expression moves much: what the head did is gone."""
    return flow - jnp.nanmedian(jnp.where(nose[..., None], flow, jnp.nan), axis=(0, 1))


def moving(flow: Float[Array, "height width 2"], pupils: Float[Array, ""]) -> Bool[Array, "height width"]:
    """Where an aligned flow is longer than MOVING pupil distances."""
    return jnp.linalg.norm(flow, axis=-1) > MOVING * pupils


def motion_kept(found: Float[Array, "height width 2"], clean: Float[Array, "height width 2"],
                moves: Bool[Array, "height width"], face: Bool[Array, "height width"]) -> MotionKept:
    """The aligned flow of the enhanced pictures against that of the clean ones; `moves` and `face` say where to look.

    nan where nothing moves. The shares of several clips are averaged by the caller, with intervals over people.
    """
    here, still = moves & face, face & ~moves

    together, power = (found * clean).sum(-1), (clean * clean).sum(-1)
    gain = mean_where(together, here) / mean_where(power, here)
    lengths = [mean_where(jnp.linalg.norm(flow, axis=-1), still) for flow in (found, clean)]
    return MotionKept(mean_where(jnp.linalg.norm(found - clean, axis=-1), here), gain, correlated(found, clean, here),
                      correlated(strain(found)[..., None], strain(clean)[..., None], here), lengths[0] - lengths[1])


def mean_where(values: Float[Array, "height width"], where: Bool[Array, "height width"]) -> Float[Array, ""]:
    """Mean over some pixels; nan of none."""
    return jnp.where(where, values, 0).sum() / where.sum()


def correlated(a: Float[Array, "height width channels"], b: Float[Array, "height width channels"],
               where: Bool[Array, "height width"]) -> Float[Array, ""]:
    """Pearson's correlation over some pixels, each channel about its own mean, one scale for all of them."""
    a, b = (field - jnp.stack([mean_where(channel, where) for channel in jnp.moveaxis(field, -1, 0)]) for field in (a, b))
    spread = jnp.sqrt(mean_where((a * a).sum(-1), where) * mean_where((b * b).sum(-1), where))
    return mean_where((a * b).sum(-1), where) / jnp.maximum(spread, 1e-12)


def motion_preserved(error: Errors, untouched: Errors) -> Errors:
    """1 - error / the error of the dark pictures as they are: 1 perfect, 0 useless, below 0 harmful."""
    return 1 - error / untouched


def warping_error(first: Float[Array, "height width channels"], second: Float[Array, "height width channels"],
                  flow: Float[Array, "height width 2"], back: Float[Array, "height width 2"],
                  where: Bool[Array, "height width"]) -> Float[Array, ""]:
    """Mean squared change along the motion, of the places asked for those that are seen in both pictures; nan of none. flow
    and back (first to second, and back) are of the clean pictures, never of the enhanced ones, whose own flow explains
    whatever they do. Over the whole picture a frozen video has next to none; where the face moves it has."""
    there = look_up(back[None], flow[None])[0]
    unlike, length = (jnp.square(part).sum(-1) for part in (flow + there, jnp.stack([flow, there])))
    hidden = unlike > 0.01 * length.sum(0) + 0.5
    steep = sum(jnp.square(part).sum(-1) for part in jnp.gradient(flow, axis=(0, 1))) > 0.01 * length[0] + 0.002
    change = jnp.square(look_up(second[None], flow[None])[0] - first).mean(-1)
    return mean_where(change, where & ~(hidden | steep))


def flicker(frames: Float[Array, "time height width channels"]) -> Float[Array, ""]:
    """Mean absolute change of a clip's mean brightness from frame to frame."""
    return jnp.abs(jnp.diff(frames.mean((1, 2, 3)))).mean()


def psnr(found: Float[Array, "*image"], wanted: Float[Array, "*image"]) -> Float[Array, ""]:
    """Peak signal-to-noise ratio in decibels, of pictures in [0, 1]."""
    return -10 * jnp.log10(jnp.square(found - wanted).mean())


def ssim(found: Float[Array, "height width channels"], wanted: Float[Array, "height width channels"]) -> Float[Array, ""]:
    """Structural similarity of pictures in [0, 1]: a Gaussian window of 1.5 pixels, K = .01 and .03; five pixels of the
    border are left out, mean over places and channels."""
    mean_a, mean_b = blur(found, 1.5), blur(wanted, 1.5)
    var_a, var_b = blur(found * found, 1.5) - mean_a**2, blur(wanted * wanted, 1.5) - mean_b**2
    both = blur(found * wanted, 1.5) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    alike = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return alike[5:-5, 5:-5].mean()
