"""A network that `mer-jax train` kept in a folder: network.json, which describes it, and weights.npz."""

import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.models.torch_weights import read_tensors
from mer_jax.training.front import Front
from mer_jax.training.inputs import MARKS, Data, scored_inputs, sources


class KeptNetwork(NamedTuple):
    """variables: as the network was trained; description: what network.json says, see `network_training`."""

    network: nn.Module
    variables: dict[str, Any]
    description: dict


def name_of(path: tuple) -> str:
    """The name in weights.npz of a variable."""
    return "/".join(str(entry.key) for entry in path)


def read_network(folder: Path) -> KeptNetwork:
    """The network that `train_network` left in a folder. Raises UserMistake where it holds none, or a damaged one."""
    try:
        text = (folder / "network.json").read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserMistake(f"{folder}: no trained network here (no network.json), as `mer-jax train` writes it") from error
    except UnicodeDecodeError as error:
        raise UserMistake(f"{folder / 'network.json'}: damaged, it is no text") from error
    try:
        kept = json.loads(text)
        options = {name: tuple(value) if isinstance(value, list) else value for name, value in kept["options"].items()}
        network = create(kept["network"], len(kept["classes"]), kept["variant"], tuple(kept["off"]), **options)
        seen = kept["preprocessing"]
        template = variable_shapes(network, seen)
    except UserMistake as error:
        raise UserMistake(f"{folder / 'network.json'}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        words = f"{type(error).__name__} {error}"
        raise UserMistake(f"{folder / 'network.json'}: damaged, or of another version: {words}") from error
    return KeptNetwork(network, read_variables(folder / "weights.npz", template), kept)


def front_of(preprocessing: dict) -> Front:
    """The front end of a kept network; those kept before there was any have none."""
    return Front(**preprocessing.get("front", {}))


def first_variables(network: nn.Module, front: Front, window: int, stored: dict[str, jax.Array]) -> dict:
    """What the network begins with where it is fed, through its front end, from clips of these shapes."""
    marks = {name: jnp.zeros(1, jnp.int32) for name in sources(network, front) if name in MARKS}
    rows = jnp.zeros(1, jnp.int32)
    inputs = scored_inputs(network, window, ("L0",), Data({**stored, **marks}, rows), rows, front)
    return network.init(jax.random.key(0), inputs, train=False)


def variable_shapes(network: nn.Module, seen: dict) -> Any:
    """The shapes of a network's variables; seen: the preprocessing of network.json, of which they depend too."""
    return jax.eval_shape(functools.partial(first_variables, network, front_of(seen), seen["window"]), {
        name: jax.ShapeDtypeStruct((1, *shape), np.uint8) for name, shape in seen["shapes"].items()})


def head_of(kept: KeptNetwork) -> frozenset[str]:
    """The names of the variables whose shape depends on how many classes there are."""
    more = kept.network.clone(classes=kept.network.classes + 1)
    shapes = [{name_of(path): leaf.shape for path, leaf in jax.tree_util.tree_leaves_with_path(
        variable_shapes(network, kept.description["preprocessing"]))} for network in (kept.network, more)]
    return frozenset(name for name, shape in shapes[0].items() if shape != shapes[1][name])


def read_variables(path: Path, template: Any) -> Any:
    """Variables shaped like `template`, from the file that `train_network` wrote; nothing missing, nothing left over."""
    tensors = read_tensors(path)

    def leaf(where: tuple, wanted: Any) -> np.ndarray:
        value = tensors.pop(name_of(where), None)
        if value is None or value.shape != wanted.shape or value.dtype != wanted.dtype or not np.isfinite(value).all():
            found = "nothing" if value is None else f"{value.dtype} {value.shape}"
            raise UserMistake(f"{path}: {name_of(where)}: found {found}, wanted finite {wanted.dtype} {wanted.shape}")
        return value

    variables = jax.tree.map_with_path(leaf, template)
    if tensors:
        raise UserMistake(f"{path}: holds {next(iter(tensors))!r}, which the network does not know")
    return variables
