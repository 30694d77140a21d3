"""Settings: what a config file may say, with defaults, checked once and frozen. Below this file no ConfigDict lives."""

import dataclasses
import hashlib
import json
import math
import sys
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from ml_collections import ConfigDict

from mer_jax.config_keys import all_keys, refuse_unknown, typed, value_of
from mer_jax.data.folds import PROTOCOL_ALIASES, PROTOCOLS
from mer_jax.data.resizing import size_of
from mer_jax.light.camera import LEVELS
from mer_jax.loading import is_table
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.models import known_fields
from mer_jax.training.augmentation import Augmentation
from mer_jax.training.front import Front
from mer_jax.training.optimizers import OPTIMIZERS
from mer_jax.training.run import SELECTIONS
from mer_jax.training.stages import CLASS_WEIGHTS, Recipe, Stage, check_schedule


def default_config() -> ConfigDict:
    """Every setting with its default; a config file starts from this and changes what its paper says."""
    return ConfigDict({
        "data": {"name": "", "label": "", "split": "",         # a data set or TFDS folder, which ClassLabel, which split
                 "table": "", "root": "",                      # or a CSV, and the folder that its paths start from
                 "classes": (),                                # the class names in their order
                 "size": ""},                                  # HEIGHTxWIDTH that every frame is brought to; "": as stored
        "protocol": "leave_one_subject_out",
        "protocol_options": {"folds": 0, "share": 0.0, "seed": 0, "subjects": ()},     # 0, (): the protocol's own default
        "network": {"name": "ststnet", "variant": "", "off": ()},      # off: parts to leave out, e.g. ("llem",)
        "front": {"enhancer": "", "flow": "stored"},           # before the network: e.g. "t5"; "tvl1": flow found on frames
        "network_options": {},                                 # field of the network -> value, e.g. {"enhancement": "retinex"}
        "epochs": 100,
        "batch_size": 256,
        "optimizer": {"name": "adam", "learning_rate": 1e-3, "weight_decay": 0.0, "schedule": "constant",
                      "warmup_epochs": 0, "gradient_clip": 0.0},
        "label_smoothing": 0.0,
        "class_weights": "none",                               # or "balanced"
        "weights": "",                                         # a kept network's folder, or a file for the trunk
        "augmentation": {"flip": False, "shift": 0, "dark": 0.0},      # dark: the share of clips seen in low light
        "losses": {"cross_entropy": 1.0},                      # name -> factor
        "trainable": {},                                       # path prefix -> factor of its learning rate; "*": the rest
        "stages_before": {},                                   # name -> {epochs, learning_rate, losses, trainable}
        "seeds": 1,                                            # a count
        "light": ("L0",),                                      # the levels scored, of L0 (as recorded) to L4
        "selection": "last",                                   # or "inner", or "test_peek"
        "report": {"faces": False},                            # true: frames of a licensed database may stand in the report
        "allow_leak": False,
        "allow_absent_class": False,
        "platform": "",                                        # "cpu", "gpu", "tpu"; empty: what JAX finds
        "checkpoint_seconds": 60.0,                            # how long between checkpoints; changes no number
    })


FREE = ("network_options", "losses", "trainable", "stages_before")                # groups whose keys are the user's own
POSITIVE, NOT_NEGATIVE = (sys.float_info.min, "a number above 0"), (0, "0 or more")
LEAST = {
    **dict.fromkeys(("epochs", "seeds", "batch_size"), (1, "at least 1")), "optimizer.learning_rate": POSITIVE,
    **dict.fromkeys(("optimizer.weight_decay", "optimizer.warmup_epochs", "optimizer.gradient_clip", "label_smoothing",
                     "augmentation.shift", "augmentation.dark", "checkpoint_seconds", "protocol_options.folds",
                     "protocol_options.share", "protocol_options.seed"), NOT_NEGATIVE),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """The frozen settings of one benchmark."""

    name: str
    source: str
    data_options: tuple[tuple[str, str], ...]
    classes: tuple[str, ...] | None
    protocol: str
    protocol_options: tuple[tuple[str, Any], ...]
    network: str
    variant: str | None
    off: tuple[str, ...]
    network_options: tuple[tuple[str, Any], ...]
    front: Front
    weights: str
    recipe: Recipe
    seeds: int
    light: tuple[str, ...]
    selection: str
    report_faces: bool
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


def completed(config: ConfigDict, where: str = "") -> ConfigDict:
    """The defaults with what `config` says, every key known and of its default's type. A mistake begins with `where`."""
    full = default_config()
    for group in FREE:
        given = config.get(group, full[group])
        if not isinstance(given, ConfigDict | dict):
            raise UserMistake(f"{where}config key {group}={given!r}: wanted a dictionary")
        full[group] = ConfigDict(given)
    for group in ("losses", "trainable"):
        factors(full[group], where, group)
    refuse_unknown(all_keys(config), full, where)
    for key in all_keys(config):
        *groups, last = key.split(".")
        value_of(full, ".".join(groups))[last] = typed(key, value_of(config, key), value_of(full, key), where)
    return full


def settings_of(name: str, config: ConfigDict) -> Settings:
    """Checks every value and freezes the config. Keys not in `default_config` are refused."""
    full = completed(config)
    choose(full.selection, SELECTIONS, "selection")
    choose(full.protocol, PROTOCOLS, "protocol", PROTOCOL_ALIASES)
    network_options = dict(full.network_options)
    known_fields(full.network.name, full.network.variant or None, full.network.off, network_options)
    choose(full.optimizer.name, OPTIMIZERS, "optimizer.name")
    check_schedule("config key optimizer.schedule=", full.optimizer.schedule)
    choose(full.class_weights, CLASS_WEIGHTS, "class_weights")
    choose(full.platform, ("", "cpu", "gpu", "tpu"), "platform")
    check_numbers(full)
    for level in full.light:
        choose(level, LEVELS, "light")
    if not full.light or len(set(full.light)) < len(full.light):
        raise UserMistake(f"config key light={full.light}: wanted at least one level, each once")
    check_data(full.data)
    recipe = Recipe(stages_of(full), full.batch_size, full.optimizer.name, full.optimizer.weight_decay,
                    full.optimizer.gradient_clip, full.label_smoothing, full.class_weights, Augmentation(**full.augmentation))
    options = {k: v for k, v in full.protocol_options.items() if v}
    data_options = tuple((key, full.data[key]) for key in ("label", "root", "size", "split") if full.data[key])
    return Settings(
        name, full.data.table or full.data.name, data_options, full.data.classes or None, full.protocol,
        tuple(sorted(options.items())), full.network.name, full.network.variant or None, full.network.off,
        tuple(sorted(network_options.items())), Front(**full.front), full.weights, recipe, full.seeds, tuple(full.light),
        full.selection, full.report.faces, full.allow_leak, full.allow_absent_class, full.platform, full.checkpoint_seconds)


def stages_of(config: ConfigDict) -> tuple[Stage, ...]:
    """The stages before, in the order of their names, and the main one."""
    wanted, stages = {"epochs": int, "learning_rate": int | float, "losses": ConfigDict, "trainable": ConfigDict}, []
    for name, stage in sorted(config.stages_before.items()):
        key = f"stages_before.{name}"
        if not isinstance(stage, ConfigDict) or set(stage) != set(wanted) or any(
                not isinstance(stage[part], kind) or isinstance(stage[part], bool) for part, kind in wanted.items()):
            raise UserMistake(f"config key {key}: wanted epochs (a whole number), learning_rate (a number), and losses and "
                              "trainable (dictionaries)")
        stages.append(Stage(stage.epochs, float(stage.learning_rate), factors(stage.losses, "", f"{key}.losses"),
                            trainable=factors(stage.trainable, "", f"{key}.trainable")))
    rate = config.optimizer
    main = Stage(config.epochs, rate.learning_rate, factors(config.losses, "", "losses"), rate.warmup_epochs, rate.schedule,
                 factors(config.trainable, "", "trainable"))
    return (*stages, main)


def factors(config: ConfigDict, where: str, key: str) -> tuple[tuple[str, float], ...]:
    """(name, factor) pairs, longer names first, so that of path prefixes the closest counts; "*" is any path."""
    for name, factor in config.items():
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 <= factor < math.inf:
            raise UserMistake(f"{where}config key {key}.{name}={factor!r}: wanted a number, 0 or more")
    pairs = [(name, float(factor)) for name, factor in config.items()]
    return tuple(sorted(pairs, key=lambda pair: (pair[0] == "*", -len(pair[0]), pair[0])))


def check_data(data: ConfigDict) -> None:
    """Raises UserMistake unless the data are one table or one TFDS folder, with only the options of that kind."""
    if bool(data.name) == bool(data.table):
        both = f"found both, {data.table} and {data.name}: " if data.table else ""
        raise UserMistake(f"{both}wanted the data: either --config.data.table=CLIPS.csv or --config.data.name=TFDS_FOLDER (or "
                          "synthme)")
    if data.table and not is_table(data.table):
        raise UserMistake(f"config key data.table={data.table!r}: wanted a .csv file; a TFDS folder goes into data.name")
    if data.name and is_table(data.name):
        raise UserMistake(f"config key data.name={data.name!r}: wanted a data set or a TFDS folder; a table goes into "
                          "data.table")
    for key in ("label", "split") if data.table else ("root",):
        if data[key]:
            raise UserMistake(f"config key data.{key}={data[key]!r}: belongs to {'data.name' if data.table else 'data.table'}"
                              f", and the data are {data.table or data.name!r}")
    if data.size:
        size_of(data.size, "config key data.size")
    if len({name.strip().lower() for name in data.classes}) < len(data.classes) or len(data.classes) == 1:
        raise UserMistake(f"config key data.classes={data.classes}: wanted two or more different names, or none")


def check_numbers(config: ConfigDict) -> None:
    """Raises UserMistake where a number is outside of what it may be."""
    for key, (least, wanted) in LEAST.items():
        value = value_of(config, key)
        if not least <= value < math.inf:
            raise UserMistake(f"config key {key}={value}: wanted {wanted}")
    if config.augmentation.dark > 1:
        raise UserMistake(f"config key augmentation.dark={config.augmentation.dark}: wanted a share, at most 1")
    if config.label_smoothing >= 1 or config.protocol_options.share >= 1:
        key = "label_smoothing" if config.label_smoothing >= 1 else "protocol_options.share"
        raise UserMistake(f"config key {key}={value_of(config, key)}: wanted less than 1")
    if config.optimizer.warmup_epochs >= config.epochs:
        raise UserMistake(f"config key optimizer.warmup_epochs={config.optimizer.warmup_epochs}: wanted fewer than the "
                          f"epochs, {config.epochs}")
    if config.protocol_options.folds == 1:
        raise UserMistake("config key protocol_options.folds=1: wanted at least 2, or 0 for the protocol's own")


def choose(value: str, known: Iterable[str], key: str, aliases: Mapping[str, str] = MappingProxyType({})) -> None:
    """Raises UserMistake where `value` is not among the known ones; `aliases` help to name the one that was meant."""
    if value not in known:
        raise UserMistake(f"config key {key}={value!r} is not known{nearest(aliases.get(value.lower(), value), known)}; "
                          f"there are: {', '.join(repr(k) for k in known)}")
