"""Motion made larger: linearly, from how the brightness changes (Eulerian), or along a flow that is known.

Linear Eulerian magnification: Wu, Rubinstein, Shih, Guttag, Durand, Freeman, SIGGRAPH 2012. A picture that moves by a small
d changes by d times its gradient; the change alpha-fold on top of it is the picture moved by (1 + alpha) d, as long as
(1 + alpha) d < wavelength / 8 (eq. 14). Noise is amplified as well: in the dark only what was averaged over time first.
Where this departs: the change is taken in time before the pyramid is built, which is the same, all of it being linear, and
cheaper; the wavelength of a level is said for the pyramid used here (the authors' code takes a share of the image's
diagonal); no level but the coarsest, the brightness, is left out.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from mer_jax.motion.luma import luma
from mer_jax.motion.warping import warp

SHORTEST = 4.0                                                # pixels: the wavelengths that the finest level is counted for
TAPS = np.array([1, 4, 6, 4, 1]) / 16                         # Burt and Adelson, 1983, a = .375


def eulerian(frames: Float[Array, "*n time height width channels"], change: Float[Array, "*n time height width channels"],
             alpha: float | Float[Array, ""] = 10.0, wavelength: float = 16.0, chroma: float | Float[Array, ""] = 0.1,
             levels: int = 4) -> Float[Array, "*n time height width channels"]:
    """The frames with the motion in their `change` made 1 + alpha times as large; of `band_passed`, or of `since_onset`.

    wavelength: pixels; what varies faster in space is amplified less, by the bound above: (1 + alpha') / its wavelength is
    the same for all. chroma: the share of alpha for the colours (I and Q of YIQ). levels: of the Laplacian pyramid, whose
    coarsest is not amplified; it holds what is wider than 4 * 2^levels pixels, and flicker. Not clipped to [0, 1].
    """
    if frames.shape[-1] == 3:
        grey = luma(change)[..., None]
        change = grey + chroma * (change - grey)
    *bands, brightness = laplacian_pyramid(change, levels)
    bands = [band * gain for band, gain in zip(bands, gains(alpha, wavelength, levels), strict=True)]
    return frames + collapsed([*bands, jnp.zeros_like(brightness)])


def gains(alpha: float | Float[Array, ""], wavelength: float, levels: int) -> Float[Array, " levels"]:
    """alpha of each level, the finest first: full from `wavelength` on, below it falling to 0 by eq. 14."""
    return jnp.clip((1 + alpha) * SHORTEST * 2.0 ** jnp.arange(levels) / wavelength - 1, 0, alpha)


def since_onset(frames: Float[Array, "*n time height width channels"]) -> Float[Array, "*n time height width channels"]:
    """The change since the first frame: for a pair, or a clip too short for a band of frequencies."""
    return frames - frames[..., :1, :, :, :]


def band_passed(frames: Float[Array, "*n time height width channels"], length: Int[Array, "*n"], fps: Float[Array, "*n"],
                low: float, high: float) -> Float[Array, "*n time height width channels"]:
    """What changes at `low` to `high` Hz, 0 < low: the ideal band-pass, for which the clip is one period.

    length: frames, those behind it give nothing and get nothing. A clip of n frames at fps a second has the frequencies
    k fps / n: where none of them is in the band, nothing is.
    """
    passing = band_pass(length, fps, low, high, frames.shape[-4])
    return jnp.einsum("...st,...thwc->...shwc", passing, frames, precision=jax.lax.Precision.HIGHEST)


def band_pass(length: Int[Array, "*n"], fps: Float[Array, "*n"], low: float, high: float,
              time: int) -> Float[Array, "*n time time"]:
    """The Fourier transform, the band, and the transform back, as one circulant matrix of each clip's own length."""
    step, n = jnp.arange(time), length[..., None, None]
    wave = jnp.minimum(step, n - step)                                                     # of bin k and bin n - k
    hertz = wave * fps[..., None, None] / n
    kept = (step < n) & (wave > 0) & (low <= hertz) & (hertz <= high)
    angle = 2 * jnp.pi * (step[:, None] * step % n) / n
    ring = jnp.where(kept, jnp.cos(angle), 0).sum(-1) / length[..., None]                      # of a distance in time
    distance = (step[:, None] - step) % n
    shape = (*length.shape, time * time)
    matrix = jnp.take_along_axis(ring, distance.reshape(shape), -1).reshape(*length.shape, time, time)
    return jnp.where((step[:, None] < n) & (step < n), matrix, 0)


def laplacian_pyramid(images: Float[Array, "*n height width channels"], levels: int) -> list[Array]:
    """`levels` bands, the finest first, and what is left, each half as large as the one before (Burt and Adelson, 1983)."""
    bands = []
    for _ in range(levels):
        coarse = reduced(images)
        bands.append(images - expanded(coarse, *images.shape[-3:-1]))
        images = coarse
    return [*bands, images]


def collapsed(pyramid: list[Array]) -> Array:
    """The images that a Laplacian pyramid was made of."""
    images = pyramid[-1]
    for band in pyramid[-2::-1]:
        images = band + expanded(images, *band.shape[-3:-1])
    return images


def reduced(images: Float[Array, "*n height width channels"]) -> Float[Array, "*n h w channels"]:
    """Smoothed by TAPS, every second pixel."""
    return separably(images, *(reduction(size) for size in images.shape[-3:-1]))


def expanded(images: Float[Array, "*n h w channels"], height: int, width: int) -> Float[Array, "*n height width channels"]:
    """The adjoint of `reduced` with rows that sum to 1."""
    down = reduction(height).T, reduction(width).T
    return separably(images, *(matrix / matrix.sum(1, keepdims=True) for matrix in down))


def reduction(size: int) -> Float[np.ndarray, "half size"]:
    """TAPS around every second pixel; what would lie outside is left out, and the rest sums to 1."""
    away = np.arange(size) - 2 * np.arange((size + 1) // 2)[:, None] + 2
    matrix = np.where((away >= 0) & (away < 5), TAPS[np.clip(away, 0, 4)], 0)
    return (matrix / matrix.sum(1, keepdims=True)).astype(np.float32)


def separably(images: Float[Array, "*n height width channels"], rows: np.ndarray, columns: np.ndarray) -> Array:
    """A matrix along each column of pixels, another along each row."""
    return jnp.einsum("ih,...hwc,jw->...ijc", rows, images, columns, precision=jax.lax.Precision.HIGHEST)


def magnified(onset: Float[Array, "height width channels"], flow: Float[Array, "height width 2"],
              factor: int | float) -> Float[Array, "height width channels"]:
    """The onset frame with its motion to the apex made `factor` times as large: what a pixel of motion looks like."""
    return warp(onset, factor * flow)
