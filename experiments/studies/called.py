"""How a study is called: its mistakes are one line each, and stopped it says that it goes on."""

import sys
from collections.abc import Callable

from mer_jax.mistakes import UserMistake
from mer_jax.training.preemption import Interrupted


def called(name: str, main: Callable[[], None]) -> None:
    """Runs it; ends the process with 2 after a mistake of its user, with 128 and the signal's number where it was stopped."""
    try:
        main()
    except UserMistake as mistake:
        print(f"{name}: {mistake}", file=sys.stderr)
        sys.exit(2)
    except Interrupted as stopped:
        print("stopped; the same command goes on", file=sys.stderr)
        sys.exit(128 + stopped.signal)
