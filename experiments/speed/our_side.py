"""Our side of the comparison with PyTorch: the experiment, its time, the same steps for both, and the growth."""

import dataclasses
import time

import jax
import numpy as np
from composite_shape import composite_clips

from mer_jax.data.folds import composite
from mer_jax.evaluation.benchmark import prepare, train_experiment
from mer_jax.models.ststnet import STSTNet
from mer_jax.training.inputs import training_inputs
from mer_jax.training.losses import soft_target
from mer_jax.training.optimizers import make_optimizer
from mer_jax.training.plan import make_plan
from mer_jax.training.stages import Recipe, Stage
from mer_jax.training.train_state import init_state
from mer_jax.training.train_step import Batch, train_step


def experiment(epochs: int):
    """The experiment as `mer-jax benchmark` lays it out; the leak audit is left out."""
    clips = composite_clips()
    return prepare(STSTNet(), clips, composite(clips), Recipe((Stage(epochs, 5e-5),), batch_size=256), findings=())


def seconds_of(one) -> tuple[float, float]:
    """Wall time in which all runs are trained, and the CPU seconds of all threads."""
    start, cpu = time.perf_counter(), time.process_time()
    train_experiment(one, one.plan)
    return time.perf_counter() - start, time.process_time() - cpu


def with_runs(one, runs: int, devices: int | None = None):
    """The experiment of the first `runs` runs, of more seeds where one does not do, with a plan of its own."""
    rows = np.arange(runs) % len(one.names)
    picked = jax.tree.map(lambda leaf: leaf[rows], one.runs)
    picked = picked._replace(seed=(np.arange(runs) // len(one.names)).astype(np.int32))
    plan = make_plan(one.program, picked, one.data)
    if devices:
        plan = dataclasses.replace(plan, devices=devices, chunk=max(1, plan.chunk // plan.devices) * devices)
    names = tuple(f"seed{seed}/{one.names[row]}" for seed, row in zip(picked.seed, rows, strict=True))
    return dataclasses.replace(one, runs=picked, names=names, plan=plan)


def batch_of(program) -> int:
    return -(-program.train_rows // program.steps_per_epoch)


def torch_tensors(variables: dict) -> dict[str, np.ndarray]:
    """Our parameters under PyTorch's names and in its layout."""
    names = {"kernel": "weight", "scale": "weight", "bias": "bias"}
    found = {}
    for module, leaves in variables["params"].items():
        for name, leaf in leaves.items():
            array = np.asarray(leaf)
            found[f"{module}.{names[name]}"] = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
    return found


def same_steps(one, steps: int = 4):
    """(start weights and batches for the peer, our losses on them): without dropout, `train_step` after `train_step`."""
    network, recipe, clips = STSTNet(dropout=0.0), one.program.recipe, len(one.clips)
    stage = recipe.stages[0]
    tx = make_optimizer(recipe, stage, 1)
    state = init_state(network, tx, jax.random.key(1), {"flow": one.clips.flow[:1]})
    rows = np.random.default_rng(1).integers(0, clips, (steps, batch_of(one.program)))
    given, losses = {**torch_tensors(state.variables()), "rows": rows}, []

    @jax.jit
    def step(state, data, rows):
        inputs, _ = training_inputs(network, "minmax8", recipe.augmentation, 1, data, rows, jax.random.key(0))
        target = soft_target(data.label[rows], 3, 0.0)
        return train_step(network, stage.losses, tx, state, Batch(inputs, target, np.ones(len(rows), np.float32)),
                          jax.random.key(0))

    for batch in rows:
        state, metrics = step(state, one.data, batch)
        losses.append(float(metrics["loss"]))
    return given, losses


def growth(one, progress) -> dict:
    """Seconds a run of 1 to 256 runs, and of all folds on 1, 2, 4, .. devices; compiling left out."""
    found: dict[str, dict] = {"seconds_a_run": {}, "seconds_on_devices": {}}
    for runs in (1, 4, 16, 64, 256):
        part = with_runs(one, runs)
        seconds_of(part)
        found["seconds_a_run"][runs] = min(seconds_of(part)[0] for _ in range(2)) / runs
        progress.advance()
    devices = 1
    while devices <= jax.local_device_count() and jax.local_device_count() > 1:
        part = with_runs(one, len(one.names), devices)
        seconds_of(part)
        found["seconds_on_devices"][devices] = seconds_of(part)[0]
        devices *= 2
        progress.advance()
    return found
