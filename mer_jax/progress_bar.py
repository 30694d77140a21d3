"""A bar of progress on a terminal, silent in a pipe."""

import sys
import time


class ProgressBar:
    """A line on standard error that is drawn over itself, with the time that is left; gone when it is closed.

    total: what there is to do, in any unit. name: what stands before the bar.
    """

    def __init__(self, total: int, name: str = ""):
        self._total, self._done, self._skipped, self._begun = max(total, 1), 0, 0, time.monotonic()
        self._name, self._terminal, self._drawn = f"{name} " if name else "", sys.stderr.isatty(), False

    def skip(self, count: int) -> None:
        """Counts what an earlier call has done, which took no time now."""
        self._done += count
        self._skipped += count

    def advance(self, count: int = 1, more: str = "") -> None:
        """Counts what is done and draws; `more` stands behind the bar."""
        self._done += count
        if self._terminal:
            share = min(self._done / self._total, 1.0)
            left = (self._total - self._done) * (time.monotonic() - self._begun) / max(self._done - self._skipped, 1)
            sys.stderr.write(f"\r{self._name}{'█' * round(30 * share):░<30} {share:4.0%}  {more}{'  ' if more else ''}"
                             f"{max(left, 0) // 60:.0f} min {max(left, 0) % 60:02.0f} s left \x1b[K")
            sys.stderr.flush()
            self._drawn = True

    def close(self) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_) -> None:
        self.close()
