"""How the runs of a benchmark are batched: a fixed rule by backend, network and memory, made before the first step."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp

from mer_jax.training.inputs import Data
from mer_jax.training.run import Program, Run, init_run, train_epoch

MEMORY_SHARE = 0.6               # of an accelerator's memory, for the runs' activations and states


@dataclasses.dataclass(frozen=True)
class Plan:
    """chunk: runs trained at once; driver: "scan" (one program an epoch) or "loop" (one a step); devices: how many; form: that
    of the network's convolutions, "patches" or "conv", None where it has no choice."""

    runs: int
    chunk: int
    driver: str
    devices: int
    backend: str
    form: str | None = None

    @property
    def shape(self) -> tuple[str, int, bool]:
        """What the compiled functions depend on: the driver, the devices, and whether each of them has one run alone."""
        return self.driver, self.devices, self.chunk == self.devices


def planned(program: Program, plan: Plan) -> Program:
    """The program whose network has the plan's form."""
    if plan.form is None or plan.form == program.network.form:
        return program
    return dataclasses.replace(program, network=program.network.clone(form=plan.form))


def make_plan(program: Program, runs: Run, data: Data) -> Plan:
    """The fixed rule: on a CPU one run a device, since more of them leave its cache and gain nothing; on an accelerator as many
    as fit, as the compiler states it.

    A convolution's training step inside a scan is slow on CPU (jax-ml/jax#12868), so there a network scans only if
    it says that its convolutions are matrix products. `tuning.measured_plan` looks for a quicker one.
    """
    count, devices, backend = len(runs.seed), jax.local_device_count(), jax.default_backend()
    devices = min(devices, count)
    if backend == "cpu":
        driver = "scan" if getattr(program.network, "form", "conv") == "patches" else "loop"
        chunk = devices
    else:
        driver, chunk = "scan", min(count, max(1, runs_that_fit(program, runs, data)) * devices)
    return Plan(count, math.ceil(chunk / devices) * devices, driver, devices, backend, getattr(program.network, "form", None))


def runs_that_fit(program: Program, runs: Run, data: Data) -> int:
    """How many runs fit one accelerator, by the compiler's own account of one run's epoch."""
    one, stage = jax.tree.map(lambda leaf: leaf[0], runs), program.recipe.stages[0]
    state = jax.eval_shape(functools.partial(init_run, program), one, data)
    epoch = jax.jit(functools.partial(train_epoch, program, stage)).lower(one, data, state, jnp.int32(0)).compile()
    memory = epoch.memory_analysis()
    need = memory.temp_size_in_bytes + memory.output_size_in_bytes
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", 8 << 30)
    return int(MEMORY_SHARE * limit // max(need, 1))
