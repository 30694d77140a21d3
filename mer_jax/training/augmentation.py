"""Augmentation that knows what flow is: mirroring an image of motion also mirrors the direction of the motion."""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """flip: mirror half of the clips; shift: move by up to so many pixels each way, edges repeated; dark: the share of
    clips seen through a random dark camera (frames only)."""

    flip: bool = False
    shift: int = 0
    dark: float = 0.0


def mirror_flow(flow: Shaped[Array, "height width 3"], coding: str) -> Shaped[Array, "height width 3"]:
    """The flow of the mirrored face: columns reversed, u -> -u; in `minmax8` u -> 255 - u. Its own inverse."""
    turned = flow[:, ::-1]
    u = 255 - turned[..., 0] if coding == "minmax8" else -turned[..., 0]
    return turned.at[..., 0].set(u)


def augment_flow(flow: Shaped[Array, "height width 3"], coding: str, augmentation: Augmentation,
                 key: jax.Array) -> Shaped[Array, "height width 3"]:
    """One clip's flow image, mirrored and shifted at random."""
    flip_key, shift_key = jax.random.split(key)
    if augmentation.flip:
        flow = jnp.where(jax.random.bernoulli(flip_key), mirror_flow(flow, coding), flow)
    if augmentation.shift:
        reach = augmentation.shift
        wide = jnp.pad(flow, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
        corner = jax.random.randint(shift_key, (2,), 0, 2 * reach + 1)
        flow = jax.lax.dynamic_slice(wide, (corner[0], corner[1], 0), flow.shape)
    return flow


def augment_frames(frames: Shaped[Array, "*n height width channels"], augmentation: Augmentation,
                   key: jax.Array) -> Shaped[Array, "*n height width channels"]:
    """One clip, all of its frames mirrored and shifted alike, so that no motion is made or lost."""
    flip_key, shift_key = jax.random.split(key)
    if augmentation.flip:
        frames = jnp.where(jax.random.bernoulli(flip_key), frames[..., ::-1, :], frames)
    if augmentation.shift:
        reach, around = augmentation.shift, [(0, 0)] * (frames.ndim - 3)
        wide = jnp.pad(frames, [*around, (reach, reach), (reach, reach), (0, 0)], mode="edge")
        corner = jax.random.randint(shift_key, (2,), 0, 2 * reach + 1)
        start = (*[0] * len(around), corner[0], corner[1], 0)
        frames = jax.lax.dynamic_slice(wide, start, frames.shape)
    return frames
