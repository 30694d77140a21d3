"""Our side of the comparison with PyTorch: its time, the same steps for both, the growth, and what the devices can do."""

import dataclasses
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mer_jax.evaluation.benchmark import train_experiment
from mer_jax.models.network import example_inputs
from mer_jax.training.inputs import training_inputs
from mer_jax.training.losses import soft_target
from mer_jax.training.plan import make_plan
from mer_jax.training.train_state import init_state
from mer_jax.training.train_step import Batch, train_step


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


def torch_tensors(parameters: dict, path: str = "") -> dict[str, np.ndarray]:
    """Our parameters under PyTorch's names and in its layout."""
    found = {}
    for name, leaf in parameters.items():
        if isinstance(leaf, dict):
            found |= torch_tensors(leaf, f"{path}{name}.")
        elif name == "kernel":
            found[f"{path}weight"] = np.asarray(leaf).transpose(3, 2, 0, 1) if leaf.ndim == 4 else np.asarray(leaf).T
        else:
            found[path + ("weight" if name == "scale" else name)] = np.asarray(leaf)
    return found


def same_steps(one, steps: int = 4, learning_rate: float = 1e-4):
    """(start weights, batches and rate for the peer, our losses): without dropout, `train_step` after `train_step`.

    By plain SGD, in which a rounding error stays one; Adam's first step makes a full step of a gradient that is almost zero.
    """
    network, recipe, clips = one.program.network.clone(dropout=0.0), one.program.recipe, len(one.clips)
    stage = recipe.stages[0]
    tx = optax.sgd(learning_rate)
    state = init_state(network, tx, jax.random.key(1), example_inputs(network))
    rows = np.random.default_rng(1).integers(0, clips, (steps, one.program.batch_rows))
    given, losses = {**torch_tensors(state.params), "rows": rows, "learning_rate": learning_rate}, []

    @jax.jit
    def step(state, data, rows):
        inputs, _ = training_inputs(network, one.program.flow_coding, recipe.augmentation, one.program.window, data, rows,
                                    jax.random.key(0))
        target = soft_target(data.label[rows], one.program.classes, 0.0)
        return train_step(network, stage.losses, tx, state, Batch(inputs, target, np.ones(len(rows), np.float32)),
                          jax.random.key(0))

    for batch in rows:
        state, metrics = step(state, jax.device_put(one.data), jax.device_put(batch))
        losses.append(float(metrics["loss"]))
    return given, losses


def product_rate(dtype: str = "float32", devices: int | None = None) -> float:
    """Operations a second of large matrix products on that many devices at once, None all; the median of five."""
    size = 1024 if jax.default_backend() == "cpu" else 8192
    matrices = [jax.device_put(jnp.ones((size, size), dtype), device) for device in jax.local_devices()[:devices]]
    product, rates = jax.jit(jnp.matmul), []
    for _ in range(6):
        start = time.perf_counter()
        jax.block_until_ready([product(matrix, matrix) for matrix in matrices for _ in range(4)])
        rates.append(4 * len(matrices) * 2 * size**3 / (time.perf_counter() - start))
    return float(np.median(rates[1:]))


def copy_rate(devices: int | None = None) -> float:
    """Bytes a second that so many devices together read and write in adding 1 to a large array, the median of five."""
    size = 1 << (26 if jax.default_backend() == "cpu" else 28)
    arrays = [jax.device_put(jnp.ones(size), device) for device in jax.local_devices()[:devices]]
    add, rates = jax.jit(lambda array: array + 1, donate_argnums=0), []
    for _ in range(6):
        start = time.perf_counter()
        for _ in range(4):
            arrays = [add(array) for array in arrays]
        jax.block_until_ready(arrays)
        rates.append(4 * len(arrays) * 2 * 4 * size / (time.perf_counter() - start))
    return float(np.median(rates[1:]))


def growth(one, counts: tuple[int, ...], progress) -> dict:
    """Seconds a run of several counts of runs, and of all folds on 1, 2, 4, .. devices; compiling left out."""
    found: dict[str, dict] = {"seconds_a_run": {}, "seconds_on_devices": {}}
    for runs in counts:
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
