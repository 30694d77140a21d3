"""Example faces for the report, one clip a class: at rest, its motion magnified, in the dark. Rendered faces only.

Frames of licensed databases never leave the data; what is rendered is nobody's face, and free.
"""

import jax
import numpy as np

from mer_jax.motion.warping import magnified
from mer_jax.training.inputs import level_frames

FREE = ("synthme",)
FACTOR = 10


def example_faces(experiment) -> dict[str, np.ndarray] | None:
    """{"face" (clips, panels, H, W, 3) uint8, "clip" (clips,), "panel" (panels,)}, or None where faces are not free."""
    e = experiment
    if set(e.clips.datasets) - set(FREE) or e.clips.frames is None or e.clips.true_flow is None:
        return None
    rows = np.array([np.flatnonzero(np.asarray(e.clips.label) == c)[0] for c in range(len(e.clips.classes))])
    onset = np.asarray(e.clips.onset)[rows]
    data = jax.device_put(e.data)
    at = onset[:, None, None].astype(np.int32)
    rest = np.asarray(level_frames(data, rows, at, "L0"))[:, 0, 0]
    moved = jax.vmap(lambda image, flow: magnified(image, flow, FACTOR))(rest, np.asarray(e.clips.true_flow)[rows])
    panels = {"onset": rest, f"apex, motion x {FACTOR}": np.asarray(moved)}
    for level in e.program.light:
        if level != "L0":
            panels[f"onset at {level}"] = np.asarray(level_frames(data, rows, at, level))[:, 0, 0]
    faces = np.stack([np.round(255 * np.clip(panel, 0, 1)).astype(np.uint8) for panel in panels.values()], 1)
    return {"face": faces, "clip": np.array(e.clips.ids)[rows], "panel": np.array(list(panels))}
