"""The pointing game: whether a network looks where the face moves, which only the renderer knows."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from mer_jax.data.clips import Clips
from mer_jax.evaluation.motion_summary import Interval, People, over_people

IN_ITS_PLACE = ", the mean of all clips in its place"
MOVING = 0.5                                                  # of the clip's largest true motion: what is more belongs to it


def pointed(maps: Float[np.ndarray, "n h w"], flow: Float[np.ndarray, "n height width 2"]) -> Float[np.ndarray, " n"]:
    """How much of each map lies on the moving part, over that part's share of the picture: 1 for a map alike everywhere.

    The moving part is where |flow| is above MOVING of the clip's largest; maps are enlarged bilinearly to the flow's size. nan
    where nothing moves, or the map is 0 or nan. Motion is never beside the face, so whatever keeps to the face has more than 1.
    """
    size = np.hypot(flow[..., 0], flow[..., 1])
    moving = size > MOVING * size.max((1, 2), keepdims=True)
    large = np.asarray(jax.image.resize(jnp.asarray(maps), size.shape, "linear"))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (large * moving).sum((1, 2)) / large.sum((1, 2)) / moving.mean((1, 2))


def pointing(maps: dict[str, np.ndarray], clips: Clips) -> dict[str, Interval]:
    """{kind: (mean over clips of `pointed`, 95 % over people)} of maps (clips, h, w); none without a true flow.

    Under kind + IN_ITS_PLACE the same where each clip has the mean of all clips' maps: what is not above that looks where faces
    move at all, and not where this one does.
    """
    found: dict[str, Interval] = {}
    for kind, of_clips in maps.items() if clips.true_flow is not None else ():
        flow, some = np.asarray(clips.true_flow, np.float32), np.isfinite(of_clips).all((1, 2))
        if not some.any():
            continue
        alike = np.where(some[:, None, None], of_clips[some].mean(0), np.nan)
        for name, looked in ((kind, of_clips), (kind + IN_ITS_PLACE, alike)):
            shares = pointed(looked, flow)
            if (known := np.isfinite(shares)).any():
                found[name] = over_people(shares[known], People.of(clips, known))
    return found
