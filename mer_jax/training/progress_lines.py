"""Progress in words: the lines of the live display, and of `mer-jax status`."""

from mer_jax.progress_bar import bar, duration
from mer_jax.training.progress import TRAINED, Progress, band, seconds_left, seconds_per_epoch, share_done

WATCHED = {"inner": "inner UF1", "test_peek": "peeked accuracy"}


def progress_lines(progress: Progress, at: float, running: bool = True) -> list[str]:
    """At most seven lines of at most 79 characters; `at` is now, in seconds since the call began."""
    return [place_line(progress), *run_lines(progress), *value_lines(progress), time_line(progress, at, running)]


def place_line(progress: Progress) -> str:
    where = f"epoch {progress.epochs_done} of {progress.epochs}"
    if progress.chunks > 1:
        where += f", chunk {max(progress.chunks_begun, 1)} of {progress.chunks}"
    return f"{bar(share_done(progress))}  {where}"


def run_lines(progress: Progress) -> list[str]:
    """Which runs train; nothing where there is but one."""
    if progress.runs == 1:
        return []
    first, last = progress.runs_before + 1, progress.runs_before + len(progress.names)
    which = f"runs {first} to {last} of {progress.runs}" if last > first else f"run {first} of {progress.runs}"
    return [f"{which}, {progress.runs_done} done" if progress.names else f"{progress.runs} runs"]


def value_lines(progress: Progress) -> list[str]:
    """Loss, training accuracy and what chooses the epoch: the median over the runs, and the band around it."""
    kinds = {"loss": progress.loss, "training accuracy": progress.accuracy,
             WATCHED.get(progress.selection, "watched"): progress.watched}
    lines = []
    for name, values in kinds.items():
        if found := band(values):
            median, low, high = found
            spread = f"  [{low:.3f}, {high:.3f}]" if len(values) > 1 else ""
            lines.append(f"{name:<18} {median:.3f}{spread}")
    if lines and len(progress.loss) > 1:
        lines[0] += "   median [10 %, 90 %]"
    return lines


def time_line(progress: Progress, at: float, running: bool) -> str:
    """Speed, elapsed, left."""
    pace, left = seconds_per_epoch(progress), seconds_left(progress, at)
    parts = [f"{progress.steps / pace:.3g} steps/s"] if pace else []
    if not running:
        return ", ".join([*parts, f"the last call took {duration(progress.at)}"])
    parts.append(f"{duration(at)} elapsed")
    if progress.end == TRAINED:
        parts.append("trained")
    elif left is not None:
        parts.append(f"about {duration(left)} left")
    else:
        parts.append("compiling, and the first epoch" if progress.epoch_at is None else "time left not known yet")
    return ", ".join(parts)
