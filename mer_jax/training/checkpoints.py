"""Checkpoints that survive anything: Orbax underneath, a digest of our own on top, the newest valid state wins.

Orbax does not notice a flipped bit in array data, and raises many kinds of exceptions on other damage; so every state
is stored with the sha256 of its bytes, and whatever does not restore to that digest is refused by name and removed:
training comes to that step again and must find its place free, and no damaged state may outlive a good one.
"""

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np


def tree_digest(tree: Any) -> str:
    """sha256 over paths, dtypes, shapes and bytes; the same on every device topology."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.ascontiguousarray(jax.device_get(leaf))
        digest.update(f"{jax.tree_util.keystr(path)}{array.dtype}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def _manager(folder: Path):
    import orbax.checkpoint as ocp

    options = ocp.CheckpointManagerOptions(max_to_keep=2, cleanup_tmp_directories=True, enable_async_checkpointing=False)
    return ocp.CheckpointManager(folder.absolute(), options=options)


def save(folder: Path, step: int, tree: Any, identity: str) -> None:
    """Stores `tree` under `step`; older steps than the last two are removed. `identity` says whose state it is."""
    import orbax.checkpoint as ocp

    tree = jax.tree.map(np.asarray, jax.device_get(tree))
    with _manager(folder) as manager:
        manager.save(step, args=ocp.args.Composite(
            train=ocp.args.StandardSave(tree),
            meta=ocp.args.JsonSave({"digest": tree_digest(tree), "identity": identity})), force=True)
        manager.wait_until_finished()


def restore_latest_valid(folder: Path, template: Any, identity: str) -> tuple[int, Any] | None:
    """(step, tree) of the newest undamaged state with this identity, as numpy arrays, or None.

    `template` gives structure, shapes and dtypes. Each refused step is named on stderr with the reason, and removed.
    """
    single = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    abstract = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=single), template)
    names = [entry.name for entry in folder.iterdir() if entry.name.isdecimal()] if folder.is_dir() else []
    for name in sorted(names, key=int, reverse=True):
        try:
            return int(name), _restored(folder, int(name), abstract, identity)
        except Exception as error:                   # Orbax raises a dozen kinds on damage; each is named and refused
            reason = str(error).splitlines()[0][:120] if str(error) else ""
            print(f"checkpoint {folder.name}/{name} refused: {type(error).__name__}: {reason}", file=sys.stderr)
        _remove(folder / name)
    return None


def _restored(folder: Path, step: int, abstract: Any, identity: str) -> Any:
    """The state of one step. Raises ValueError where it is another's or its digest is wrong, and whatever Orbax raises."""
    import orbax.checkpoint as ocp

    with _manager(folder) as manager:
        restored = manager.restore(step, args=ocp.args.Composite(
            train=ocp.args.StandardRestore(abstract), meta=ocp.args.JsonRestore()))
    tree, meta = jax.tree.map(np.asarray, restored["train"]), restored["meta"]
    if meta["identity"] != identity:
        raise ValueError("it belongs to other settings")
    if meta["digest"] != tree_digest(tree):
        raise ValueError("its arrays are damaged: digest mismatch")
    return tree


def _remove(step: Path) -> None:
    """Removes a step, whatever it has become."""
    if step.is_dir() and not step.is_symlink():
        shutil.rmtree(step)
    else:
        step.unlink(missing_ok=True)
