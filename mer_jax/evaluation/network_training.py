"""One network trained on all clips and kept: what a later prediction loads, with the score that its benchmark earned."""

import dataclasses
import io
import sys
from pathlib import Path

import flax.linen as nn
import jax
import numpy as np

from mer_jax.data.clips import Clips
from mer_jax.data.folds import Folds
from mer_jax.data.sampling import window_of
from mer_jax.evaluation.checks import check_classes, check_inputs, check_loss_inputs, check_start
from mer_jax.evaluation.finished_run import beside_scores, read_run
from mer_jax.evaluation.kept_network import name_of
from mer_jax.evaluation.layout import data_of, make_runs
from mer_jax.evaluation.run_config import decisive, describe
from mer_jax.evaluation.score import HEADLINES, score
from mer_jax.evaluation.start import Start, read_start
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.training.inputs import MARKS, Data, sources
from mer_jax.training.many_runs import train_one
from mer_jax.training.metric_log import MetricLog
from mer_jax.training.run import Program, Run
from mer_jax.whole_files import write_json, write_whole

NEVER_SCORED = "never scored"


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
    start = read_start(network, clips.classes, settings.weights)
    check_inputs(network, clips, settings.light, settings.front)
    check_loss_inputs(network, settings.recipe, len(clips.subjects))
    check_start(network, clips, start, settings.front)
    check_classes(clips)
    description = describe(settings, clips, start)
    earned = earned_score(description, benchmark)
    program, run, data = of_all_clips(settings, clips, network, start)
    with MetricLog(None, 1, 1, [stage.epochs for stage in settings.recipe.stages]) as log:
        state = train_one(program, run, data, log)
    if jax.process_index():
        return None
    kept = {**entries_of(settings, clips, program), **description, "seen": start.seen.and_those_of(clips).to_json(),
            "score": earned}
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name_of(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state.variables())}
    np.savez(file := io.BytesIO(), **weights)
    write_whole(folder / "weights.npz", file.getvalue())
    write_json(folder / "network.json", kept)
    return kept


def of_all_clips(settings, clips: Clips, network: nn.Module, start: Start) -> tuple[Program, Run, Data]:
    """The run that trains on every clip, with seed 0; it holds out the first, whose answer is thrown away."""
    everything = np.arange(len(clips))
    folds = Folds("all", ("all",), (everything,), (everything[:1],))
    run = jax.tree.map(lambda leaf: leaf[0], make_runs(clips, folds, settings.recipe, 1, "last"))
    data = data_of(network, clips, start.variables, settings.front)
    window = window_of(clips.fps) if "frames" in data.inputs else 1
    program = Program(network, settings.recipe, len(clips.classes), len(clips), "last", clips.flow_coding, settings.light,
                      window, front=settings.front)
    return program, run, data


def entries_of(settings, clips: Clips, program: Program) -> dict:
    """What network.json says of the network, and of what is done to a clip before it reads it."""
    network, names = program.network, sources(program.network, settings.front)
    return {
        "network": settings.network, "variant": settings.variant, "off": list(settings.off),
        "options": dict(settings.network_options), "classes": list(clips.classes),
        "preprocessing": {"inputs": list(network.inputs), "window": program.window,
                          "flow_coding": clips.flow_coding if "flow" in names else getattr(network, "flow_coding", None),
                          "instants": getattr(network, "instants", None), "front": dataclasses.asdict(settings.front),
                          "shapes": {name: list(clips.inputs()[name].shape[1:]) for name in names if name not in MARKS}},
    }


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
            "only_subjects": beside_scores(run)["only_subjects"],
            "overall": {name: entries["overall"][name] for name in HEADLINES},
            "by_light": {level: {name: part[name] for name in HEADLINES} for level, part in entries["by_light"].items()}}
