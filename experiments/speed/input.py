"""What the data cost: a training step with its data gathered, augmented and darkened inside, against one fixed batch.

Command:  python experiments/speed/input.py [--json] [--rounds=15]
Rows:     STSTNet on flow, batches of 221 random clips of 28x28x3: rows gathered, and mirrored and shifted as well;
          AGMENet tiny on frames, batches of 8 clips of 64x64: instants sampled from native frames, and mirrored, shifted and
          half of them darkened as well. All data are on the device; the steps take turns with the step of the fixed batch.
Share:    of the whole step's time, what the step of the fixed batch does not need; medians of the rounds. Darkening, a
          camera's noise drawn for every pixel of every native frame, is work by itself rather than waiting.
"""

import argparse
import json
import time


def steps_of(network, clips, batch: int, augmentation):
    """(state, step with data, step of one fixed batch): functions of the state, both of the same `train_step`."""
    import functools

    import jax
    import numpy as np

    from mer_jax.data.folds import leave_one_subject_out
    from mer_jax.evaluation.benchmark import prepare
    from mer_jax.training.inputs import training_inputs
    from mer_jax.training.losses import soft_target
    from mer_jax.training.run import init_run, run_key, run_step
    from mer_jax.training.stages import Recipe, Stage
    from mer_jax.training.train_step import Batch, train_step

    recipe = Recipe((Stage(10, 1e-4),), batch_size=batch, augmentation=augmentation)
    one = prepare(network, clips, leave_one_subject_out(clips), recipe, findings=())
    program, stage, data = one.program, recipe.stages[0], jax.device_put(one.data)
    run = jax.device_put(jax.tree.map(lambda leaf: leaf[0], one.runs))
    rows = np.resize(run.train, batch)
    inputs, bright = jax.jit(functools.partial(training_inputs, network, program.flow_coding, augmentation, program.window))(
        data, rows, jax.random.key(0))
    fixed = Batch(inputs, soft_target(data.label[rows], program.classes, 0.0), run.class_weight[data.label[rows]], bright)
    key = jax.device_put(jax.random.fold_in(run_key(run), 2))

    def alone(state, fixed):
        train, metrics = train_step(network, stage.losses, program.optimizer(stage, run), state.train, fixed, key)
        return state.replace(train=train), metrics

    whole = jax.jit(functools.partial(run_step, program, stage))
    apart = jax.jit(alone)
    state = jax.jit(functools.partial(init_run, program))(run, data)
    return state, lambda state: whole(run, data, state, rows), lambda state: apart(state, fixed)


def timed(step, state, times: int) -> float:
    """Seconds a step of `times` steps in a row; the device is waited for at the end alone."""
    import jax

    start = time.perf_counter()
    for _ in range(times):
        state, metrics = step(state)
    jax.block_until_ready(metrics)
    return (time.perf_counter() - start) / times


def compared(network, clips, batch: int, augmentation, rounds: int, progress) -> dict:
    """Milliseconds of both steps, and the share of the data; compiling left out."""
    import jax
    import numpy as np

    state, whole, alone = steps_of(network, clips, batch, augmentation)
    times = 2 if jax.default_backend() == "cpu" else 50
    timed(whole, state, 1), timed(alone, state, 1)
    seconds = []
    for _ in range(rounds):
        seconds.append((timed(whole, state, times), timed(alone, state, times)))
        progress.advance()
    with_data, without = np.median(seconds, 0)
    shares = 1 - np.array(seconds)[:, 1] / np.array(seconds)[:, 0]
    return {"milliseconds": 1e3 * float(with_data), "milliseconds_fixed_batch": 1e3 * float(without), "batch": batch,
            "share": float(np.median(shares)), "spread": [float(value) for value in np.quantile(shares, (0.25, 0.75))]}


def measure(rounds: int) -> dict:
    import jax
    from composite_shape import composite_clips
    from frame_clips import random_frames

    from mer_jax.models import create
    from mer_jax.progress_bar import ProgressBar
    from mer_jax.training.augmentation import Augmentation

    flow, frames = composite_clips(), random_frames(24, 64)
    ststnet, agmenet = create("ststnet", classes=3), create("agmenet", classes=3, variant="tiny")
    moved, dark = Augmentation(flip=True, shift=2), Augmentation(flip=True, shift=2, dark=0.5)
    cases = {"STSTNet, rows gathered": (ststnet, flow, 221, Augmentation()),
             "STSTNet, mirrored and shifted": (ststnet, flow, 221, moved),
             "AGMENet tiny, instants sampled": (agmenet, frames, 8, Augmentation()),
             "AGMENet tiny, mirrored, shifted, half darkened": (agmenet, frames, 8, dark)}
    with ProgressBar(rounds * len(cases), "data") as progress:
        rows = {name: compared(*case, rounds, progress) for name, case in cases.items()}
    return {"share": rows["STSTNet, rows gathered"]["share"], "rows": rows, "rounds": rounds, "jax": jax.__version__,
            "device": jax.local_devices()[0].device_kind}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--rounds", type=int, default=15, help="how often the two steps take turns")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error(f"--rounds={arguments.rounds}: wanted at least 1")
    found = measure(arguments.rounds)
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"{'':48} {'ms a step':>9} {'fixed batch':>11} {'share':>6}   middle half of the rounds")
    for name, row in found["rows"].items():
        low, high = row["spread"]
        print(f"{name:48} {row['milliseconds']:9.2f} {row['milliseconds_fixed_batch']:11.2f} {row['share']:6.1%}   "
              f"{low:.1%} to {high:.1%}")


if __name__ == "__main__":
    main()
