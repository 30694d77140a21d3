"""A recurrent network: small convolutions shared by all instants, a GRU over them: a baseline, no paper's port.

In the manner of the field's CNNs with a GRU behind (Fan et al., ICIP 2024, whose convolutions are in three dimensions, whose
input is the first thirty frames, and whose 7.7 million parameters are 82 times those of `tiny` and 6 times those of `small`);
layers and sizes are our own.
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.convolution import Convolution, Form
from mer_jax.models.blocks.frame_channels import frame_channels, middle_frames
from mer_jax.models.blocks.normalisation import normalised
from mer_jax.models.network import Output, compute_dtype

VARIANTS = {
    "tiny": {"frame_size": 64, "motion": "flow", "instants": 5, "stages": (16, 32, 32), "width": 64},
    "small": {"instants": 8, "stages": (32, 64, 96, 128), "width": 128},
}


class CnnGru(nn.Module):
    """inputs["frames"]: (N, T, W, H, W', 3) float in [0, 1], T instants of W native frames -> logits (N, classes).

    Of each window the middle frame is seen, with the `motion` since the first instant (see `blocks.frame_channels`). Each of
    `stages` is two 3x3 convolutions, the first at stride 2, with batch norm and ReLU; what is left of the picture, place by
    place, goes through a Dense of `width` and dropout into a GRU of `width`, from whose last state the answer is read.
    form, dtype, batch_axis: of the convolutions, as AGMENet's.
    """

    classes: int = 3
    frame_size: int = 112
    instants: int = 8
    stages: tuple[int, ...] = (32, 64, 96, 128)
    width: int = 128
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
        n, t = windows.shape[:2]
        how = Arithmetic(self.form, compute_dtype(self.dtype), self.batch_axis)
        x = frame_channels(middle_frames(windows), self.motion)
        for number, features in enumerate(self.stages, 1):
            for part, stride in (("a", 2), ("b", 1)):
                x = Convolution(features, 3, stride, self.form, how.dtype, name=f"conv{number}{part}")(x)
                x = normalised(x, train, f"norm{number}{part}", how)
        seen = nn.relu(nn.Dense(self.width, name="project")(x.reshape(n, t, -1).astype(jnp.float32)))
        seen = nn.Dropout(self.dropout, deterministic=not train)(seen)
        states = nn.RNN(nn.GRUCell(self.width), name="gru")(seen)
        return Output(nn.Dense(self.classes, name="head")(states[:, -1]))
