"""What is logged of the score that chooses the epoch is what chooses it, by both drivers."""

import dataclasses

import numpy as np
import pytest

from mer_jax.data.folds import composite
from mer_jax.evaluation.benchmark import prepare, train_experiment
from mer_jax.models import create
from mer_jax.training.event_log import events_of
from mer_jax.training.stages import Recipe, Stage


@pytest.mark.parametrize("driver", ["scan", "loop"])
def test_the_epoch_that_is_kept_is_the_first_with_the_best_logged_score(clips, tmp_path, driver):
    recipe = Recipe((Stage(4, 1e-2),), batch_size=12)
    experiment = prepare(create("ststnet", 3), clips, composite(clips), recipe, selection="inner", findings=())
    plan = dataclasses.replace(experiment.plan, devices=2, chunk=4, driver=driver)
    result = train_experiment(experiment, plan, tmp_path, 1e9)
    logged = {(name, event["epoch"]): score for event in events_of(tmp_path / "log.jsonl") if event["event"] == "epoch"
              for name, score in zip(event["runs"], event["watched"], strict=True)}
    scores = np.array([[logged[name, epoch] for epoch in range(4)] for name in experiment.names])
    np.testing.assert_array_equal(result.epoch, scores.argmax(1))
    assert len(np.unique(scores)) > 4 and scores.min() >= 0 and scores.max() <= 1
