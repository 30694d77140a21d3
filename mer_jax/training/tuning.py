"""A plan that was measured: from the fixed rule's uphill, as long as a change makes a run's epoch quicker."""

import dataclasses
import math
import time
from typing import Any

import jax
import numpy as np

from mer_jax.progress_bar import ProgressBar
from mer_jax.training.inputs import Data
from mer_jax.training.many_runs import SHARED, compiled, place
from mer_jax.training.plan import Plan, planned
from mer_jax.training.run import Program, Run

GAIN = 0.95                                                   # a plan must take less than this share of the best one's time
AT_LEAST = 0.5                                                # seconds that a plan is measured for
MOST = 12                                                     # plans that are measured


def measured_plan(program: Program, runs: Run, data: Data, first: Plan) -> tuple[Plan, list[dict[str, Any]]]:
    """(the quickest plan found, what was measured: each plan's choices and its milliseconds a run and epoch).

    first: where the search begins. It tries the other driver and the other form of convolution, then twice and half as many
    runs at once. A plan that does not fit the memory counts as endlessly slow. All runs start from their own beginning.
    """
    best, measured, shared = first, {}, place(data, first.devices, SHARED)
    with ProgressBar(MOST, "tuning") as bar:
        def cost(plan: Plan) -> float:
            if plan not in measured and len(measured) < MOST:
                measured[plan] = epoch_seconds(program, plan, runs, shared)
                bar.advance(more=f"{plan.chunk} runs at once, {plan.driver}, {1e3 * measured[plan]:.1f} ms a run and epoch")
            return measured.get(plan, math.inf)

        while True:
            better = [plan for plan in neighbours(best) if cost(plan) < GAIN * cost(best)]
            if not better:
                break
            best = min(better, key=cost)
    return best, [{"chunk": plan.chunk, "driver": plan.driver, "form": plan.form,
                   "milliseconds": round(1e3 * seconds, 4) if seconds < math.inf else None}
                  for plan, seconds in measured.items()]


def neighbours(plan: Plan) -> list[Plan]:
    """The plans that differ from it in one choice; runs at once are a multiple of the devices, and no more than there are."""
    found = [dataclasses.replace(plan, driver="loop" if plan.driver == "scan" else "scan")]
    if plan.form is not None:
        found.append(dataclasses.replace(plan, form="conv" if plan.form == "patches" else "patches"))
    whole = math.ceil(plan.runs / plan.devices) * plan.devices
    for chunk in (min(2 * plan.chunk, whole), max(plan.chunk // 2 // plan.devices, 1) * plan.devices):
        if chunk != plan.chunk:
            found.append(dataclasses.replace(plan, chunk=chunk))
    return found


def epoch_seconds(program: Program, plan: Plan, runs: Run, data: Data) -> float:
    """Seconds a run for an epoch of the last stage, compiled; inf where it does not fit the memory."""
    rows = np.arange(plan.chunk) % plan.runs
    chunk = place(jax.tree.map(lambda leaf: np.asarray(leaf)[rows], runs), plan.devices)
    stage = program.recipe.stages[-1]
    try:
        functions = compiled(planned(program, plan), *plan.shape)(stage)
        state = functions.begin(chunk, functions.init(chunk, data))
        first, epochs = np.int32(program.recipe.epochs - stage.epochs), 0
        state = jax.block_until_ready(functions.epoch(chunk, data, state, first))[0]
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < AT_LEAST:
            state = jax.block_until_ready(functions.epoch(chunk, data, state, first))[0]
            epochs += 1
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return math.inf
    return passed / epochs / plan.chunk
