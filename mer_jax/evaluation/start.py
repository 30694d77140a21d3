"""What runs begin with: nothing, the trunk in a file of published weights, or a network that `mer-jax train` kept."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import flax.linen as nn
import jax

from mer_jax.evaluation.kept_network import head_of, name_of, read_network
from mer_jax.evaluation.seen import NOBODY, UNKNOWN, Seen, seen_of
from mer_jax.mistakes import UserMistake
from mer_jax.models.pretrained import read_trunk


class Start(NamedTuple):
    """variables: the part of a network's variables that every run begins with; the rest is drawn by its seed.

    seen: whom they were fitted on. source: what messages call them. drawn: the names of all variables that are left to be
    drawn; None: those that are not there. head: of a kept network's, "taken" or "drawn".
    """

    variables: Mapping[str, Any] = MappingProxyType({})
    seen: Seen = NOBODY
    source: str = "start"
    drawn: frozenset[str] | None = None
    head: str = ""

    def to_json(self) -> dict:
        """What config.json says beside their digest; the numbers are None where it is not known whom they have seen."""
        if not self.variables:
            return {}
        known = self.seen.whole
        return {"head": self.head, "subjects": len(self.seen.subjects) if known else None,
                "clips": len(self.seen.contents) if known else None}


NOTHING = Start()


def as_start(start: Start | Mapping[str, Any]) -> Start:
    """A start as it is; of variables alone, a start of which nobody knows whom they were fitted on."""
    if isinstance(start, Start):
        return start
    return Start(start, UNKNOWN) if start else NOTHING


def read_start(network: nn.Module, classes: tuple[str, ...], weights: str | Path) -> Start:
    """weights: a folder that `mer-jax train` wrote, or a file for the trunk (see `models.pretrained`); "": nothing.

    Of a folder, every variable is taken; those whose shape depends on the number of classes (the head) only where the classes
    are the same names in the same order, else they are drawn by each run's seed.
    Raises UserMistake where there is no such file or folder, it is damaged, or holds another network.
    """
    if not str(weights):
        return NOTHING
    path = Path(weights)
    if not path.exists():
        raise UserMistake(f"weights {path}: no such file of weights, and no such folder of a kept network")
    if path.name == "weights.npz" and (path.parent / "network.json").is_file():
        raise UserMistake(f"weights {path}: the weights of a kept network; wanted its folder, {path.parent}")
    if not path.is_dir():
        return Start(read_trunk(network, path), UNKNOWN, f"weights {path}")
    kept = read_network(path)
    if type(kept.network) is not type(network):
        raise UserMistake(f"weights {path}: a kept {type(kept.network).__name__}, wanted {type(network).__name__}")
    seen = seen_of(kept.description, path / "network.json")
    if tuple(kept.description["classes"]) == tuple(classes):
        return Start(kept.variables, seen, f"weights {path}", frozenset(), "taken")
    head = head_of(kept)
    return Start(without(kept.variables, head), seen, f"weights {path}", head, "drawn")


def without(variables: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """The tree of variables without those of these names, and without what is then empty."""
    tree: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
        if name_of(path) not in names:
            *modules, last = [entry.key for entry in path]
            part = tree
            for module in modules:
                part = part.setdefault(module, {})
            part[last] = leaf
    return tree
