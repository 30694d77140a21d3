"""Losses as free functions `(output, batch) -> (B,)`: one value a clip, unreduced. A recipe names them with factors.

Those of the enhancement (Guo et al., Zero-DCE, CVPR 2020, eq. 2 to 5, as its code computes them) need no reference
picture; `motion` does, and has one because the darkness was made from a bright clip.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from mer_jax.models.network import Output
from mer_jax.motion.smoothing import mean_pool_tiles


def cross_entropy(output: Output, batch) -> Float[Array, " batch"]:
    """-sum_c target_c log softmax(logits)_c; label smoothing has already gone into the target."""
    return optax.softmax_cross_entropy(output.logits, batch.target)


def focal(output: Output, batch) -> Float[Array, " batch"]:
    """-sum_c target_c (1 - p_c)^2 log p_c: clips already known well count less (Lin et al., ICCV 2017, eq. 4, gamma 2)."""
    logs = jax.nn.log_softmax(output.logits)
    return -(batch.target * jnp.square(1 - jnp.exp(logs)) * logs).sum(-1)


def margin(output: Output, batch) -> Float[Array, " batch"]:
    """sum_c target_c max(0, .9 - l_c)^2 + .5 (1 - target_c) max(0, l_c - .1)^2 with the lengths l = sigmoid(logits) of the
    classes' capsules (Sabour et al., NeurIPS 2017, eq. 4)."""
    length = jax.nn.sigmoid(output.logits)
    there, absent = jnp.square(jax.nn.relu(0.9 - length)), jnp.square(jax.nn.relu(length - 0.1))
    return (batch.target * there + 0.5 * (1 - batch.target) * absent).sum(-1)


def branches_alike(output: Output, batch) -> Float[Array, " batch"]:
    """1 - the cosine between the features of the first and the last branch: 0 where they point the same way."""
    unit = [branch * jax.lax.rsqrt(jnp.square(branch).sum(-1, keepdims=True) + 1e-8)
            for branch in (output.extras["branches"][:, 0], output.extras["branches"][:, -1])]
    return 1 - (unit[0] * unit[1]).sum(-1)


def proposals(output: Output, batch) -> Float[Array, " batch"]:
    """mean_c of the binary cross-entropy between class c's proposal (extras["proposals"], logits) and its target."""
    return optax.sigmoid_binary_cross_entropy(output.extras["proposals"], batch.target).mean(-1)


def identity(output: Output, batch) -> Float[Array, " batch"]:
    """The cross-entropy between extras["identity"] (logits, one for each of the data's people) and whose clip it is. A network
    that turns its gradient round (`blocks.identity`) unlearns whom it sees, as multi-task and adversarial networks do."""
    return optax.softmax_cross_entropy_with_integer_labels(output.extras["identity"], batch.subject)


def instants(output: Output, batch) -> Float[Array, " batch"]:
    """sum_t sg(beta_t) CE(z_t, target): each moment of a temporal ensemble answers by itself, as far as it is asked.

    The gradient does not reach beta, so the neutral onset is not made to know the class.
    """
    each = optax.softmax_cross_entropy(output.extras["instant_logits"], batch.target[:, None])
    return (jax.lax.stop_gradient(output.extras["beta"]) * each).sum(1)


def tiles(images: Float[Array, "*n height width channels"], size: int) -> Float[Array, "*n h w"]:
    """Means over channels and size x size tiles; rows and columns that fill no tile are left out."""
    height, width = (length // size * size for length in images.shape[-3:-1])
    return mean_pool_tiles(images[..., :height, :width, :], size).mean(-1)


def spatial(output: Output, batch) -> Float[Array, " batch"]:
    """Contrast between neighbouring 4x4 tiles stays: mean of sum over 4 neighbours of (d before - d after)^2."""
    before, after = (tiles(output.extras[name], 4) for name in ("denoised", "enhanced"))
    change, total = before - after, 0.0
    for axis in (-1, -2):
        around = [(1, 1) if a == change.ndim + axis else (0, 0) for a in range(change.ndim)]
        wide = jnp.pad(change, around)
        for shift in (0, 2):
            total += jnp.square(change - jax.lax.slice_in_dim(wide, shift, shift + change.shape[axis], axis=axis % change.ndim))
    return total.mean((1, 2, 3))


def exposure(output: Output, batch) -> Float[Array, " batch"]:
    """Mean over 16x16 tiles of (brightness - .6)^2."""
    return jnp.square(tiles(output.extras["enhanced"], 16) - 0.6).mean((1, 2, 3))


def colour(output: Output, batch) -> Float[Array, " batch"]:
    """No colour cast: sqrt of the sum of the squared squares of the differences of the channels' means."""
    red, green, blue = jnp.moveaxis(output.extras["enhanced"].mean((1, 2, 3)), -1, 0)
    return jnp.sqrt((red - green) ** 4 + (red - blue) ** 4 + (green - blue) ** 4 + 1e-12)


def curve_smoothness(output: Output, batch) -> Float[Array, " batch"]:
    """Total variation of the curve: 2 (mean of squared vertical steps + mean of squared horizontal ones)."""
    curve = output.extras["curve"]
    return 2 * (jnp.square(jnp.diff(curve, axis=1)).mean((1, 2, 3)) + jnp.square(jnp.diff(curve, axis=2)).mean((1, 2, 3)))


def illumination(output: Output, batch) -> Float[Array, " batch"]:
    """Of a Retinex enhancement: 1.5 mean (I - x)^2 + mean |dI|, I the illumination and x the clip's mean picture, both as small
    as they are estimated (Ma et al., CVPR 2022, eq. 7 and 8; theirs weighs the second by how alike the neighbours are)."""
    light, lit = (output.extras[name] for name in ("illumination", "lit"))
    smooth = sum(jnp.abs(jnp.diff(light, axis=axis)).mean((1, 2, 3)) for axis in (1, 2))
    return 1.5 * jnp.square(light - lit).mean((1, 2, 3)) + smooth


def motion(output: Output, batch) -> Float[Array, " batch"]:
    """mean |N(enhanced apex - onset) - N(bright apex - onset)|, N(z) = z / (local deviation in 15x15 + 1e-3)."""
    enhanced, bright = output.extras["enhanced"], batch.bright[:, :, batch.bright.shape[2] // 2]
    apex = enhanced.shape[1] // 2

    def change(frames):
        difference = (frames[:, apex] - frames[:, 0]).mean(-1, keepdims=True)
        box = jax.lax.reduce_window(jnp.square(difference), 0.0, jax.lax.add, (1, 15, 15, 1), (1, 1, 1, 1), "SAME") / 225
        return difference / (jnp.sqrt(box + 1e-12) + 1e-3)

    return jnp.abs(change(enhanced) - change(bright)).mean((1, 2, 3))


LOSSES: dict[str, Callable[[Output, "object"], jax.Array]] = {
    function.__name__: function
    for function in (cross_entropy, focal, margin, branches_alike, proposals, identity, instants, spatial, exposure, colour,
                     curve_smoothness, illumination, motion)
}


def soft_target(label: jax.Array, classes: int, smoothing: jax.Array | float) -> Float[Array, "batch classes"]:
    """One-hot labels, `smoothing` of whose mass is spread evenly over all classes (Szegedy et al., 2016, §7)."""
    return optax.smooth_labels(jax.nn.one_hot(label, classes), smoothing)
