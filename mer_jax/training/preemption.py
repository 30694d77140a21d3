"""A polite end: SIGTERM and SIGINT become a flag that the training loop reads between epochs."""

import contextlib
import signal
import threading
import types
from collections.abc import Iterator

import jax
import numpy as np
from jax.experimental import multihost_utils


class Interrupted(Exception):
    """Training was asked to stop; what was done so far is stored. `signal` is the number of the signal."""

    def __init__(self, signal_number: int):
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.signal = signal_number


@contextlib.contextmanager
def stop_requested() -> Iterator[types.SimpleNamespace]:
    """Yields an object whose `signal` is the number of the signal received, else None. A second Ctrl-C is immediate."""
    flag = types.SimpleNamespace(signal=None)
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def note(number, _frame):
        if flag.signal == signal.SIGINT == number:
            raise KeyboardInterrupt
        flag.signal = number

    previous = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield flag
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def agreed(signal_number: int | None) -> int | None:
    """The signal that any of several processes got: all must stop at the same epoch, or one waits for the others forever."""
    if jax.process_count() == 1:
        return signal_number
    return int(multihost_utils.process_allgather(np.int32(signal_number or 0)).max()) or None
