"""A measured plan: the search goes uphill over what may be chosen, and whatever it chooses gives the same predictions."""

import dataclasses

import numpy as np
import pytest

from mer_jax.data.folds import composite
from mer_jax.evaluation import benchmark
from mer_jax.evaluation.benchmark import predictions_of, prepare, train_experiment
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.training import tuning
from mer_jax.training.plan import Plan, planned
from mer_jax.training.stages import Recipe, Stage
from mer_jax.training.tuning import epoch_seconds, measured_plan, neighbours

PLAN = Plan(12, 4, "scan", 2, "cpu", "patches")


@pytest.fixture(scope="module")
def experiment(clips):
    return prepare(create("ststnet", 3), clips, composite(clips), Recipe((Stage(2, 1e-3),), batch_size=8), seeds=2,
                   findings=())


@pytest.fixture
def found_with(experiment, monkeypatch):
    """A function: the plan found, and what was measured, where a plan costs what `costs` says of it."""
    def found(costs):
        monkeypatch.setattr(tuning, "epoch_seconds", lambda program, plan, runs, data: costs(plan))
        return measured_plan(experiment.program, experiment.runs, experiment.data, PLAN)

    return found


def test_a_neighbour_differs_in_one_choice_and_could_be_run():
    for plan in (PLAN, Plan(3, 2, "loop", 2, "cpu", None), Plan(1, 1, "loop", 1, "cpu", None)):
        for other in neighbours(plan):
            here, there = dataclasses.asdict(plan), dataclasses.asdict(other)
            assert len([name for name in here if here[name] != there[name]]) == 1
            assert all(here[name] == there[name] for name in ("runs", "devices", "backend"))
            assert other.chunk % other.devices == 0 and 0 < other.chunk < plan.runs + plan.devices
            assert other.form is None or plan.form is not None


def test_it_finds_the_quickest_where_every_choice_counts_by_itself(found_with):
    def costs(plan):
        return (2 if plan.driver == "scan" else 1) * (1 if plan.form == "conv" else 1.5) * (1 + abs(np.log2(plan.chunk / 12)))

    best, measured = found_with(costs)
    assert (best.driver, best.form, best.chunk) == ("loop", "conv", 12)
    assert min(row["milliseconds"] for row in measured) == pytest.approx(1e3)


def test_what_gains_nothing_is_left_as_the_rule_has_it(found_with):
    best, measured = found_with(lambda plan: 1.0 if plan == PLAN else 0.97)
    assert best == PLAN and len(measured) == 1 + len(neighbours(PLAN))


def test_a_plan_that_does_not_fit_is_not_taken(found_with):
    best, measured = found_with(lambda plan: np.inf if plan.chunk > 4 else 1.0 / plan.chunk)
    assert best.chunk == 4 and None in [row["milliseconds"] for row in measured]


def test_every_plan_can_be_measured_and_gives_the_same_predictions(experiment):
    rule = dataclasses.replace(experiment.plan, devices=2, chunk=4)
    wanted = predictions_of(experiment, train_experiment(experiment, rule)).probabilities
    for changes in ({"form": "conv", "driver": "loop", "chunk": 2}, {"form": "conv"}):
        plan = dataclasses.replace(rule, **changes)
        assert planned(experiment.program, plan).network.form == "conv"
        found = predictions_of(experiment, train_experiment(experiment, plan)).probabilities
        np.testing.assert_allclose(found, wanted, atol=1e-4)
        assert 0 < epoch_seconds(experiment.program, plan, experiment.runs, experiment.data) < 60


def test_the_poison_is_let_loose_on_a_plan_that_compiles_something_else(experiment, monkeypatch):
    seen = []
    monkeypatch.setattr(benchmark, "poison_reaches_training", lambda program, plan, *_: [seen.append(plan) or "it leaks"])
    benchmark.audit_again(experiment, experiment.plan)
    assert not seen                                           # audited already
    other = dataclasses.replace(experiment.plan, form="conv")
    with pytest.raises(UserMistake, match="the leak audit refuses the plan: it leaks"):
        benchmark.audit_again(experiment, other)
    assert seen == [other]
