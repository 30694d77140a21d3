"""What `mer-jax data check` finds in a copy, and its findings as lines."""

from pathlib import Path

from tfds_builders.licensed_data import check
from tfds_builders.options import Options


def look_at(name: str, root: Path, **options) -> dict:
    return check(name, [str(root)], Options(**options))


def look(root: Path, **options) -> dict:
    """Of a copy of CASME II."""
    return look_at("casme2", root, **options)


def lines(found: dict, kind: str = "problems") -> list[str]:
    return [f"{finding['place']}: {finding['text']}" for finding in found[kind]]
