"""Many people who act: SynthME's clips by number, without a disk. The data set stores some; a program may draw any.

Keys: fold_in(key(SEED), person) splits into the person's own, that of the clips and that of the sittings. Each class of a
person is one sitting, as if one film elicited it, and its clips share half of what is held: so a single frame of a known
person tells the class, of a stranger it does not. The size of that leak is chosen, not measured.
"""

import functools
from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import Array, Int

from mer_jax.synthetic.act import Act, draw_act, draw_label
from mer_jax.synthetic.face import Face, draw_face
from mer_jax.synthetic.portrait import REACH
from mer_jax.synthetic.scene import VIEW, Clip, render
from mer_jax.synthetic.tiers import Tier

SEED = 20261000                                               # of versions 1.0.x
ONES_OWN = 1_000_000                                          # from this number on, people are in no tier: free to train on
TEXTURE_PER_PIXEL = 2


def person_keys(person: int | Int[Array, ""]) -> jax.Array:
    """(4,) keys: of the looks, the habits, the clips and the sittings."""
    return jax.random.split(jax.random.fold_in(jax.random.key(SEED), person), 4)


def draw_person(tier: Tier, person: int | Int[Array, ""]) -> Face:
    """The person of this number, as the tier's studio shows them."""
    size = round(TEXTURE_PER_PIXEL * tier.size * 2 * REACH / VIEW)
    return draw_face(person_keys(person)[0], size, tier.studio)


def draw_script(tier: Tier, person: int | Int[Array, ""], face: Face, number: int | Int[Array, ""]) -> tuple[Act, jax.Array]:
    """(what the person does in the clip of this number, the key of its noise)."""
    _, habits, clips, sittings = person_keys(person)
    label_key, act_key, render_key = jax.random.split(jax.random.fold_in(clips, number), 3)
    label = draw_label(label_key, habits, tier, number)
    return draw_act(act_key, jax.random.fold_in(sittings, label), tier, label, face), render_key


def draw_clip(tier: Tier, person: int | Int[Array, ""], face: Face, number: int | Int[Array, ""],
              at: Callable | Int[Array | np.ndarray, " T"] | None = None) -> Clip:
    """A person's clip of this number; at: the frames rendered, all where None, or a function of the act that says which."""
    act, key = draw_script(tier, person, face, number)
    return render(key, face, act, tier.size, tier.studio, at(act) if callable(at) else at)


@functools.cache
def painters(tier: Tier, at: Callable | None = None) -> tuple[Callable, Callable]:
    """(person -> Face, (person, face, number of the clip) -> Clip), compiled."""
    return (jax.jit(functools.partial(draw_person, tier)),
            jax.jit(lambda person, face, number: draw_clip(tier, person, face, number, at)))
