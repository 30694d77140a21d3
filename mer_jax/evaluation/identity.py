"""What a benchmark's numbers depend on, as digests: the same digests, the same numbers."""

import functools
import hashlib
import importlib.metadata
import platform
from pathlib import Path
from typing import Any

import jax
import numpy as np

from mer_jax.data.clips import Clips, data_digest
from mer_jax.training.plan import Plan
from mer_jax.training.run import Program, Run

VERSIONS_OF = ("mer_jax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
DECISIVE = ("jax", "jaxlib")                     # other versions of these may give other numbers from the same code


@functools.cache
def code_digest() -> str:
    """sha256 of the library's own sources: tells two code versions apart where no version number does."""
    root = Path(__file__).parents[1]
    files = sorted(root.rglob("*.py"))
    return hashlib.sha256(b"".join(str(f.relative_to(root)).encode() + f.read_bytes() for f in files)).hexdigest()


def versions() -> dict[str, str]:
    """The versions of Python and of the packages a benchmark runs with."""
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in VERSIONS_OF}}


def decisive_versions() -> dict[str, str]:
    return {name: version for name, version in versions().items() if name in DECISIVE}


def arrays_digest(tree: Any) -> str:
    """sha256 of the paths, types, shapes and bytes of a tree of arrays."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.ascontiguousarray(leaf)
        digest.update(f"{jax.tree_util.keystr(path)}{array.dtype}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def experiment_digest(program: Program, runs: Run, clips: Clips, start: Any, plan: Plan) -> str:
    """sha256 of all that the states of a training depend on."""
    return digest_of(program, arrays_digest(runs), data_digest(clips), arrays_digest(start), plan, code_digest(),
                     decisive_versions())


def digest_of(*parts: object) -> str:
    """sha256 over the parts as Python writes them."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()
