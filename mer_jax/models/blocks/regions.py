"""Parts of a face cut out of a picture."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.faces.alignment import template

BROWS_AND_MOUTH = ((0.14, 0.54), (0.61, 0.96))             # of an aligned face, where its landmarks are not known


def stacked_bands(x: Float[Array, "n h w channels"],
                  bands: tuple[tuple[float, float], ...]) -> Float[Array, "n h w channels"]:
    """Bands of rows, each from where to where (shares of the height), brought to equal heights and laid below each other.

    Rows are found by linear interpolation; the height must be a multiple of the number of bands.
    """
    return jnp.einsum("ih,nhwc->niwc", jnp.asarray(band_rows(x.shape[1], bands)), x)


def band_rows(height: int, bands: tuple[tuple[float, float], ...]) -> Float[np.ndarray, "height height"]:
    """Which rows, with which weights, each row of `stacked_bands` is made of; weights of a row sum to 1."""
    each = height // len(bands)
    centre = (np.arange(each) + 0.5) / each
    place = np.concatenate([(first + centre * (last - first)) * height - 0.5 for first, last in bands])
    return np.clip(1 - np.abs(np.clip(place, 0, height - 1)[:, None] - np.arange(height)), 0, 1).astype(np.float32)


def eyes_and_lips(x: Float[Array, "n side side channels"]) -> Float[Array, "n side side channels"]:
    """Squares of half the side around each eye and each corner of the mouth, laid side by side: eyes above, lips below.

    The face is taken to be aligned, its anchors where `faces.alignment.template` puts them. Squares overlap, and stay inside
    of the picture; its mirror image has the mirrored squares. The side must be even.
    """
    side, half = x.shape[1], x.shape[1] // 2
    first = np.clip(np.rint(template(side) - (half - 1) / 2), 0, half).astype(int)
    left_eye, right_eye, _, left_lip, right_lip = (x[:, row : row + half, column : column + half] for column, row in first)
    return jnp.concatenate([jnp.concatenate(pair, 2) for pair in ((left_eye, right_eye), (left_lip, right_lip))], 1)
