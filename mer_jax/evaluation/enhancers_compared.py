"""How much of the motion each enhancer leaves of a dark clip, level by level: what `mer-jax fidelity` prints.

The same dark windows go to every enhancer, the flow from onset to apex is found on what each gives, and compared with the true
flow, or where there is none with that of the clean pictures (`light.fidelity` has the measures). An estimator's regularity
is taken as it is by default, and as it is best for each enhancer and level on other people: a brighter picture alone
would win or lose by being brighter, since TV-L1 at lambda on pictures g times as bright is TV-L1 at lambda g.
"""

import functools
import importlib.util
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from mer_jax.data.clips import Clips
from mer_jax.data.sampling import instants, window_of, windows
from mer_jax.evaluation.flow_estimators import ESTIMATORS, SCALES
from mer_jax.evaluation.layout import frame_data
from mer_jax.evaluation.motion_summary import BASELINE, CEILING, CLEAN, Measured, summaries, typical_clip
from mer_jax.light.camera import LEVELS
from mer_jax.light.enhancers import ENHANCERS, Enhancer
from mer_jax.light.fidelity import (
    MotionKept,
    aligned,
    face_ellipse,
    flicker,
    motion_kept,
    moving,
    nose_box,
    psnr,
    pupil_distance,
    ssim,
    warping_error,
)
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.motion.luma import luma
from mer_jax.progress_bar import ProgressBar
from mer_jax.synthetic.face import mean_landmarks
from mer_jax.training.inputs import Data, darkened, level_frames

SHOWN = 3                                                     # instants: onset, apex, offset
PIXELS_AT_ONCE = 2**18


class Scene(NamedTuple):
    """What a clip is judged by. flow: by estimator (H, W, 2), what the pixels did, or where that is not known the estimator's
    own flow of the clean pictures, aligned. forth, back: TV-L1's flows between the clean pictures of onset and apex. nose,
    moves, face: (H, W) bool. pictures (3, H, W, C): the clean ones, means of their windows."""

    flow: dict[str, Array]
    forth: Array
    back: Array
    nose: Array
    moves: Array
    face: Array
    pictures: Array


def check_words(levels: tuple[str, ...], names: tuple[str, ...]) -> None:
    """Raises UserMistake for a level or a name that is not known, for no level, and for what OpenCV has where it is missing."""
    dark = [level for level in LEVELS if level != "L0"]
    for level in levels:
        if level not in dark:
            raise UserMistake(f"light {level!r} is not known{nearest(level, dark)}; there are: {', '.join(dark)}")
    if not levels:
        raise UserMistake(f"no light level; wanted some of {', '.join(dark)}")
    for name in names:
        if name not in ENHANCERS:
            raise UserMistake(f"enhancer {name!r} is not known{nearest(name, ENHANCERS)}; there are: {', '.join(ENHANCERS)}")
        if ENHANCERS[name].library and not has_opencv():
            raise UserMistake(f"enhancer {name!r} is OpenCV's, which is not installed: pip install -e '.[peers]'")


def has_opencv() -> bool:
    return importlib.util.find_spec("cv2") is not None


def chosen_enhancers(names: tuple[str, ...]) -> dict[str, Enhancer]:
    """The enhancers of these names, where there are none all that can be had; always with the baseline and the untouched
    pictures."""
    wanted = {"none", BASELINE, *(names or ENHANCERS)}
    return {name: made for name, made in ENHANCERS.items() if name in wanted and (has_opencv() or not made.library)}


def landmarks_of(clips: Clips) -> Float[np.ndarray, "clips 68 2"]:
    """Those of the clips; or where aligned crops usually have them, the pupils at .3 and .7 of the width, .38 of the height."""
    if clips.landmarks is not None:
        return np.asarray(clips.landmarks, np.float32)
    height, width = clips.frames.shape[2:4]
    points = mean_landmarks()
    pupils = (points[36:42].mean(0) + points[42:48].mean(0)) / 2
    placed = 0.4 * width * (points - pupils) + np.array([0.5 * width, 0.38 * height])
    return np.broadcast_to(placed, (len(clips), 68, 2)).astype(np.float32)


def compare_enhancers(clips: Clips, levels: tuple[str, ...], names: tuple[str, ...] = (),
                      more: Mapping[str, Enhancer] = MappingProxyType({})) -> dict:
    """{"rows": [...], "clips", "moving" (clips), "subjects", "reference": "true flow" or "clean flow", "typical_clip": the one
    to be shown, "landmarks": "known" or "assumed", "window", "left_out": enhancers that OpenCV would be needed for}: a row is
    an enhancer at a level, see `motion_summary.summaries`. more: others by name, beside those of `light.enhancers`.

    Raises UserMistake where the clips have no frames, nothing moves in them, or a name or level is not known.
    """
    check_words(levels, names)
    if clips.frames is None:
        raise UserMistake(f"the data have no frames that could be darkened (they have: {', '.join(clips.inputs())})")
    enhancers, window, data = {**chosen_enhancers(names), **more}, window_of(clips.fps), frame_data(clips)
    levels = tuple(dict.fromkeys(levels))
    size = at_once(clips)
    chunks = [np.arange(start, min(start + size, len(clips))) for start in range(0, len(clips), size)]
    found: dict[tuple[str, str], list[Measured]] = {}
    with ProgressBar(len(chunks) * (1 + len(levels) * (len(enhancers) + 1)), "fidelity") as bar:
        for chunk in chunks:
            rows = jnp.asarray(np.resize(chunk, size), jnp.int32)
            at, bright = seen(data, rows, window, "L0")
            scenes = scenes_of(clips, rows, bright)

            def judge(name, level, pictures, scenes=scenes, chunk=chunk, bar=bar):
                measured = jax.tree.map(lambda leaf: np.asarray(leaf)[: len(chunk)], measure(pictures, scenes))
                found.setdefault((name, level), []).append(measured)
                bar.advance(more=f"{level} {name}")

            judge(CLEAN, "L0", bright.mean(2))
            for level in levels:
                _, dark = seen(data, rows, window, level)
                for name, enhancer in enhancers.items():
                    judge(name, level, enhanced(enhancer, dark))
                judge(CEILING, level, enhanced(ENHANCERS[BASELINE], captures(data, rows, at, level)))
    whole = {key: jax.tree.map(lambda *parts: np.concatenate(parts), *parts) for key, parts in found.items()}
    return {"rows": summaries(whole, clips), "clips": len(clips), "moving": int(whole[CLEAN, "L0"].moves.sum()),
            "subjects": len(clips.subjects), "window": window,
            "reference": "true flow" if known_flow(clips) else "clean flow",
            "typical_clip": typical_clip(whole, clips), "landmarks": "assumed" if clips.landmarks is None else "known",
            "left_out": [] if names else [name for name in ENHANCERS if name not in enhancers]}


def at_once(clips: Clips) -> int:
    """How many clips are judged in one call."""
    height, width = clips.frames.shape[2:4]
    return max(1, min(len(clips), PIXELS_AT_ONCE // (height * width)))


def scenes_of(clips: Clips, rows: Int[Array, " n"], bright: Float[Array, "n instants window height width channels"]) -> Scene:
    """What some clips are judged by; bright: the windows of their clean frames."""
    true = jnp.stack([clips.true_flow[rows], clips.pixel_flow[rows]]) if known_flow(clips) else None
    return make_scenes(bright.mean(2), true, jnp.asarray(landmarks_of(clips))[rows])


def known_flow(clips: Clips) -> bool:
    return clips.true_flow is not None and clips.pixel_flow is not None


@functools.partial(jax.jit, static_argnums=(2, 3))
def seen(data: Data, rows: Int[Array, " n"], window: int, level: str) -> tuple[Array, Array]:
    """((n, SHOWN, window) frames of the clip, what they show at a level)."""
    onset, apex, offset, length = (data.inputs[name][rows] for name in ("onset", "apex", "offset", "length"))
    at = windows(instants(onset, apex, offset, SHOWN), length, window)
    return at, level_frames(data, rows, at, level)


@functools.partial(jax.jit, static_argnums=3)
def captures(data: Data, rows: Int[Array, " n"], at: Int[Array, "n instants window"], level: str) -> Array:
    """Windows of nothing but their own middle frame, as often captured: no clip has them, so they bound what a mean can do."""
    middle = jnp.repeat(at[:, :, at.shape[2] // 2, None], at.shape[2], 2)
    frames = level_frames(data, rows, middle, "L0")
    keys = jax.vmap(jax.random.key)(data.seed[rows])
    return jax.vmap(darkened, (0, 0, None, 0))(frames, at, LEVELS[level], keys)


def enhanced(enhancer: Enhancer, dark: Array) -> Array:
    """(n, instants, H, W, C): of clips, one by one where a library does it."""
    if enhancer.library:
        return jnp.stack([jnp.asarray(enhancer.function(np.asarray(clip))) for clip in dark])
    return vmapped(enhancer.function)(dark)


@functools.cache
def vmapped(function: Callable) -> Callable:
    return jax.jit(jax.vmap(function))


@jax.jit
def make_scenes(pictures: Float[Array, "n instants height width channels"], true: Array | None,
                landmarks: Float[Array, "n 68 2"]) -> Scene:
    height, width = pictures.shape[2:4]
    nose = jax.vmap(lambda points: nose_box(points, height, width))(landmarks)
    onset, apex = luma(pictures[:, 0]), luma(pictures[:, 1])
    clean = {name: estimator.flow(onset, apex, estimator.default) for name, estimator in ESTIMATORS.items()}
    forth, back = clean["TV-L1"], ESTIMATORS["TV-L1"].flow(apex, onset, ESTIMATORS["TV-L1"].default)
    alone, whole = (forth, clean) if true is None else (true[0], dict.fromkeys(ESTIMATORS, true[1]))
    moves = jax.vmap(moving)(jax.vmap(aligned)(alone, nose), jax.vmap(pupil_distance)(landmarks))
    face = jax.vmap(lambda points: face_ellipse(points, height, width))(landmarks)
    wanted = {name: jax.vmap(aligned)(flow, nose) for name, flow in whole.items()}
    return Scene(wanted, forth, back, nose, moves, face, pictures)


def measure(pictures: Float[Array, "n instants height width channels"], scenes: Scene) -> Measured:
    """What the enhanced pictures of some clips keep."""
    first, second = luma(pictures[:, 0]), luma(pictures[:, 1])
    kept = {}
    for name, estimator in ESTIMATORS.items():
        each = [kept_of(name, first, second, setting, scenes.flow[name], scenes.nose, scenes.moves, scenes.face)
                for setting in estimator.regularities]
        kept[name] = jax.tree.map(lambda *parts: jnp.stack(parts, 1), *each)
    return Measured(kept, shown_by(pictures, scenes), (scenes.moves & scenes.face).any((1, 2)))


def kept_of(name: str, first: Array, second: Array, setting: int | float | Array, *scene: Array) -> MotionKept:
    """By an estimator at one regularity; TV-L1's is a number that the compiled program takes, Farneback's shapes it."""
    return (kept_traced if name == "TV-L1" else kept_static)(name, first, second, setting, *scene)


def _kept(name: str, first: Array, second: Array, setting: int | float | Array, clean: Array, nose: Bool[Array, "n h w"],
          moves: Bool[Array, "n h w"], face: Bool[Array, "n h w"]) -> MotionKept:
    flow = jax.vmap(aligned)(ESTIMATORS[name].flow(first, second, setting), nose)
    each = jax.vmap(motion_kept, (0, None, None, None))
    return jax.vmap(lambda one, *scene: each(jnp.asarray(SCALES)[:, None, None, None] * one, *scene))(flow, clean, moves, face)


kept_traced = jax.jit(_kept, static_argnums=0)
kept_static = jax.jit(_kept, static_argnums=(0, 3))


@jax.jit
def shown_by(pictures: Array, scenes: Scene) -> dict[str, Array]:
    """What the pictures show without a flow of their own, brought to the clean ones' mean brightness; warping: over the whole
    picture, and where the face moves (nan where nothing of that is seen); unsteady: how much the mean brightness of single
    pictures changes from onset to apex to offset."""
    def of(found, scene):
        clean = scene.pictures
        level = found * clean.mean() / jnp.maximum(found.mean(), 1e-6)
        places = {"warping": jnp.ones_like(scene.face), "warping_moving": scene.moves & scene.face}
        return {**{name: warping_error(level[0], level[1], scene.forth, scene.back, where) for name, where in places.items()},
                "unsteady": flicker(level), "psnr": psnr(level[1], clean[1]), "ssim": ssim(level[1], clean[1])}

    return jax.vmap(of)(pictures, scenes)
