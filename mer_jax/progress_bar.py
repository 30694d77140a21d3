"""What a command shows on a terminal while it works: lines drawn over themselves, silent in a pipe, gone at the end.

By hand, since the displays of rich and tqdm leave lines behind where a terminal becomes narrower.
"""

import math
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence

FULL, EMPTY = "█", "░"
SHOWN: list["DrawnLines"] = []                   # what stands on the terminal now: one at most


def bar(share: float, width: int = 30) -> str:
    """A share from 0 to 1 as a bar of so many characters, and in percent, rounded down: 100 % is the end alone."""
    share = min(max(share, 0.0), 1.0)
    return f"{FULL * math.floor(width * share):{EMPTY}<{width}} {math.floor(100 * share):3d} %"


def duration(seconds: float | int) -> str:
    """Seconds in words: "42 s", "3 min 05 s", "2 h 07 min", "3 d 04 h"."""
    whole = max(round(seconds), 0)
    for unit, below, name, rest in ((86400, 3600, "d", "h"), (3600, 60, "h", "min"), (60, 1, "min", "s")):
        if whole >= unit:
            return f"{whole // unit} {name} {whole % unit // below:02d} {rest}"
    return f"{whole} s"


class DrawnLines:
    """Lines at the cursor of standard error that are drawn over themselves; nothing where that is no terminal.

    Each is cut to the terminal's width. Where it became narrower since they were drawn, they wrapped, and are erased so.
    """

    def __init__(self):
        self._stream, self._drawn, self._lock = sys.stderr, [], threading.RLock()
        self.on_terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb"

    def draw(self, lines: Sequence[str]) -> None:
        if not self.on_terminal:
            return
        with self._lock:
            size = self._size()
            cut = [line[: max(size.columns - 1, 1)] for line in lines[: max(size.lines - 1, 1)]]
            self._write(self._erasing() + "\n".join(cut))
            self._drawn = [len(line) for line in cut]
            SHOWN[:] = [self]

    def erase(self) -> None:
        with self._lock:
            if self._drawn:
                self._write(self._erasing())
            self._drawn = []
            SHOWN[:] = []

    def above(self, text: str) -> None:
        """Writes whole lines where the drawn ones stand; those are drawn below again the next time."""
        with self._lock:
            self.erase()
            self._write(text)

    def _erasing(self) -> str:
        """What takes the cursor from the end of the drawn lines to their beginning, and clears all that follows."""
        columns = max(self._size().columns, 1)
        rows = sum(max(math.ceil(length / columns), 1) for length in self._drawn)
        return "\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "") + "\x1b[J"

    def _size(self) -> os.terminal_size:
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return os.terminal_size((80, 24))
        return size if size.columns and size.lines else os.terminal_size((80, 24))

    def _write(self, text: str) -> None:
        """A terminal that was closed is one no longer; the work goes on without it."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self.on_terminal = False


def erase_drawn() -> None:
    """Erases what is drawn at this moment, if anything is: for an end that no `with` sees."""
    for lines in list(SHOWN):
        lines.erase()


class Redrawn:
    """Draws what `lines()` gives every so many seconds, from a thread of its own, until it is closed."""

    def __init__(self, lines: Callable[[], Sequence[str]], every: float = 1.0):
        self.drawn, self._lines, self._every, self._closed = DrawnLines(), lines, every, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True) if self.drawn.on_terminal else None
        if self._thread:
            self._thread.start()

    def _run(self) -> None:
        while not self._closed.wait(self._every):
            self.drawn.draw(self._lines())

    def close(self) -> None:
        self._closed.set()
        if self._thread:
            self._thread.join()
        self.drawn.erase()


class ProgressBar:
    """One line with a bar and the time that is left.

    total: what there is to do, in any unit. name: what stands before the bar.
    """

    def __init__(self, total: int, name: str = ""):
        self._total, self._done, self._skipped, self._begun = max(total, 1), 0, 0, time.monotonic()
        self._name, self._drawn = f"{name} " if name else "", DrawnLines()

    def skip(self, count: int) -> None:
        """Counts what an earlier call has done, which took no time now."""
        self._done += count
        self._skipped += count

    def advance(self, count: int = 1, more: str = "") -> None:
        """Counts what is done and draws; `more` stands behind the bar."""
        self._done += count
        left = (self._total - self._done) * (time.monotonic() - self._begun) / max(self._done - self._skipped, 1)
        self._drawn.draw([f"{self._name}{bar(self._done / self._total)}  {more}{'  ' if more else ''}{duration(left)} left"])

    def close(self) -> None:
        self._drawn.erase()

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_) -> None:
        self.close()
