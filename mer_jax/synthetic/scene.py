"""A clip: a person who acts in front of a camera. Noise comes last, on top of the warped linear picture."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from mer_jax.light.camera import encoded, expose
from mer_jax.motion.flow_features import minmax8
from mer_jax.motion.luma import luma
from mer_jax.synthetic.act import Act
from mer_jax.synthetic.eyes import close_lids, looking
from mer_jax.synthetic.face import CENTRE, Face, field, holding, look_up
from mer_jax.synthetic.glasses import covered, wear
from mer_jax.synthetic.portrait import settled
from mer_jax.synthetic.studios import PLAIN, Studio
from mer_jax.synthetic.tiers import MOST_UNITS

VIEW = 2.7                                                    # IOD across the picture
TOGETHER = 16                                                 # frames rendered at once: on a CPU what the caches hold


class Clip(NamedTuple):
    """A rendered clip. frames (T, size, size, 3) uint8, zeros behind `act.length`. flow (size, size, 2): the true motion of
    the face from onset to apex in pixels at the onset's places, without the head's; 0 where the rims of glasses hide it.
    pixel_flow: with the head's, so where what is seen at each pixel went (but for irises, and lids that close). small_flow
    (28, 28, 3): the first with its strain as peers store it, `minmax8`. strength (SLOTS, 2): how far each action unit of the
    act moves its strongest place on the left and right by itself, in pixels. landmarks (68, 2): (x, y) in the onset frame."""

    frames: Array
    flow: Array
    pixel_flow: Array
    small_flow: Array
    strength: Array
    landmarks: Array
    act: Act


def pixel_places(size: int) -> Float[Array, "size size 2"]:
    """Face coordinates of the picture's pixel centres, before the head moves."""
    steps = ((jnp.arange(size) + 0.5) / size - 0.5) * VIEW
    x, y = jnp.meshgrid(steps + CENTRE[0], steps + CENTRE[1])
    return jnp.stack([x, y], -1)


def turned(points: Float[Array, "*points 2"], angle: Float[Array, ""]) -> Float[Array, "*points 2"]:
    """Points turned about the origin, from x towards y."""
    x, y = points[..., 0], points[..., 1]
    return jnp.stack([jnp.cos(angle) * x - jnp.sin(angle) * y, jnp.sin(angle) * x + jnp.cos(angle) * y], -1)


def to_upright(points: Float[Array, "*points 2"], head: Float[Array, " 4"]) -> Float[Array, "*points 2"]:
    """Places seen with the head moved by `head` (a row of Act.head) -> the same places with the head upright."""
    middle = jnp.array(CENTRE)
    return turned(jnp.exp(-head[3]) * (points - middle - head[:2]), -head[2]) + middle


def from_upright(points: Float[Array, "*points 2"], head: Float[Array, " 4"]) -> Float[Array, "*points 2"]:
    """The inverse of `to_upright`."""
    middle = jnp.array(CENTRE)
    return turned(jnp.exp(head[3]) * (points - middle), head[2]) + middle + head[:2]


class Motion(NamedTuple):
    """How the skin moves: tabulated (side, side, 4) over the upright face, the expression's two channels and the distractor's,
    at full strength. A pixel y of the moving face shows the skin whose place at rest is y - amount @ motion(y).

    Each unit's field is scaled to the strength of the act at its strongest place, both sides together, and those of one
    expression to the strength of the strongest at the strongest place of their sum: so what is said is what moves. strength
    (SLOTS, 2): that of each side of each unit by itself, after this.
    """

    table: Array
    strength: Array

    @classmethod
    def of(cls, face: Face, act: Act) -> "Motion":
        bumps = jax.tree.map(lambda part: jnp.asarray(part)[jnp.maximum(act.units, 0)], face.bumps)
        sides = settled(jax.vmap(jax.vmap(field))(bumps))                                 # (SLOTS, 2, side, side, 2)
        wanted = act.strength.max(1)
        weighted = sides * (act.strength / jnp.maximum(wanted, 1e-9)[:, None])[..., None, None, None]
        scale = wanted / jnp.maximum(longest(weighted.sum(1)), 1e-9)
        units = weighted * scale[:, None, None, None, None]
        parts = (slice(0, MOST_UNITS), slice(MOST_UNITS, None))
        shrink = [jnp.minimum(1.0, wanted[part].max() / jnp.maximum(longest(units[part].sum((0, 1))), 1e-9)) for part in parts]
        table = [factor * units[part].sum((0, 1)) for factor, part in zip(shrink, parts, strict=True)]
        strength = [factor * longest(units[part]) for factor, part in zip(shrink, parts, strict=True)]
        return cls(settled(jnp.concatenate(table, -1)), jnp.concatenate(strength))

    def at_rest(self, seen: Float[Array, "*points 2"], amount: Float[Array, " 2"]) -> Float[Array, "*points 2"]:
        """The place at rest of what is seen at these places of the upright face."""
        parts = look_up(self.table, seen)
        return seen - parts[..., :2] * amount[0] - parts[..., 2:] * amount[1]

    def moved(self, rest: Float[Array, "*points 2"], amount: Float[Array, " 2"]) -> Float[Array, "*points 2"]:
        """The inverse of `at_rest`, by fixed-point steps: at the strengths that are drawn the field is a contraction."""
        return jax.lax.fori_loop(0, 24, lambda _, seen: rest + seen - self.at_rest(seen, amount), rest)


def longest(fields: Float[Array, "*n side side 2"]) -> Float[Array, "*n"]:
    """The length of the longest vector of each field."""
    return jnp.sqrt(jnp.square(fields).sum(-1).max((-1, -2)))


def render(key: jax.Array, face: Face, act: Act, size: int, studio: Studio = PLAIN,
           at: Int[Array | np.ndarray, " T"] | None = None) -> Clip:
    """The clip, or of it the frames `at` alone, which are the same as in the whole: noise belongs to the frame.

    A pixel is traced back: through the head's motion, through the expression's (`Motion`), to the picture of the face at
    rest. The flow that is returned is the inverse of that way, so it is the one that moved the pixels.

    Glasses are the dearest part of a frame, so those of whoever wears none are not painted; where people are mapped by `vmap`
    everybody's are, and thrown away again. Whole frames are chosen between, not the glasses alone: else XLA joins the rest of a
    frame in other ways, and one value in ten million is another by 1/255, which is no longer the same version.
    """
    face, places = holding(face, act.held), pixel_places(size)
    motion, amounts = Motion.of(face, act), jnp.stack([act.course, act.other], -1)
    at = jnp.arange(len(act.course)) if at is None else jnp.asarray(at)

    def frame(number, worn: bool):
        upright = to_upright(places, act.head[number])
        rest = settled(motion.at_rest(upright, amounts[number]))
        picture = settled(look_up(face.texture, settled(looking(rest, face.eyes, act.gaze[number]))))
        picture = settled(close_lids(picture, rest, face.eyes, face.lid, act.blink[number]))
        if worn:
            picture = wear(picture, upright, face.glasses)
        if studio.grey:
            picture = luma(picture)[..., None]
        light = jnp.clip(act.light[number] * settled(picture), 0, 1)
        seen = jnp.round(255 * encoded(expose(light, studio.camera, jax.random.fold_in(key, number)))).astype(jnp.uint8)
        return jnp.broadcast_to(seen, places.shape[:2] + (3,)) * (number < act.length)

    def frames(worn: bool):
        return lambda at: jax.lax.map(functools.partial(frame, worn=worn), at, batch_size=TOGETHER)

    pose = act.head[act.onset]
    onset = to_upright(places, pose)
    apex = motion.moved(motion.at_rest(onset, amounts[act.onset]), amounts[act.apex])
    before, after, carried = (from_upright(*seen) for seen in ((onset, pose), (apex, pose), (apex, act.head[act.apex])))
    hidden = (covered(onset, face.glasses) > 0.5)[..., None]
    flow = jnp.where(hidden, 0, after - before) * size / VIEW
    pixel_flow = (jnp.where(hidden, from_upright(onset, act.head[act.apex]), carried) - before) * size / VIEW
    seen = motion.moved(face.landmarks, amounts[act.onset])
    landmarks = (from_upright(seen, pose) - jnp.array(CENTRE)) / VIEW * size + size / 2 - 0.5
    small = minmax8(jax.image.resize(flow, (28, 28, 2), "linear") * 28 / size)
    shown = jax.lax.cond(face.glasses.worn > 0, frames(True), frames(False), at)
    return Clip(shown, flow, pixel_flow, small, motion.strength * size / VIEW, landmarks, act)
