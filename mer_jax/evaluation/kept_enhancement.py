"""The low-light enhancement of a network that was trained and kept, as an enhancer like any other."""

from pathlib import Path

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mer_jax.data.clips import Clips, data_digest
from mer_jax.evaluation.kept_network import front_of, read_network
from mer_jax.light.enhancers import Enhancer
from mer_jax.mistakes import UserMistake
from mer_jax.training.front import read_input


def kept_enhancers(folders: tuple[str, ...], taken: tuple[str, ...] = ()) -> dict[str, Enhancer]:
    """Folder name -> the enhancement of the network in it, of folders that `mer-jax train` wrote.

    Raises UserMistake for a folder that holds no such network, one without an enhancement, and two of one name; taken: names
    that others have already.
    """
    found: dict[str, Enhancer] = {}
    for folder in map(Path, folders):
        name = folder.resolve().name
        if name in (*taken, *found):
            raise UserMistake(f"network {folder}: another enhancer is called {name!r}; rename the folder")
        found[name] = kept_enhancer(folder)
    return found


def trained_on(clips: Clips, folders: tuple[str, ...]) -> list[str]:
    """The names of those whose networks were trained on these very clips: what they keep of them says little of others."""
    digest = data_digest(clips) if folders else ""
    return [folder.resolve().name for folder in map(Path, folders)
            if read_network(folder).description.get("data", {}).get("digest") == digest]


def kept_enhancer(folder: Path) -> Enhancer:
    """See `kept_enhancers`."""
    kept = read_network(folder)
    if not getattr(kept.network, "llem", False):
        raise UserMistake(f"{folder}: its network ({kept.description['network']}) has no low-light enhancement")
    seen = kept.description["preprocessing"]
    module, window, front = kept.network.low_light(), seen["window"], front_of(seen)
    variables = {"params": jax.device_put(kept.variables["params"]["llem"])}

    def enhance(windows: Float[Array, "instants window height width channels"]) -> Array:
        if windows.shape[1] != window:
            raise UserMistake(f"{folder}: its enhancement was trained on windows of {window} frames, these clips give windows "
                              f"of {windows.shape[1]}")
        coloured = jnp.broadcast_to(windows, (*windows.shape[:-1], 3))
        return module.apply(variables, read_input("frames", kept.network, front, coloured[None]))[0][0]

    return Enhancer(enhance, f"the enhancement of {folder}" + (f", behind {front.enhancer}" if front.enhancer else ""))
