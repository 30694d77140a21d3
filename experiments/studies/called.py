"""How a study is called: its mistakes are one line each, stopped it says whether it goes on, and what `--tier` names."""

import sys
from collections.abc import Callable

from mer_jax.mistakes import UserMistake, nearest
from mer_jax.synthetic.tiers import TIERS
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


def tiers_of(words: str) -> list[str]:
    """The tiers that are named. Raises UserMistake for one that there is not."""
    for name in (names := words.split(",")):
        if name not in TIERS:
            raise UserMistake(f"--tier={words}: there is no tier {name!r}{nearest(name, TIERS)}; there are: {', '.join(TIERS)}")
    return names
