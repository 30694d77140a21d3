"""The learning curves of a run as TensorBoard's event files, made from its log.jsonl alone, during the run or after it.

Training knows nothing of it: what can be shown in TensorBoard is what the log has. tensorboardX writes the files: of what
can be had it is the only package that needs neither TensorFlow nor TensorBoard itself where one trains.
"""

import time
from collections.abc import Iterable
from pathlib import Path

from mer_jax.folder_lock import is_held
from mer_jax.mistakes import UserMistake
from mer_jax.training.event_log import EventReader
from mer_jax.training.progress import Progress, after, band

Point = tuple[int, int]                           # chunk and epoch, from 0
Scalars = dict[str, float]
SHOWN = {"loss": "loss", "accuracy": "training_accuracy", "watched": "watched_score"}
PARTS = ("median", "10_percent", "90_percent")


def writer_class() -> type:
    """tensorboardX's writer. Raises UserMistake where it is not installed."""
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise UserMistake("TensorBoard's files are written by tensorboardX, which is not installed: "
                          'pip install "mer_jax[tensorboard]"') from error
    return SummaryWriter


def write_tensorboard(folder: Path, out: Path, watch: bool = False) -> int:
    """Writes the event files of a run, a sub-folder of `out` for each chunk of runs; gives the number of epochs written.

    Earlier event files there are replaced. `watch` goes on as long as a process trains in the folder.
    """
    made = writer_class()
    if not (folder / "config.json").is_file():
        raise UserMistake(f"{folder}: not a run's folder: no config.json")
    for old in out.glob("chunk_*/events.out.tfevents.*"):
        old.unlink()
    reader, progress, writers, count = EventReader(folder / "log.jsonl"), None, {}, 0
    try:
        while True:
            held = is_held(folder)                                 # asked first: what is written before the end is read after
            _, events = reader.news()
            progress, points = points_of(progress, events)
            for (chunk, epoch), (when, scalars) in points.items():
                if chunk not in writers:
                    writers[chunk] = made(str(out / f"chunk_{chunk:04d}"))
                for name, value in scalars.items():
                    writers[chunk].add_scalar(name, value, epoch, walltime=when)
                count += 1
            for writer in writers.values():
                writer.flush()
            if not (watch and held):
                return count
            time.sleep(1)
    finally:
        for writer in writers.values():
            writer.close()


def points_of(progress: Progress | None, events: Iterable[dict]) -> tuple[Progress | None, dict[Point, tuple[float, Scalars]]]:
    """The progress after the events, and of each epoch in them when it was and its scalars; of one written twice the last."""
    points = {}
    for event in events:
        progress = after(progress, event)
        if event["event"] == "epoch" and progress and progress.epoch_at is not None:
            scalars = {f"{title}/{part}": value for name, title in SHOWN.items() if (found := band(getattr(progress, name)))
                       for part, value in zip(PARTS, found, strict=True)}
            where = (progress.chunks_begun - 1, progress.epochs_done - 1)
            points[where] = progress.time + progress.epoch_at, scalars
    return progress, points
