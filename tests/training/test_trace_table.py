"""The table of a trace, on spans whose shares are known by hand."""

import random

import jax
import jax.numpy as jnp
import pytest

from mer_jax.training.trace_table import covered, kind_of, own_seconds, trace_table


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
