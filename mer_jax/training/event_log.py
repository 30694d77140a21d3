"""log.jsonl, read: one JSON object a line, appended while a benchmark trains. What stands in it is said here alone.

Every event has `event`, its kind, and `at`, the seconds since this call of the command began to train, by a clock that
nobody sets. A call writes, in this order:

    begin   time (seconds since 1970), runs (of the benchmark), chunk (runs trained at once), stages (epochs of each),
            selection
    chunk   runs (names of those trained next, `seed0/<fold>`), done (their epochs that a checkpoint of an earlier call holds)
    epoch   epoch (from 0), runs, loss and accuracy (one number a run, means over its steps), watched (where an epoch is
            chosen: each run's score on the rows that choose it, see `run.watched_score`), steps
    call    seconds of training since they were last counted: with every checkpoint and at the end
    said    text, a line that went to standard error meanwhile: a refused checkpoint, a warning
    end     how: "trained", "stopped" by a signal, or "failed", and why; there is none where the process was killed

Chunks follow one another, and so do epochs in a chunk; a call that goes on after a kill writes some epochs again, and the
last line of an epoch counts. A kill may cut a line off: whatever is no whole object of these is passed over.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path


def event_of(line: str | bytes) -> dict | None:
    """The event of a line; None where it is none: cut off, damaged, or no object with a kind."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def events_of(path: Path) -> Iterator[dict]:
    """The events of a log, the last line's too if it is whole but for its end; none where there is no file."""
    lines = path.read_bytes().splitlines() if path.is_file() else []
    return (event for line in lines if (event := event_of(line)))


class EventReader:
    """Reads the events of a log that grows meanwhile: each call of `news` gives those of the whole lines since the last."""

    def __init__(self, path: Path):
        self._path, self._inode, self._offset, self.damaged = path, None, 0, 0

    def news(self) -> tuple[bool, list[dict]]:
        """(whether the log was begun anew since the last call, its new events). A log that is not there has none.

        `damaged` counts the whole lines that are no events.
        """
        try:
            with open(self._path, "rb") as file:
                status = os.fstat(file.fileno())
                anew = status.st_ino != self._inode or status.st_size < self._offset
                self._inode, self._offset = status.st_ino, 0 if anew else self._offset
                file.seek(self._offset)
                text = file.read()
        except FileNotFoundError:
            anew, self._inode, self._offset, self.damaged = self._inode is not None, None, 0, 0
            return anew, []
        whole = text.rfind(b"\n") + 1
        self._offset += whole
        events = [event_of(line) for line in text[:whole].split(b"\n")[:-1]]
        self.damaged = (0 if anew else self.damaged) + events.count(None)
        return anew, [event for event in events if event]
