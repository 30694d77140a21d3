"""Where a network looks: its attention maps as one map of places for each kind."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.models.blocks.regions import eyes_and_lips
from mer_jax.models.network import Output

KINDS = {"region": "region attention", "spatial": "spatial attention", "self": "self-attention of maps",
         "places": "self-attention of places", "coupling": "coupling to the answer",
         "squares": "self-attention in squares of the face", "patches": "self-attention of patches"}


def place_maps(output: Output) -> dict[str, Float[Array, "n _ _"]]:
    """{kind: (N, h, w), each map's sum 1} of those of `output.attention` that are over places of the picture.

    "region" (N, T, heads, h, w) is the mean over heads, moments weighed as extras["beta"] (N, T) weighs them; "spatial" and
    "self" (N, .., h, w) the mean of gates or weights over what stands between, blocks or channels; "places"
    (N, heads, P, P) how much a place is looked at, mean over heads and over the P = h^2 places that look; "coupling"
    (N, classes, 6, 6) that of the class that is answered, whose places are the inner ones of 14 x 14; "patches" (N, h, w) as it
    is, "squares" of `eyes_and_lips` where those lie in the picture, 28 x 28, added where they overlap.

    Gates of channels and of classes ("channel", "classes") are no maps, and are not kept: which channel is which differs from
    run to run, so that their mean over seeds says nothing. A network gives them with its answer.
    """
    return {KINDS[name]: as_shares(of_places(name, output)) for name in KINDS if name in output.attention}


def of_places(name: str, output: Output) -> Float[Array, "n h w"]:
    weights = output.attention[name]
    if name == "region":
        return jnp.einsum("nt,nthij->nij", output.extras["beta"], weights)
    if name == "places":
        side = math.isqrt(weights.shape[-1])
        return weights.mean((1, 2)).reshape(-1, side, side)
    if name == "coupling":
        answered = weights[jnp.arange(len(weights)), output.logits.argmax(-1)]
        return jnp.pad(answered, ((0, 0), (4, 4), (4, 4)))            # two 9x9 kernels that keep inside of 28 x 28 pixels
    if name == "squares":
        laid = jnp.repeat(jnp.repeat(weights, 28 // weights.shape[1], 1), 28 // weights.shape[2], 2)[..., None]
        return jax.linear_transpose(eyes_and_lips, laid)(laid)[0][..., 0]
    return weights.mean(tuple(range(1, weights.ndim - 2)))


def as_shares(maps: Float[Array, "n h w"]) -> Float[Array, "n h w"]:
    """Each map over its sum; one that is 0 everywhere stays so."""
    return maps / jnp.maximum(maps.sum((1, 2), keepdims=True), 1e-20)
