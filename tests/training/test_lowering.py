"""Every network's training lowers for TPUs and GPUs, on a machine that has neither: an epoch in one program, over runs."""

import functools

import jax
import numpy as np
import pytest

from mer_jax.models import MODELS, create
from mer_jax.training.front import PLAIN, Front
from mer_jax.training.inputs import MARKS, Data, sources
from mer_jax.training.many_runs import finish_run
from mer_jax.training.run import Program, Run, init_run, train_epoch
from mer_jax.training.stages import Recipe, Stage

CLIPS, RUNS, LENGTH = 6, 2, 12


def shape(dims: tuple[int, ...], dtype=np.int32) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(dims, dtype)


def program_of(name: str, variant: str, dtype: str, front: Front = PLAIN) -> Program:
    network = create(name, 3, variant, dtype=dtype)
    recipe = Recipe((Stage(2, 1e-3, warmup_epochs=1, schedule="cosine"),), batch_size=2, optimizer="adamw", gradient_clip=1.0)
    flow_coding = network.flow_coding if "flow" in network.inputs else None
    window = 5 if "frames" in sources(network, front) else 1
    return Program(network, recipe, 3, 4, "inner", flow_coding, ("L0", "L2"), window, front=front)


def data_for(program: Program) -> Data:
    network, names = program.network, sources(program.network, program.front)
    inputs = {mark: shape((CLIPS,)) for mark in MARKS if mark in names}
    if "flow" in names:
        inputs["flow"] = shape((CLIPS, *network.flow_size, 3), np.uint8)
    if "frames" in names:
        side = getattr(network, "frame_size", 64)
        inputs["frames"] = shape((CLIPS, LENGTH, side, side, 3), np.uint8)
    return Data(inputs, shape((CLIPS,)), shape((CLIPS,), np.uint32))


RUN = Run(seed=shape((RUNS,)), fold=shape((RUNS,)), learning_rate_factor=shape((RUNS,), np.float32),
          weight_decay=shape((RUNS,), np.float32), label_smoothing=shape((RUNS,), np.float32),
          class_weight=shape((RUNS, 3), np.float32), train=shape((RUNS, 4)), train_count=shape((RUNS,)),
          watch=shape((RUNS, 2)), watch_count=shape((RUNS,)), test=shape((RUNS, 2)))


@pytest.mark.parametrize(("name", "variant", "front"), [
    *((name, next(iter(entry.variants)), PLAIN) for name, entry in MODELS.items()), ("ststnet", "paper", Front("t5", "tvl1"))])
def test_training_and_prediction_lower_for_accelerators(name, variant, front):
    program = program_of(name, variant, "bfloat16", front)
    data, stage = data_for(program), program.recipe.stages[0]
    init = jax.vmap(functools.partial(init_run, program), (0, None))
    state = jax.eval_shape(init, RUN, data)
    epoch = jax.vmap(functools.partial(train_epoch, program, stage), (0, None, 0, None))
    finish = jax.vmap(functools.partial(finish_run, program), (0, None, 0))
    for function, arguments in ((init, (RUN, data)), (epoch, (RUN, data, state, shape(()))), (finish, (RUN, data, state))):
        traced = jax.jit(function).trace(*arguments)
        for platform in ("tpu", "cuda"):
            assert "bf16" in traced.lower(lowering_platforms=(platform,)).as_text() or function is init
