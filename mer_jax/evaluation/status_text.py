"""The status of a run in words, for `mer-jax status`."""

import time

from mer_jax.evaluation.run_status import ELSEWHERE, FINISHED, KILLED, RUNNING, RunStatus
from mer_jax.evaluation.score_table import score_table
from mer_jax.progress_bar import duration
from mer_jax.training.progress import FAILED, STOPPED, TRAINED
from mer_jax.training.progress_lines import progress_lines


def status_lines(status: RunStatus) -> list[str]:
    """What there is to say, the most important first."""
    lines = [f"{status.folder}: {state_words(status)}", what_words(status)]
    if status.state == FINISHED:
        lines += [*finished_lines(status), f"trained {duration(status.seconds)}"]
    else:
        running = status.state == RUNNING and status.begun
        if progress := status.progress:
            lines += progress_lines(progress, status.now - progress.time, running)
        lines.append(f"trained {duration(status.seconds)} in all calls")
        lines += [] if status.state == RUNNING else [checkpoint_words(status), f"goes on with: {status.going_on()}"]
    lines += [f"said: {text}" for text in (status.progress.said if status.progress and status.begun else ())]
    return lines + [f"damaged: {text}" for text in status.trouble]


def state_words(status: RunStatus) -> str:
    """The state, whose process, and when."""
    holder, sign = status.holder, status.last_sign()
    end, why = (status.progress.end, status.progress.why) if status.progress and status.begun else (None, "")
    process = f"process {holder.process} on {holder.host}, since {moment(holder.since)}" if holder else "process unknown"
    last = f"; last sign of life {moment(sign)}" if sign else ""
    again = "; the machine was started again since" if status.started_again() else ""
    doing = "" if end is None and status.begun else ", writing the results" if end == TRAINED else ", about to train"
    return {
        RUNNING: f"running{doing} ({process})",
        FINISHED: f"finished; report: {status.folder / 'report.html'}",
        STOPPED: f"{why}{last}{again}",
        FAILED: f"failed: {why}{last}",
        KILLED: f"killed{' while it wrote the results' if end == TRAINED else ''}{last}{again}",
        ELSEWHERE: f"not to be told from here: {process}{last}",
    }[status.state]


def what_words(status: RunStatus) -> str:
    """Config and digest, network, protocol, selection."""
    variant = status.setting("variant")
    network = f"{status.setting('network')} {variant}" if variant else status.setting("network")
    seeds = status.setting("seeds")
    return (f"{status.setting('name')} (settings {status.settings_digest()}): {network}, {status.setting('protocol')}, "
            f"selection {status.setting('selection')}, {seeds} seed{'s' * (seeds != 1)}")


def finished_lines(status: RunStatus) -> list[str]:
    """The table of scores that metrics.json holds."""
    try:
        return score_table(status.metrics or {}).splitlines()
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return [f"damaged: {status.folder / 'metrics.json'}: not the scores of a run"]


def checkpoint_words(status: RunStatus) -> str:
    if status.checkpoint is None:
        return "no checkpoint: it starts over"
    chunk, epochs = status.checkpoint
    several = status.progress and status.progress.chunks > 1
    return f"newest checkpoint: epoch {epochs}{f' of chunk {chunk}' if several else ''}"


def moment(seconds: float) -> str:
    """A moment in local time: 2026-11-22 02:40:05."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
