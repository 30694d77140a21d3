"""A plain DenseNet over a clip's instants, its features' mean over places and instants: a baseline, no paper's.

Dense blocks of Huang, Liu, van der Maaten, Weinberger, CVPR 2017, pooled late. It is what AGMENet is without its enhancement,
its attention, its places and its ensemble, and so has an eighth of its parameters (`tiny`).
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.convolution import Form
from mer_jax.models.blocks.densenet import LateDenseNet
from mer_jax.models.blocks.frame_channels import frame_channels, middle_frames
from mer_jax.models.network import Output, compute_dtype

VARIANTS = {
    "tiny": {"frame_size": 64, "motion": "flow", "instants": 5, "stem": 16, "stem_kernel": 3,
             "growth": 8, "bottleneck": 2, "blocks": (3, 3)},
    "small": {"instants": 8, "stem": 32, "growth": 16, "blocks": (4, 6, 8, 6)},
}


class DenseNet(nn.Module):
    """inputs["frames"]: (N, T, W, H, W', 3) float in [0, 1], T instants of W native frames -> logits (N, classes).

    Of each window the middle frame is seen, with the `motion` since the first instant as AGMENet has it (see
    `blocks.frame_channels`). dropout: in the dense layers. form, dtype, batch_axis: as AGMENet's.
    """

    classes: int = 3
    frame_size: int = 112
    instants: int = 8
    stem: int = 32
    stem_kernel: int = 7
    growth: int = 16
    bottleneck: int = 4
    blocks: tuple[int, ...] = (4, 6, 8, 6)
    dropout: float = 0.2
    motion: str = "difference"
    form: Form = "conv"
    dtype: str = "float32"
    batch_axis: str | None = None
    inputs: ClassVar[tuple[str, ...]] = ("frames",)

    @property
    def frames_shape(self) -> tuple[int, ...]:
        """(T, W, H, W', 3) of one clip with windows of five frames."""
        return (self.instants, 5, self.frame_size, self.frame_size, 3)

    @nn.compact
    def __call__(self, inputs: dict[str, jax.Array | np.ndarray], *, train: bool) -> Output:
        windows = jnp.asarray(inputs["frames"])
        how = Arithmetic(self.form, compute_dtype(self.dtype), self.batch_axis)
        features = LateDenseNet(self.stem, self.growth, self.blocks, self.stem_kernel, self.bottleneck, self.dropout, False,
                                how, name="features")(frame_channels(middle_frames(windows), self.motion), train=train)
        of_instants = features.astype(jnp.float32).mean((1, 2)).reshape(*windows.shape[:2], -1)
        return Output(nn.Dense(self.classes, name="head")(of_instants.mean(1)))
