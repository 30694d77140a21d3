"""How a study is called: its mistakes are one line each, and stopped it says whether it goes on."""

import sys
from collections.abc import Callable

from mer_jax.mistakes import UserMistake
from mer_jax.training.preemption import Interrupted


def called(name: str, main: Callable[[], None], goes_on: bool = True) -> None:
    """Runs it; ends the process with 2 after a mistake of its user, with 128 and the signal's number where it was stopped.
    goes_on: whether the study keeps what is done."""
    try:
        main()
    except UserMistake as mistake:
        print(f"{name}: {mistake}", file=sys.stderr)
        sys.exit(2)
    except Interrupted as stopped:
        print("stopped; the same command " + ("goes on" if goes_on else "begins anew"), file=sys.stderr)
        sys.exit(128 + stopped.signal)
