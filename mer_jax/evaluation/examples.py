"""Example faces for the report: one clip a class, of different people if possible, at rest, magnified, dark, looked at.

Frames of licensed databases stay with the data unless their user asks for them; what is rendered is nobody's face, and free.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from mer_jax.data.clips import Clips
from mer_jax.evaluation.layout import frame_data
from mer_jax.motion.magnification import magnified
from mer_jax.training.inputs import level_frames
from mer_jax.training.run import GRADIENT

RENDERED = "synthme"                                                                     # so databases of rendered clips begin
FACTOR = 10
WARM, MOST = (0.89, 0.42, 0.12), 0.75            # the colour of attention, and how much of it covers the place looked at most


def are_free(clips: Clips) -> bool:
    """Whether their frames may be in a picture that leaves the house: only of what is rendered, which has a true flow too."""
    return all(name.split("_")[0] == RENDERED for name in clips.datasets) and clips.true_flow is not None


def example_faces(experiment, maps: dict[str, np.ndarray],
                  licensed: bool = False) -> dict[str, np.ndarray] | None:
    """{"face" (clips, panels, H, W, 3) uint8, "clip" (clips,), "panel" (panels,), "licensed" () bool}: what faces.npz holds.

    maps: of `benchmark.maps_of`, an attention of which, else the gradient, is laid over the faces; of the clips that it has,
    the ones with the largest true motion are shown. licensed:
    whether frames of databases other than SynthME may be shown. None where there are no frames, or none that may be.
    """
    e = experiment
    free = are_free(e.clips)
    if e.clips.frames is None or not (free or licensed):
        return None
    label, subject = np.asarray(e.clips.label), np.asarray(e.clips.subject)
    order = np.arange(len(label))
    if e.clips.true_flow is not None:
        order = np.argsort(-np.square(np.asarray(e.clips.true_flow)).sum(-1).max((1, 2)), kind="stable")
    kind = min(sorted(maps), key=lambda kind: kind == GRADIENT, default="")
    looked = maps.get(kind)
    if looked is not None:
        order = order[np.isfinite(looked[order]).all((1, 2))]
    of_class, rows = [order[label[order] == c] for c in np.unique(label[order])], []
    for clips in of_class:
        new = clips[~np.isin(subject[clips], subject[rows])]
        rows.append(new[0] if len(new) else clips[0])
    rows = np.array(rows)
    onset, data = np.maximum(np.asarray(e.clips.onset, np.int32), 0)[rows], frame_data(e.clips.take(rows))

    def seen(level: str) -> np.ndarray:
        frames = np.asarray(level_frames(data, jnp.arange(len(rows)), jnp.asarray(onset)[:, None, None], level))[:, 0, 0]
        return np.broadcast_to(frames, (*frames.shape[:3], 3))                  # grey ones too

    rest = seen("L0")
    panels = {"onset": rest}
    if e.clips.true_flow is not None:
        motion = np.asarray(e.clips.true_flow)[rows]
        panels[f"apex, motion x {FACTOR}"] = jax.vmap(lambda image, flow: magnified(image, flow, FACTOR))(rest, motion)
    if looked is not None:
        panels[kind] = np.stack([coloured(face, weights) for face, weights in zip(rest, looked[rows], strict=True)])
    for level in e.program.light:
        if level != "L0":
            panels[f"onset at {level}"] = seen(level)
    faces = np.stack([np.round(255 * np.clip(panel, 0, 1)).astype(np.uint8) for panel in panels.values()], 1)
    return {"face": faces, "clip": np.array(e.clips.ids)[rows], "panel": np.array(list(panels)), "licensed": np.array(not free)}


def coloured(face: Float[np.ndarray, "height width 3"],
             weights: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "height width 3"]:
    """The face in grey with the map laid over it in one colour, full where the map is highest."""
    share = np.asarray(jax.image.resize(jnp.asarray(weights / max(weights.max(), 1e-20)), face.shape[:2], "linear"))
    share = MOST * np.clip(share, 0, 1)[..., None]
    return face.mean(-1, keepdims=True) * (1 - share) + np.array(WARM) * share
