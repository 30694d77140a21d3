"""plan.json: how the runs were batched, written before the first step and obeyed by every call that goes on."""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mer_jax.mistakes import UserMistake
from mer_jax.training.plan import Plan
from mer_jax.whole_files import read_json, write_json


def obeyed_plan(folder: Path, fresh: Plan, clear: Callable[[], None],
                measure: Callable[[Plan], tuple[Plan, list[dict[str, Any]]]] | None = None) -> Plan:
    """The plan on file, which a resumed run obeys where the devices are still the same; else the fresh one, for which
    all runs start over, after `clear`, which leaves the plan to be removed last.

    measure: looks for a quicker one than the fresh one, which is then kept with what was measured.
    """
    path = folder / "plan.json"
    if path.exists():
        found = read_plan(path)
        if (found.devices, found.backend, found.runs) == (fresh.devices, fresh.backend, fresh.runs):
            if measure:
                print(f"{path}: there already, and obeyed; --fresh --tune measures anew", file=sys.stderr)
            return found
        print(f"{path}: made for {found.devices} {found.backend} devices, here are {fresh.devices} "
              f"{fresh.backend}: a new plan is made, and all runs start over", file=sys.stderr)
        clear()                                                   # the old plan goes last: a kill here clears again
    plan, measured = measure(fresh) if measure else (fresh, [])
    write_json(path, dataclasses.asdict(plan) | ({"measured": measured} if measure else {}))
    return plan


def read_plan(path: Path) -> Plan:
    """The plan on file. Raises UserMistake where it is none that could be obeyed."""
    found = read_json(path)
    found.pop("measured", None)
    counts = ("runs", "chunk", "devices")
    whole = (set(found) == {field.name for field in dataclasses.fields(Plan)}
             and all(type(found[name]) is int and found[name] > 0 for name in counts)
             and found["driver"] in ("scan", "loop") and found["form"] in (None, "patches", "conv")
             and found["chunk"] % found["devices"] == 0)
    if not whole:
        raise UserMistake(f"{path}: found {found}, which is no plan, wanted {', '.join(counts)}, driver, backend, form; "
                          "start over with --fresh")
    return Plan(**found)
