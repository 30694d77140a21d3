"""What the commands run on: the backend, its devices, and the folder in which compiled programs are kept.

`import mer_jax` changes nothing of this: whoever writes a program sets JAX up by himself.
"""

import contextlib
import ctypes
import os
import socket
import sys
import time
from pathlib import Path
from platform import libc_ver

import jax

from mer_jax.loading import cache_folder
from mer_jax.mistakes import UserMistake

PATIENCE = 300                                                # seconds that processes wait for each other
KEPT_FROM = 0.5                                               # seconds of compiling
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8        # of malloc.h
FULL, LEFT = 2 << 30, 1 << 30                                 # bytes: of more than FULL the oldest go, until LEFT are left


def start_jax(platform: str, distributed: str | None = None) -> None:
    """Chooses the backend, and on a CPU makes every core a device, over which the runs are spread.

    distributed: None: this process alone; "auto": one of several that TPU pods, Slurm, Open MPI or Kubernetes started, which
    JAX finds out; "HOST:PORT,COUNT,NUMBER": of COUNT processes this is NUMBER (from 0); the first listens at HOST:PORT.
    Raises UserMistake where the platform is not to be had, or the other processes are not.
    """
    keep_memory()
    if platform:
        jax.config.update("jax_platforms", {"gpu": "cuda,rocm"}.get(platform, platform))
    if "JAX_NUM_CPU_DEVICES" not in os.environ and "host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        with contextlib.suppress(RuntimeError):          # JAX has started already, with the devices it has
            jax.config.update("jax_num_cpu_devices", min(8, len(os.sched_getaffinity(0))))
    keep_compiled()
    if distributed is not None:
        join(distributed)
    wanted = platform or os.environ.get("JAX_PLATFORMS", "")
    try:
        found = jax.default_backend()
    except RuntimeError as error:
        raise UserMistake(f"platform {wanted!r} was asked for, and is not to be had here: JAX finds no such device, or is "
                          "installed without support for it") from error
    if platform and found != platform:
        raise UserMistake(f"platform {wanted!r} was asked for, and is not to be had here: JAX found {found!r}")


def keep_memory() -> None:
    """What the process frees stays its own, so that a step on a CPU need not ask the system for its memory anew, page by page:
    that took two fifths of a step of AGMENet (experiments/speed/RESULTS.md). The most that was ever held stays held.

    Of GNU's C library alone; where the user has set its allocator up, or put another in its place, nothing is changed.
    """
    own = ("GLIBC_TUNABLES", "LD_PRELOAD", *(name for name in os.environ if name.startswith("MALLOC_")))
    if libc_ver()[0] != "glibc" or any(os.environ.get(name) for name in own):
        return
    library = ctypes.CDLL(None)
    for option, value in ((M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1)):   # one heap, all in it, never cut
        library.mallopt(option, value)


def join(distributed: str) -> None:
    """Makes this process one of several that train one network, see `start_jax`."""
    words = distributed.split(",")
    explicit = len(words) == 3 and ":" in words[0] and words[1].isdecimal() and words[2].isdecimal()
    if not explicit and distributed != "auto":
        raise UserMistake(f"option --distributed={distributed}: wanted auto, or HOST:PORT,COUNT,NUMBER")
    if explicit and int(words[2]) >= int(words[1]):
        raise UserMistake(f"option --distributed={distributed}: no process {words[2]} of {words[1]}; they count from 0")
    keep_output_clean()
    try:
        if explicit:
            meet(words[0], int(words[1]), int(words[2]))
        jax.distributed.initialize(*([words[0], int(words[1]), int(words[2])] if explicit else []),
                                   initialization_timeout=PATIENCE)
    except (ValueError, RuntimeError, OSError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserMistake(f"option --distributed={distributed}: the processes did not find each other: {said}") from error


def meet(address: str, count: int, number: int) -> None:
    """Waits until all processes are there, since JAX, which waits as well, ends with an abort where one stays away.

    Raises OSError, of which TimeoutError is one, after PATIENCE seconds.
    """
    host, port = address.rsplit(":", 1)
    last = time.monotonic() + PATIENCE
    if number == 0:
        with socket.create_server(("", int(port))) as door, contextlib.ExitStack() as guests:
            for _ in range(count - 1):
                door.settimeout(max(last - time.monotonic(), 0.01))
                guests.enter_context(door.accept()[0])
        return
    while True:
        try:
            with socket.create_connection((host, int(port)), timeout=max(last - time.monotonic(), 0.01)) as guest:
                guest.recv(1)                                     # ends when the first process has seen all
            return
        except OSError:
            if time.monotonic() > last:
                raise
            time.sleep(0.2)


def keep_output_clean() -> None:
    """What libraries write to the standard output by themselves goes to standard error; what Python prints stays."""
    sys.stdout.flush()
    sys.stdout = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)


def keep_compiled() -> None:
    """What is compiled is kept in the user's cache folder, so that the next call of a command need not compile it again.

    A folder that the user has named to JAX stays as it is, JAX_ENABLE_COMPILATION_CACHE=0 as well.
    """
    if jax.config.jax_compilation_cache_dir:
        return
    folder = cache_folder() / "compiled"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        make_room(folder, FULL, LEFT)
    except OSError:                                           # a full or read-only disk: then nothing is kept
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", KEPT_FROM)


def make_room(folder: Path, full: int, left: int) -> None:
    """Removes the oldest files in a folder that holds more than `full` bytes, until it holds no more than `left`."""
    found = []
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):          # another process makes room as well
            if path.is_file():
                found.append((path.stat().st_mtime, path.stat().st_size, path))
    total = sum(size for _, size, _ in found)
    if total <= full:
        return
    for _, size, path in sorted(found):
        path.unlink(missing_ok=True)
        total -= size
        if total <= left:
            return
