"""A whole cross-validation of STSTNet beside PyTorch's best arrangement on this machine: seconds, ratio, floor, growth.

Command:  python experiments/speed/loso.py [--json] [--epochs=10] [--pairs=5] [--growth]      needs torch, else ours alone
Data:     68 folds of 442 random clips of 28x28x3 in the shape of MEGC2019's composite, on the device on both sides; Adam 5e-5,
          batches of at most 256, dropout and batch norm, the held-out clips predicted at the end.
Ours:     what `mer-jax benchmark` does: `train_many` by its plan, on all devices, every core of a CPU being one.
Theirs:   torch_ststnet.py, from the paper. On a CPU all arrangements of torch_workers.py are tried, printed, and the fastest
          taken; on a GPU an eager loop, the step as a CUDA graph, and `torch.func`'s stacked networks are each measured.
Ratio:    their seconds over ours, the median of alternating pairs. Time grows with --epochs alone, but for the first call,
          in which both sides compile: it is left out, and printed. On a GPU 500 epochs are timed too (ours).
Same:     without dropout, from the same weights and batches, both sides' losses are compared; the difference is printed.
Floor:    operations that the network needs (products of the forward pass, and of the weights' gradients) at the rate of large
          matrix products on all devices here; bytes: images, weights and Adam's moments once a step.
"""

import argparse
import json
import os

EPOCHS = {"cpu": 10, "gpu": 50}


def operations(batch: int) -> float:
    """Of one step: 900 places of 27 x 16, and 400 x 3; forward, and the weights' gradients; the images need none."""
    return 2 * 2.0 * batch * (900 * 27 * 16 + 1.5 * 400 * 3)


def experiment(epochs: int):
    """The experiment as `mer-jax benchmark` lays it out; the leak audit is left out."""
    from composite_shape import composite_clips

    from mer_jax.data.folds import composite
    from mer_jax.evaluation.benchmark import prepare
    from mer_jax.models.ststnet import STSTNet
    from mer_jax.training.stages import Recipe, Stage

    clips = composite_clips()
    return prepare(STSTNet(), clips, composite(clips), Recipe((Stage(epochs, 5e-5),), batch_size=256), findings=())


def peer_of(one, gpu: bool):
    from beside_torch import Peer
    from torch_workers import CORES

    on_cpu = [(words, CORES, 1) for words in ("eager", "eager+channels_last", "one_stream", "one_stream+channels_last",
                                              "compiled", "compiled+one_stream+channels_last", "stacked+one_stream",
                                              "eager+channels_last+kept", "one_stream+channels_last+kept",
                                              "stacked+one_stream+kept")]
    names = {"eager": "eager_loop", "graphed": "graphed_loop", "stacked": "stacked"}
    arrangements = [(words, 1, CORES) for words in names] if gpu else [*on_cpu[:1], ("eager", 1, CORES), *on_cpu[1:]]
    return Peer("torch_ststnet.py", {"flow": one.clips.flow}, tuple(arrangements), lambda words: names[words] if gpu else "",
                2 * CORES)


def measure(arguments: argparse.Namespace) -> dict:
    import importlib.util

    from mer_jax.backend import start_jax
    from mer_jax.progress_bar import ProgressBar

    start_jax("")
    import jax
    import numpy as np
    from our_side import growth, product_rate, seconds_of

    gpu, peer = jax.default_backend() != "cpu", importlib.util.find_spec("torch") is not None
    epochs = arguments.epochs or EPOCHS["gpu" if gpu else "cpu"]
    one = experiment(epochs)
    batch, steps = one.program.batch_rows, len(one.names) * epochs * one.program.steps_per_epoch
    with ProgressBar(1 + peer * (11 + arguments.pairs) + 7 * arguments.growth, "speed") as progress:
        first, alone = seconds_of(one)[0], [seconds_of(one)[0] for _ in range(2)]
        progress.advance()
        found = {"seconds_ours": float(np.median(alone)), "pairs": arguments.pairs * peer, "steps": steps, "batch": batch,
                 "folds": len(one.names), "clips": len(one.clips), "epochs": epochs,
                 "compile_seconds_ours": first - float(np.median(alone)), "plan": list(one.plan.shape) + [one.plan.chunk]}
        if peer:
            from beside_torch import compared

            found |= compared(one, peer_of(one, gpu), arguments.pairs, epochs, progress)
        found |= growth(one, (1, 4, 16, 64, 256), progress) if arguments.growth else {}
    if gpu:
        whole = experiment(500)
        seconds_of(whole)
        found["seconds_68_folds_500_epochs"] = seconds_of(whole)[0]
    rate = product_rate()
    numbers = 4 * sum(leaf.size for leaf in jax.tree.leaves(one.program.network.init(
        jax.random.key(0), {"flow": one.clips.flow[:1]}, train=False)["params"]))
    floor = steps * operations(batch) / rate
    gaps = {f"gap_{side}": found[f"seconds_{side}"] / floor for side in ("ours", "theirs") if f"seconds_{side}" in found}
    return {**found, "operations_of_a_step": operations(batch), "bytes_of_a_step": batch * 28 * 28 * 3 + 6 * numbers,
            "operations_a_second": rate, "floor_seconds": floor, **gaps, "jax": jax.__version__,
            "device": f"{jax.local_device_count()} x {jax.local_devices()[0].device_kind}"}


def text(found: dict) -> str:
    from beside_torch import lines_of

    lines = [f"{found['folds']} folds of {found['clips']} clips, {found['epochs']} epochs: {found['steps']} steps of "
             f"{found['batch']} clips, on {found['device']}; {found['operations_of_a_step'] / 1e6:.0f} MFLOP and "
             f"{found['bytes_of_a_step'] / 1e6:.2f} MB a step at least", *lines_of(found)]
    whole = "seconds_68_folds_500_epochs"
    return "\n".join([*lines, *([f"{whole}: {found[whole]}"] if whole in found else [])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--epochs", type=int, help="of each measured training; 10 on a CPU, 50 on a GPU")
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs of ours and theirs")
    parser.add_argument("--growth", action="store_true", help="also 1, 4, 16, 64, 256 runs, and 1, 2, 4, .. devices")
    arguments = parser.parse_args()
    if arguments.pairs < 1 or (arguments.epochs is not None and arguments.epochs < 1):
        parser.error(f"--pairs={arguments.pairs} --epochs={arguments.epochs}: wanted at least 1")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")        # PyTorch's memory is on the same card
    found = measure(arguments)
    print(json.dumps(found) if arguments.json else text(found))


if __name__ == "__main__":
    main()
