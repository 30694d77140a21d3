"""What a trunk of 2-D convolutions sees of a clip's pictures: each one's looks, and its motion since the first."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.mistakes import UserMistake, nearest
from mer_jax.motion.flow_features import strain
from mer_jax.motion.luma import luma
from mer_jax.motion.optical_flow import lucas_kanade
from mer_jax.motion.smoothing import mean_pool_tiles
from mer_jax.motion.tvl1 import FAST, tvl1

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MOTIONS = ("difference", "flow", "tvl1", "none")
FLOW_EVERY = 2                                                # pixels from one answer of the flow to the next


def middle_frames(windows: Float[Array, "n t w height width 3"]) -> Float[Array, "n t height width 3"]:
    """The middle frame of each window: what a network sees that has no enhancement of its own."""
    return windows[:, :, windows.shape[2] // 2]


def frame_channels(frames: Float[Array, "n t height width 3"], motion: str,
                   appearance: bool = True) -> Float[Array, "nt h w channels"]:
    """ImageNet's normalisation (without `appearance` not), and three channels of motion since the clip's first picture.

    motion: the "difference" to it; the "flow" from it (u, v, strain), by one Lucas-Kanade step; "tvl1", that by TV-L1 in
    its fast form, through which no gradient goes; all in units of their deviation over the clip, and everything at half the
    size where there is flow; or "none". Raises UserMistake for another word.
    """
    looks = (frames - jnp.array(IMAGENET_MEAN)) / jnp.array(IMAGENET_STD)
    if not appearance:
        looks = looks[..., :0]
    if motion not in MOTIONS:
        raise UserMistake(f"motion {motion!r} is not known{nearest(motion, MOTIONS)}; there are: {', '.join(MOTIONS)}")
    if motion != "none":
        change = frames - frames[:, :1] if motion == "difference" else flow_since_the_first(frames, motion)
        looks = looks if motion == "difference" else mean_pool_tiles(looks, FLOW_EVERY)
        deviation = jnp.sqrt(jnp.square(change).mean((1, 2, 3, 4), keepdims=True) + 1e-8)
        looks = jnp.concatenate([looks, change / deviation], -1)
    return looks.reshape(-1, *looks.shape[2:])


def flow_since_the_first(frames: Float[Array, "n t height width 3"], motion: str) -> Float[Array, "n t h w 3"]:
    """Flow from the first picture to each (u, v) in pixels, and its strain, at half the size; by "flow" or "tvl1"."""
    grey = luma(frames)
    first = jnp.broadcast_to(grey[:, :1], grey.shape)
    if motion == "flow":
        flow = lucas_kanade(first, grey, every=FLOW_EVERY)
    else:
        known = jax.lax.stop_gradient((first[:, 1:], grey[:, 1:]))
        flow = jnp.pad(mean_pool_tiles(tvl1(*known, FAST), FLOW_EVERY), ((0, 0), (1, 0), (0, 0), (0, 0), (0, 0)))
    return jnp.concatenate([flow, strain(flow)[..., None]], -1)
