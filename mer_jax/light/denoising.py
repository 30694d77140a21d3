"""The library's own enhancer, with nothing in it to be trained: light is averaged, and shown in units of its own noise.

A sensor's noise has the variance a x + b in linear light x. Coded for the eye it is not alike everywhere, least where it is
bright, so a flow that believes all places the same believes the dark ones too much. Averaged in linear light, where noise
has no bias, and taken through the curve that makes its deviation one everywhere, one regularity is right for the whole face.
a and b are found on the clip itself, from how its native frames differ. Where the deviation is one everywhere, Stein's estimate
says without the truth how far a smoothed picture is from it: so the smoothing is found on the clip too. One curve and one
smoothing for the clip, so they make no motion.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.light.camera import GAMMA
from mer_jax.motion.smoothing import blur, blur_matrix

BINS = 32                                                     # of brightness, each with as many places
EVERY = 7                                                     # only every so-manyth value is looked at
SMOOTHINGS = (0.35, 0.5, 0.7, 0.85, 1.0)                      # pixels: those that are tried; see `smoothed_for_noise`
MIDDLE, SPREAD = 0.45, 0.17                                   # mean and deviation of what is shown


def noise_of(light: Float[Array, "instants window height width channels"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """(a, b): the noise of linear light has the variance a x + b; by weighted least squares over bins of brightness.

    The variance of a place is that of its frames in the window; of single frames, that of the second differences around
    it, in which detail counts as noise (Immerkaer, CVIU 1996).
    """
    mean = light.mean(1)
    if light.shape[1] > 1:
        variance = light.var(1, ddof=1)
    else:
        across = jnp.pad(mean, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
        along = across[:, 2:] - 2 * across[:, 1:-1] + across[:, :-2]
        variance = jnp.square(along[:, :, 2:] - 2 * along[:, :, 1:-1] + along[:, :, :-2]) / 36
    mean, variance = (part.reshape(-1)[::EVERY] for part in (mean, variance))
    order = jnp.argsort(mean)
    size = len(order) // BINS
    bright, spread = (part[order[: BINS * size]].reshape(BINS, size).mean(1) for part in (mean, variance))
    weight = 1 / jnp.maximum(spread, 1e-12)
    terms = jnp.stack([bright, jnp.ones(BINS)], -1) * weight[:, None]
    (xx, xy), (_, yy) = terms.T @ terms + 1e-9 * jnp.eye(2)
    x, y = terms.T @ (spread * weight)
    determinant = xx * yy - xy * xy
    return jnp.maximum((yy * x - xy * y) / determinant, 1e-6), jnp.maximum((xx * y - xy * x) / determinant, 1e-9)


def in_units_of_noise(light: Float[Array, "*n"], a: Float[Array, ""], b: Float[Array, ""]) -> Float[Array, "*n"]:
    """The curve under which noise of the variance a x + b has the deviation 1 (Anscombe, 1948; with read noise as in Murtagh,
    Starck, Bijaoui, 1995)."""
    return 2 * jnp.sqrt(jnp.maximum(light / a + b / a**2 + 3 / 8, 0))


def stein_risk(seen: Float[Array, "n height width channels"], smoothed: Float[Array, "n height width channels"],
               variance: float, sigma: float) -> Float[Array, ""]:
    """The expected mean squared distance of `smoothed`, which is `blur(seen, sigma)`, to what would be seen without noise of
    this variance, found without knowing that: mean |seen - smoothed|^2 + variance (2 trace / size - 1), the trace of the blur
    (Stein, Annals of Statistics 1981, theorem 1)."""
    height, width = seen.shape[1:3]
    kept = np.trace(blur_matrix(height, sigma)) * np.trace(blur_matrix(width, sigma)) / (height * width)
    return jnp.square(seen - smoothed).mean() + variance * (2 * kept - 1)


def smoothed_for_noise(seen: Float[Array, "n height width channels"],
                       variance: float) -> Float[Array, "n height width channels"]:
    """All pictures blurred alike, by that of SMOOTHINGS whose Stein's risk is least.

    None is above one pixel: in deep darkness more brings a picture nearer to the truth, but the flow found on it further away,
    since a flow averages over its surroundings by itself.
    """
    tried = [blur(seen, sigma) for sigma in SMOOTHINGS]
    risks = [stein_risk(seen, smoothed, variance, sigma) for smoothed, sigma in zip(tried, SMOOTHINGS, strict=True)]
    return jnp.stack(tried)[jnp.argmin(jnp.stack(risks))]


def stabilised(windows: Float[Array | np.ndarray, "instants window height width channels"]
               ) -> Float[Array, "instants height width channels"]:
    """sRGB in [0, 1] -> pictures in [0, 1], one an instant; brightness and contrast are the clip's own."""
    light = jnp.maximum(jnp.asarray(windows), 1e-8) ** GAMMA
    shown = smoothed_for_noise(in_units_of_noise(light.mean(1), *noise_of(light)), 1 / light.shape[1])
    return jnp.clip(MIDDLE + SPREAD * (shown - shown.mean()) / jnp.maximum(shown.std(), 1e-6), 0, 1)
