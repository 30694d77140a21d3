"""Files that are there whole or not at all: a temporary name of their own, then a rename."""

import contextlib
import json
import os
import secrets
from pathlib import Path

from mer_jax.mistakes import UserMistake


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file so that readers, other writers, and the next start after a kill, see all of it or none."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with open(temporary, "xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _fsync_folder(path.parent)


def _fsync_folder(folder: Path) -> None:
    """Makes a rename outlast a power cut, on the file systems that can."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: dict) -> None:
    write_whole(path, json.dumps(value, indent=1) + "\n")


def read_json(path: Path) -> dict:
    """The object that a JSON file holds. Raises UserMistake where it is damaged or holds something else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserMistake(f"{path}: not readable as JSON, cut off or damaged: {error}") from error
    if not isinstance(value, dict):
        raise UserMistake(f"{path}: holds a {type(value).__name__}, wanted a JSON object")
    return value
