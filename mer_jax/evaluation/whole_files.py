"""Files that are there whole or not at all: a temporary name, then a rename."""

import json
import os
from pathlib import Path

from mer_jax.mistakes import UserMistake


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file so that readers, and the next start after a kill, see all of it or none."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        with open(temporary, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


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
