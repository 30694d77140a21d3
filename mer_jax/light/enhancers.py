"""Enhancers of dark clips, to be compared: each turns windows of native frames into one picture an instant.

Brightening (gain, gamma) can at best leave the motion as it is; averaging frames in time is what helps; whatever remaps the
brightness of each frame by itself (histogram equalisation, CLAHE) makes motion where there was none. Those that OpenCV has
are OpenCV's, which is in `pip install -e ".[peers]"`.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.light.compensation import moved_back
from mer_jax.light.denoising import stabilised
from mer_jax.motion.luma import luma
from mer_jax.motion.smoothing import blur

BRIGHTNESS = 0.4                                              # mean luma that a gain aims at
Windows = Float[Array | np.ndarray, "instants window height width channels"]
Pictures = Float[Array | np.ndarray, "instants height width channels"]


class Enhancer(NamedTuple):
    """function: windows of one clip, sRGB in [0, 1] -> one picture an instant. library: its numbers are OpenCV's, so it
    takes and gives numpy arrays; all others are pure and may be jitted and vmapped."""

    function: Callable
    does: str
    library: bool = False


def middle(windows: Windows) -> Pictures:
    """The middle frame of the window: the instant's own, but at a clip's ends, where windows have slid inside."""
    return windows[:, windows.shape[1] // 2]


def mean(windows: Windows) -> Pictures:
    """The mean of the window's frames: T5, where it has five."""
    return windows.mean(1)


def gain(pictures: Pictures) -> Pictures:
    """All pictures of the clip times one number, so that their mean luma is BRIGHTNESS; clipped to [0, 1]."""
    return jnp.clip(pictures * BRIGHTNESS / jnp.maximum(luma(pictures).mean(), 1e-4), 0, 1)


def gamma(pictures: Pictures) -> Pictures:
    """v^.4, the same for every clip."""
    return jnp.maximum(pictures, 1e-8) ** 0.4


def compensated_mean(windows: Windows) -> Pictures:
    """The mean of the window's frames after each was moved back to its instant along the motion in the window."""
    return moved_back(windows).mean(1)


def retinex(pictures: Pictures, sigma: float = 15.0) -> Pictures:
    """Reflectance over the clip's shared illumination: log I - log of the blurred mean picture, stretched to [0, 1].

    Single-scale Retinex (Jobson, Rahman, Woodell, IEEE TIP 1997, eq. 1), but with one surround for all pictures of a clip,
    so that it makes no motion. sigma: pixels.
    """
    ratio = jnp.log(pictures + 0.01) - jnp.log(blur(pictures.mean(0, keepdims=True), sigma) + 0.01)
    low, high = jnp.percentile(ratio, jnp.array([1.0, 99.0]))
    return jnp.clip((ratio - low) / jnp.maximum(high - low, 1e-3), 0, 1)


def bytes_of(pictures: Pictures) -> np.ndarray:
    """As OpenCV wants them: (instants, H, W, 3) uint8."""
    found = np.round(255 * np.clip(np.asarray(pictures), 0, 1)).astype(np.uint8)
    return np.repeat(found, 3, -1) if found.shape[-1] == 1 else found


def on_lightness(change: Callable) -> Callable:
    """A change of 8-bit grey pictures, made on the lightness (CIE Lab) of every coloured picture by itself."""
    def function(windows: Windows) -> np.ndarray:
        import cv2

        found = []
        for picture in bytes_of(middle(windows)):
            lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
            lab[..., 0] = change(cv2, lab[..., 0])
            found.append(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))
        return np.stack(found).astype(np.float32) / 255

    return function


def after_gain(change: Callable) -> Callable:
    """A change of 8-bit coloured pictures, made on each after the clip's gain."""
    def function(windows: Windows) -> np.ndarray:
        import cv2

        return np.stack([change(cv2, picture) for picture in bytes_of(gain(middle(windows)))]).astype(np.float32) / 255

    return function


ENHANCERS = {
    "none": Enhancer(middle, "the dark frame as it is"),
    "gain": Enhancer(lambda windows: gain(middle(windows)), "times one number for the whole clip"),
    "gamma": Enhancer(lambda windows: gamma(middle(windows)), "to the power of .4"),
    "histogram": Enhancer(on_lightness(lambda cv2, grey: cv2.equalizeHist(grey)),
                          "histogram equalisation, frame by frame", True),
    "clahe": Enhancer(on_lightness(lambda cv2, grey: cv2.createCLAHE(2.0, (8, 8)).apply(grey)),
                      "CLAHE, clip limit 2, 8 x 8 tiles, frame by frame", True),
    "nlm": Enhancer(after_gain(lambda cv2, picture: cv2.fastNlMeansDenoisingColored(picture, None, 10, 10, 7, 21)),
                    "gain, then non-local means, h = 10", True),
    "bilateral": Enhancer(after_gain(lambda cv2, picture: cv2.bilateralFilter(picture, 5, 40, 3)),
                          "gain, then a bilateral filter, 40 grey values, 3 pixels", True),
    "retinex": Enhancer(lambda windows: retinex(mean(windows)), "mean of the window, then Retinex with one surround a clip"),
    "t5": Enhancer(lambda windows: gain(mean(windows)), "mean of the window, then gain: the baseline"),
    "stabilised": Enhancer(stabilised, "the library's own: light in units of its own noise, smoothed as that asks"),
    "compensated": Enhancer(lambda windows: gain(compensated_mean(windows)), "mean along the motion in the window, then gain"),
}
