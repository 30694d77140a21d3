"""The low-light enhancement module: denoise in time, brighten by one curve for the whole clip, leave good light alone.

Brightening never improves motion, it can only spoil it; averaging native frames improves it. So the module reduces
each window of native frames to one, and its curve is smooth in space and shared by all moments of the clip: then it
keeps the order of every pixel's values in time. The curve is that of Zero-DCE++ (Li, Guo, Loy, TPAMI 2021, eq. 1).
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.light.compensation import moved_back
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.models.blocks.frame_channels import middle_frames
from mer_jax.motion.luma import luma

ITERATIONS = 8
KINDS = ("curve", "retinex", "per_frame")


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


class IlluminationNet(nn.Module):
    """SCI's estimator: (N, h, w, 3) -> illumination in [1e-4, 1], x plus what three 3x3 convolutions add (Ma et al., CVPR 2022,
    eq. 3); layer norm where theirs is batch norm, so that a clip's light hangs on no other clip."""

    @nn.compact
    def __call__(self, x: Float[Array, "n h w 3"]) -> Float[Array, "n h w 3"]:
        features = nn.relu(nn.Conv(3, (3, 3), name="first")(x))
        features = features + nn.relu(nn.LayerNorm(name="norm")(nn.Conv(3, (3, 3), name="second")(features)))
        return jnp.clip(nn.sigmoid(nn.Conv(3, (3, 3), name="last")(features)) + x, 1e-4, 1.0)


class LowLightEnhancement(nn.Module):
    """LLEM: windows (N, T, W, H, W', 3) in [0, 1] -> enhanced (N, T, H, W', 3) in [0, 1], and what its losses need.

    Deflicker; mean over each window with learned weights (softmax, starting at the binomial 1 4 6 4 1), with `compensate`
    after its frames were moved back along the motion in it; then, from the clip's mean at 1 / `scale` of its size, by `kind`:

    curve: A in (-1, 1), enlarged and shared by all moments, times the gate; retinex: divided by an illumination, enlarged and
    shared, to the power of the gate; per_frame: a curve from each moment's own picture. That is the warning example: the
    curves differ from moment to moment by what the noise did, and what differs is motion to whoever looks for it.

    Gate g = sigmoid(20 (.5 - p98)) with p98 of the luma of the clip's small mean picture, so that a well-lit clip passes.

    deflicker, window_mean, brightening, light_gate: switch a part off. Then native frames stay as bright as they are, the
    middle one of a window stands for it, nothing is brightened by whatever kind, or all clips are, well lit or not.
    """

    scale: int = 8
    kind: str = "curve"
    compensate: bool = False
    deflicker: bool = True
    window_mean: bool = True
    brightening: bool = True
    light_gate: bool = True

    @nn.compact
    def __call__(self, windows: Float[Array, "n t w h width 3"]) -> tuple[Float[Array, "n t h width 3"], dict]:
        if self.kind not in KINDS:
            raise UserMistake(f"enhancement {self.kind!r} is not known{nearest(self.kind, KINDS)}; "
                              f"there are: {', '.join(KINDS)}")
        if self.compensate and not self.window_mean:
            raise UserMistake("enhancement: compensate without window_mean: there is no mean to be taken along the motion")
        denoised = self.denoised(windows)
        glimpse = self.glimpse(denoised.mean(1, keepdims=True))
        bright = jnp.percentile(luma(glimpse).reshape(len(windows), -1), 98, axis=1)
        gate = nn.sigmoid(20 * (0.5 - bright)) if self.light_gate else jnp.ones(len(windows))
        gate = gate[:, None, None, None, None]
        extras = {"denoised": denoised, "gate": gate[:, 0, 0, 0, 0]}
        if not self.brightening:
            map_of = {"illumination": glimpse[:, 0], "lit": glimpse[:, 0]} if self.kind == "retinex" else {
                "curve": jnp.zeros_like(denoised[:, 0])}
            return denoised, {**extras, "enhanced": denoised, **map_of}
        if self.kind == "retinex":
            light = IlluminationNet(name="illumination")(glimpse[:, 0])
            enhanced = jnp.clip(denoised / self.enlarged(light[:, None], denoised) ** gate, 0, 1)
            return enhanced, {**extras, "enhanced": enhanced, "illumination": light, "lit": glimpse[:, 0]}
        seen = self.glimpse(denoised) if self.kind == "per_frame" else glimpse
        curve = CurveNet(name="curve")(seen.reshape(-1, *seen.shape[2:])).reshape(seen.shape)
        curve = self.enlarged(curve, denoised)
        enhanced = apply_curve(denoised, gate * curve)
        return enhanced, {**extras, "enhanced": enhanced, "curve": curve.mean(1)}

    def denoised(self, windows: Float[Array, "n t w h width 3"]) -> Float[Array, "n t h width 3"]:
        steady = deflicker(windows) if self.deflicker else windows
        if not self.window_mean:
            return middle_frames(steady)
        binomial = jnp.array([1.0])
        for _ in range(windows.shape[2] - 1):
            binomial = jnp.convolve(binomial, jnp.array([0.5, 0.5]))
        weights = jax.nn.softmax(self.param("window", lambda _: jnp.log(binomial)))
        return jnp.einsum("ntwhxc,w->nthxc", moved_back(steady) if self.compensate else steady, weights)

    def glimpse(self, pictures: Float[Array, "n t h width 3"]) -> Float[Array, "n t small_h small_w 3"]:
        n, t, height, width, channels = pictures.shape
        return jax.image.resize(pictures, (n, t, max(height // self.scale, 4), max(width // self.scale, 4), channels), "linear")

    def enlarged(self, small: Float[Array, "n k small_h small_w 3"],
                 like: Float[Array, "n t h width 3"]) -> Float[Array, "n k h width 3"]:
        return jax.image.resize(small, (*small.shape[:2], *like.shape[2:]), "linear")
