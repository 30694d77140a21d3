"""The rendered pictures of the study of pretraining: flow of made-up people, cropped, coded as the databases' is, and kept."""

import dataclasses
import functools
import io
import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.data.clips import Clips, clips_of
from mer_jax.evaluation.identity import code_digest
from mer_jax.faces.landmarks import anchors
from mer_jax.folder_lock import locked
from mer_jax.mistakes import UserMistake
from mer_jax.motion.flow_features import stretched, three_channels
from mer_jax.motion.flow_picture import SIDE, field_between
from mer_jax.motion.smoothing import mean_pool_tiles
from mer_jax.motion.tvl1 import FAST
from mer_jax.motion.warping import at_places
from mer_jax.progress_bar import ProgressBar
from mer_jax.synthetic.crowd import ONES_OWN, SEED, draw_clip, draw_person
from mer_jax.synthetic.expressions import CLASSES3, label3_of
from mer_jax.synthetic.tiers import TIERS, Tier
from mer_jax.whole_files import read_json, write_json, write_whole

UNITS = {"rules": "easy", "casme2": "casme2_like"}            # whose action units a class has: of these tiers
CYCLE = (0, 1, 2, 0, 1, 3)                                    # of a tier's classes: positive, surprise, negative, in turn
PIECE = 10                                                    # people whose pictures lie in one file
CROPS = ("eyes", "fitted", "whole")
WIDTH, HEIGHT, BELOW = 1.5, 2.8, 0.65                         # of "fitted", and its middle below the eyes', in eye distances


def box_of(landmarks: Float[Array, "68 2"], crop: str, height: int, width: int) -> tuple[Float[Array, "2"], Float[Array, "2"]]:
    """The middle and the size (x, y), in pixels, of what is cut out of a field of that height and width.

    eyes: the eye centres lie at a quarter and at three quarters of its width, their line at a quarter of its height and that
    of the mouth's corners at three quarters: so each of these places is the middle of a quarter of the picture. The brows are
    inside, the chin is at the lower edge, and nothing was chosen by looking at clips. fitted: WIDTH x HEIGHT eye distances
    around the place BELOW the eyes. whole: all of the field.
    """
    if crop == "whole":
        return jnp.array([width - 1, height - 1]) / 2, jnp.array([width, height]) * 1.0
    left, right, _, *corners = anchors(landmarks)
    middle, mouth, distance = (left + right) / 2, (corners[0] + corners[1]) / 2, right[0] - left[0]
    if crop == "eyes":
        return (middle + mouth) / 2, jnp.stack([2 * distance, 2 * (mouth[1] - middle[1])])
    return middle + jnp.array([0, BELOW]) * distance, jnp.array([WIDTH, HEIGHT]) * distance


def cropped(field: Float[Array, "height width 3"], landmarks: Float[Array, "68 2"], crop: str) -> Float[Array, "28 28 3"]:
    """A part of the field, brought to the size at which the databases' flow is stored: a mean of four places each, edges
    repeated."""
    middle, size = box_of(landmarks, crop, *field.shape[:2])
    steps = (jnp.arange(2 * SIDE) + 0.5) / (2 * SIDE) - 0.5
    places = jnp.stack(jnp.meshgrid(middle[0] + size[0] * steps, middle[1] + size[1] * steps), -1)
    return mean_pool_tiles(at_places(field[None], places[None]), 2)[0]


def tier_of(units: str) -> Tier:
    """What is rendered: faces as of `casme2_like`, its five classes in turn, with their action units by `units`."""
    return dataclasses.replace(TIERS["casme2_like"], size=64, counts=(), sets=TIERS[UNITS[units]].sets)


def picture_painter(flow: str, crop: str, units: str) -> Callable:
    """(person, clip numbers) -> ((clips, 28, 28, 3) uint8, (clips,) classes of CLASSES3): the only one who knows the renderer.

    Of what a person is rendered with, only what is used here is computed: for the true flow, no picture at all.
    """
    tier = tier_of(units)

    def ends(act):
        return jnp.stack([act.onset, act.apex])

    @jax.jit
    def of_clips(person, numbers):
        face = draw_person(tier, person)

        def picture(number):
            clip = draw_clip(tier, person, face, number, ends)
            field = three_channels(clip.flow) if flow == "true" else field_between(clip.frames[:1], clip.frames[1:], FAST)[0]
            return stretched(cropped(field, clip.landmarks, crop)), clip.act.label

        return jax.lax.map(picture, numbers)

    def of_person(person: int, numbers: list[int]) -> tuple[np.ndarray, np.ndarray]:
        pictures, label = of_clips(ONES_OWN + person, np.array(numbers))
        return np.asarray(pictures), np.array([label3_of(name) for name in tier.classes], np.int32)[np.asarray(label)]

    return of_person


def numbers_of(clips: int) -> list[int]:
    """The numbers of so many clips of a person, whose classes (the tier takes its five in turn) follow CYCLE."""
    return [5 * clip + CYCLE[clip % len(CYCLE)] for clip in range(clips)]


def render_missing(folder: Path, people: int, clips: int, flow: str, crop: str, units: str) -> list[Path]:
    """The files of all people's pictures, made where they are not there. Raises UserMistake where others are in the folder."""
    made_of = {"flow": flow, "people": people, "clips": clips, "crop": crop, "units": units, "seed": SEED,
               "code": code_digest()}
    folder.mkdir(parents=True, exist_ok=True)
    pieces = {folder / f"people_{first:06d}_{min(first + PIECE, people):06d}.npz": range(first, min(first + PIECE, people))
              for first in range(0, people, PIECE)}
    with locked(folder):
        if (folder / "faces.json").exists() and (found := read_json(folder / "faces.json")) != made_of:
            changed = next(name for name in made_of if found.get(name) != made_of[name])
            raise UserMistake(f"{folder}: holds other pictures: {changed} {found.get(changed)!r} there, {made_of[changed]!r} "
                              "here; name another --out")
        write_json(folder / "faces.json", made_of)
        missing = [path for path in pieces if not path.is_file()]
        of_person = functools.partial(picture_painter(flow, crop, units), numbers=numbers_of(clips))
        with ThreadPoolExecutor(os.cpu_count()) as pool, ProgressBar(len(pieces), "faces") as bar:
            bar.skip(len(pieces) - len(missing))
            for path in missing:
                pictures, labels = zip(*pool.map(of_person, pieces[path]), strict=True)
                np.savez(file := io.BytesIO(), flow=np.stack(pictures), label=np.stack(labels))
                write_whole(path, file.getvalue())
                bar.advance()
    return list(pieces)


def rendered_clips(pieces: list[Path]) -> Clips:
    """The pictures as clips."""
    def read(path: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        with np.load(path, allow_pickle=False) as file:
            yield from zip(file["flow"], file["label"], strict=True)

    flow, label = (np.stack(part) for part in zip(*itertools.chain.from_iterable(map(read, pieces)), strict=True))
    keys = [("synthme", f"s{ONES_OWN + person}", f"c{clip:03d}") for person, clip in np.ndindex(label.shape)]
    return clips_of(keys, [CLASSES3[c] for c in label.ravel()], CLASSES3, flow=flow.reshape(-1, SIDE, SIDE, 3),
                    flow_coding="minmax8")
