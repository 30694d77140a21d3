"""Compiled programs are kept where the user's cache is, read again, bounded; and never where the user said otherwise."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from mer_jax.backend import make_room

CODE = """
import jax, jax.numpy as jnp
from mer_jax import backend
backend.KEPT_FROM = 0.0
seen = []
jax.monitoring.register_event_listener(lambda event, **_: seen.append(event.rsplit("/", 1)[1]))
backend.start_jax("cpu")
print(float(jax.jit(lambda x: (x @ x).sum())(jnp.ones((8, 8)))), jax.config.jax_compilation_cache_dir, seen.count("cache_hits"))
"""


def compile_once(folder: Path, **more: str) -> tuple[str, str, int]:
    """(the answer, the folder that JAX keeps programs in, how many were found there)."""
    environment = {**os.environ, "MER_JAX_CACHE": str(folder), **more}
    if "JAX_COMPILATION_CACHE_DIR" not in more:
        environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True)
    answer, kept, hits = done.stdout.split()
    return answer, kept, int(hits)


def test_what_is_compiled_is_kept_and_found_again(tmp_path):
    first, second = compile_once(tmp_path), compile_once(tmp_path)
    assert first[:2] == second[:2] == ("512.0", str(tmp_path / "compiled"))
    assert first[2] == 0 and second[2] > 0
    assert list((tmp_path / "compiled").iterdir())


def test_a_damaged_program_is_compiled_again(tmp_path):
    compile_once(tmp_path)
    for path in (tmp_path / "compiled").iterdir():
        path.write_bytes(b"damaged")
    assert compile_once(tmp_path)[0] == "512.0"


def test_the_users_own_folder_is_respected(tmp_path):
    own = tmp_path / "own"
    assert compile_once(tmp_path, JAX_COMPILATION_CACHE_DIR=str(own))[1] == str(own)
    assert not (tmp_path / "compiled").exists()


def test_where_nothing_can_be_kept_it_is_only_compiled(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert compile_once(tmp_path / "file")[::2] == ("512.0", 0)


@pytest.mark.parametrize(("full", "kept"), [(100, ["b", "c"]), (20, []), (120, ["a", "b", "c"])])
def test_the_oldest_make_room(tmp_path, full, kept):
    (tmp_path / "folder").mkdir()                             # as JAX makes on a GPU
    for age, name in enumerate("cba"):
        (tmp_path / name).write_bytes(bytes(40))
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    make_room(tmp_path, full, full)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == kept


PAGES = """
import resource
import numpy as np
from mer_jax import backend
backend.keep_memory()
faults = []
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(1 << 24).sum()
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[-1])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of GNU's C library alone")
@pytest.mark.parametrize(("setting", "kept"), [({}, True), ({"MALLOC_TOP_PAD_": "0"}, False)])
def test_memory_that_was_freed_is_not_asked_for_anew_unless_the_user_set_it_up(setting, kept):
    """128 MiB are 32768 pages of 4 KiB, or fewer larger ones."""
    own = ("GLIBC_TUNABLES", "LD_PRELOAD")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_") and name not in own}
    environment |= setting
    done = subprocess.run([sys.executable, "-c", PAGES], env=environment, capture_output=True, text=True, check=True)
    assert (int(done.stdout) < 16) == kept
