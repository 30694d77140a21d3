"""What a person does in a clip, drawn from a key: the expression and its course in time, the head, lids and gaze, the light.

Time courses follow the coding files of CASME II and SAMM (rise LogN(5.02, .47) and fall LogN(5.05, .58) milliseconds, at most
half a second together, raised cosines both); how often things distract follows what is published of blinks and glances, as
far as it is. Peak motion is 1.2 px (median) on a face with 112 px between the pupils. How much expression and pose are held
through a clip is a choice, not a measurement: of every action unit more than a micro-expression moves, so that a single
frame hardly tells a stranger's class (`synthme_gates.py` says how much somebody who saw each unit's place would know).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from mer_jax.synthetic.action_units import NUMBERS
from mer_jax.synthetic.face import Face
from mer_jax.synthetic.tiers import AFTER, BEFORE, LONGEST, MOST_UNITS, Tier, set_table

SLOTS = 2 * MOST_UNITS                                        # action units of a clip: the expression's, then the confounder's
HELD_STRENGTH = 0.08                                          # chosen; of strength E: about .8 mm of a brow or a smile
HELD_MOTION = 1.5                                             # chosen; of the tier's median peak motion
POSE_SPREAD = (0.03, 0.03, np.deg2rad(1.5), 0.015)            # chosen, as of a careless alignment: IOD, IOD, radians, log scale
WEAK, MACRO = (0.25, 0.9), (0.15, 0.4)                        # of the expression's strength; of strength E


class Act(NamedTuple):
    """What the person does in a clip: the script of a rendering. All arrays over frames are `tier.length` long.

    label: () index into the tier's classes. held (units,): shares of their full strength at which the person holds all action
    units throughout the clip. units (SLOTS,): rows of NUMBERS, -1 for none, first the expression's, then what only distracts;
    strength (SLOTS, 2): motion in IOD, image left and right, that each would have at its strongest place by itself; what
    several do together is scaled down to the strongest of them (`Motion`). onset, apex, offset: () frames. length: () frames
    that are shown. course, other (frames,): the shares of their strength that the expression and the
    distractor have. head (frames, 4): shift x, y in IOD, turn in radians, log scale. blink (frames,): how far the lids are
    closed. gaze (frames, 2): where the irises are, IOD. light (frames,): brightness of each frame.
    """

    label: Array
    held: Array
    units: Array
    strength: Array
    onset: Array
    apex: Array
    offset: Array
    length: Array
    course: Array
    other: Array
    head: Array
    blink: Array
    gaze: Array
    light: Array


def course(frames: int, start: Array, peak: Array, end: Array) -> Float[Array, " frames"]:
    """0 before `start`, 1 at `peak`, 0 after `end` (frames): raised cosines on both sides."""
    t = jnp.arange(frames)
    rising = jnp.clip((t - start) / jnp.maximum(peak - start, 1e-3), 0, 1)
    falling = jnp.clip((end - t) / jnp.maximum(end - peak, 1e-3), 0, 1)
    return 0.5 - 0.5 * jnp.cos(jnp.pi * jnp.minimum(rising, falling))


def draw_label(key: jax.Array, person: jax.Array, tier: Tier, number: int | Int[Array, ""]) -> Array:
    """() index into the tier's classes of a person's clip: each in turn, or by the person's own Dirichlet(8 p) shares."""
    if not tier.counts:
        return jnp.asarray(number) % len(tier.sets)
    shares = jnp.asarray(tier.counts) / sum(tier.counts)
    return jax.random.categorical(key, jnp.log(jax.random.dirichlet(person, 8 * shares) + 1e-12))


def draw_act(key: jax.Array, sitting: jax.Array, tier: Tier, label: Array, face: Face) -> Act:
    """What this person does, given the class; sitting: a key that all clips of one recording share.

    One key a draw: in JAX fold_in(key, i) is split(key, n)[i], so both on one key would tie what should be independent.
    """
    keys = jax.random.split(key, 32)
    units, strength, macro = draw_expression(keys[:12], tier, label, face)
    apex, offset = draw_times(keys[12:14], tier)
    onset = jnp.int32(BEFORE)
    pose, held = draw_still(sitting, keys[14], tier, face)
    return Act(label, held, units, strength, onset, apex, offset, offset + AFTER + 1, course(tier.length, onset, apex, offset),
               jnp.where(macro, draw_slow(keys[15], tier), draw_brief(keys[16], tier)), draw_sway(keys[17:19], tier) + pose,
               draw_blink(keys[19:23], tier), draw_gaze(keys[23:27], tier), draw_light(keys[27:29], tier))


def draw_expression(keys: jax.Array, tier: Tier, label: Array, face: Face) -> tuple[Array, Array, Array]:
    """(units (SLOTS,), strength (SLOTS, 2), macro ()): a set of action units of the class, one in five on one side alone, and
    beside it, where the tier has confounders, at times a weaker unit of no meaning on one side, or else a macro-expression
    of any class under way (`macro`), which is larger and slower."""
    share, sets = (jnp.asarray(part) for part in set_table(tier))
    chosen = sets[label, jax.random.categorical(keys[0], jnp.log(share[label] + 1e-12))]
    kind = jax.random.uniform(keys[1])
    weak, macro = kind < 0.6 * tier.confounders, kind > 1 - 0.1 * tier.confounders
    amount = jnp.clip(tier.motion * face.gain * jnp.exp(0.45 * jax.random.normal(keys[3])), 0.35, 4.5) / 112
    one_sided = jax.random.bernoulli(keys[4], 0.22)
    sides = jnp.where(one_sided, one_side(keys[5]), jnp.ones(2))
    single = jnp.full(MOST_UNITS, -1).at[0].set(jax.random.randint(keys[2], (), 0, len(NUMBERS)))
    weaker = amount * jax.random.uniform(keys[7], minval=WEAK[0], maxval=WEAK[1]) * one_side(keys[6])
    any_class = jax.random.randint(keys[8], (), 0, len(sets))
    whole = sets[any_class, jax.random.categorical(keys[9], jnp.log(share[any_class] + 1e-12))]
    full = jnp.linalg.norm(face.bumps.shift, axis=-1).max((1, 2))[jnp.maximum(whole, 0)]
    larger = jax.random.uniform(keys[10], minval=MACRO[0], maxval=MACRO[1]) * full[:, None] * jnp.ones(2)
    other = jnp.where(weak, single, jnp.where(macro, whole, -1))
    units = jnp.concatenate([chosen, other])
    strength = jnp.concatenate([jnp.tile(amount * sides, (MOST_UNITS, 1)), jnp.where(macro, larger, weaker)])
    return units, strength * (units >= 0)[:, None], macro


def one_side(key: jax.Array) -> Array:
    """(2,): 1 for the left or the right, by chance."""
    return jnp.where(jax.random.bernoulli(key), jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0]))


def draw_times(keys: jax.Array, tier: Tier) -> tuple[Array, Array]:
    """(apex, offset): () int32 frames."""
    def time(key, course, longest):
        return jnp.clip(jnp.exp(course[0] + course[1] * jax.random.normal(key)), 40, longest) * tier.rate / 1000

    rise, fall = time(keys[0], tier.rise, 330), time(keys[1], tier.fall, 400)
    shrink = jnp.minimum(1.0, LONGEST * tier.rate / (rise + fall))
    rise, fall = jnp.round(rise * shrink), jnp.round(fall * shrink)
    apex = (BEFORE + rise).astype(jnp.int32)
    return apex, jnp.minimum(apex + fall.astype(jnp.int32), tier.length - AFTER - 1)


def draw_brief(key: jax.Array, tier: Tier) -> Array:
    """(frames,): the course of a distractor, begun within .3 s; it rises in an eighth of a second and falls in .15 s."""
    start = jax.random.uniform(key, minval=0.025, maxval=0.3) * tier.rate
    return course(tier.length, start, start + 0.125 * tier.rate, start + 0.275 * tier.rate)


def draw_slow(key: jax.Array, tier: Tier) -> Array:
    """(frames,): what the clip sees of a macro-expression that rises in 1 to 2.5 seconds and falls in as many."""
    half, phase = jax.random.uniform(key, (2,))
    seconds = jnp.arange(tier.length) / tier.rate
    return 0.5 - 0.5 * jnp.cos(jnp.pi * (seconds / (1 + 1.5 * half) + 2 * phase))


def draw_still(sitting: jax.Array, key: jax.Array, tier: Tier, face: Face) -> tuple[Array, Array]:
    """(pose (4,), held (units,)): what lasts through the clip, half of its variance from the sitting, half from the clip.

    Of each unit so much is held that its strongest bump is moved by HELD_MOTION times the tier's peak motion, or by
    HELD_STRENGTH of its full strength where that is more: a unit that can move little would else tell by its mere place.
    """
    still = sum(jax.random.normal(part, (4 + len(NUMBERS),)) for part in (sitting, key)) / 2**0.5
    full = jnp.linalg.norm(face.bumps.shift, axis=-1).max((1, 2))
    return jnp.array(POSE_SPREAD) * still[:4], jnp.maximum(HELD_STRENGTH, HELD_MOTION * tier.motion / 112 / full) * still[4:]


def draw_sway(keys: jax.Array, tier: Tier) -> Array:
    """(frames, 4): how the head moves about its pose: a random walk, and breathing."""
    steps = jax.random.normal(keys[0], (tier.length, 4)) * jnp.array([0.8 / 112, 0.8 / 112, np.deg2rad(0.2), 0.002])
    walk = jnp.cumsum(steps, 0) / tier.length**0.5
    turns = 0.25 * jnp.arange(tier.length) / tier.rate + jax.random.uniform(keys[1])
    return walk.at[:, 1].add(0.15 / 112 * jnp.sin(2 * jnp.pi * turns))


def draw_blink(keys: jax.Array, tier: Tier) -> Array:
    """(frames,): how far the lids are closed; half of the blinks close them only half. .1 to .4 s, faster down than up."""
    begin = jax.random.uniform(keys[0], minval=-0.1 * tier.rate, maxval=float(tier.length))
    long = jax.random.uniform(keys[1], minval=0.1, maxval=0.4) * tier.rate
    depth = jnp.where(jax.random.bernoulli(keys[2], 0.53), 0.5, 1.0) * jax.random.bernoulli(keys[3], 0.1 * tier.confounders)
    return depth * course(tier.length, begin, begin + 0.35 * long, begin + long)


def draw_gaze(keys: jax.Array, tier: Tier) -> Array:
    """(frames, 2): where the irises are; in some clips they leap elsewhere, within .03 to .05 s."""
    spread = jnp.array([0.02, 0.01])
    first, leap = spread * jax.random.normal(keys[0], (2,)), 1.5 * spread * jax.random.normal(keys[1], (2,))
    start, long = jax.random.uniform(keys[2], (2,))
    done = jnp.clip((jnp.arange(tier.length) - start * tier.length) / ((0.03 + 0.02 * long) * tier.rate), 0, 1)
    leaps = jax.random.bernoulli(keys[3], 0.05 * tier.confounders)
    return first + leaps * (3 * done**2 - 2 * done**3)[:, None] * leap


def draw_light(keys: jax.Array, tier: Tier) -> Array:
    """(frames,): the brightness of each frame, in some clips drifting by about a hundredth."""
    drift = jax.random.bernoulli(keys[0], 0.3 * tier.confounders) * 0.01 * jax.random.normal(keys[1])
    return 1 + drift * jnp.linspace(0, 1, tier.length)
