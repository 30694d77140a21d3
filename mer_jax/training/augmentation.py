"""Augmentation that knows what flow is: mirroring an image of motion also mirrors the direction of the motion."""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """flip: mirror half of the clips; shift: move by up to so many pixels each way, edges repeated."""

    flip: bool = False
    shift: int = 0


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


def augment_inputs(inputs: dict[str, jax.Array], coding: str | None, augmentation: Augmentation,
                   key: jax.Array, clip: jax.Array) -> dict[str, jax.Array]:
    """A batch of inputs, each clip by a key of its own number, so that the split over devices changes nothing."""
    if "flow" not in inputs or augmentation == Augmentation():
        return inputs
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, clip)
    flow = jax.vmap(augment_flow, (0, None, None, 0))(inputs["flow"], coding, augmentation, keys)
    return {**inputs, "flow": flow}
