"""What a network reads: rows of the data, sampled, augmented, darkened and given to its front end, in this order, in the step.

Stored flow images are read as they are. Of native frames, T instants with their windows are gathered; a training clip is
mirrored and shifted as a whole and by chance seen through a dark camera; a scored clip is seen at one light level; then
comes the front end (`training.front`): an enhancer, and flow found on what it gives.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mer_jax.data.sampling import instants, sample, windows
from mer_jax.light.camera import LEVELS, Camera, darken, training_camera
from mer_jax.training.augmentation import Augmentation, augment_flow, augment_frames
from mer_jax.training.front import PLAIN, Front, made_of_frames, read_input, window_for

DARK = 2**16                                                  # folded into a clip's key: none of those that augmentation takes
MARKS = ("length", "onset", "apex", "offset")


class Data(NamedTuple):
    """What all runs share, on the device: inputs (N, ...) by name, label (N,) int32, seed (N,) uint32: a clip's own noise.

    subject: (N,) int32, whose clip it is; None where nothing is trained.
    start: the part of the network's variables that every run begins with, as `evaluation.start` reads it; {}: none.
    """

    inputs: dict[str, Any]
    label: Any
    seed: Any = None
    start: Any = {}
    subject: Any = None


def sources(network: Any, front: Front = PLAIN) -> tuple[str, ...]:
    """What of the clips the network's inputs are made of; to frames belong their marks."""
    made = made_of_frames(network, front)
    return (*(name for name in network.inputs if name not in made), *(("frames", *MARKS) if made else ()))


def clip_keys(key: jax.Array, rows: Int[Array, " n"]) -> jax.Array:
    """A key for each clip of a batch, by its row: so the split over devices changes nothing."""
    return jax.vmap(jax.random.fold_in, (None, 0))(key, rows)


def moments(data: Data, rows: Int[Array, " n"], count: int, width: int) -> Int[Array, "n instants window"]:
    """The native frames that the network sees of each clip."""
    onset, apex, offset, length = (data.inputs[name][rows] for name in ("onset", "apex", "offset", "length"))
    return windows(instants(onset, apex, offset, count), length, width)


def darkened(frames: Float[Array, "instants window height width channels"], at: Int[Array, "instants window"],
             camera: Camera, key: jax.Array) -> Float[Array, "instants window height width channels"]:
    """One clip seen through a camera; the noise belongs to the clip and to the native frame, wherever it is used."""
    keys = jax.vmap(jax.vmap(jax.random.fold_in, (None, 0)), (None, 0))(key, at)
    mapped = (0, None, 0, None, 0)
    return jax.vmap(jax.vmap(darken, mapped), mapped)(frames, camera, keys, key, at)


def training_inputs(network: Any, coding: str | None, augmentation: Augmentation, window: int, data: Data,
                    rows: Int[Array, " n"], key: jax.Array,
                    front: Front = PLAIN) -> tuple[dict[str, jax.Array], jax.Array | None]:
    """(what the network reads, the frames behind its "frames" undarkened or None) of some rows in a training step."""
    keys, bright, made = clip_keys(key, rows), None, made_of_frames(network, front)
    inputs = {name: data.inputs[name][rows] for name in network.inputs if name not in made}
    if "flow" in inputs and (augmentation.flip or augmentation.shift):
        inputs["flow"] = jax.vmap(augment_flow, (0, None, None, 0))(inputs["flow"], coding, augmentation, keys)
    for name, count in made.items():
        at = moments(data, rows, count, window_for(name, front, window))
        seen = jax.vmap(augment_frames, (0, None, 0))(sample(data.inputs["frames"], rows, at), augmentation, keys)
        seen = seen.astype(jnp.float32) / 255
        bright = seen if name == "frames" else bright
        if augmentation.dark:
            seen = jax.vmap(by_chance_dark, (0, 0, None, 0))(seen, at, augmentation.dark, keys)
        inputs[name] = read_input(name, network, front, seen)
    return inputs, bright


def by_chance_dark(frames: jax.Array, at: jax.Array, share: float, key: jax.Array) -> jax.Array:
    """A clip that with probability `share` is seen through a training camera."""
    chance, camera, noise = jax.random.split(jax.random.fold_in(key, DARK), 3)
    dark = darkened(frames, at, training_camera(camera), noise)
    return jnp.where(jax.random.bernoulli(chance, share), dark, frames)


def scored_inputs(network: Any, window: int, light: tuple[str, ...], data: Data, rows: Int[Array, " n"],
                  front: Front = PLAIN) -> dict[str, jax.Array]:
    """What the network reads of some rows at each of the light levels, (levels n, ...), level by level; no chance in it but
    the clip's own noise."""
    made = made_of_frames(network, front)
    inputs = {name: jnp.concatenate([data.inputs[name][rows]] * len(light)) for name in network.inputs if name not in made}
    for name, count in made.items():
        at = moments(data, rows, count, window_for(name, front, window))
        seen = jnp.concatenate([level_frames(data, rows, at, level) for level in light])
        inputs[name] = read_input(name, network, front, seen)
    return inputs


def level_frames(data: Data, rows: Int[Array, " n"], at: Int[Array, "n instants window"],
                 level: str) -> Float[Array, "n instants window height width channels"]:
    """Native frames of some rows at a light level, in [0, 1]; L0 is what was recorded."""
    frames = sample(data.inputs["frames"], rows, at).astype(jnp.float32) / 255
    if level == "L0":
        return frames
    keys = jax.vmap(jax.random.key)(data.seed[rows])
    return jax.vmap(darkened, (0, 0, None, 0))(frames, at, LEVELS[level], keys)
