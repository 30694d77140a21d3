"""One network trained on all clips and kept: what a later prediction loads, with the score that its benchmark earned."""

import io
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np

from mer_jax.data.clips import Clips
from mer_jax.data.folds import Folds
from mer_jax.data.sampling import window_of
from mer_jax.evaluation.checks import check_classes, check_inputs, check_loss_inputs, check_start
from mer_jax.evaluation.finished_run import read_run
from mer_jax.evaluation.layout import data_of, make_runs
from mer_jax.evaluation.run_config import decisive, describe
from mer_jax.evaluation.score import HEADLINES, score
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.models.pretrained import read_trunk
from mer_jax.models.torch_weights import read_tensors
from mer_jax.training.finite import NotFinite
from mer_jax.training.many_runs import train_one
from mer_jax.training.metric_log import MetricLog
from mer_jax.training.run import Program
from mer_jax.whole_files import write_json, write_whole

NEVER_SCORED = "never scored"


class KeptNetwork(NamedTuple):
    """variables: as the network was trained; description: what network.json says, see `train_network`."""

    network: nn.Module
    variables: dict[str, Any]
    description: dict


def train_network(settings, clips: Clips, folder: Path, benchmark: Path) -> dict | None:
    """Trains on every clip, seed 0, to the last epoch; writes weights.npz and network.json, whose content it returns. Of
    several processes that train it together the first does so, and the others return None.

    benchmark: the folder of the run that scored the same settings on the same data, if there is one.
    Raises UserMistake where the folder holds something else, or the network cannot read the clips.
    """
    if folder.exists() and not (folder / "network.json").is_file() and (folder.is_file() or any(folder.iterdir())):
        raise UserMistake(f"{folder}: holds something that is no trained network; name another --out")
    network = create(settings.network, len(clips.classes), settings.variant, settings.off,
                     **dict(settings.network_options))
    start = read_trunk(network, settings.weights) if settings.weights else {}
    check_inputs(network, clips, settings.light)
    check_loss_inputs(network, settings.recipe)
    check_start(network, start)
    check_classes(clips)
    description = describe(settings, clips, start)
    earned = earned_score(description, benchmark)
    everything = np.arange(len(clips))
    run = jax.tree.map(lambda leaf: leaf[0],
                       make_runs(clips, Folds("all", ("all",), (everything,), (everything[:1],)), settings.recipe, 1, "last"))
    window = window_of(clips.fps) if "frames" in network.inputs else 1
    program = Program(network, settings.recipe, len(clips.classes), len(clips), "last", clips.flow_coding, settings.light,
                      window)
    try:
        with MetricLog(None, 1, 1, [stage.epochs for stage in settings.recipe.stages]) as log:
            state = train_one(program, run, data_of(network, clips, start), log)
    except NotFinite as error:
        raise UserMistake(f"training stopped: {error}") from error
    weights = {name_of(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state.variables())}
    kept = {
        "network": settings.network, "variant": settings.variant, "off": list(settings.off),
        "options": dict(settings.network_options),
        "classes": list(clips.classes),
        "preprocessing": {"inputs": list(network.inputs), "flow_coding": clips.flow_coding, "window": window,
                          "instants": getattr(network, "instants", None),
                          "shapes": {name: list(clips.inputs()[name].shape[1:]) for name in network.inputs}},
        **description, "score": earned,
    }
    if jax.process_index():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(file := io.BytesIO(), **weights)
    write_whole(folder / "weights.npz", file.getvalue())
    write_json(folder / "network.json", kept)
    return kept


def earned_score(description: dict, benchmark: Path) -> dict | str:
    """The cross-validated scores of the finished run of the same settings, data and first weights, or "never scored"."""
    if not (benchmark / "metrics.json").is_file():
        return NEVER_SCORED
    run = read_run(benchmark)
    there, here = ([decisive(config.get("settings")), *(config.get(part, {}).get("digest") for part in ("data", "weights"))]
                   for config in (run.config, description))
    if there != here:
        print(f"{benchmark}: a run of other settings or data, so its score is not this network's", file=sys.stderr)
        return NEVER_SCORED
    entries = score(run.table)
    return {"folder": str(benchmark), "selection": entries["selection"], "protocol": run.setting("protocol"),
            "overall": {name: entries["overall"][name] for name in HEADLINES},
            "by_light": {level: {name: part[name] for name in HEADLINES} for level, part in entries["by_light"].items()}}


def name_of(path: tuple) -> str:
    """The name in weights.npz of a variable."""
    return "/".join(str(entry.key) for entry in path)


def read_network(folder: Path) -> KeptNetwork:
    """The network that `train_network` left in a folder. Raises UserMistake where it holds none, or a damaged one."""
    try:
        text = (folder / "network.json").read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserMistake(f"{folder}: no trained network here (no network.json), as `mer-jax train` writes it") from error
    except UnicodeDecodeError as error:
        raise UserMistake(f"{folder / 'network.json'}: damaged, it is no text") from error
    try:
        kept = json.loads(text)
        seen = kept["preprocessing"]
        options = {name: tuple(value) if isinstance(value, list) else value for name, value in kept["options"].items()}
        network = create(kept["network"], len(kept["classes"]), kept["variant"], tuple(kept["off"]), **options)
        example = {name: jax.ShapeDtypeStruct((1, *shape), np.float32) if name != "frames" else jax.ShapeDtypeStruct(
            (1, seen["instants"], seen["window"], *shape[1:3], 3), np.float32) for name, shape in seen["shapes"].items()}
        template = jax.eval_shape(lambda inputs: network.init(jax.random.key(0), inputs, train=False), example)
    except UserMistake as error:
        raise UserMistake(f"{folder / 'network.json'}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        words = f"{type(error).__name__} {error}"
        raise UserMistake(f"{folder / 'network.json'}: damaged, or of another version: {words}") from error
    return KeptNetwork(network, read_variables(folder / "weights.npz", template), kept)


def read_variables(path: Path, template: Any) -> Any:
    """Variables shaped like `template`, from the file that `train_network` wrote; nothing missing, nothing left over."""
    tensors = read_tensors(path)

    def leaf(where: tuple, wanted: Any) -> np.ndarray:
        value = tensors.pop(name_of(where), None)
        if value is None or value.shape != wanted.shape or value.dtype != wanted.dtype or not np.isfinite(value).all():
            found = "nothing" if value is None else f"{value.dtype} {value.shape}"
            raise UserMistake(f"{path}: {name_of(where)}: found {found}, wanted finite {wanted.dtype} {wanted.shape}")
        return value

    variables = jax.tree.map_with_path(leaf, template)
    if tensors:
        raise UserMistake(f"{path}: holds {next(iter(tensors))!r}, which the network does not know")
    return variables
