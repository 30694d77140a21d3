"""AGMENet: low-light enhancement, a modified DenseNet, multi-head attention, a temporal ensemble.

JETBM 1(5), 2024, https://doi.org/10.5281/zenodo.13933725. Of this paper the abstract is public: the four parts, their
order and their purpose are the paper's; every layer, size and loss here is a completion. "Modified DenseNet" is taken as
late pooling and gated dense blocks (from the one DenseNet for this task that the paper cites), the ensemble as a
weighted mixture of the answers at several moments.
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.attention import RegionAttention, TransformerLayer
from mer_jax.models.blocks.convolution import Form
from mer_jax.models.blocks.densenet import LateDenseNet
from mer_jax.models.blocks.enhancement import LowLightEnhancement
from mer_jax.models.blocks.frame_channels import frame_channels, middle_frames
from mer_jax.models.blocks.fusion import TemporalEnsemble, mixed_log_probabilities
from mer_jax.models.network import Output, compute_dtype

READOUTS = ("mean", "places")
VARIANTS = {
    "tiny": {"frame_size": 64, "motion": "flow", "instants": 5, "stem": 16, "stem_kernel": 3,
             "growth": 8, "bottleneck": 2, "blocks": (3, 3), "width": 64, "heads": 4},
    "small": {"instants": 8, "stem": 32, "growth": 16, "blocks": (4, 6, 8, 6), "width": 128, "heads": 4},
    "121": {"instants": 8, "stem": 64, "growth": 32, "blocks": (6, 12, 24, 16), "width": 256, "heads": 8},
}


class AGMENet(nn.Module):
    """inputs["frames"]: (N, T, W, H, W', 3) float in [0, 1], T instants of W native frames -> logits (N, classes).

    The logits are log P, P the mixture of the moments' answers. attention: "region" (N, T, heads, h, w), "moments"
    (N, heads, T, T), "ensemble" (N, T). extras: "instant_logits" (N, T, classes), "beta" (N, T), and what the
    enhancement's losses need. The first instant is the onset. frame_size: what the variant was laid out for; any size that
    2^blocks divides is read.

    llem, block_attention, region_attention, temporal_attention, ensemble: switch a part off. motion: three more channels,
    the "difference" to the onset, the "flow" from it, "tvl1", on the enhanced frames, or "none"; see `blocks.frame_channels`.
    positions: learned places and times added to the tokens. place_gain: a learned gain for each place of the aligned face,
    part of no paper: without it the mean over places forgets where something moved. readout: that "mean", or "places", all
    places of the features side by side through a Dense, ReLU and dropout; of no paper either.
    enhancement, compensate: of the LLEM, "curve", "retinex" or the warning example "per_frame"; deflicker, window_mean,
    brightening, light_gate: parts of it that are switched off; see `blocks.enhancement`.
    form: of the dense blocks' 3x3 convolutions, "conv" or "patches", see `blocks.convolution`; equal to rounding.
    dtype: what the dense blocks compute in, "float32" or "bfloat16". Enhancement and motion stay float32, since a motion may
    change a pixel by 1/255, which bfloat16 cannot tell; so do parameters, statistics, attention and answers.
    batch_axis: the mapped axis over which batch statistics are synchronised (inside pmap or shard_map), else None.
    """

    classes: int = 3
    frame_size: int = 112
    instants: int = 8
    stem: int = 32
    stem_kernel: int = 7
    growth: int = 16
    bottleneck: int = 4
    blocks: tuple[int, ...] = (4, 6, 8, 6)
    width: int = 128
    heads: int = 4
    dropout: float = 0.2
    appearance: bool = True
    llem: bool = True
    block_attention: bool = True
    region_attention: bool = True
    temporal_attention: bool = True
    ensemble: bool = True
    motion: str = "difference"
    positions: bool = True
    place_gain: bool = True
    readout: str = "mean"
    enhancement: str = "curve"
    compensate: bool = False
    deflicker: bool = True
    window_mean: bool = True
    brightening: bool = True
    light_gate: bool = True
    form: Form = "conv"
    dtype: str = "float32"
    batch_axis: str | None = None
    inputs: ClassVar[tuple[str, ...]] = ("frames",)
    trunk: ClassVar[str] = "features"                         # the part that published weights fill

    @property
    def frames_shape(self) -> tuple[int, ...]:
        """(T, W, H, W', 3) of one clip with windows of five frames."""
        return (self.instants, 5, self.frame_size, self.frame_size, 3)

    @nn.compact
    def __call__(self, inputs: dict[str, jax.Array | np.ndarray], *, train: bool) -> Output:
        windows = jnp.asarray(inputs["frames"])
        n, t = windows.shape[:2]
        if self.llem:
            frames, extras = self.low_light()(windows)
        else:
            frames, extras = middle_frames(windows), {}
        how = Arithmetic(self.form, compute_dtype(self.dtype), self.batch_axis)
        features = LateDenseNet(self.stem, self.growth, self.blocks, self.stem_kernel, self.bottleneck, self.dropout,
                                self.block_attention, how, name="features")(
                                    frame_channels(frames, self.motion, self.appearance), train=train)
        h, w = features.shape[1:3]
        tokens = nn.Dense(self.width, name="project")(features.reshape(n * t, h * w, -1).astype(jnp.float32))
        if self.positions:
            tokens = tokens + self.param("place", nn.initializers.normal(1.0), (h * w, self.width))
        if self.place_gain:
            tokens = tokens * self.param("gain", nn.initializers.normal(1.0), (h * w, self.width))
        moments, attention = self.read_out(features.reshape(n * t, -1), tokens, train), {}
        if self.region_attention:
            pooled, weights = RegionAttention(self.heads, name="regions")(tokens)
            moments, attention["region"] = moments + pooled, weights.reshape(n, t, self.heads, h, w)
        moments = moments.reshape(n, t, self.width)
        if self.positions:
            moments = moments + self.param("time", nn.initializers.normal(0.02), (t, self.width))
        if self.temporal_attention:
            moments, attention["moments"] = TransformerLayer(self.heads, name="encoder")(moments)
        logits = nn.Dense(self.classes, name="head")(moments)
        beta = TemporalEnsemble(name="ensemble")(moments) if self.ensemble else jnp.full((n, t), 1 / t)
        attention["ensemble"] = beta
        extras = {**extras, "instant_logits": logits, "beta": beta}
        return Output(mixed_log_probabilities(logits, beta), attention, extras)

    @nn.nowrap
    def read_out(self, features: Float[Array, "nt all"], tokens: Float[Array, "nt places width"],
                 train: bool) -> Float[Array, "nt width"]:
        """Of every moment what does not hang on attention."""
        if self.readout == "mean":
            return tokens.mean(1)
        read = nn.relu(nn.Dense(self.width, name="read")(features.astype(jnp.float32)))
        return nn.Dropout(self.dropout, deterministic=not train)(read)

    @nn.nowrap
    def low_light(self) -> LowLightEnhancement:
        """The enhancement, which by itself takes the variables that the network has under "llem"."""
        return LowLightEnhancement(kind=self.enhancement, compensate=self.compensate, deflicker=self.deflicker,
                                   window_mean=self.window_mean, brightening=self.brightening, light_gate=self.light_gate,
                                   name="llem")
