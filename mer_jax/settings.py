"""Settings: what a config file may say, with defaults, checked once and frozen. Below this file no ConfigDict lives."""

import dataclasses
import hashlib
import json
import math
import sys
import traceback
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict, config_flags

from mer_jax.data.folds import PROTOCOLS
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.training.augmentation import Augmentation
from mer_jax.training.optimizers import OPTIMIZERS
from mer_jax.training.run import SELECTIONS
from mer_jax.training.stages import Recipe, Stage


def default_config() -> ConfigDict:
    """Every setting with its default; a config file starts from this and changes what its paper says."""
    return ConfigDict({
        "data": {"name": "", "table": "", "classes": ()},     # a built TFDS folder, or a CSV; class names in order
        "protocol": "leave_one_subject_out",
        "protocol_options": {"folds": 0, "share": 0.0, "seed": 0},     # 0: the protocol's own default
        "network": {"name": "ststnet", "variant": ""},
        "epochs": 100,
        "batch_size": 256,
        "optimizer": {"name": "adam", "learning_rate": 1e-3, "weight_decay": 0.0, "schedule": "constant",
                      "warmup_epochs": 0, "gradient_clip": 0.0},
        "label_smoothing": 0.0,
        "weights": "none",                                     # or "balanced"
        "augmentation": {"flip": False, "shift": 0},
        "seeds": 1,                                            # a count
        "light": ("L0",),
        "selection": "last",                                   # or "inner", or "test_peek"
        "allow_leak": False,
        "allow_absent_class": False,
        "platform": "",                                        # "cpu", "gpu", "tpu"; empty: what JAX finds
        "checkpoint_seconds": 60.0,                            # how long between checkpoints; changes no number
    })


OPTIONS = ("--config", "--out", "--fresh", "--json")
KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text",
         tuple: "a tuple such as ('a', 'b')"}
POSITIVE, NOT_NEGATIVE = (sys.float_info.min, "a number above 0"), (0, "0 or more")
LEAST = {
    **dict.fromkeys(("epochs", "seeds", "batch_size"), (1, "at least 1")), "optimizer.learning_rate": POSITIVE,
    **dict.fromkeys(("optimizer.weight_decay", "optimizer.warmup_epochs", "optimizer.gradient_clip", "label_smoothing",
                     "augmentation.shift", "checkpoint_seconds", "protocol_options.folds", "protocol_options.share",
                     "protocol_options.seed"), NOT_NEGATIVE),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """The frozen settings of one benchmark."""

    name: str
    source: str
    classes: tuple[str, ...] | None
    protocol: str
    protocol_options: tuple[tuple[str, Any], ...]
    network: str
    variant: str | None
    recipe: Recipe
    seeds: int
    light: tuple[str, ...]
    selection: str
    allow_leak: bool
    allow_absent_class: bool
    platform: str
    checkpoint_seconds: float

    def to_json(self) -> dict:
        """All that the numbers depend on: `checkpoint_seconds` is left out."""
        every = dataclasses.asdict(self)
        del every["checkpoint_seconds"]
        return json.loads(json.dumps(every))

    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()


def read_config(arguments: list[str]) -> tuple[str, ConfigDict]:
    """(name, config) from `--config=FILE.py` and `--config.key=value` arguments. Every mistake is one line."""
    for argument in arguments:
        option, equals, _ = argument.partition("=")
        if not option.startswith("--config.") and option != "--config":
            raise UserMistake(f"option {argument!r} is not known{nearest(option, OPTIONS)}")
        if not equals:
            raise UserMistake(f"option {argument!r}: wanted a value after an equals sign, {option}=...")
    paths = [a.split("=", 1)[1] for a in arguments if a.startswith("--config=")]
    if len(paths) != 1:
        raise UserMistake(f"found {len(paths)} --config options, wanted one --config=FILE.py")
    changes = [a for a in arguments if a.startswith("--config.")]
    return Path(paths[0]).stem, changed(config_of_file(paths[0]), changes)


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
    except Exception as error:                  # whatever the user's Python raises
        raise UserMistake(config_error(path, error)) from error
    if not isinstance(config, ConfigDict):
        raise UserMistake(f"{path}: get_config() gave {type(config).__name__}, wanted a ConfigDict (default_config())")
    full = default_config()
    refuse_unknown(all_keys(config), full, f"{path}: ")
    try:
        full.update(config)
    except (TypeError, ValueError) as error:
        raise UserMistake(f"{path}: {error}") from error
    return full


def changed(config: ConfigDict, changes: list[str]) -> ConfigDict:
    """The config with the `--config.key=value` arguments obeyed."""
    from absl import flags

    refuse_unknown([a.removeprefix("--config.").split("=", 1)[0] for a in changes], config)
    for change in changes:
        values, words = flags.FlagValues(), ["mer-jax", change]
        try:
            config_flags.DEFINE_config_dict("config", config, flag_values=values, sys_argv=words)
            values(words)
        except Exception as error:              # absl's own, and what ml_collections raises on a value
            key, value = change.removeprefix("--config.").split("=", 1)
            kind = KINDS[type(value_of(config, key))]
            raise UserMistake(f"config key {key}={value!r}: wanted {kind}") from error
    return config


def refuse_unknown(keys: list[str], config: ConfigDict, where: str = "") -> None:
    """Raises UserMistake for the first key that the config has not, naming the nearest."""
    known = all_keys(config)
    for key in keys:
        if key not in known:
            raise UserMistake(f"{where}config key {key!r} is not known{nearest(key, known)}")


def value_of(config: ConfigDict, key: str) -> Any:
    """The value of a dotted key."""
    for part in key.split("."):
        config = config[part]
    return config


def all_keys(config: ConfigDict, prefix: str = "") -> list[str]:
    keys = []
    for key, value in config.items():
        keys += all_keys(value, f"{prefix}{key}.") if isinstance(value, ConfigDict) else [prefix + key]
    return keys


def config_error(path: str, error: Exception) -> str:
    """One line for whatever went wrong in a config file, with the line where it was in the file."""
    if isinstance(error, FileNotFoundError) and error.filename == path:
        return f"{path}: no such config file"
    if isinstance(error, SyntaxError) and error.filename == path:
        return f"{path}, line {error.lineno}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    where = f"{path}, line {lines[-1]}" if lines else path
    return f"{where}: {type(error).__name__}: {error.args[0] if error.args else ''}"


def settings_of(name: str, config: ConfigDict) -> Settings:
    """Checks every value and freezes the config. Keys not in `default_config` are refused."""
    full = default_config()
    refuse_unknown(all_keys(config), full)
    full.update(config)
    choose(full.selection, SELECTIONS, "selection")
    choose(full.protocol, PROTOCOLS, "protocol")
    choose(full.optimizer.name, OPTIMIZERS, "optimizer.name")
    choose(full.optimizer.schedule, ("constant", "cosine"), "optimizer.schedule")
    choose(full.weights, ("none", "balanced"), "weights")
    choose(full.platform, ("", "cpu", "gpu", "tpu"), "platform")
    check_numbers(full)
    if tuple(full.light) != ("L0",):
        raise UserMistake(f"config key light={tuple(full.light)}: only ('L0',), light as recorded, is there yet")
    if bool(full.data.name) == bool(full.data.table):
        raise UserMistake("wanted the data: either --config.data.table=CLIPS.csv or --config.data.name=TFDS_FOLDER")
    rate = full.optimizer
    stage = Stage(full.epochs, rate.learning_rate, warmup_epochs=rate.warmup_epochs, schedule=rate.schedule)
    recipe = Recipe((stage,), full.batch_size, rate.name, rate.weight_decay, rate.gradient_clip, full.label_smoothing,
                    full.weights, Augmentation(full.augmentation.flip, full.augmentation.shift))
    options = {k: v for k, v in full.protocol_options.items() if v}
    return Settings(name, full.data.table or full.data.name, tuple(full.data.classes) or None, full.protocol,
                    tuple(sorted(options.items())), full.network.name, full.network.variant or None, recipe, full.seeds,
                    tuple(full.light), full.selection, full.allow_leak, full.allow_absent_class, full.platform,
                    full.checkpoint_seconds)


def check_numbers(config: ConfigDict) -> None:
    """Raises UserMistake where a number is outside of what it may be."""
    for key, (least, wanted) in LEAST.items():
        value = value_of(config, key)
        if not least <= value < math.inf:
            raise UserMistake(f"config key {key}={value}: wanted {wanted}")
    if config.label_smoothing >= 1 or config.protocol_options.share >= 1:
        key = "label_smoothing" if config.label_smoothing >= 1 else "protocol_options.share"
        raise UserMistake(f"config key {key}: wanted less than 1")
    if config.protocol_options.folds == 1:
        raise UserMistake("config key protocol_options.folds=1: wanted at least 2, or 0 for the protocol's own")


def choose(value: str, known, key: str) -> None:
    """Raises UserMistake where `value` is not among the known ones."""
    if value not in known:
        raise UserMistake(f"config key {key}={value!r} is not known{nearest(value, known)}; "
                          f"there are: {', '.join(repr(k) for k in known)}")


