"""What happens while training, for people and programs: log.jsonl (see `event_log`) and a live display on a terminal."""

import contextlib
import json
import math
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mer_jax.progress_bar import Redrawn
from mer_jax.training.event_log import events_of
from mer_jax.training.preemption import Interrupted
from mer_jax.training.progress import FAILED, STOPPED, TRAINED, Progress, after
from mer_jax.training.progress_lines import progress_lines
from mer_jax.training.standard_error import heard


def _end_cut_line(path: Path) -> None:
    """Ends the last line of a log that a kill cut off, so that the next line stands alone."""
    if path.is_file() and path.read_bytes()[-1:] not in (b"\n", b""):
        with open(path, "a", encoding="utf-8") as file:
            file.write("\n")


def logged_seconds(path: Path) -> float:
    """The seconds of training that a log counts, over all calls of the command; damaged lines count nothing."""
    counted = (event.get("seconds") for event in events_of(path) if event["event"] == "call")
    return sum(float(s) for s in counted if isinstance(s, int | float) and 0 <= s < math.inf)


class MetricLog:
    """Appends to `folder`/log.jsonl (nothing where folder is None); shows how far it is on a terminal, never in a pipe.

    runs, chunk: of the benchmark, and those trained at once; stages: the epochs of each; selection: see `run.SELECTIONS`.
    It is opened and closed by `with`. Nothing here waits for the device: what is shown has been logged.
    """

    def __init__(self, folder: Path | None, runs: int, chunk: int, stages: Sequence[int], selection: str = "last"):
        self._folder, self._lock, self._file = folder, threading.Lock(), None
        self._begin = {"runs": runs, "chunk": chunk, "stages": list(stages), "selection": selection}
        self._progress: Progress | None = None
        self._begun = self._counted = 0.0

    def __enter__(self) -> "MetricLog":
        self._begun = self._counted = time.monotonic()
        if self._folder:
            _end_cut_line(self._folder / "log.jsonl")
            self._file = open(self._folder / "log.jsonl", "a", encoding="utf-8")
        self._event("begin", time=round(time.time(), 3), **self._begin)
        self._display = Redrawn(self._lines)
        self._open = contextlib.ExitStack()
        self._open.callback(self._display.close)
        self._open.enter_context(heard(self._display.drawn.above, lambda line: self._event("said", text=line)))
        return self

    def __exit__(self, _kind, error: BaseException | None, _trace) -> None:
        self._open.close()
        self.call()
        self._event("end", how=TRAINED if error is None else STOPPED if was_asked_to(error) else FAILED,
                    why="" if error is None else " ".join(str(error).split())[:500] or type(error).__name__)
        if self._file:
            self._file.close()

    def chunk(self, names: Sequence[str], done: int) -> None:
        """The runs that are trained next, of which an earlier call has done so many epochs."""
        self._event("chunk", runs=list(names), done=done)

    def epoch(self, epoch: int, runs: list[str], loss: np.ndarray, accuracy: np.ndarray, steps: int,
              watched: np.ndarray | None) -> None:
        """One epoch of a chunk; loss and accuracy (runs,) are means over its steps, watched (runs,) is what chooses it."""
        scores = {} if watched is None else {"watched": _rounded(watched)}
        self._event("epoch", epoch=epoch, runs=runs, loss=_rounded(loss), accuracy=_rounded(accuracy), steps=steps, **scores)
        self._display.drawn.draw(self._lines())

    def call(self) -> None:
        """Counts the seconds that have passed since they were last counted, so that a kill loses little of them."""
        now = time.monotonic()
        self._event("call", seconds=round(now - self._counted, 3))
        self._counted = now

    def _event(self, kind: str, **values) -> None:
        event = {"event": kind, **values, "at": round(time.monotonic() - self._begun, 3)}
        with self._lock:
            self._progress = after(self._progress, event)
            if self._file:
                self._file.write(json.dumps(event) + "\n")
                self._file.flush()

    def _lines(self) -> list[str]:
        return progress_lines(self._progress, time.monotonic() - self._begun)


def was_asked_to(error: BaseException) -> bool:
    """Whether an end was asked for, by a signal."""
    return isinstance(error, Interrupted | KeyboardInterrupt)


def _rounded(values: np.ndarray) -> list[float | None]:
    """As JSON has them: six digits, null for what is no number."""
    return [round(float(value), 6) if math.isfinite(value) else None for value in values]
