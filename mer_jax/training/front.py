"""The front end of a network: what is done to the frames that the camera gave, before the network reads them.

Each window of native frames may be reduced to one picture by an enhancer that no network trains; and a network that reads
flow may have it found on those pictures, from onset to apex, instead of stored: then it can be seen in the dark as well.
"""

import dataclasses
from typing import Any

import jax
from jaxtyping import Array, Float

from mer_jax.light.enhancers import ENHANCERS
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.motion.flow_picture import coded, field_of
from mer_jax.motion.tvl1 import FAST

PURE = tuple(name for name, enhancer in ENHANCERS.items() if not enhancer.library)       # which can stand inside a step
FLOWS = ("stored", "tvl1")


@dataclasses.dataclass(frozen=True)
class Front:
    """enhancer: one of PURE, or "" for none. flow: "stored", as the data have it, or "tvl1", found on the frames.

    Without an enhancer TV-L1 is given the frames of onset and apex themselves, as the field does; with one, what it makes of
    the windows around them. Raises UserMistake for another name.
    """

    enhancer: str = ""
    flow: str = "stored"

    def __post_init__(self) -> None:
        for name, known in (("enhancer", ("", *PURE)), ("flow", FLOWS)):
            value = getattr(self, name)
            if value not in known:
                why = "OpenCV's, which no step can hold" if value in ENHANCERS else f"not known{nearest(str(value), known)}"
                raise UserMistake(f"front.{name}={value!r} is {why}; there are: {', '.join(map(repr, known))}")


PLAIN = Front()


def made_of_frames(network: Any, front: Front) -> dict[str, int]:
    """Which of the network's inputs are made of native frames, each with the number of instants that it takes."""
    counts = {"frames": getattr(network, "instants", 0), **({"flow": 2} if front.flow == "tvl1" else {})}
    return {name: counts[name] for name in network.inputs if name in counts}


def window_for(name: str, front: Front, window: int) -> int:
    """Native frames around each instant: an enhancer wants the window, and so does a network with one of its own."""
    return window if front.enhancer or name == "frames" else 1


def read_input(name: str, network: Any, front: Front,
               seen: Float[Array, "n instants window height width channels"]) -> Float[Array, "..."] | Array:
    """What the network gets as its input `name`, of clips as the camera saw them: pictures as windows of one, or flow."""
    if front.enhancer:
        seen = jax.vmap(ENHANCERS[front.enhancer].function)(seen)[:, :, None]
    if name == "frames":
        return seen
    onset, apex = seen[:, 0, 0], seen[:, 1, 0]
    size, coding = getattr(network, "flow_size", None) or onset.shape[1:3], getattr(network, "flow_coding", None) or "pixels"
    return jax.vmap(lambda field: coded(field, size, coding))(field_of(onset, apex, FAST))
