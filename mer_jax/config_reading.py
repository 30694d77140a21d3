"""A config from a file and the words of a command. Every mistake in either is one line."""

import ast
import traceback
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from mer_jax.config_keys import KINDS, refuse_unknown, typed, value_of
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.models import fields_of
from mer_jax.settings import completed

OPTIONS = ("--config", "--out", "--fresh", "--tune", "--profile", "--json")
NETWORK_OPTIONS = "network_options."


def read_config(words: list[str]) -> tuple[str, ConfigDict]:
    """(name, config) from `--config=FILE.py` and `--config.key=value`; a space may stand for the equals sign."""
    arguments = joined(words)
    for argument in arguments:
        option, equals, _ = argument.partition("=")
        if not is_config(option):
            raise UserMistake(f"option {argument!r} is not known{nearest(option, OPTIONS)}")
        if not equals:
            raise UserMistake(f"option {argument!r}: wanted a value after it, {option}=...")
    paths = [a.split("=", 1)[1] for a in arguments if a.startswith("--config=")]
    if len(paths) != 1:
        raise UserMistake(f"found {len(paths)} --config options, wanted one --config=FILE.py")
    changes = [a.removeprefix("--config.") for a in arguments if a.startswith("--config.")]
    return Path(paths[0]).stem, changed(config_of_file(paths[0]), changes)


def is_config(option: str) -> bool:
    return option == "--config" or option.startswith("--config.")


def joined(words: list[str]) -> list[str]:
    """`--config FILE` and `--config.key VALUE` as the one word with an equals sign that they stand for."""
    found: list[str] = []
    for word in words:
        if found and is_config(found[-1]) and "=" not in found[-1] and not word.startswith("--"):
            found[-1] += f"={word}"
        else:
            found.append(word)
    return found


def config_of_file(path: str) -> ConfigDict:
    """What get_config() of a file gives, over the defaults."""
    try:
        names = {"__name__": "config", "__file__": path}
        exec(compile(Path(path).read_bytes(), path, "exec"), names)
        if not callable(names.get("get_config")):
            raise UserMistake(f"{path}: no function get_config() in it; wanted one that gives a ConfigDict")
        config = names["get_config"]()
    except UserMistake:
        raise
    except (Exception, SystemExit) as error:    # whatever the user's Python raises
        raise UserMistake(config_error(path, error)) from error
    if not isinstance(config, ConfigDict):
        raise UserMistake(f"{path}: get_config() gave {type(config).__name__}, wanted a ConfigDict (default_config())")
    return completed(config, f"{path}: ")


def config_error(path: str, error: BaseException) -> str:
    """One line for whatever went wrong in a config file, with the line where it was in the file."""
    if isinstance(error, FileNotFoundError) and error.filename == path:
        return f"{path}: no such config file"
    if isinstance(error, SyntaxError) and error.filename == path:
        return f"{path}, line {error.lineno}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    where = f"{path}, line {lines[-1]}" if lines else path
    return f"{where}: {type(error).__name__}: {error.args[0] if error.args else ''}"


def changed(config: ConfigDict, changes: list[str]) -> ConfigDict:
    """The config with changes `key=value` obeyed, each value read as the type of what is there.

    `network_options.NAME` may be any field of the network, and is read as the type of that field's default. Another protocol
    than the file's has its own usual options, not those that the file gives its own.
    """
    pairs = [change.split("=", 1) for change in changes]
    plain = [pair for pair in pairs if not pair[0].startswith(NETWORK_OPTIONS)]
    refuse_unknown([key for key, _ in plain], config)
    if any(key == "protocol" and text != config.protocol for key, text in plain):
        for name, value in config.protocol_options.items():
            config.protocol_options[name] = type(value)()
    for key, text in plain:
        *groups, last = key.split(".")
        value_of(config, ".".join(groups))[last] = value_of_text(key, text, value_of(config, key))
    for key, text in [pair for pair in pairs if pair[0].startswith(NETWORK_OPTIONS)]:
        fields = {name: default for name, default in fields_of(config.network.name).items() if default is not None}
        refuse_unknown([key], ConfigDict({"network_options": fields}))
        name = key.removeprefix(NETWORK_OPTIONS)
        config.network_options[name] = value_of_text(key, text, fields[name])
    return config


def value_of_text(key: str, text: str, default: Any) -> Any:
    """What a word of the command line says, as the type of `default`."""
    if isinstance(default, tuple):
        return numbers_of(key, text) if default and isinstance(default[0], int) else typed(key, texts_of(text), default)
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        return type(default)(text)
    except (KeyError, ValueError):
        raise UserMistake(f"config key {key}={text!r}: wanted {KINDS[type(default)]}") from None


def numbers_of(key: str, text: str) -> tuple[int, ...]:
    """`4,6,8` and `(4, 6, 8)` as whole numbers."""
    parts = text.strip("()[] ").rstrip(",").split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise UserMistake(f"config key {key}={text!r}: wanted whole numbers, as in 4,6,8")
    return tuple(map(int, parts))


def texts_of(text: str) -> Any:
    """`a,b` and `('a', 'b')` as the tuple ("a", "b"); what is neither as it is, for `typed` to refuse."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text if text[:1] in ("(", "[") else tuple(part.strip() for part in text.split(",")) if text else ()
    return (value,) if isinstance(value, str) else value
