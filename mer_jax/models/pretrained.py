"""Published weights for a network's trunk: ImageNet's for dense blocks, from a file of the user's own."""

import re
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from mer_jax.mistakes import UserMistake
from mer_jax.models.network import example_inputs
from mer_jax.models.torch_weights import read_tensors, variables_from_torch

COLOURS = 3                                                   # channels of the pictures that such weights were trained on


def read_trunk(network: nn.Module, path: str | Path) -> dict[str, Any]:
    """{"params": {trunk: ...}, "batch_stats": {trunk: ...}}: what `benchmark(start=...)` begins every run with.

    The file: a PyTorch state dict as .safetensors or .npz, such as torchvision's DenseNet-121, whose classifier is left
    out. Nothing else may be missing or left over. Its first convolution reads colours: those kernels fill the network's
    first three channels, and its other channels start at zero. Gates that only our trunk has (`cbam1`, ...) keep their
    own start. Raises UserMistake where the file is damaged, or its weights are those of another network.
    """
    trunk = getattr(network, "trunk", None)
    if trunk is None:
        raise UserMistake(f"weights {path}: network {type(network).__name__} has no trunk that published weights could fill")
    tensors = {torchvision_name(name): value for name, value in read_tensors(Path(path)).items()
               if not name.startswith("classifier.")}
    example = example_inputs(network)
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), example, train=False))
    template = {kind: {trunk: {name: leaf for name, leaf in tree[trunk].items() if not name.startswith("cbam")}}
                for kind, tree in shapes.items()}
    kernel = template["params"][trunk]["conv0"]["kernel"]
    if kernel.shape[2] < COLOURS or not getattr(network, "appearance", True):
        raise UserMistake(f"weights {path}: wanted a network that reads colours, but `appearance` is off")
    template["params"][trunk]["conv0"] = {"kernel": jax.ShapeDtypeStruct(
        (*kernel.shape[:2], COLOURS, kernel.shape[3]), kernel.dtype)}
    found = variables_from_torch(tensors, template, str(path))
    start = np.zeros(kernel.shape, np.float32)
    start[:, :, :COLOURS] = found["params"][trunk]["conv0"]["kernel"]
    found["params"][trunk]["conv0"] = {"kernel": start}
    return found


def torchvision_name(name: str) -> str:
    """The name of a tensor today: files of torchvision's first years say `norm.1` where `norm1` is meant."""
    return re.sub(r"\.(norm|conv)\.(\d)\.", r".\1\2.", name)
