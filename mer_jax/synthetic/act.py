"""What a person does in a clip, drawn from a key: the expression and its course in time, the head, the lids, the light.

Time courses, strengths and confounders follow figures measured on the coding files of CASME II: rise LogN(5.02, .47)
and fall LogN(5.05, .58) milliseconds, at most half a second together, raised cosines both; peak motion 1.2 px (median)
on a face with 112 px between the pupils. How much expression and pose are held through a clip is a choice, not a
measurement: as large as a micro-expression, so that no single frame tells a stranger's class.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.synthetic.action_units import NUMBERS
from mer_jax.synthetic.face import Face
from mer_jax.synthetic.tiers import CASME2_SHARES, CLASSES5, MOST_UNITS, Tier, set_table

SLOTS = MOST_UNITS + 1                                        # action units of one clip: the expression's, and a distractor
RATE = 200.0                                                  # frames a second
BEFORE, AFTER = 6, 6                                          # frames shown before the onset and after the offset
LENGTH = BEFORE + 100 + AFTER
HELD_STRENGTH = 0.08                                          # chosen; of strength E: about 0.8 mm
POSE_SPREAD = (0.03, 0.03, np.deg2rad(1.5), 0.015)            # chosen, as of a careless alignment: IOD, IOD, radians, log scale


class Act(NamedTuple):
    """What the person does in a clip: the script of a rendering.

    label5: () index into CLASSES5. held (units,): shares of their full strength at which the person holds all action units
    throughout the clip. units (SLOTS,): rows of NUMBERS, -1 for none; strength (SLOTS, 2): motion in IOD where the
    strongest bump of each unit is, image left and right. onset, apex, offset: () frames. length: () frames that are shown.
    head (LENGTH, 4): shift x, y in IOD, turn in radians, log scale. blink (LENGTH,): how far the lids are closed.
    light (LENGTH,): brightness of each frame.
    """

    label5: Array
    held: Array
    units: Array
    strength: Array
    onset: Array
    apex: Array
    offset: Array
    length: Array
    head: Array
    blink: Array
    light: Array


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
    return jax.random.categorical(key, jnp.log(jax.random.dirichlet(person, 8 * jnp.asarray(CASME2_SHARES)) + 1e-12))


def draw_act(key: jax.Array, sitting: jax.Array, tier: Tier, label5: Array, face: Face) -> Act:
    """What this person does, given the class; sitting: a key that all clips of one recording share.

    One key a draw: in JAX fold_in(key, i) is split(key, n)[i], so both on one key would tie what should be independent.
    """
    keys = jax.random.split(key, 20)
    units, strength = draw_expression(keys[:8], tier, label5, face)
    apex, offset = draw_times(keys[8:10])
    pose, held = draw_still(sitting, keys[16])
    return Act(label5, held, units, strength, jnp.int32(BEFORE), apex, offset, offset + AFTER + 1,
               draw_sway(keys[10:12]) + pose, draw_blink(keys[12:16], tier), draw_light(keys[17:19], tier))


def draw_expression(keys: jax.Array, tier: Tier, label5: Array, face: Face) -> tuple[Array, Array]:
    """(units (SLOTS,), strength (SLOTS, 2)): a set of action units of the class, one in five on one side alone, and, where
    the tier has confounders, at times a weaker unit of no meaning on one side."""
    share, sets = (jnp.asarray(part) for part in set_table(tier))
    chosen = sets[label5, jax.random.categorical(keys[0], jnp.log(share[label5] + 1e-12))]
    distractor = jax.random.bernoulli(keys[1], 0.6 * tier.confounders)
    other = jax.random.randint(keys[2], (), 0, len(NUMBERS))
    units = jnp.append(chosen, jnp.where(distractor, other, -1))
    amount = jnp.clip(tier.motion * face.gain * jnp.exp(0.45 * jax.random.normal(keys[3])), 0.35, 4.5) / 112
    one_sided = jax.random.bernoulli(keys[4], 0.22)
    left = jax.random.bernoulli(keys[5])
    sides = jnp.where(one_sided, jnp.where(left, jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])), jnp.ones(2))
    side = jnp.array([1.0, 0.0])
    side = jnp.where(jax.random.bernoulli(keys[6]), side, side[::-1])
    weak = jax.random.uniform(keys[7], minval=0.25, maxval=0.9)
    return units, amount * jnp.concatenate([jnp.tile(sides, (MOST_UNITS, 1)), (weak * side)[None]]) * (units >= 0)[:, None]


def draw_times(keys: jax.Array) -> tuple[Array, Array]:
    """(apex, offset): () int32 frames."""
    rise = jnp.clip(jnp.exp(5.02 + 0.47 * jax.random.normal(keys[0])), 40, 330) * RATE / 1000
    fall = jnp.clip(jnp.exp(5.05 + 0.58 * jax.random.normal(keys[1])), 40, 400) * RATE / 1000
    shrink = jnp.minimum(1.0, (LENGTH - BEFORE - AFTER) / (rise + fall))
    rise, fall = jnp.round(rise * shrink), jnp.round(fall * shrink)
    apex = (BEFORE + rise).astype(jnp.int32)
    return apex, jnp.minimum(apex + fall.astype(jnp.int32), LENGTH - AFTER - 1)


def draw_still(sitting: jax.Array, key: jax.Array) -> tuple[Array, Array]:
    """(pose (4,), held (units,)): what lasts through the clip, half of its variance from the sitting, half from the clip."""
    still = sum(jax.random.normal(part, (4 + len(NUMBERS),)) for part in (sitting, key)) / 2**0.5
    return jnp.array(POSE_SPREAD) * still[:4], HELD_STRENGTH * still[4:]


def draw_sway(keys: jax.Array) -> Array:
    """(LENGTH, 4): how the head moves about its pose: a random walk, and breathing."""
    steps = jax.random.normal(keys[0], (LENGTH, 4)) * jnp.array([0.8 / 112, 0.8 / 112, np.deg2rad(0.2), 0.002])
    walk = jnp.cumsum(steps, 0) / LENGTH**0.5
    breathing = 0.15 / 112 * jnp.sin(2 * jnp.pi * (0.25 * jnp.arange(LENGTH) / RATE + jax.random.uniform(keys[1])))
    return walk.at[:, 1].add(breathing)


def draw_blink(keys: jax.Array, tier: Tier) -> Array:
    """(LENGTH,): how far the lids are closed; half of the blinks close them only half."""
    begin = jax.random.uniform(keys[0], minval=-20.0, maxval=float(LENGTH))
    long = jax.random.uniform(keys[1], minval=20.0, maxval=80.0)
    depth = jnp.where(jax.random.bernoulli(keys[2], 0.53), 0.5, 1.0) * jax.random.bernoulli(keys[3], 0.1 * tier.confounders)
    return depth * course(begin, begin + 0.35 * long, begin + long)


def draw_light(keys: jax.Array, tier: Tier) -> Array:
    """(LENGTH,): the brightness of each frame, in some clips drifting by about a hundredth."""
    drift = jax.random.bernoulli(keys[0], 0.3 * tier.confounders) * 0.01 * jax.random.normal(keys[1])
    return 1 + drift * jnp.linspace(0, 1, LENGTH)
