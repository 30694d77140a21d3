"""A few folds of AGMENet beside PyTorch's best arrangement on this machine, and the least time that a step can take here.

Command:  python experiments/speed/agmenet.py [--json] [--variant=small] [--dtype=bfloat16] [--pairs=5] [--eager] [--growth]
          [--roofline]
Data:     random clips of 15 native frames, 112x112x3, of four subjects, each left out once; windows of five frames around
          eight instants; on the device on both sides; Adam 1e-3, dropout and batch norm, cross-entropy, the held-out clips
          predicted at the end.
Ours:     what `mer-jax benchmark` does: `train_many` by its plan.
Theirs:   torch_agmenet.py, the whole network from the description. The arrangements are tried, printed, and the fastest
          taken; on a GPU the eager and the compiled ones are each measured.
Ratio:    their seconds over ours, the median of alternating pairs. Compiling is left out on both sides, and printed.
Same:     without dropout, from the same weights and batches, both sides' losses are compared; the difference is printed.
Roofline: of one step, see roofline.py, at the rates of large matrix products and of copies measured here on one device;
          `of_roofline` is its share of the time that the step takes by itself.
"""

import argparse
import json
import os
import time

BATCH = {"cpu": 6, "gpu": 24}


def experiment(variant: str, dtype: str, batch: int, epochs: int):
    """The experiment as `mer-jax benchmark` lays it out; the leak audit is left out."""
    from frame_clips import random_frames

    from mer_jax.data.folds import leave_one_subject_out
    from mer_jax.evaluation.benchmark import prepare
    from mer_jax.models import create
    from mer_jax.training.stages import Recipe, Stage

    network = create("agmenet", classes=3, variant=variant, dtype=dtype)
    clips = random_frames(4 * batch, network.frame_size)
    recipe = Recipe((Stage(epochs, 1e-3),), batch_size=batch)
    return prepare(network, clips, leave_one_subject_out(clips), recipe, findings=())


def peer_of(one, gpu: bool, dtype: str, compiled: bool = True):
    import jax
    import numpy as np
    from beside_torch import Peer
    from torch_workers import CORES

    from mer_jax.training.inputs import moments

    network = one.program.network
    names = ("frame_size", "instants", "stem", "stem_kernel", "growth", "bottleneck", "blocks", "width", "heads", "dropout")
    size = {**{name: getattr(network, name) for name in names}, "window": one.program.window}
    at = moments(jax.device_put(one.data), jax.numpy.arange(len(one.clips)), network.instants, one.program.window)
    half = "" if dtype == "float32" else "+bfloat16"
    layouts = ("", "+channels_last") if gpu else ("", "+channels_last", "+kept", "+channels_last+kept")
    forms = [f"{first}{half}{last}" for first in ("eager", "compiled")[: 1 + compiled] for last in layouts]
    counts = [1] if gpu else [CORES, 1]
    arrangements = [(words, workers, CORES // workers) for words in forms
                    for workers in (counts if words.startswith("eager") else counts[:1])]     # compiling takes minutes
    return Peer("torch_agmenet.py", {"frames": one.clips.frames, "at": np.asarray(at), "network": json.dumps(size)},
                tuple(arrangements), lambda words: words.replace("+", "_") if gpu else "", len(one.names) if gpu else CORES)


def step_alone(one, progress) -> tuple[float, list, list]:
    """(seconds of one step of one run on one device, without data, the median of five; its roofline there; that of all
    devices together, which the runs share: a CPU's have their cores in common, so that one alone may use them all)."""
    import functools

    import jax
    import numpy as np
    from our_side import copy_rate, product_rate
    from roofline import layers

    from mer_jax.training.inputs import training_inputs
    from mer_jax.training.losses import soft_target
    from mer_jax.training.run import init_run
    from mer_jax.training.train_step import Batch, train_step

    program = one.program
    stage, run = program.recipe.stages[0], jax.tree.map(lambda leaf: leaf[0], one.runs)
    data, rows = jax.device_put(one.data), jax.device_put(np.resize(run.train, program.batch_rows))
    state = jax.jit(functools.partial(init_run, program))(run, data).train
    inputs, _ = training_inputs(program.network, None, program.recipe.augmentation, program.window, data, rows,
                                jax.random.key(0))
    batch = Batch(inputs, soft_target(data.label[rows], 3, 0.0), np.ones(len(rows), np.float32))
    step = functools.partial(train_step, program.network, stage.losses, program.optimizer(stage, run))
    compiled, seconds = jax.jit(step), []
    for _ in range(6):
        start = time.perf_counter()
        jax.block_until_ready(compiled(state, batch, jax.random.key(0)))
        seconds.append(time.perf_counter() - start)
    progress.advance()
    tables = [layers(step, (state, batch, jax.random.key(0)), product_rate(program.network.dtype, count), copy_rate(count))
              for count in (1, None)]
    return float(np.median(seconds[1:])), *tables


def measure(arguments: argparse.Namespace) -> dict:
    import importlib.util

    from mer_jax.backend import start_jax
    from mer_jax.progress_bar import ProgressBar

    start_jax("")
    import jax
    import numpy as np
    from our_side import growth, seconds_of

    gpu, has_torch = jax.default_backend() != "cpu", importlib.util.find_spec("torch") is not None
    one = experiment(arguments.variant, arguments.dtype, arguments.batch or BATCH["gpu" if gpu else "cpu"], arguments.epochs)
    counts = (1, 4, 16, 64) if gpu else (1, 4)
    shown = 2 + has_torch * (4 + 4 * arguments.pairs if gpu else 12 + arguments.pairs) + (len(counts) + 4) * arguments.growth
    with ProgressBar(shown, "speed") as progress:
        first, alone = seconds_of(one)[0], seconds_of(one)[0]
        progress.advance()
        steps = len(one.names) * arguments.epochs * one.program.steps_per_epoch
        found = {"variant": arguments.variant, "dtype": arguments.dtype, "seconds_ours": alone, "steps": steps,
                 "batch": one.program.batch_rows, "folds": len(one.names), "pairs": arguments.pairs * has_torch,
                 "compile_seconds_ours": first - alone, "plan": list(one.plan.shape) + [one.plan.chunk]}
        step, table, shared = step_alone(one, progress)
        if has_torch:
            from beside_torch import compared

            peer = peer_of(one, gpu, arguments.dtype, not arguments.eager)
            found |= compared(one, peer, arguments.pairs, arguments.epochs, progress)
        found |= growth(one, counts, progress) if arguments.growth else {}
    bound, devices = sum(layer.seconds for layer in table), jax.local_device_count()
    least = sum(layer.seconds for layer in shared)                         # of a step, where all devices have one each
    found |= {"seconds_of_a_step": step, "roofline_seconds": bound, "of_roofline": bound / step,
              "operations_of_a_step": sum(layer.operations for layer in table),
              "bytes_of_a_step": sum(layer.bytes for layer in table), "floor_seconds": steps * least,
              "roofline": [layer._asdict() for layer in table]}
    gaps = {f"gap_{side}": found[f"seconds_{side}"] / found["floor_seconds"] for side in ("ours", "theirs")
            if f"seconds_{side}" in found}
    return {**found, **gaps, "jax": jax.__version__, "numpy": np.__version__,
            "device": f"{devices} x {jax.local_devices()[0].device_kind}"}


def text(found: dict, roofline: bool) -> str:
    from beside_torch import lines_of
    from roofline import Layer
    from roofline import lines_of as roofline_lines

    lines = [f"AGMENet {found['variant']}, {found['dtype']}: {found['folds']} folds, {found['steps']} steps of "
             f"{found['batch']} clips, on {found['device']}; {found['operations_of_a_step'] / 1e9:.1f} GFLOP and "
             f"{found['bytes_of_a_step'] / 1e9:.2f} GB a step at least", *lines_of(found),
             f"one step by itself on one device: {1e3 * found['seconds_of_a_step']:.1f} ms; its roofline "
             f"{1e3 * found['roofline_seconds']:.1f} ms, {found['of_roofline']:.0%} of it"]
    return "\n".join(lines + (roofline_lines([Layer(**row) for row in found["roofline"]]) if roofline else []))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--variant", default="small", choices=("small", "121"))
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"), help="of the dense blocks' products")
    parser.add_argument("--batch", type=int, help="clips a step; 6 on a CPU, 24 on a GPU")
    parser.add_argument("--epochs", type=int, default=1, help="of each measured training, of three steps")
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs of ours and theirs")
    parser.add_argument("--eager", action="store_true", help="leaves torch.compile out, which takes ten minutes a core")
    parser.add_argument("--growth", action="store_true", help="also 1, 4, .. runs, and 1, 2, 4, .. devices")
    parser.add_argument("--roofline", action="store_true", help="also the roofline, layer by layer")
    arguments = parser.parse_args()
    for name in ("batch", "epochs", "pairs"):
        if (value := getattr(arguments, name)) is not None and value < 1:
            parser.error(f"--{name}={value}: wanted at least 1")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")        # PyTorch's memory is on the same card
    found = measure(arguments)
    print(json.dumps(found) if arguments.json else text(found, arguments.roofline))


if __name__ == "__main__":
    main()
