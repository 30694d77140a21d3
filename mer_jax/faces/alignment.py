"""Faces brought to one place, size and angle by one similarity transform, and so cut out. Pure, to be jitted and vmapped.

An alignment must not make motion of its own. By default a clip has one transform, so that what moves in the crops is what
moved in the frames, turned and scaled, the head's motion with it: a still face stays still, and every frame is blurred alike by
being looked up between pixels. Transforms that follow the face (`steady="smoothed"`) take the head's slow
motion out; what they leave of the landmarks' errors is motion that nobody made.

A transform (2, 3) takes a place p = (x, y) of a frame to the crop: A p + t, A = [[a, -b], [b, a]] in its first two columns.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.faces.landmarks import anchors
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.motion.warping import at_places

Given = Array | np.ndarray
STEADY = ("clip", "smoothed")

# The anchors, in distances between the eyes from the point between them: the five points that ArcFace aligns by (Deng et al.,
# CVPR 2019), made symmetric. Of the crop's side the eyes are EYE_DISTANCE apart at EYE_HEIGHT from the top: a jaw of 2.2
# eye distances and a chin 1.9 below the eyes are in it, and as much forehead as the brows rise into.
PROPORTIONS = np.array([(-0.5, 0.0), (0.5, 0.0), (0.0, 0.571), (-0.414, 1.155), (0.414, 1.155)], np.float32)
EYE_DISTANCE, EYE_HEIGHT = 0.35, 0.32
# Nose and mouth move with the expression, and faces have them at different heights: by default the eyes alone decide.
EYES_ALONE = np.array([1, 1, 0, 0, 0], np.float32)


def template(size: int) -> Float[np.ndarray, "5 2"]:
    """Where the anchors come to lie in a crop, in its pixels."""
    shares = PROPORTIONS * EYE_DISTANCE + np.array([0.5, EYE_HEIGHT], np.float32)
    return (shares * size - 0.5).astype(np.float32)


def similarity(points: Float[Given, "*n k 2"], wanted: Float[Given, "k 2"],
               weights: Float[Given, " k"]) -> Float[Array, "*n 2 3"]:
    """The turn, scale and shift that take points to the wanted ones with the least weighted sum of squared distances.

    Umeyama (PAMI 1991, eqs. 40 to 42), without his reflections; in the plane his singular value decomposition comes to
    a = sum w p.q / sum w p.p, b = sum w (p x q) / sum w p.p over points p, q from their weighted means. Not finite where
    all points are at one place.
    """
    points, share = jnp.asarray(points), (weights / weights.sum())[:, None]
    middle, goal = (share * points).sum(-2, keepdims=True), (share * wanted).sum(-2, keepdims=True)
    p, q = points - middle, wanted - goal
    spread = (share * p * p).sum((-2, -1))
    a = (share * p * q).sum((-2, -1)) / spread
    b = (share[:, 0] * (p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0])).sum(-1) / spread
    return with_shift(a, b, middle[..., 0, :], goal[..., 0, :])


def with_shift(a: Float[Given, "*n"], b: Float[Given, "*n"], start: Float[Given, "*n 2"],
               end: Float[Given, "*m 2"]) -> Float[Array, "*n 2 3"]:
    """The transform of that turn and scale that takes `start` to `end`."""
    turn = jnp.stack([jnp.stack([a, -b], -1), jnp.stack([b, a], -1)], -2)
    return jnp.concatenate([turn, (end - (turn * start[..., None, :]).sum(-1))[..., None]], -1)


def moved(points: Float[Given, "*n k 2"], transform: Float[Given, "*n 2 3"]) -> Float[Array, "*n k 2"]:
    """Where points of a frame lie in the crop. Sums of products, since accelerators round matrix products."""
    turn = transform[..., None, :, :2]
    return (turn * points[..., None, :]).sum(-1) + transform[..., None, :, 2]


def inverse(transform: Float[Given, "*n 2 3"]) -> Float[Array, "*n 2 3"]:
    """The transform that takes places of the crop back to the frame."""
    a, b, shift = transform[..., 0, 0], transform[..., 1, 0], transform[..., 2]
    size = a * a + b * b
    return with_shift(a / size, -b / size, shift, jnp.zeros_like(shift))


def scale(transform: Float[Given, "*n 2 3"]) -> Float[Array, "*n"]:
    """Pixels of the crop to a pixel of the frame."""
    return jnp.linalg.norm(transform[..., 0], axis=-1)


def look_ups(transforms: Float[Given, "*n 2 3"]) -> int:
    """How many look-ups each way a pixel of the crop needs (`fine`), so that every pixel of the frame is in it."""
    return max(math.ceil(1 / float(scale(transforms).min())), 1)


def crop(frames: Float[Given, "time height width channels"], transforms: Float[Given, "*time 2 3"], size: int,
         fine: int = 1) -> Float[Array, "time size size channels"]:
    """The frames seen through one transform, or each through its own: one look-up by the inverse, bilinear, the frame's edges
    repeated outside.

    fine: the mean of so many look-ups each way to a pixel of the crop. Where the crop is smaller than the face (`scale`
    below 1), as many as `look_ups` says keep every pixel of the frame in it; with fewer, fine detail turns into false motion.
    """
    if transforms.ndim == 3:
        return jax.lax.map(lambda seen: crop(seen[0][None], seen[1], size, fine)[0],
                           (jnp.asarray(frames), jnp.asarray(transforms)))
    time, height, width, channels = frames.shape
    together = jnp.asarray(frames).transpose(1, 2, 0, 3).reshape(1, height, width, time * channels)
    x, y = jnp.meshgrid(jnp.arange(size, dtype=jnp.float32), jnp.arange(size, dtype=jnp.float32))
    within = ((np.indices((fine, fine)).reshape(2, -1).T + 0.5) / fine - 0.5).astype(np.float32)
    back = inverse(transforms)

    def add(total, shift):
        places = moved((jnp.stack([x, y], -1) + shift).reshape(-1, 2), back).reshape(1, size, size, 2)
        return total + at_places(together, places)[0], None

    total, _ = jax.lax.scan(add, jnp.zeros((size, size, time * channels)), jnp.asarray(within))
    return (total / fine**2).reshape(size, size, time, channels).transpose(2, 0, 1, 3)


def smoothed(transforms: Float[Given, "time 2 3"], sigma: float | Float[Array, ""]) -> Float[Array, "time 2 3"]:
    """Each the mean of all by a Gaussian of sigma frames around it; those that are nan have no part in it. Means of a, b
    and t: where the frames' origin lies makes no difference."""
    known, time = jnp.isfinite(transforms).all((-2, -1)), jnp.arange(len(transforms), dtype=jnp.float32)
    away = jnp.where(known, -0.5 * ((time[:, None] - time) / sigma) ** 2, -jnp.inf)
    clean = jnp.where(known[:, None, None], transforms, 0)
    return jnp.einsum("ts,sij->tij", jax.nn.softmax(away), clean, precision=jax.lax.Precision.HIGHEST)


def clip_transforms(landmarks: Float[Given, "*time 68 2"], size: int, steady: str = "clip",
                    sigma: float | Float[Array, ""] = 100.0,
                    weights: Float[np.ndarray, "5"] = EYES_ALONE) -> Float[Array, "*frames 2 3"]:
    """What takes a clip's frames to crops of that size: one transform (2, 3), or one of each frame (time, 2, 3).

    landmarks: of the clip (68, 2), its onset frame's; or of every frame, nan where none were found. steady: "clip", one
    transform from the landmarks or their median over frames; "smoothed", each frame's own, smoothed with `sigma` frames.
    weights: of the anchors. Raises UserMistake where there is nothing to smooth, or `steady` is another word.
    """
    if steady not in STEADY:
        raise UserMistake(f"steady={steady!r} is not known{nearest(steady, STEADY)}; there are: {', '.join(STEADY)}")
    if steady == "smoothed" and landmarks.ndim == 2:
        raise UserMistake("steady='smoothed': found the landmarks of one frame, wanted those of every frame (time, 68, 2)")
    points = anchors(jnp.nanmedian(landmarks, 0) if steady == "clip" and landmarks.ndim == 3 else landmarks)
    found = similarity(points, template(size), weights)
    return smoothed(found, sigma) if steady == "smoothed" else found


def align_clip(frames: Float[Given, "time height width channels"], landmarks: Float[Given, "*points 68 2"], size: int,
               steady: str = "clip", sigma: float | Float[Array, ""] = 100.0,
               fine: int = 1) -> Float[Array, "time size size channels"]:
    """A clip's face, upright and in the middle of crops of that size: `clip_transforms`, then `crop`."""
    return crop(frames, clip_transforms(landmarks, size, steady, sigma), size, fine)


def turned(flow: Float[Given, "height width 2"], transform: Float[Given, "2 3"], size: int,
           fine: int = 1) -> Float[Array, "size size 2"]:
    """A flow in pixels of the frame -> the same motion in the crop and in its pixels."""
    found = crop(flow[None], transform, size, fine)[0]
    return (jnp.asarray(transform)[:, :2] * found[..., None, :]).sum(-1)
