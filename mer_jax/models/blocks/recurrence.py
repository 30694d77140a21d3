"""A convolution that is applied over and over to a picture and its own last answer.

Liang and Hu: "Recurrent Convolutional Neural Network for Object Recognition", CVPR 2015; in the form of Xia et al., IEEE
TIP 29, 2020 (arXiv 2006.09674), as their public code has it.
"""

import flax.linen as nn
from jaxtyping import Array, Float

from mer_jax.models.blocks.arithmetic import Arithmetic
from mer_jax.models.blocks.class_map import weighed
from mer_jax.models.blocks.convolution import Convolution
from mer_jax.models.blocks.normalisation import normalised

HE = nn.initializers.variance_scaling(2.0, "fan_out", "normal")                  # He's rule over the kernel's answers


class Unit(nn.Module):
    """A convolution with a bias, batch norm, ReLU; called several times, it is the same one each time.

    inside: only where the whole kernel lies in the picture, size // 2 places fewer on each side.
    """

    features: int
    size: int
    how: Arithmetic
    inside: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], train: bool) -> Float[Array, "n h2 w2 f"]:
        x = Convolution(self.features, self.size, form=self.how.form, dtype=self.how.dtype, draw=HE, name="conv")(x)
        if self.inside:
            edge = self.size // 2
            x = x[:, edge : x.shape[1] - edge, edge : x.shape[2] - edge]
        return normalised(x, train, "norm", self.how)


class Recurrence(nn.Module):
    """y_0 = gate * Unit1x1(x); y_t = Unit3x3(x + y_(t-1)) for t = 1, 2, or with shortcuts Unit3x3(x + y_0 + .. + y_(t-1)) for
    t = 1, 2, 3; the last y_t. One 3x3 kernel and one batch norm serve all rounds. gate: see `weighed`."""

    shortcuts: bool
    how: Arithmetic

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], gate: Float[Array, "n p q"] | None, train: bool) -> Float[Array, "n h w c"]:
        again = Unit(x.shape[-1], 3, self.how, name="again")
        total, y = x, weighed(Unit(x.shape[-1], 1, self.how, name="first")(x, train), gate)
        for _ in range(3 if self.shortcuts else 2):
            total = (total if self.shortcuts else x) + y
            y = again(total, train)
        return y
