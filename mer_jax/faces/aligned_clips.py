"""`aligned`: a data set with its faces cut out, all at one place, size and angle."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from mer_jax.data.clips import Clips
from mer_jax.faces.alignment import clip_transforms, crop, look_ups, moved, turned
from mer_jax.faces.landmarker import onsets
from mer_jax.faces.landmarks import check_landmarks
from mer_jax.mistakes import UserMistake
from mer_jax.progress_bar import ProgressBar

SMOOTHING = 0.5                                               # seconds, sigma: longer than a micro-expression


def aligned(clips: Clips, size: int = 112, steady: str = "clip",
            landmarks: Float[Array | np.ndarray, "..."] | None = None) -> Clips:
    """The clips with frames of size x size pixels around their faces, and the landmarks there; ids, labels and marks stay.

    landmarks: of each clip's onset frame (N, 68, 2), or of every frame (N, L, 68, 2), nan where no face was found; None takes
    those of the clips. steady: "clip", one transform a clip, which makes no motion (from the onset's points, or the median
    over frames); "smoothed", a transform for each frame, smoothed with a Gaussian of SMOOTHING seconds, which takes out the
    head's slow motion and wants landmarks of every frame. See `faces.alignment`.

    `true_flow` and `pixel_flow` are cut out, turned and scaled along; with "smoothed", where onset and apex are moved
    differently, they are dropped. A stored `flow` belongs to the old frames and is dropped too: find it anew.

    Raises UserMistake, with the clip's id, where landmarks are absent or cannot be a face's, or there are no frames.
    """
    if size < 8:
        raise UserMistake(f"size={size}: wanted a crop of at least 8 pixels")
    found = checked(clips, clips.landmarks if landmarks is None else landmarks)
    transforms = transforms_of(clips, found, size, steady)
    fine = look_ups(transforms)
    rows, onset = np.arange(len(clips)), onsets(clips)
    first = transforms[rows, onset] if transforms.ndim == 4 else transforms
    points = np.where(np.isfinite(found[rows, onset]), found[rows, onset], np.nanmedian(found, 1)) if found.ndim == 4 else found
    true, pixel = (None if flows is None or steady == "smoothed" else
                   np.stack([turned_flow(*pair, size, fine) for pair in zip(flows, first, strict=True)])
                   for flows in (clips.true_flow, clips.pixel_flow))
    return clips.replace(frames=cut_out(clips, transforms, size, fine), landmarks=np.asarray(moved(points, first)),
                         flow=None, flow_coding=None, true_flow=true, pixel_flow=pixel)


def checked(clips: Clips, landmarks: Float[Array | np.ndarray, "..."] | None) -> Float[np.ndarray, "n *time 68 2"]:
    """The landmarks, nan behind each clip's length, once each clip's were found to be those of a face."""
    if clips.frames is None:
        raise UserMistake(f"the data have no frames to cut faces out of (they have: {', '.join(clips.inputs())})")
    if landmarks is None:
        raise UserMistake("the data have no landmarks to align faces by; wanted Clips.landmarks, or those that "
                          "mer_jax.faces.located finds with a model's file")
    landmarks = np.asarray(landmarks, np.float32)
    n, length, height, width = clips.frames.shape[:4]
    if landmarks.shape not in ((n, 68, 2), (n, length, 68, 2)):
        raise UserMistake(f"landmarks of shape {landmarks.shape}; wanted {(n, 68, 2)}, or of every frame {(n, length, 68, 2)}")
    if landmarks.ndim == 4 and clips.length is not None:
        landmarks = np.where((np.arange(length) < clips.length[:, None])[..., None, None], landmarks, np.nan)
    for name, points in zip(clips.ids, landmarks, strict=True):
        check_landmarks(points, height, width, name)
    return landmarks


def transforms_of(clips: Clips, landmarks: Float[np.ndarray, "n *time 68 2"], size: int,
                  steady: str) -> Float[Array, "n *frames 2 3"]:
    """Of every clip one transform, or with "smoothed" one of each frame."""
    fps = np.full(len(clips), np.nan) if clips.fps is None else np.asarray(clips.fps)
    if steady == "smoothed" and not np.isfinite(fps).all():
        raise UserMistake(f"steady='smoothed' smooths over seconds, and of {np.isnan(fps).sum()} of {len(clips)} clips the "
                          "frames a second (fps) are not known")
    each = jax.vmap(lambda points, sigma: clip_transforms(points, size, steady, sigma))
    return each(jnp.asarray(landmarks), jnp.asarray(SMOOTHING * fps, jnp.float32))


def cut_out(clips: Clips, transforms: Float[Array, "n *time 2 3"], size: int,
            fine: int) -> UInt8[np.ndarray, "n length size size channels"]:
    """The crops, clip by clip; zeros behind each clip's length, as in Clips."""
    n, length, _, _, channels = clips.frames.shape
    crops = np.zeros((n, length, size, size, channels), np.uint8)
    with ProgressBar(n, "faces") as bar:
        for row in range(n):
            there = length if clips.length is None else int(clips.length[row])
            crops[row, :there] = cropped(clips.frames[row], transforms[row], size, fine)[:there]
            bar.advance()
    return crops


@functools.partial(jax.jit, static_argnums=(2, 3))
def cropped(frames: UInt8[Array, "time h w channels"], transforms: Float[Array, "*time 2 3"], size: int,
            fine: int) -> UInt8[Array, "time size size channels"]:
    return jnp.round(crop(frames.astype(jnp.float32), transforms, size, fine)).astype(jnp.uint8)


turned_flow = functools.partial(jax.jit, static_argnums=(2, 3))(turned)
