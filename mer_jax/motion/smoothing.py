"""Averages and medians over neighbouring pixels."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def blur(images: Float[Array, "*n height width channels"], sigma: float) -> Float[Array, "*n height width channels"]:
    """Gaussian blur with repeated edges, sigma in pixels, as two products with band matrices."""
    height, width = images.shape[-3:-1]
    rows, columns = (jnp.asarray(blur_matrix(size, sigma)) for size in (height, width))
    return jnp.einsum("ih,...hwc,jw->...ijc", rows, images, columns)


def blur_matrix(size: int, sigma: float) -> Float[np.ndarray, "size size"]:
    """Rows of Gaussian weights that sum to 1; what would lie outside counts for the edge."""
    place = np.arange(-4 * round(sigma + 1), size + 4 * round(sigma + 1))
    weight = np.exp(-0.5 * ((np.arange(size)[:, None] - place) / sigma) ** 2)
    matrix = np.zeros((size, size))
    np.add.at(matrix.T, np.clip(place, 0, size - 1), weight.T)
    return (matrix / weight.sum(1, keepdims=True)).astype(np.float32)


def mean_pool_tiles(images: Float[Array, "*batch height width channels"], size: int) -> Float[Array, "*batch h w channels"]:
    """Mean over the tiles of a size x size grid. Height and width must be multiples of `size`."""
    *batch, height, width, channels = images.shape
    return images.reshape(*batch, height // size, size, width // size, size, channels).mean(axis=(-4, -2))


# Exchanges that bring the median of nine values to the middle (Paeth, Graphics Gems, 1990).
EXCHANGES = ((1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3), (5, 8), (4, 7), (3, 6), (1, 4),
             (2, 5), (4, 7), (4, 2), (6, 4), (4, 2))


def median3(images: Float[Array, "n height width"]) -> Float[Array, "n height width"]:
    """The median of each pixel and its eight neighbours, edges repeated; by exchanges, many times as fast as sorting."""
    _, height, width = images.shape
    wide = jnp.pad(images, ((0, 0), (1, 1), (1, 1)), mode="edge")
    values = [wide[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    for low, high in EXCHANGES:
        values[low], values[high] = jnp.minimum(values[low], values[high]), jnp.maximum(values[low], values[high])
    return values[4]
