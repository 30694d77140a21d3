"""Our training beside a PyTorch peer's: the same losses first, then the peer's best arrangement, then alternating pairs."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from our_side import same_steps, seconds_of
from torch_workers import CORES, Workers, candidates


class Peer(NamedTuple):
    """script: its file here; arrays: what data.npz holds besides the folds; arrangements: (words, workers, threads) to try.

    ratio_name: words -> the name of that arrangement's ratio; "" where it is not measured in pairs unless it is the fastest.
    tried_folds: folds over which arrangements are compared.
    """

    script: str
    arrays: dict
    arrangements: tuple
    ratio_name: Callable[[str], str]
    tried_folds: int


def write_data(one, peer: Peer, folder: Path) -> None:
    """What torch_training.py reads."""
    np.savez(folder / "data.npz", label=one.clips.label, train=one.runs.train, count=one.runs.train_count, test=one.runs.test,
             steps=one.program.steps_per_epoch, learning_rate=one.program.recipe.stages[0].learning_rate, **peer.arrays)


def in_pairs(one, workers: Workers, pairs: int, epochs: int, progress) -> dict:
    """Alternating pairs of ours and theirs: median seconds and ratio, its spread, and the same of CPU seconds."""
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


def compared(one, peer: Peer, pairs: int, epochs: int, progress) -> dict:
    """All figures with a peer in them: the arrangements tried, the same losses, and the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(one, peer, folder)
        given, losses = same_steps(one)
        np.savez(folder / "check.npz", **given)
        eager = Workers(folder, peer.script, "eager", 1, CORES)
        theirs = eager.ask(check=str(folder / "check.npz"))[0]["losses"]
        eager.close()
        tried, arrangements = candidates(folder, peer.script, peer.arrangements, peer.tried_folds, one.program.steps_per_epoch,
                                         progress)
        order = sorted(arrangements, key=lambda name: tried[name]["milliseconds_a_step"])
        found = {"torch": eager.versions["torch"], "arrangements": tried, "losses": {"ours": losses, "theirs": theirs},
                 "loss_difference": float(np.max(np.abs(np.subtract(losses, theirs) / np.array(theirs))))}
        for place, name in enumerate(order):
            key = peer.ratio_name(arrangements[name][0])
            if place and not key:
                continue
            workers = Workers(folder, peer.script, *arrangements[name])
            measured = in_pairs(one, workers, pairs, epochs, progress)
            workers.close()
            found |= {**measured, "theirs": name} if place == 0 else {}
            found |= {f"ratio_{key}": measured["ratio"], f"spread_{key}": measured["spread"]} if key else {}
    return found


def lines_of(found: dict) -> list[str]:
    """The figures that all comparisons have, for the terminal."""
    lines = [f"{'':52} {'ms a step':>9} {'start s':>8}"] if "arrangements" in found else []
    for name, row in found.get("arrangements", {}).items():
        lines.append(f"torch {name:46} " + (f"{row['milliseconds_a_step']:9.1f} {row['start_seconds']:8.1f}"
                                            if "failed" not in row else row["failed"]))
    for side in ("ours", "theirs"):
        if f"gap_{side}" in found:
            each = 1e3 * found[f"seconds_{side}"] / found["steps"]
            lines.append(f"{side:8} {found[f'seconds_{side}']:8.2f} s, {each:8.2f} ms a step, {found[f'gap_{side}']:.1f} x "
                         f"the floor of {found['floor_seconds']:.3f} s")
    for key in [key for key in found if key.startswith("ratio")]:
        low, high = found[f"spread{key[5:]}"]
        lines.append(f"{key} {found[key]:.2f}, {found['pairs']} pairs from {low:.2f} to {high:.2f}")
    if "cpu_seconds" in found:
        spent = "CPU seconds of all threads: {ours:.1f} ours, {theirs:.1f} theirs, ratio {ratio:.2f}"
        lines.append(spent.format(**found["cpu_seconds"]))
    lines += [f"losses without dropout differ by {found['loss_difference']:.1e} at most"] if "losses" in found else [
        "torch is not installed: ours alone was measured"]
    return lines + [f"{key}: {found[key]}" for key in ("seconds_a_run", "seconds_on_devices") if key in found]
