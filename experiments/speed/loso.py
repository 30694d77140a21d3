"""A whole cross-validation of STSTNet beside PyTorch's best arrangement on this machine: seconds, ratio, floor, growth.

Command:  python experiments/speed/loso.py [--json] [--epochs=4] [--pairs=5] [--growth]      needs torch, else ours alone
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
import tempfile
import time
from pathlib import Path

EPOCHS = {"cpu": 4, "gpu": 50}


def operations(batch: int) -> float:
    """Of one step: 900 places of 27 x 16, and 400 x 3; forward, and the weights' gradients; the images need none."""
    return 2 * 2.0 * batch * (900 * 27 * 16 + 1.5 * 400 * 3)


def product_rate() -> float:
    """Operations a second of large float32 matrix products on all devices at once, the median of five."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    size = 1024 if jax.default_backend() == "cpu" else 8192
    matrices = [jax.device_put(jnp.ones((size, size)), device) for device in jax.local_devices()]
    product, rates = jax.jit(jnp.matmul), []
    for _ in range(6):
        start = time.perf_counter()
        jax.block_until_ready([product(matrix, matrix) for matrix in matrices for _ in range(4)])
        rates.append(4 * len(matrices) * 2 * size**3 / (time.perf_counter() - start))
    return float(np.median(rates[1:]))


def write_data(one, folder: Path) -> None:
    """What torch_ststnet.py reads."""
    import numpy as np

    np.savez(folder / "data.npz", flow=one.clips.flow, label=one.clips.label, train=one.runs.train, count=one.runs.train_count,
             test=one.runs.test, steps=one.program.steps_per_epoch)


def against(one, workers, pairs: int, epochs: int, progress) -> dict:
    """Alternating pairs of ours and theirs: median seconds and ratio, its spread, and the same of CPU seconds."""
    import numpy as np
    from our_side import seconds_of

    folds, seconds = len(one.names), []
    workers.seconds(folds, 1)
    for _ in range(pairs):
        seconds.append((seconds_of(one), workers.seconds(folds, epochs)))
        progress.advance()
    (ours, cpu_ours), (theirs, cpu_theirs) = np.array(seconds).transpose(1, 2, 0)
    ratio = theirs / ours
    return {"ratio": float(np.median(ratio)), "spread": [float(ratio.min()), float(ratio.max())],
            "seconds_ours": float(np.median(ours)), "seconds_theirs": float(np.median(theirs)),
            "cpu_seconds": {"ours": float(np.median(cpu_ours)), "theirs": float(np.median(cpu_theirs)),
                            "ratio": float(np.median(cpu_theirs / cpu_ours))}}


def beside_torch(one, pairs: int, epochs: int, gpu: bool, progress) -> dict:
    """All figures with a peer in them: the arrangements tried, the same losses, and the ratios."""
    import numpy as np
    from our_side import same_steps
    from torch_workers import CORES, Workers, candidates

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(one, folder)
        given, losses = same_steps(one)
        np.savez(folder / "check.npz", **given)
        eager = Workers(folder, "eager", 1, CORES)
        theirs = eager.ask(check=str(folder / "check.npz"))[0]["losses"]
        eager.close()
        tried, arrangements = candidates(folder, gpu, 2 * CORES, one.program.steps_per_epoch, progress)
        order = sorted(arrangements, key=lambda name: tried[name]["milliseconds_a_step"])
        found = {"torch": eager.versions["torch"], "arrangements": tried, "losses": {"ours": losses, "theirs": theirs},
                 "loss_difference": float(np.max(np.abs(np.subtract(losses, theirs) / np.array(theirs))))}
        for place, name in enumerate(order if gpu else order[:1]):
            workers = Workers(folder, *arrangements[name])
            measured = against(one, workers, pairs, epochs, progress)
            workers.close()
            if place == 0:
                found |= {**measured, "theirs": name}
            if gpu:
                key = {"eager": "ratio_eager_loop", "graphed": "ratio_graphed_loop"}.get(arrangements[name][0], "ratio_stacked")
                found |= {key: measured["ratio"], f"spread{key[5:]}": measured["spread"]}
    return found


def measure(arguments: argparse.Namespace) -> dict:
    import importlib.util

    from mer_jax.backend import start_jax
    from mer_jax.progress_bar import ProgressBar

    start_jax("")
    import jax
    import numpy as np
    from our_side import batch_of, experiment, growth, seconds_of

    gpu, peer = jax.default_backend() != "cpu", importlib.util.find_spec("torch") is not None
    epochs = arguments.epochs or EPOCHS["gpu" if gpu else "cpu"]
    one = experiment(epochs)
    batch, steps = batch_of(one.program), len(one.names) * epochs * one.program.steps_per_epoch
    with ProgressBar(1 + peer * (8 + arguments.pairs) + 7 * arguments.growth, "speed") as progress:
        first, alone = seconds_of(one)[0], [seconds_of(one)[0] for _ in range(2)]
        progress.advance()
        found = {"seconds_ours": float(np.median(alone)), "pairs": arguments.pairs * peer, "steps": steps, "batch": batch,
                 "folds": len(one.names), "clips": len(one.clips), "epochs": epochs,
                 "compile_seconds_ours": first - float(np.median(alone)), "plan": list(one.plan.shape) + [one.plan.chunk]}
        found |= beside_torch(one, arguments.pairs, epochs, gpu, progress) if peer else {}
        found |= growth(one, progress) if arguments.growth else {}
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


def table(found: dict) -> str:
    lines = [f"{found['folds']} folds of {found['clips']} clips, {found['epochs']} epochs: {found['steps']} steps of "
             f"{found['batch']} clips, on {found['device']}; {found['operations_of_a_step'] / 1e6:.0f} MFLOP and "
             f"{found['bytes_of_a_step'] / 1e6:.2f} MB a step at least",
             f"{'':46} {'ms a step':>9} {'start s':>8}"]
    for name, row in found.get("arrangements", {}).items():
        lines.append(f"torch {name:40} " + (f"{row['milliseconds_a_step']:9.1f} {row['start_seconds']:8.1f}"
                                            if "failed" not in row else row["failed"]))
    for side in ("ours", "theirs"):
        if f"gap_{side}" in found:
            each = 1e3 * found[f"seconds_{side}"] / found["steps"]
            lines.append(f"{side:8} {found[f'seconds_{side}']:8.2f} s, {each:6.2f} ms a step, {found[f'gap_{side}']:.1f} x "
                         f"the floor of {found['floor_seconds']:.3f} s")
    for key in [key for key in found if key.startswith("ratio")]:
        low, high = found[f"spread{key[5:]}"]
        lines.append(f"{key} {found[key]:.2f}, {found['pairs']} pairs from {low:.2f} to {high:.2f}")
    if "cpu_seconds" in found:
        spent = "CPU seconds of all threads: {ours:.1f} ours, {theirs:.1f} theirs, ratio {ratio:.2f}"
        lines.append(spent.format(**found["cpu_seconds"]))
    lines += [f"losses without dropout differ by {found['loss_difference']:.1e} at most"] if "losses" in found else [
        "torch is not installed: ours alone was measured"]
    lines += [f"{key}: {found[key]}" for key in ("seconds_a_run", "seconds_on_devices", "seconds_68_folds_500_epochs")
              if key in found]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--epochs", type=int, help="of each measured training; 4 on a CPU, 50 on a GPU")
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs of ours and theirs")
    parser.add_argument("--growth", action="store_true", help="also 1, 4, 16, 64, 256 runs, and 1, 2, 4, .. devices")
    arguments = parser.parse_args()
    if arguments.pairs < 1 or (arguments.epochs is not None and arguments.epochs < 1):
        parser.error(f"--pairs={arguments.pairs} --epochs={arguments.epochs}: wanted at least 1")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")        # PyTorch's memory is on the same card
    found = measure(arguments)
    print(json.dumps(found) if arguments.json else table(found))


if __name__ == "__main__":
    main()
