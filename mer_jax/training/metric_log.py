"""What happens while training, for people and programs: log.jsonl, one object a line, and a line of progress."""

import json
import math
import time
from pathlib import Path

import numpy as np

from mer_jax.progress_bar import ProgressBar


def _end_cut_line(path: Path) -> None:
    """Ends the last line of a log that a kill cut off, so that the next line stands alone."""
    if path.is_file() and path.read_bytes()[-1:] not in (b"\n", b""):
        with open(path, "a", encoding="utf-8") as file:
            file.write("\n")


def logged_seconds(path: Path) -> float:
    """The seconds of training that a log counts, over all calls of the command; damaged lines count nothing."""
    total, lines = 0.0, path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    for line in lines:
        try:
            event = json.loads(line)
            seconds = float(event["seconds"]) if event["event"] == "session" else 0.0
            total += seconds if 0 <= seconds < math.inf else 0.0
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return total


class MetricLog:
    """Appends to `folder`/log.jsonl (nothing where folder is None); draws progress on a terminal, never in a pipe.

    Events: "epoch" has the metrics of an epoch of some runs; "session" has the seconds since the log was opened or since
    the last such event, written with every checkpoint and at the end, so that a kill loses little of them.
    """

    def __init__(self, folder: Path | None, epochs: int):
        if folder:
            _end_cut_line(folder / "log.jsonl")
        self._file = open(folder / "log.jsonl", "a", encoding="utf-8") if folder else None  # noqa: SIM115
        self._bar, self._counted = ProgressBar(epochs), time.monotonic()

    def event(self, event: str, **values) -> None:
        if self._file:
            self._file.write(json.dumps({"event": event, **values}) + "\n")
            self._file.flush()

    def session(self) -> None:
        """Counts the seconds that have passed since they were last counted."""
        now = time.monotonic()
        self.event("session", seconds=round(now - self._counted, 3))
        self._counted = now

    def skip(self, run_epochs: int) -> None:
        """Counts run-epochs that an earlier call of the command has done."""
        self._bar.skip(run_epochs)

    def epoch(self, epoch: int, runs: list[str], loss: np.ndarray, accuracy: np.ndarray) -> None:
        """One epoch of a batch of runs; loss and accuracy (runs,) are means over its steps."""
        self.event("epoch", epoch=epoch, runs=runs, loss=[round(float(x), 6) for x in loss],
                   accuracy=[round(float(x), 6) for x in accuracy])
        self._bar.advance(len(runs), f"loss {np.mean(loss):.3f}  accuracy {np.mean(accuracy):.3f}")

    def close(self) -> None:
        self._bar.close()
        if self._file:
            self.session()
            self._file.close()

    def __enter__(self) -> "MetricLog":
        return self

    def __exit__(self, *_) -> None:
        self.close()
