"""Settings: what a config file may say, with defaults, checked once and frozen. Below this file no ConfigDict lives."""

import dataclasses
import hashlib
import json
import traceback
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
    })


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

    def to_json(self) -> dict:
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()


def read_config(arguments: list[str]) -> tuple[str, ConfigDict]:
    """(name, config) from `--config=FILE.py` and `--config.key=value` arguments. Every mistake is one line."""
    from absl import flags

    values = flags.FlagValues()
    flag = config_flags.DEFINE_config_file("config", None, "a file with get_config()", flag_values=values, lock_config=True)
    paths = [a.split("=", 1)[1] for a in arguments if a.startswith("--config=")]
    if len(paths) != 1 or not all(a.startswith(("--config=", "--config.")) and "=" in a for a in arguments):
        strange = next((a for a in arguments if not (a.startswith(("--config=", "--config.")) and "=" in a)), None)
        raise UserMistake(f"option {strange!r} is not known" if strange else "wanted one --config=FILE.py")
    path = paths[0].split(":", 1)[0]
    try:
        rest = values(["mer-jax", *arguments], known_only=True)[1:]
        config = flag.value
    except Exception as error:                  # whatever the user's Python raises, and absl's own flag errors
        raise UserMistake(config_error(path, error)) from error
    if rest:
        key = rest[0].split("=", 1)[0].removeprefix("--config.")
        raise UserMistake(f"config key {key!r} is not known{nearest(key, all_keys(config))}")
    if not isinstance(config, ConfigDict):
        raise UserMistake(f"{path}: get_config() gave {type(config).__name__}, wanted a ConfigDict (default_config())")
    return path.rsplit("/", 1)[-1].removesuffix(".py"), config


def all_keys(config: ConfigDict, prefix: str = "") -> list[str]:
    keys = []
    for key, value in config.items():
        keys += all_keys(value, f"{prefix}{key}.") if isinstance(value, ConfigDict) else [prefix + key]
    return keys


def config_error(path: str, error: BaseException) -> str:
    """One line for whatever went wrong while reading a config file, with file and line where it was in the file."""
    while error.__cause__ is not None and not isinstance(error, SyntaxError):
        error = error.__cause__
    text = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, FileNotFoundError):
        return f"{path}: no such config file"
    if isinstance(error, SyntaxError):
        return f"{path}, line {error.lineno}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)
             if frame.filename.endswith(path.rsplit("/", 1)[-1])]
    unknown = "did you mean" in str(error).lower()
    if unknown:
        text = " ".join(str(error).split())
    where = f"{path}, line {lines[-1]}" if lines else path
    return f"{where}: {type(error).__name__}: {text}" if lines else f"{where}: {text}"


def settings_of(name: str, config: ConfigDict) -> Settings:
    """Checks every value and freezes the config. Keys not in `default_config` are refused."""
    known = set(all_keys(default_config()))
    for key in all_keys(config):
        if key not in known:
            raise UserMistake(f"config key {key!r} is not known{nearest(key, known)}")
    full = default_config()
    full.update(config)
    choose(full.selection, SELECTIONS, "selection")
    choose(full.protocol, PROTOCOLS, "protocol")
    choose(full.optimizer.name, OPTIMIZERS, "optimizer.name")
    choose(full.optimizer.schedule, ("constant", "cosine"), "optimizer.schedule")
    choose(full.weights, ("none", "balanced"), "weights")
    choose(full.platform, ("", "cpu", "gpu", "tpu"), "platform")
    for key in ("epochs", "seeds", "batch_size"):
        if full[key] < 1:
            raise UserMistake(f"config key {key}={full[key]}: wanted at least 1")
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
                    tuple(full.light), full.selection, full.allow_leak, full.allow_absent_class, full.platform)


def choose(value: str, known, key: str) -> None:
    """Raises UserMistake where `value` is not among the known ones."""
    if value not in known:
        raise UserMistake(f"config key {key}={value!r} is not known{nearest(value, known)}; "
                          f"there are: {', '.join(repr(k) for k in known)}")


