"""A clip: a person, an expression and its course in time, a head that moves, a camera. All from one key.

Time courses, strengths and confounders follow figures measured on the coding files of CASME II: rise LogN(5.02, .47)
and fall LogN(5.05, .58) milliseconds, at most half a second together, raised cosines both; peak motion 1.2 px (median)
on a face with 112 px between the pupils. Noise comes last, on top of the warped linear picture.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.light.camera import Camera, encoded, expose
from mer_jax.motion.flow_features import minmax8
from mer_jax.synthetic.action_units import NUMBERS, Bumps, displacement
from mer_jax.synthetic.face import CENTRE, Face, texture_grid
from mer_jax.synthetic.portrait import REACH, settled

CLASSES5 = ("happiness", "surprise", "disgust", "repression", "others")
CLASSES3 = ("negative", "positive", "surprise")
LABEL3_OF_5 = (1, 2, 0, 0, -1)                                # the composite leaves "others" out
SLOTS = 5                                                     # action units of one clip: up to four, and a distractor
VIEW = 2.7                                                    # IOD across the picture
RATE = 200.0                                                  # frames a second
BEFORE, AFTER = 6, 6                                          # frames shown before the onset and after the offset
LENGTH = BEFORE + 100 + AFTER
TEXTURE_PER_PIXEL = 3

# P(action units | class). easy: rules. casme2_like: shares counted in CASME II's coding file; what they leave over
# (5 to 40 % of a class, many rare sets) is spread over the plausible sets at the end of each row.
EASY = {
    "happiness": {(12,): 0.5, (6, 12): 0.5}, "surprise": {(1, 2): 0.7, (2,): 0.15, (1,): 0.15},
    "disgust": {(4, 7): 0.4, (4, 9): 0.3, (4, 10): 0.3}, "repression": {(17,): 0.5, (15, 17): 0.5},
    "others": {(14,): 0.5, (24,): 0.5},
}
CASME2 = {
    "happiness": {(12,): 0.47, (6, 12): 0.19, (14,): 0.09, (12, 14): 0.09, (6,): 0.08, (6, 7, 12): 0.08},
    "surprise": {(1, 2): 0.52, (1,): 0.16, (2,): 0.12, (1, 2, 5): 0.10, (5,): 0.05, (1, 2, 25): 0.05},
    "disgust": {(4, 7): 0.32, (4,): 0.19, (4, 10): 0.14, (4, 9): 0.06, (4, 7, 9): 0.05, (7,): 0.10, (10,): 0.07, (9,): 0.07},
    "repression": {(17,): 0.48, (15,): 0.15, (15, 17): 0.15, (14,): 0.07, (12,): 0.08, (24,): 0.07},
    "others": {(4,): 0.61, (14,): 0.15, (): 0.05, (17,): 0.04, (4, 7): 0.04, (24,): 0.03, (1,): 0.03, (7,): 0.03, (2,): 0.02},
}


@dataclasses.dataclass(frozen=True)
class Tier:
    """How hard a set of clips is: size in pixels, people, clips a person, median peak motion in px at IOD 112.

    sets: P(action units | class). balanced: all classes of CLASSES5 alike, else shares around CASME II's that differ
    from person to person. confounders: how often distractor, blink and relight come, 1 being as in real clips.
    """

    name: str
    size: int
    subjects: int
    clips: int
    motion: float
    sets: tuple[tuple[str, tuple[tuple[tuple[int, ...], float], ...]], ...]
    balanced: bool
    confounders: float


def frozen(sets: dict) -> tuple:
    return tuple((name, tuple(shares.items())) for name, shares in sets.items())


TIERS = {
    "easy": Tier("easy", 64, 8, 15, 1.8, frozen(EASY), True, 0.3),
    "casme2_like": Tier("casme2_like", 112, 26, 10, 1.2, frozen(CASME2), False, 1.0),
}
CASME2_SHARES = np.array([32, 25, 63, 27, 99]) / 246           # of CLASSES5


class Act(NamedTuple):
    """What the person does in a clip: the script of a rendering.

    label5: () index into CLASSES5. units (SLOTS,): rows of NUMBERS, -1 for none; strength (SLOTS, 2): motion in IOD where
    the strongest bump of each unit is, image left and right. onset, apex, offset: () frames. length: () frames that are shown.
    head (LENGTH, 4): shift x, y in IOD, turn in radians, log scale. blink (LENGTH,): how far the lids are closed.
    light (LENGTH,): brightness of each frame.
    """

    label5: Array
    units: Array
    strength: Array
    onset: Array
    apex: Array
    offset: Array
    length: Array
    head: Array
    blink: Array
    light: Array


class Clip(NamedTuple):
    """A rendered clip. frames (LENGTH, size, size, 3) uint8, zeros behind `act.length`. flow (size, size, 2): the true
    motion of the face from onset to apex in pixels at the onset's places, without the head's. small_flow (28, 28, 3):
    the same with its strain as peers store it, `minmax8`. landmarks (68, 2): pixels (x, y) at rest."""

    frames: Array
    flow: Array
    small_flow: Array
    landmarks: Array
    act: Act


def set_table(tier: Tier) -> tuple[np.ndarray, np.ndarray]:
    """(probability (5, sets), units (5, sets, SLOTS - 1) as rows of NUMBERS, -1 for none)."""
    most = max(len(shares) for _, shares in tier.sets)
    share, units = np.zeros((5, most), np.float32), np.full((5, most, SLOTS - 1), -1, np.int32)
    for row, (_, shares) in enumerate(tier.sets):
        for column, (numbers, probability) in enumerate(shares):
            share[row, column] = probability
            units[row, column, : len(numbers)] = [NUMBERS.index(n) for n in numbers]
    return share / share.sum(1, keepdims=True), units


def course(start: Array, peak: Array, end: Array) -> Float[Array, " frames"]:
    """0 before `start`, 1 at `peak`, 0 after `end` (frames): raised cosines on both sides."""
    t = jnp.arange(LENGTH)
    rising = jnp.clip((t - start) / jnp.maximum(peak - start, 1e-3), 0, 1)
    falling = jnp.clip((end - t) / jnp.maximum(end - peak, 1e-3), 0, 1)
    return 0.5 - 0.5 * jnp.cos(jnp.pi * jnp.minimum(rising, falling))


def draw_label(key: jax.Array, person: jax.Array, tier: Tier, number: Array) -> Array:
    """() index into CLASSES5 of a person's clip: each class in turn, or by the person's own Dirichlet(8 p) shares."""
    if tier.balanced:
        return number % len(CLASSES5)
    habit = jax.random.fold_in(person, 1 << 20)
    return jax.random.categorical(key, jnp.log(jax.random.dirichlet(habit, 8 * jnp.asarray(CASME2_SHARES)) + 1e-12))


def draw_act(key: jax.Array, tier: Tier, label5: Array, face: Face) -> Act:
    """What this person does, given the class."""
    keys = jax.random.split(key, 16)
    share, units = (jnp.asarray(part) for part in set_table(tier))
    chosen = units[label5, jax.random.categorical(keys[0], jnp.log(share[label5] + 1e-12))]
    distractor = jax.random.bernoulli(keys[1], 0.6 * tier.confounders)
    other = jax.random.randint(keys[2], (), 0, len(NUMBERS))
    slots = jnp.append(chosen, jnp.where(distractor, other, -1))
    amount = jnp.clip(tier.motion * face.gain * jnp.exp(0.45 * jax.random.normal(keys[3])), 0.35, 4.5) / 112
    one_sided = jax.random.bernoulli(keys[4], 0.22)
    left = jax.random.bernoulli(keys[5])
    sides = jnp.where(one_sided, jnp.where(left, jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])), jnp.ones(2))
    side = jnp.array([1.0, 0.0])
    side = jnp.where(jax.random.bernoulli(keys[6]), side, side[::-1])
    weak = jax.random.uniform(keys[7], minval=0.25, maxval=0.9)
    strength = amount * jnp.concatenate([jnp.tile(sides, (SLOTS - 1, 1)), (weak * side)[None]]) * (slots >= 0)[:, None]
    rise = jnp.clip(jnp.exp(5.02 + 0.47 * jax.random.normal(keys[8])), 40, 330) * RATE / 1000
    fall = jnp.clip(jnp.exp(5.05 + 0.58 * jax.random.normal(keys[9])), 40, 400) * RATE / 1000
    shrink = jnp.minimum(1.0, (LENGTH - BEFORE - AFTER) / (rise + fall))
    rise, fall = jnp.round(rise * shrink), jnp.round(fall * shrink)
    apex = (BEFORE + rise).astype(jnp.int32)
    offset = jnp.minimum(apex + fall.astype(jnp.int32), LENGTH - AFTER - 1)
    steps = jax.random.normal(keys[10], (LENGTH, 4)) * jnp.array([0.8 / 112, 0.8 / 112, np.deg2rad(0.2), 0.002])
    walk = jnp.cumsum(steps, 0) / LENGTH**0.5
    breathing = 0.15 / 112 * jnp.sin(2 * jnp.pi * (0.25 * jnp.arange(LENGTH) / RATE + jax.random.uniform(keys[11])))
    head = walk.at[:, 1].add(breathing)
    begin = jax.random.uniform(keys[12], minval=-20.0, maxval=float(LENGTH))
    long = jax.random.uniform(keys[13], minval=20.0, maxval=80.0)
    depth = jnp.where(jax.random.bernoulli(keys[14], 0.53), 0.5, 1.0) * jax.random.bernoulli(keys[15], 0.1 * tier.confounders)
    relit = jax.random.fold_in(key, 1)
    drift = jax.random.bernoulli(relit, 0.3 * tier.confounders) * 0.01 * jax.random.normal(jax.random.fold_in(key, 2))
    light = 1 + drift * jnp.linspace(0, 1, LENGTH)
    return Act(label5, slots, strength, jnp.int32(BEFORE), apex, offset, offset + AFTER + 1, head,
               depth * course(begin, begin + 0.35 * long, begin + long), light)


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


def look_up(texture: Float[Array, "side side channels"], places: Float[Array, "*points 2"]) -> Float[Array, "*points channels"]:
    """What a picture over the face at rest holds at face coordinates, bilinear, edges repeated."""
    side = texture.shape[0]
    at = jnp.clip((places - jnp.array(CENTRE) + REACH) / (2 * REACH) * side - 0.5, 0, side - 1.001)
    cell, part = at.astype(jnp.int32), at - jnp.floor(at)
    (x, y), (u, v) = jnp.moveaxis(cell, -1, 0), jnp.moveaxis(part, -1, 0)[..., None]
    return ((texture[y, x] * (1 - u) + texture[y, x + 1] * u) * (1 - v)
            + (texture[y + 1, x] * (1 - u) + texture[y + 1, x + 1] * u) * v)


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
        turn, scale, middle = head[2], jnp.exp(-head[3]), jnp.array(CENTRE)
        rotation = scale * jnp.array([[jnp.cos(turn), jnp.sin(turn)], [-jnp.sin(turn), jnp.cos(turn)]])
        at = at_rest((places - middle - head[:2]) @ rotation.T + middle, amount)
        picture = settled(close_lids(settled(look_up(face.texture, at)), at, face, blink))
        return jnp.round(255 * encoded(expose(light * picture, SENSOR, key))).astype(jnp.uint8)

    places = pixel_places(size)
    frames = jax.vmap(frame)(courses, act.head, act.blink, act.light, jax.random.split(noise_key, LENGTH))
    frames = frames * (jnp.arange(LENGTH) < act.length)[:, None, None, None].astype(jnp.uint8)
    skin = at_rest(places, courses[act.onset])
    flow = moved(skin, courses[act.apex]) - moved(skin, courses[act.onset])
    landmarks = (face.landmarks - jnp.array(CENTRE)) / VIEW * size + size / 2 - 0.5
    flow = flow * size / VIEW
    return Clip(frames, flow, minmax8(jax.image.resize(flow, (28, 28, 2), "linear") * 28 / size), landmarks, act)


SENSOR = Camera(exposure=1.0, shot=2e-4, read=1e-6, row=3e-5)         # a good camera in good light
