"""A profile of training: a trace of one epoch that compiles nothing, and the table of where its time goes.

The epoch is one of its own, on states that are thrown away; the runs are trained afterwards as if there had been none.
"""

import csv
import io
import shutil
import time
from pathlib import Path

import jax
import numpy as np

from mer_jax.training.inputs import Data
from mer_jax.training.many_runs import SHARED, compiled, place
from mer_jax.training.plan import Plan, planned
from mer_jax.training.run import Program, Run
from mer_jax.training.trace_table import TraceTable, trace_table


def profile_epoch(program: Program, plan: Plan, runs: Run, data: Data, folder: Path) -> dict:
    """Traces the second epoch of the longest stage, of the first chunk of runs, into `folder`, which is made anew.

    Gives {"seconds" of the epoch, "busy": the share of them in which an operator runs, "runs", "operators": [{"kind",
    "share", "seconds", "calls"}], "trace": path}; the operators' seconds are summed over devices and threads.
    """
    shutil.rmtree(folder, ignore_errors=True)
    functions, data = compiled(planned(program, plan), *plan.shape), place(data, plan.devices, SHARED)
    rows = np.minimum(np.arange(plan.chunk), plan.runs - 1)
    runs = place(jax.tree.map(lambda leaf: np.asarray(leaf)[rows], runs), plan.devices)
    stages = program.recipe.stages
    stage = max(stages, key=lambda stage: stage.epochs)
    epoch, state = sum(s.epochs for s in stages[: stages.index(stage)]), functions(stages[0]).init(runs, data)
    if stage is not stages[0]:
        state = functions(stage).begin(runs, state)
    state, _ = jax.block_until_ready(functions(stage).epoch(runs, data, state, np.int32(epoch)))
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0                                # it would slow the epoch down, and is not what is asked
    with jax.profiler.trace(folder, profiler_options=options):
        begun = time.perf_counter()
        jax.block_until_ready(functions(stage).epoch(runs, data, state, np.int32(epoch + 1)))
        seconds = time.perf_counter() - begun
    (path,) = folder.rglob("*.xplane.pb")
    found = entries(trace_table(path), seconds, min(plan.chunk, plan.runs), path)
    (folder / "operators.csv").write_text(operators_csv(found), encoding="utf-8")
    return found


def entries(table: TraceTable, seconds: float, runs: int, path: Path) -> dict:
    total = sum(row[1] for row in table.rows) or 1.0
    return {"seconds": seconds, "busy": min(table.busy / seconds, 1.0), "runs": runs, "trace": str(path),
            "operators": [{"kind": kind, "share": spent / total, "seconds": spent, "calls": calls}
                          for kind, spent, calls in table.rows]}


def operators_csv(profile: dict) -> str:
    writer = csv.DictWriter(file := io.StringIO(), ("kind", "share", "seconds", "calls"), lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "share": f"{row['share']:.6f}", "seconds": f"{row['seconds']:.9f}"}
                     for row in profile["operators"])
    return file.getvalue()


def profile_text(profile: dict, rows: int = 12) -> str:
    """The profile for the terminal: the kinds that take most of the time, and the rest together."""
    shown, rest = profile["operators"][:rows], profile["operators"][rows:]
    if rest:
        total = {name: sum(row[name] for row in rest) for name in ("share", "seconds", "calls")}
        shown = [*shown, {"kind": f"{len(rest)} other kinds", **total}]
    width = max([len(row["kind"]) for row in shown], default=0)
    lines = [f"one epoch of {profile['runs']} run{'s' * (profile['runs'] != 1)}: {profile['seconds'] * 1e3:.1f} ms, in "
             f"{profile['busy']:.0%} of it an operator runs"]
    lines += [f"{row['kind']:<{width}}  {row['share']:6.1%}  {row['seconds'] * 1e3:10.2f} ms  {row['calls']:7d} calls"
              for row in shown]
    return "\n".join([*lines, f"trace, for Perfetto or TensorBoard: {Path(profile['trace']).parent}"])
