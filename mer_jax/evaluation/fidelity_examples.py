"""One clip as enhancers show it, and the motion that TV-L1 finds in what they show: to be looked at beside the means.

Frames of licensed databases are never among it, only flow; what is rendered is nobody's face, and free.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from mer_jax.data.clips import Clips
from mer_jax.evaluation.enhancers_compared import at_once, captures, chosen_enhancers, enhanced, scenes_of, seen
from mer_jax.evaluation.examples import are_free
from mer_jax.evaluation.flow_estimators import tvl1_of
from mer_jax.evaluation.layout import frame_data
from mer_jax.evaluation.motion_summary import BASELINE, CEILING, CLEAN
from mer_jax.light.camera import GAMMA, LEVELS
from mer_jax.light.enhancers import Enhancer
from mer_jax.light.fidelity import aligned
from mer_jax.motion.luma import luma
from mer_jax.progress_bar import ProgressBar


class Shown(NamedTuple):
    """picture: of the apex, (H, W, C) in [0, 1], or None where it may not be shown. flow: what is found from onset to apex,
    aligned, (H, W, 2) pixels. error: of that where the face moves, mean endpoint error in pixels."""

    picture: np.ndarray | None
    flow: np.ndarray
    error: float


class Example(NamedTuple):
    """A clip by (enhancer, level), in the order of the rows to be drawn; ("clean", "L0") is what it was before it was dark.

    reference: the flow that was wanted, (H, W, 2) pixels; face: where it is looked at, moves: where in it something moves,
    (H, W) bool. best: the enhancer that was chosen to be shown beside the baseline, or None.
    """

    shown: dict[tuple[str, str], Shown]
    reference: np.ndarray
    face: np.ndarray
    moves: np.ndarray
    best: str | None


def example_of(clips: Clips, found: dict, more: Mapping[str, Enhancer] = MappingProxyType({})) -> Example:
    """The typical clip of what `compare_enhancers` found: clean, and at each level as it is, by the baseline, by the best of
    the other enhancers and by the ceiling; each with TV-L1 at the regularity that its row has. more: as it was given there."""
    chosen = clips.ids.index(found["typical_clip"])
    data, rows = frame_data(clips), jnp.full(at_once(clips), chosen, jnp.int32)           # sizes that are compiled already
    setting = {(row["enhancer"], row["level"]): row["TV-L1"]["setting"] for row in found["rows"]}
    levels, best = levels_of(found), best_of(found)
    at, bright = seen(data, rows, found["window"], "L0")
    scene = jax.tree.map(lambda leaf: leaf[0], scenes_of(clips, rows, bright))
    moves = np.asarray(scene.moves & scene.face)
    enhancers, names = {**chosen_enhancers(()), **more}, [name for name in ("none", BASELINE, best, CEILING) if name]
    shown: dict[tuple[str, str], Shown] = {}
    with ProgressBar(1 + len(levels) * len(names), "example") as bar:
        def show(name: str, level: str, pictures: Array) -> None:
            flow = np.asarray(flow_of(pictures[0], scene.nose, setting[name, level]))
            error = np.linalg.norm(flow - scene.flow["TV-L1"], axis=-1)[moves].mean()
            shown[name, level] = Shown(np.asarray(pictures[0, 1]) if are_free(clips) else None, flow, float(error))
            bar.advance(more=f"{level} {name}")

        show(CLEAN, "L0", bright.mean(2))
        for level in levels:
            dark = seen(data, rows, found["window"], level)[1]
            for name in names:
                if name == CEILING:
                    show(name, level, enhanced(enhancers[BASELINE], captures(data, rows, at, level)))
                else:
                    show(name, level, enhanced(enhancers[name], dark))
    return Example(shown, np.asarray(scene.flow["TV-L1"]), np.asarray(scene.face), moves, best)


def levels_of(found: dict) -> list[str]:
    return sorted({row["level"] for row in found["rows"] if row["enhancer"] != CLEAN})


def best_of(found: dict) -> str | None:
    """The enhancer with the least error by TV-L1, as a mean over the levels; none of those that are shown anyway."""
    errors: dict[str, list[float]] = {}
    for row in found["rows"]:
        if row["enhancer"] not in (CLEAN, "none", BASELINE, CEILING):
            errors.setdefault(row["enhancer"], []).append(row["TV-L1"]["error"][0])
    return min(errors, key=lambda name: np.mean(errors[name]), default=None)


def eye_factor(level: str) -> float:
    """What a dark frame's values are multiplied by to be looked at: as bright as it was in good light, for every clip alike."""
    return float(LEVELS[level].exposure ** (-1 / GAMMA))


@jax.jit
def flow_of(pictures: Float[Array, "instants height width channels"], nose: Bool[Array, "height width"],
            regularity: float | Array) -> Float[Array, "height width 2"]:
    """TV-L1's flow from onset to apex, aligned."""
    return aligned(tvl1_of(luma(pictures[0]), luma(pictures[1]), regularity), nose)
