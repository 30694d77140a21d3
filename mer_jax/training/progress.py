"""How far a benchmark is, as a pure fold over the events of its log: what the live display and `mer-jax status` both show."""

import dataclasses
import math
from collections.abc import Iterable

import numpy as np

TRAINED, STOPPED, FAILED = "trained", "stopped", "failed"          # how a call ends that is not killed
SAID = 3                          # lines of standard error that are kept


@dataclasses.dataclass(frozen=True)
class Progress:
    """One call of the command, as far as its events say; see `event_log` for what the names mean.

    time: when it began, seconds since 1970. at: when the last event was, seconds since then. names: the runs of the chunk
    that trains, of which `epochs_done` are done; runs_before: the runs of the chunks before it. loss, accuracy, watched:
    one number a run, of the newest epoch, at `epoch_at`. paced_seconds, paced_epochs: what the speed is measured on.
    counted_at: when seconds were counted last. said: the newest lines that went to standard error.
    """

    time: float
    runs: int
    chunk: int
    stages: tuple[int, ...]
    selection: str
    at: float = 0.0
    chunks_begun: int = 0
    runs_before: int = 0
    names: tuple[str, ...] = ()
    epochs_done: int = 0
    epoch_at: float | None = None
    steps: int = 0
    loss: tuple[object, ...] = ()
    accuracy: tuple[object, ...] = ()
    watched: tuple[object, ...] = ()
    paced_seconds: float = 0.0
    paced_epochs: int = 0
    counted_at: float = 0.0
    said: tuple[str, ...] = ()
    end: str | None = None
    why: str = ""

    @property
    def epochs(self) -> int:
        return sum(self.stages)

    @property
    def chunks(self) -> int:
        return math.ceil(self.runs / self.chunk)

    @property
    def runs_done(self) -> int:
        """Those of which all epochs are done."""
        return self.runs_before + (len(self.names) if self.epochs_done == self.epochs else 0)


def after(progress: Progress | None, event: dict) -> Progress | None:
    """The progress after one more event. An event that is damaged, or that nothing began, changes nothing."""
    try:
        if event["event"] == "begin":
            return begun(event)
        change = CHANGES.get(event["event"])
        if progress is None or change is None:
            return progress
        return dataclasses.replace(progress, at=_seconds(event["at"]), **change(progress, event))
    except (KeyError, ValueError, TypeError, OverflowError):
        return progress


def after_all(progress: Progress | None, events: Iterable[dict]) -> Progress | None:
    for event in events:
        progress = after(progress, event)
    return progress


def begun(event: dict) -> Progress:
    stages = tuple(int(epochs) for epochs in event["stages"])
    runs, chunk = int(event["runs"]), int(event["chunk"])
    if min((runs, chunk, *stages), default=0) < 1 or not stages:
        raise ValueError(f"nothing to train: {event}")
    return Progress(_seconds(event["time"]), runs, chunk, stages, str(event["selection"]))


def _chunk(progress: Progress, event: dict) -> dict:
    return {"chunks_begun": progress.chunks_begun + 1, "runs_before": progress.runs_before + len(progress.names),
            "names": tuple(map(str, event["runs"])), "epochs_done": int(event["done"]), "epoch_at": None,
            "loss": (), "accuracy": (), "watched": ()}


def _epoch(progress: Progress, event: dict) -> dict:
    epoch, at = int(event["epoch"]), _seconds(event["at"])
    if not 0 <= epoch < progress.epochs:
        raise ValueError(f"no such epoch: {event}")
    change = {"epochs_done": epoch + 1, "epoch_at": at, "steps": int(event["steps"]),
              **{name: tuple(event.get(name, ())) for name in ("loss", "accuracy", "watched")}}
    if progress.epoch_at is not None and epoch == progress.epochs_done and amidst_stage(progress.stages, epoch):
        change |= {"paced_seconds": progress.paced_seconds + max(at - progress.epoch_at, 0.0),
                   "paced_epochs": progress.paced_epochs + 1}
    return change


CHANGES = {
    "chunk": _chunk, "epoch": _epoch,
    "call": lambda progress, event: {"counted_at": _seconds(event["at"])},
    "said": lambda progress, event: {"said": (*progress.said, str(event["text"]))[-SAID:]},
    "end": lambda progress, event: {"end": str(event["how"]), "why": str(event["why"])},
}


def amidst_stage(stages: tuple[int, ...], epoch: int) -> bool:
    """Whether the epochs before and after are of this one's stage, so that nothing is compiled between their reports.

    An epoch is reported when the next one has begun, and so after that one's stage is compiled.
    """
    ends = np.cumsum(stages)
    stage = np.searchsorted(ends, [epoch - 1, epoch, min(epoch + 1, ends[-1] - 1)], side="right")
    return epoch > 0 and bool((stage == stage[0]).all())


def seconds_per_epoch(progress: Progress) -> float | None:
    """Of the chunk's runs together, checkpoints included, compiling not; None before two epochs of this call are done."""
    return progress.paced_seconds / progress.paced_epochs if progress.paced_epochs else None


def epochs_left(progress: Progress) -> int:
    """Of all chunks; a last chunk that is filled up costs as much as a whole one."""
    done = max(progress.chunks_begun - 1, 0) * progress.epochs + progress.epochs_done
    return max(progress.chunks * progress.epochs - done, 0)


def share_done(progress: Progress) -> float:
    return 1 - epochs_left(progress) / (progress.chunks * progress.epochs)


def seconds_left(progress: Progress, at: float) -> float | None:
    """What is left of the training at `at`, by this call's speed alone; None where that is not known yet."""
    pace = seconds_per_epoch(progress)
    if pace is None:
        return None
    since = max(at - (progress.at if progress.epoch_at is None else progress.epoch_at), 0.0)
    return max(epochs_left(progress) * pace - min(since, pace), 0.0)              # at most the epoch that is being trained


def band(values: tuple[object, ...]) -> tuple[float, float, float] | None:
    """(median, 10 %, 90 %) over the runs, of those that are numbers; None where none is."""
    numbers = [value for value in values if isinstance(value, int | float) and math.isfinite(value)]
    if not numbers:
        return None
    median, low, high = np.percentile(numbers, [50, 10, 90]).tolist()
    return median, low, high


def _seconds(value: object) -> float:
    """A number of seconds that may be one. Raises ValueError, TypeError."""
    if not math.isfinite(seconds := float(value)):
        raise ValueError(f"no number of seconds: {value}")
    return seconds
