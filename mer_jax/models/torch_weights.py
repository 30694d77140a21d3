"""PyTorch weights into Linen variables, strict in both directions: nothing missing, nothing left over, no pickle.

A module of ours carries the name its PyTorch twin has in the state dict, so one rule serves every network.
"""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from mer_jax.mistakes import UserMistake

TORCH_LEAF = {"kernel": "weight", "scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """The named arrays of a .npz or .safetensors file. Pickled formats (.pt, .pth) are refused, not opened."""
    path = Path(path)
    if path.suffix not in (".npz", ".safetensors"):
        raise UserMistake(f"{path}: weights are read from .npz or .safetensors, found {path.suffix or 'no suffix'}")
    if not path.is_file():
        raise UserMistake(f"{path}: no such file of weights")
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        from safetensors.numpy import load_file
        return load_file(path)
    except ImportError as error:
        raise UserMistake(f"{path}: reading .safetensors needs `pip install mer_jax[weights]`") from error
    except ValueError as error:                      # numpy's own words advise to unpickle
        words = "pickled or no arrays" if "pickle" in str(error) else error
        raise UserMistake(f"{path}: not readable as weights: {words}") from error
    except Exception as error:                       # numpy, zipfile and safetensors raise a dozen kinds on damage
        raise UserMistake(f"{path}: not readable as weights: {error}") from error


def variables_from_torch(tensors: dict[str, np.ndarray], template: Any, source: str = "the weights") -> Any:
    """Variables shaped like `template` (of `jax.eval_shape(network.init, ...)`) from a PyTorch state dict.

    Convolutions OIHW become HWIO, linear layers are transposed; a parameter of no layer (`place`) has one name in
    both. `num_batches_tracked` alone may be left over.
    """
    used = set()

    def leaf(path: tuple, wanted: Any) -> np.ndarray:
        *modules, name = [entry.key for entry in path[1:]]
        key = ".".join([*modules, TORCH_LEAF.get(name, name)])
        if key not in tensors:
            raise UserMistake(f"{source}: no tensor {key!r}, which the network needs: weights of another network?")
        used.add(key)
        value = np.asarray(tensors[key])
        if value.dtype.kind not in "fiu" or not np.isfinite(value).all() or (name == "var" and (value < 0).any()):
            raise UserMistake(f"{source}: {key} ({value.dtype}) holds something else than finite numbers"
                              + (", wanted none below 0" if name == "var" else ""))
        value = value.astype(np.float32)
        if name == "kernel":
            value = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T
        if value.shape != wanted.shape:
            raise UserMistake(f"{source}: {key} has shape {value.shape} (in JAX order), the network wants {wanted.shape}")
        return value

    variables = jax.tree.map_with_path(leaf, template)
    unused = sorted(k for k in tensors if not k.endswith("num_batches_tracked") and k not in used)
    if unused:
        raise UserMistake(f"{source}: tensors the network does not know: {', '.join(unused[:5])}"
                          + (f" and {len(unused) - 5} more" if len(unused) > 5 else ""))
    return variables
