"""CapsuleNet: capsules over the features of a residual network, routed to the classes by agreement.

Quang, Chun, Tokuyama: "CapsuleNet for Micro-Expression Recognition", FG 2019, https://doi.org/10.1109/FG.2019.8756544. Exact:
capsules, routing and, in variant "enlarged", the trunk are layer by layer those of the authors' public code. What it reads is
not theirs: a flow picture, where they have the apex frame in colours.
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mer_jax.mistakes import UserMistake
from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.capsules import Routing, squash
from mer_jax.models.blocks.convolution import Form, uniform
from mer_jax.models.blocks.flow_channels import flow_channels
from mer_jax.models.blocks.resnet import ResNetStages
from mer_jax.models.network import Output, compute_dtype

VARIANTS = {"flow": {}, "enlarged": {"side": 224}, "small": {"widths": (16, 32, 64), "features": 64, "types": 8}}
LENGTH, KERNEL = 8, 9                                # numbers of a capsule; size of the two convolutions that make them


class CapsuleNet(nn.Module):
    """inputs["flow"]: (N, 28, 28, 3) uint8, (u, v, strain) each stretched to 0..255 -> logits (N, classes).

    ResNet-18 up to its third stage without max-pool gives 28 x 28 places; a 9x9 convolution and ReLU 20 x 20; one at stride 2
    leaves 6 x 6 places of `types` capsules of 8 numbers, routed to capsules of 16 numbers, one a class.
    logits: log |s|^2 of what those are before squashing, so that sigmoid(logits) are their lengths, which the loss `margin`
    wants and by which the paper decides, and softmax(logits) the shares of the squared votes.
    attention: "coupling" (N, classes, 6, 6), to which class the capsules of each place are coupled, mean over types; its sum
    over classes is 1. 13,834,816 parameters; 13,842,496 as "enlarged", 948,880 as "small".

    Variant "small" has a quarter of all widths, ours: 16 times fewer operations, which two CPU cores can train.

    side: 28 reads the picture as it is with a trunk that halves nothing (first kernel 3x3); 224, variant "enlarged", makes it
    by bilinear interpolation as large as the paper's frames, for the paper's trunk (7x7, three times halved).
    widths: of the trunk's stages. features: of the 9x9 convolution. routings: the first has equal couplings. form: of the
    trunk's 3x3 convolutions at stride 1, "conv" or "patches", equal to rounding. dtype: of convolutions, "float32" or
    "bfloat16"; capsules, statistics and answers are float32. batch_axis: the mapped axis over which batch statistics are
    synchronised, else None. Raises UserMistake for flow of another size, another `side`, no type or no routing.

    Where it departs: the trunk starts anew, theirs with weights learnt from ImageNet and facial expressions; values are brought
    to -1..1, theirs to 0..1; the running variance is the biased one (Flax).
    """

    classes: int = 3
    side: int = 28
    widths: tuple[int, ...] = (64, 128, 256)
    features: int = 256
    types: int = 32
    routings: int = 3
    form: Form = "conv"
    dtype: str = "float32"
    batch_axis: str | None = None
    inputs: ClassVar[tuple[str, ...]] = ("flow",)
    flow_coding: ClassVar[str] = "minmax8"
    flow_size: ClassVar[tuple[int, int]] = (28, 28)

    @nn.compact
    def __call__(self, inputs: dict[str, jax.Array | np.ndarray], *, train: bool) -> Output:
        how = Arithmetic(self.form, compute_dtype(self.dtype), self.batch_axis)
        stride = {28: 1, 28 * 2 ** len(self.widths): 2}.get(self.side)
        if stride is None:
            raise UserMistake(f"CapsuleNet: side={self.side}, wanted 28 or {28 * 2 ** len(self.widths)}")
        if self.types < 1:
            raise UserMistake(f"CapsuleNet: types={self.types}, wanted at least 1")

        def conv(pictures: jax.Array, features: int, stride: int, name: str) -> jax.Array:
            draw = uniform((KERNEL**2 * pictures.shape[-1]) ** -0.5)
            return nn.Conv(features, (KERNEL, KERNEL), stride, "VALID", dtype=how.dtype, kernel_init=draw, bias_init=draw,
                           name=name)(pictures)

        x = ResNetStages(self.widths, stride, how, name="trunk")(flow_channels(self, inputs["flow"], self.side), train)
        x = conv(nn.relu(conv(x, self.features, 1, "conv1")), self.types * LENGTH, 2, "primary").astype(jnp.float32)
        capsules = squash(x.reshape(len(x), -1, LENGTH))                                    # place by place, type by type
        votes, coupling = Routing(self.classes, routings=self.routings, name="routing")(capsules)
        coupling = coupling.reshape(len(x), self.classes, *x.shape[1:3], self.types).mean(-1)
        return Output(jnp.log(jnp.square(votes).sum(-1) + 1e-12), {"coupling": coupling})
