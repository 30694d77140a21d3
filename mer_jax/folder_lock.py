"""Who works in a folder: a lock that the system takes back however a process ends, and beside it who took it last.

Whether somebody works there is told by the lock alone: a number of a process may be another's by now.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mer_jax.mistakes import UserMistake

TRIES = 100                       # 10 ms apart: who only looks whether the folder is held holds it for a moment too


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who took the lock last: process and host; boot: which start of which machine; since: seconds since 1970; the words
    of the command, and the directory that it was given in."""

    process: int
    host: str
    boot: str
    since: float
    command: str
    directory: str


def boot_id() -> str:
    """Of this start of this machine, the same in all its containers; empty where the system does not say."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def own_command() -> str:
    """What to type for another process like this one: `python` before a script, else `mer-jax`, however that was called."""
    script = Path(sys.argv[0])
    own = script.suffix == ".py" and script.name not in ("__main__.py", "command_line.py")
    return shlex.join([*(("python", sys.argv[0]) if own else ("mer-jax",)), *sys.argv[1:]])


def this_process() -> Holder:
    return Holder(os.getpid(), socket.gethostname(), boot_id(), round(time.time(), 3), own_command(), os.getcwd())


@contextlib.contextmanager
def locked(folder: Path, name: str = ".lock") -> Iterator[None]:
    """Holds the folder for this process, or what the lock's name stands for in it; the lock goes with the process, however
    it ends, and its file stays."""
    with open(folder / name, "a+", encoding="utf-8") as file:
        for left in range(TRIES - 1, -1, -1):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if not left:
                    raise UserMistake(f"{folder}: another process is running in this folder") from error
                time.sleep(0.01)
        file.truncate(0)
        file.write(json.dumps(dataclasses.asdict(this_process())))
        file.flush()
        for part in folder.glob(".*.part"):                        # by a start that was killed while it wrote
            part.unlink(missing_ok=True)
        yield


def is_held(folder: Path) -> bool:
    """Whether a process holds the folder now, as far as its file system knows."""
    try:
        with open(folder / ".lock", "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def last_holder(folder: Path) -> Holder | None:
    """Who took the lock last; None where nobody did, or what is written there is damaged."""
    try:
        values = json.loads((folder / ".lock").read_text(encoding="utf-8"))
        kinds = {field.name: field.type for field in dataclasses.fields(Holder)}
        return Holder(**{name: kind(values[name]) for name, kind in kinds.items()})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
