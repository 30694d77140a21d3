"""Dotted keys of a config: what there is, what type a value must have, and which key a mistyped one means."""

import difflib
from typing import Any

from ml_collections import ConfigDict

from mer_jax.mistakes import UserMistake, initials, nearest

KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text",
         tuple: "texts, as in ('a', 'b')"}


def typed(key: str, value: Any, default: Any, where: str = "") -> Any:
    """The value as its default's type: whole numbers count as numbers, lists as tuples; all else is refused."""
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if isinstance(default, tuple) and isinstance(value, list | tuple) and all(is_alike(part, default) for part in value):
        return tuple(value)
    if isinstance(default, tuple) or type(value) is not type(default):
        raise UserMistake(f"{where}config key {key}={value!r}: wanted {KINDS[type(default)]}")
    return value


def is_alike(part: Any, default: tuple) -> bool:
    """Whether a part of a tuple is of its default's kind: whole numbers, or (where that is empty too) texts."""
    if default and type(default[0]) is int:
        return type(part) is int
    return isinstance(part, str) and bool(part.strip())


def refuse_unknown(keys: list[str], config: ConfigDict, where: str = "") -> None:
    """Raises UserMistake for the first key that the config has not, naming the nearest."""
    known = all_keys(config)
    for key in keys:
        below = [name for name in known if name.startswith(f"{key}.")]
        if below:
            raise UserMistake(f"{where}config key {key!r} is a group of keys; wanted one of {', '.join(below)}")
        if key not in known:
            raise UserMistake(f"{where}config key {key!r} is not known{nearest_key(key, known)}")


def nearest_key(key: str, known: list[str]) -> str:
    """`mistakes.nearest` for dotted keys: the last part alone, or its initials, name a key too (`lr`)."""
    part, parts = key.rpartition(".")[2].lower(), {name: name.rpartition(".")[2] for name in known}
    alike = difflib.get_close_matches(part, parts.values(), n=1)
    for close in (difflib.get_close_matches(key, known, cutoff=0.8),
                  [name for name, last in parts.items() if part in (last, initials(last))],
                  [name for name, last in parts.items() if last in alike]):
        if close:
            return nearest(difflib.get_close_matches(key, close, n=1, cutoff=0)[0], known)
    return nearest(key, known)


def value_of(config: ConfigDict, key: str) -> Any:
    """The value of a dotted key; of an empty one, the config itself."""
    for part in filter(None, key.split(".")):
        config = config[part]
    return config


def all_keys(config: ConfigDict, prefix: str = "") -> list[str]:
    keys = []
    for key, value in config.items():
        keys += all_keys(value, f"{prefix}{key}.") if isinstance(value, ConfigDict) else [prefix + key]
    return keys
