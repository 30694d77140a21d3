"""The table of a trace, on spans whose shares are known by hand."""

import random

import jax
import jax.numpy as jnp
import pytest

from mer_jax.training.trace_table import TraceTable, covered, kind_of, own_seconds, table_of, trace_table


def test_an_operator_counts_without_those_inside_it():
    spans = [(0.0, 100.0, "while.3"), (10.0, 30.0, "dot.1"), (30.0, 60.0, "call"), (35.0, 40.0, "dot.2"),
             (200.0, 201.0, "copy")]
    random.Random(0).shuffle(spans)
    found = {name: round(seconds * 1e9) for name, seconds in own_seconds(spans)}
    assert found == {"while.3": 50, "dot.1": 20, "call": 25, "dot.2": 5, "copy": 1}
    assert sum(found.values()) == round(covered(spans) * 1e9) == 101


def test_time_in_which_several_run_is_covered_once():
    assert covered([(0.0, 10.0, "a"), (5.0, 8.0, "b"), (9.0, 12.0, "a"), (20.0, 21.0, "c")]) == pytest.approx(13e-9)
    assert covered([]) == 0


@pytest.mark.parametrize("name, kind", [
    ("add_select_fusion.12", "add_select_fusion"), ("wrapped_iota", "iota"), ("dot", "dot"), ("%copy.3.1", "copy"),
    ("loop_fusion_2", "loop_fusion"), ("bitcast_add", "bitcast_add")])
def test_kinds(name, kind):
    assert kind_of(name) == kind


def test_the_operator_that_takes_the_time_stands_first(tmp_path):
    @jax.jit
    def product(x):
        for _ in range(4):
            x = x @ x
        return jnp.sin(x)

    x = jax.block_until_ready(product(jnp.ones((500, 500))) * 0)
    with jax.profiler.trace(tmp_path):
        jax.block_until_ready(product(x))
    (path,) = tmp_path.rglob("*.xplane.pb")
    table = trace_table(path)
    assert table.rows[0][0] in ("dot", "ynn_fusion") and table.rows[0][2] >= 4
    assert sum(seconds for _, seconds, _ in table.rows) >= table.busy * 0.99 > 0


def plane(name: str, **lines: list[tuple[int, int, str, str]]) -> str:
    """A plane in the text of its message; an event is (begin, nanoseconds, name, its HLO operator or nothing)."""
    names = sorted({event[2] for events in lines.values() for event in events})
    text = "".join(f'event_metadata {{ key: {i} value {{ id: {i} name: "{n}" }} }} ' for i, n in enumerate(names, 1))
    text += 'stat_metadata { key: 1 value { id: 1 name: "hlo_op" } } '
    for line, events in lines.items():
        inside = "".join(f"events {{ metadata_id: {names.index(n) + 1} offset_ps: {1000 * begin} duration_ps: {1000 * length} "
                         + (f'stats {{ metadata_id: 1 str_value: "{hlo}" }} ' if hlo else "") + "} "
                         for begin, length, n, hlo in events)
        text += f'lines {{ name: "{line.replace("_", " ")}" {inside} }} '
    return f'planes {{ name: "{name}" {text} }} '


def nanoseconds(table: TraceTable) -> list[tuple[str, int, int]]:
    return [(kind, round(seconds * 1e9), calls) for kind, seconds, calls in table.rows]


def test_an_accelerator_counts_its_own_operators_and_not_the_hosts():
    host = plane("/host:CPU", thread=[(0, 900, "launch", "dot.1")])
    gpu = plane("/device:GPU:0", Stream_13=[(0, 30, "sm90_gemm", "dot.1"), (30, 10, "copy_kernel", "")],
                Stream_14=[(5, 20, "sm90_gemm", "dot.2")])
    found = table_of(jax.profiler.ProfileData.from_text_proto(host + gpu))
    assert nanoseconds(found) == [("dot", 50, 2), ("copy_kernel", 10, 1)] and round(found.busy * 1e9) == 40
    tpu = plane("/device:TPU:0", Steps=[(0, 500, "1", "")], XLA_Modules=[(0, 400, "jit_train_epoch", "")],
                XLA_Ops=[(0, 100, "%fusion.3", ""), (100, 50, "%while.1", ""), (110, 20, "%fusion.4", "")])
    found = table_of(jax.profiler.ProfileData.from_text_proto(host + tpu + plane("/device:TPU:0 SparseCore")))
    assert nanoseconds(found) == [("fusion", 120, 2), ("while", 30, 1)]
