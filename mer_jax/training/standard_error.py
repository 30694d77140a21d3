"""Standard error, listened to: what is said while training stands in the log too, and above what is drawn."""

import contextlib
import io
import sys
from collections.abc import Callable, Iterator


class _Ear(io.TextIOBase):
    """Stands for a stream: whole lines go on to `write`, and each to `hear`."""

    def __init__(self, stream: io.TextIOBase, write: Callable[[str], None], hear: Callable[[str], None]):
        self._stream, self._write, self._hear, self._rest = stream, write, hear, ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._write(f"{line}\n")
            if line.strip():
                self._hear(line)
        return len(text)

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def write_rest(self) -> None:
        """What was written since the last whole line."""
        if self._rest:
            self._write(self._rest)


@contextlib.contextmanager
def heard(write: Callable[[str], None], hear: Callable[[str], None]) -> Iterator[None]:
    """Meanwhile what Python writes to standard error goes line by line to `write`, and without its end to `hear`."""
    before = sys.stderr
    ear = sys.stderr = _Ear(before, write, hear)
    try:
        yield
    finally:
        if sys.stderr is ear:
            sys.stderr = before
        ear.write_rest()
