"""The low-light enhancement module: denoise in time, brighten by one curve for the whole clip, leave good light alone.

Brightening never improves motion, it can only spoil it; averaging native frames improves it. So the module reduces
each window of native frames to one, and its curve is smooth in space and shared by all moments of the clip: then it
keeps the order of every pixel's values in time. The curve is that of Zero-DCE++ (Li, Guo, Loy, TPAMI 2021, eq. 1).
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.light.luma import luma

ITERATIONS = 8


def deflicker(windows: Float[Array, "n t w h width c"]) -> Float[Array, "n t w h width c"]:
    """Every native frame scaled to the clip's median brightness, by a factor within [.8, 1.25]; clipped to [0, 1]."""
    brightness = luma(windows).mean((-1, -2))                                          # (N, T, W)
    wanted = jnp.median(brightness.reshape(len(windows), -1), axis=1)[:, None, None]
    factor = jnp.clip(wanted / jnp.maximum(brightness, 1e-4), 0.8, 1.25)
    return jnp.clip(windows * factor[..., None, None, None], 0, 1)


@jax.checkpoint
def apply_curve(x: Float[Array, "..."], curve: Float[Array, "..."]) -> Float[Array, "..."]:
    """y <- y + A y (1 - y), eight times. In [0, 1] and monotone in x for |A| <= 1; the identity at A = 0."""
    for _ in range(ITERATIONS):
        x = x + curve * x * (1 - x)
    return x


class CurveNet(nn.Module):
    """DCE-Net++: seven depthwise-separable 3x3 convolutions with symmetric skips, (N, h, w, 3) -> A in (-1, 1).

    The last pointwise convolution starts at zero, so the curve starts as the identity. 10,561 parameters.
    """

    width: int = 32

    @nn.compact
    def __call__(self, x: Float[Array, "n h w 3"]) -> Float[Array, "n h w 3"]:
        normal = nn.initializers.normal(0.02)

        def separable(x, features, name, last=False):
            x = nn.Conv(x.shape[-1], (3, 3), feature_group_count=x.shape[-1], kernel_init=normal, name=f"{name}_depth")(x)
            return nn.Conv(features, (1, 1), kernel_init=nn.initializers.zeros if last else normal, name=f"{name}_point")(x)

        c1 = nn.relu(separable(x, self.width, "c1"))
        c2 = nn.relu(separable(c1, self.width, "c2"))
        c3 = nn.relu(separable(c2, self.width, "c3"))
        c4 = nn.relu(separable(c3, self.width, "c4"))
        c5 = nn.relu(separable(jnp.concatenate([c3, c4], -1), self.width, "c5"))
        c6 = nn.relu(separable(jnp.concatenate([c2, c5], -1), self.width, "c6"))
        return jnp.tanh(separable(jnp.concatenate([c1, c6], -1), 3, "c7", last=True))


class LowLightEnhancement(nn.Module):
    """LLEM: windows (N, T, W, H, W', 3) in [0, 1] -> enhanced (N, T, H, W', 3) in [0, 1], and what its losses need.

    Deflicker; mean over each window with learned weights (softmax, starting at the binomial 1 4 6 4 1); curve A from
    the clip's mean at 1 / `scale` of its size, enlarged and shared by all moments; gate g = sigmoid(20 (.5 - p98)) with p98
    of the luma of the same small mean frame, so that a well-lit clip passes.
    """

    scale: int = 8

    @nn.compact
    def __call__(self, windows: Float[Array, "n t w h width 3"]) -> tuple[Float[Array, "n t h width 3"], dict]:
        n, _, count, height, width, channels = windows.shape
        binomial = jnp.array([1.0])
        for _ in range(count - 1):
            binomial = jnp.convolve(binomial, jnp.array([0.5, 0.5]))
        weights = jax.nn.softmax(self.param("window", lambda _: jnp.log(binomial)))
        denoised = jnp.einsum("ntwhxc,w->nthxc", deflicker(windows), weights)
        small = (n, max(height // self.scale, 4), max(width // self.scale, 4), channels)
        glimpse = jax.image.resize(denoised.mean(1), small, "linear")
        curve = CurveNet(name="curve")(glimpse)
        curve = jax.image.resize(curve, (n, height, width, channels), "linear")
        bright = jnp.percentile(luma(glimpse).reshape(n, -1), 98, axis=1)
        gate = nn.sigmoid(20 * (0.5 - bright))[:, None, None, None]
        enhanced = apply_curve(denoised, (gate * curve)[:, None])
        return enhanced, {"denoised": denoised, "enhanced": enhanced, "curve": curve, "gate": gate[:, 0, 0, 0]}
