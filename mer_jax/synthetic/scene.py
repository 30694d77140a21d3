"""A clip: a person who acts in front of a camera. Noise comes last, on top of the warped linear picture."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.light.camera import Camera, encoded, expose
from mer_jax.motion.flow_features import minmax8
from mer_jax.synthetic.act import LENGTH, SLOTS, Act, course
from mer_jax.synthetic.action_units import Bumps, displacement
from mer_jax.synthetic.face import CENTRE, Face, holding, look_up, texture_grid
from mer_jax.synthetic.portrait import settled

VIEW = 2.7                                                    # IOD across the picture
TEXTURE_PER_PIXEL = 3
SENSOR = Camera(exposure=1.0, shot=2e-4, read=1e-6, row=3e-5)         # a good camera in good light


class Clip(NamedTuple):
    """A rendered clip. frames (LENGTH, size, size, 3) uint8, zeros behind `act.length`. flow (size, size, 2): the true
    motion of the face from onset to apex in pixels at the onset's places, without the head's; pixel_flow: with it, so
    where each pixel went. small_flow (28, 28, 3): the first with its strain as peers store it, `minmax8`. landmarks (68, 2):
    pixels (x, y) in the onset frame."""

    frames: Array
    flow: Array
    pixel_flow: Array
    small_flow: Array
    landmarks: Array
    act: Act


def acting_bumps(face: Face, act: Act) -> Bumps:
    """The person's action units that the clip shows, (SLOTS, 2, bumps), scaled to the peak motion of the act."""
    row = jnp.maximum(act.units, 0)
    bumps = jax.tree.map(lambda part: jnp.asarray(part)[row], face.bumps)
    full = jnp.linalg.norm(bumps.shift, axis=-1).max((1, 2), keepdims=True)[..., None]       # of the stronger side
    return bumps._replace(shift=bumps.shift / full * act.strength[:, :, None, None])


def pixel_places(size: int) -> Float[Array, "size size 2"]:
    """Face coordinates of the picture's pixel centres, before the head moves."""
    steps = ((jnp.arange(size) + 0.5) / size - 0.5) * VIEW
    x, y = jnp.meshgrid(steps + CENTRE[0], steps + CENTRE[1])
    return jnp.stack([x, y], -1)


def to_upright(points: Float[Array, "*points 2"], head: Float[Array, " 4"]) -> Float[Array, "*points 2"]:
    """Places seen with the head moved by `head` (a row of Act.head) -> the same places with the head upright."""
    turn, middle = head[2], jnp.array(CENTRE)
    rotation = jnp.array([[jnp.cos(turn), jnp.sin(turn)], [-jnp.sin(turn), jnp.cos(turn)]])
    return jnp.exp(-head[3]) * (points - middle - head[:2]) @ rotation.T + middle


def from_upright(points: Float[Array, "*points 2"], head: Float[Array, " 4"]) -> Float[Array, "*points 2"]:
    """The inverse of `to_upright`."""
    turn, middle = head[2], jnp.array(CENTRE)
    rotation = jnp.array([[jnp.cos(turn), -jnp.sin(turn)], [jnp.sin(turn), jnp.cos(turn)]])
    return jnp.exp(head[3]) * (points - middle) @ rotation.T + middle + head[:2]


def close_lids(picture: Array, at: Array, face: Face, closed: Array) -> Array:
    """Lids drawn over the eyes down to the share `closed` of their opening; `at`: each pixel's place on the face at rest."""
    for eye in face.eyes:
        away = at - eye
        arch = jnp.clip(1 - (away[..., 0] / 0.25) ** 2, 0, 1)
        edge = -0.10 * arch + closed * 0.175 * arch
        lid = jax.nn.sigmoid((edge - away[..., 1]) / 0.012) * jax.nn.sigmoid((away[..., 1] + 0.11 * arch) / 0.012)
        lid = (lid * (arch > 0) * (closed > 0.02))[..., None]
        picture = picture * (1 - lid) + lid * face.lid
    return picture


def render(key: jax.Array, face: Face, act: Act, size: int) -> Clip:
    """The clip, frame by frame: I_t(y) = I_rest(x) with y = x + motion(x, t), solved for x by three fixed-point steps.

    The motion has two parts with a course each, the expression's and the distractor's; both are laid down once over the
    face at rest and looked up from there, so that the flow that is returned is the one that moved the pixels.
    """
    course_key, noise_key = jax.random.split(key)
    face = holding(face, act.held)
    rest = texture_grid(face.texture.shape[0])
    bumps = acting_bumps(face, act)
    expression, distractor = (displacement(jax.tree.map(lambda part, rows=rows: part[rows], bumps), rest)
                              for rows in (slice(0, SLOTS - 1), slice(SLOTS - 1, SLOTS)))
    motion = settled(jnp.concatenate([expression, distractor], -1))                                   # (side, side, 4)
    late = jax.random.randint(course_key, (), 5, 60)
    courses = jnp.stack([course(act.onset, act.apex, act.offset), course(late, late + 25, late + 55)], -1)

    def moved(at, amount):
        parts = look_up(motion, at)
        return parts[..., :2] * amount[0] + parts[..., 2:] * amount[1]

    def at_rest(target, amount):
        at = target
        for _ in range(3):
            at = settled(target - moved(at, amount))
        return at

    def frame(amount, head, blink, light, key):
        at = at_rest(to_upright(places, head), amount)
        picture = settled(close_lids(settled(look_up(face.texture, at)), at, face, blink))
        return jnp.round(255 * encoded(expose(light * picture, SENSOR, key))).astype(jnp.uint8)

    places = pixel_places(size)
    frames = jax.vmap(frame)(courses, act.head, act.blink, act.light, jax.random.split(noise_key, LENGTH))
    frames = frames * (jnp.arange(LENGTH) < act.length)[:, None, None, None].astype(jnp.uint8)
    pose = act.head[act.onset]
    skin = at_rest(to_upright(places, pose), courses[act.onset])
    onset, apex = (skin + moved(skin, courses[index]) for index in (act.onset, act.apex))
    before, after, carried = (from_upright(*seen) for seen in ((onset, pose), (apex, pose), (apex, act.head[act.apex])))
    flow, pixel_flow = ((there - before) * size / VIEW for there in (after, carried))
    landmarks = (from_upright(face.landmarks, pose) - jnp.array(CENTRE)) / VIEW * size + size / 2 - 0.5
    return Clip(frames, flow, pixel_flow, minmax8(jax.image.resize(flow, (28, 28, 2), "linear") * 28 / size), landmarks, act)
