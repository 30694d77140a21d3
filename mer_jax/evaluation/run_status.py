"""A run as its folder shows it, at any moment: running, dead or finished, how far, and what to type to go on.

Read without JAX, from a folder that another process may be writing; damaged files are named and passed over.
"""

import dataclasses
import hashlib
import json
import shlex
import socket
import time
from pathlib import Path
from typing import Any

from mer_jax.evaluation.finished_run import is_finished
from mer_jax.folder_lock import Holder, boot_id, is_held, last_holder
from mer_jax.mistakes import UserMistake
from mer_jax.training.event_log import EventReader
from mer_jax.training.progress import FAILED, STOPPED, Progress, after, band, seconds_left, seconds_per_epoch
from mer_jax.whole_files import read_json

RUNNING, FINISHED, KILLED, ELSEWHERE = "running", "finished", "killed", "elsewhere"
ONCE = ("--fresh", "--profile")                  # words of a command that are not given again to go on


@dataclasses.dataclass(frozen=True)
class RunStatus:
    """state: running (its process lives), finished, stopped (by a signal), failed (it says why), killed (it says nothing),
    elsewhere (another machine's process, which cannot be asked from here).

    now: seconds since 1970. seconds: of training, in all calls. progress: of the last call that trained, and begun whether
    that is the last one. checkpoint: (chunk from 1, epochs) it would go on from. trouble: files that are damaged.
    """

    folder: Path
    state: str
    now: float
    config: dict
    holder: Holder | None
    begun: bool
    progress: Progress | None
    seconds: float
    checkpoint: tuple[int, int] | None
    metrics: dict | None
    trouble: tuple[str, ...]

    def setting(self, name: str) -> Any:
        settings = self.config.get("settings")
        return settings.get(name) if isinstance(settings, dict) else None

    def settings_digest(self) -> str:
        """The first eight hex digits that the default folder is named by."""
        settings = json.dumps(self.config.get("settings"), sort_keys=True)
        return hashlib.sha256(settings.encode()).hexdigest()[:8]

    def last_sign(self) -> float | None:
        """When its log, or else its lock, was written last: seconds since 1970."""
        signs = [self.progress.time + self.progress.at] if self.progress else []
        return max([*signs, *([self.holder.since] if self.holder else [])], default=None)

    def started_again(self) -> bool:
        """Whether the machine was started again since the run's process began."""
        holder = self.holder
        return bool(holder and holder.host == socket.gethostname() and holder.boot and holder.boot != boot_id())

    def going_on(self) -> str:
        """What to type to go on."""
        words = self.holder.command if self.holder else str(self.config.get("command", ""))
        try:
            command = shlex.join(word for word in shlex.split(words) if word not in ONCE)
        except ValueError:
            command = words
        away = self.holder and self.holder.directory != str(Path.cwd())
        return f"cd {shlex.quote(self.holder.directory)} && {command}" if away else command


class StatusReader:
    """Reads the status of one folder, again and again; of its log only what is new. Raises UserMistake for no run's folder."""

    def __init__(self, folder: Path):
        if folder.is_file():
            raise UserMistake(f"{folder} is a file; wanted the folder of a run")
        if not folder.is_dir():
            raise UserMistake(f"{folder}: no such folder; a benchmark makes it when all is checked")
        if not (folder / "config.json").is_file():
            raise UserMistake(f"{folder}: not a run's folder: no config.json")
        self._folder, self._log = folder, EventReader(folder / "log.jsonl")
        self._progress, self._counted = None, 0.0

    def read(self) -> RunStatus:
        held, finished, now = is_held(self._folder), is_finished(self._folder), time.time()
        self._read_log()
        trouble: list[str] = [f"{self._folder / 'log.jsonl'}: {self._log.damaged} damaged lines passed over"
                              ] if self._log.damaged else []
        config = self._json("config.json", trouble) or {}
        metrics = self._json("metrics.json", trouble) if finished else None
        holder, progress = last_holder(self._folder), self._progress
        begun = bool(progress and (not holder or holder.since <= progress.time))
        state = RUNNING if held else FINISHED if finished else dead_state(holder, progress if begun else None)
        open_seconds = 0.0
        if progress and progress.end is None:
            open_seconds = (now - progress.time if held and begun else progress.at) - progress.counted_at
        return RunStatus(self._folder, state, now, config, holder, begun, progress, self._counted + max(open_seconds, 0.0),
                         newest_checkpoint(self._folder), metrics, tuple(trouble))

    def _read_log(self) -> None:
        anew, events = self._log.news()
        if anew:
            self._progress, self._counted = None, 0.0
        for event in events:
            self._progress = after(self._progress, event)
            seconds = event.get("seconds") if event["event"] == "call" else 0.0
            self._counted += seconds if isinstance(seconds, int | float) and 0 <= seconds < float("inf") else 0.0

    def _json(self, name: str, trouble: list[str]) -> dict | None:
        """The object of a file; a damaged one is put down as trouble."""
        try:
            return read_json(self._folder / name)
        except UserMistake as mistake:
            trouble.append(str(mistake))
            return None


def dead_state(holder: Holder | None, progress: Progress | None) -> str:
    """The state of an unfinished run whose folder nobody holds; `progress` is of the last call, if it came to train."""
    if holder and holder.host != socket.gethostname() and holder.boot != boot_id():
        return ELSEWHERE
    return progress.end if progress and progress.end in (STOPPED, FAILED) else KILLED


def newest_checkpoint(folder: Path) -> tuple[int, int] | None:
    """(chunk from 1, epochs done) of the newest state that is stored, as the folders are named; None without one."""
    for chunk in sorted((folder / "checkpoints").glob("chunk_*"), reverse=True):
        steps = [int(entry.name) for entry in chunk.iterdir() if entry.name.isdecimal()]
        number = chunk.name.removeprefix("chunk_")
        if steps and number.isdecimal():
            return int(number) + 1, max(steps)
    return None


def status_entries(status: RunStatus) -> dict:
    """The status as one JSON object."""
    progress, holder = status.progress, status.holder
    entries = {
        "folder": str(status.folder), "state": status.state, "config": status.setting("name"),
        "settings": status.settings_digest(), "network": status.setting("network"), "protocol": status.setting("protocol"),
        "selection": status.setting("selection"), "seeds": status.setting("seeds"), "seconds": round(status.seconds, 3),
        "process": dataclasses.asdict(holder) if holder else None, "last_sign": status.last_sign(),
        "machine_started_again": status.started_again(),
        "checkpoint": dict(zip(("chunk", "epochs"), status.checkpoint, strict=True)) if status.checkpoint else None,
        "trouble": list(status.trouble), "going_on": None if status.state in (RUNNING, FINISHED) else status.going_on(),
        "training": None, "scores": status.metrics,
        "report": str(status.folder / "report.html") if status.state == FINISHED else None,
    }
    if progress:
        pace, now = seconds_per_epoch(progress), status.now - progress.time
        running = status.state == RUNNING and status.begun
        entries["training"] = {
            "runs": progress.runs, "runs_done": progress.runs_done, "chunk": progress.chunks_begun, "chunks": progress.chunks,
            "epochs": progress.epochs, "epochs_done": progress.epochs_done,
            **{name: dict(zip(("median", "low", "high"), found, strict=True)) if (found := band(values)) else None
               for name, values in (("loss", progress.loss), ("accuracy", progress.accuracy), ("watched", progress.watched))},
            "steps_per_second": progress.steps / pace if pace else None,
            "seconds_left": seconds_left(progress, now) if running else None, "said": list(progress.said), "end": progress.end,
            "why": progress.why,
        }
    return entries
