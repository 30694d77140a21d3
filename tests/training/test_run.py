"""Laws of a run: held-out rows are invisible, alone = in a batch, scan = loop, one device = eight."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.data.folds import composite
from mer_jax.evaluation.benchmark import benchmark, benchmark_many, predictions_of, prepare, train_experiment
from mer_jax.evaluation.layout import class_weights, make_runs
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.training import many_runs
from mer_jax.training import run as run_module
from mer_jax.training.augmentation import Augmentation
from mer_jax.training.hyper import Hyper
from mer_jax.training.run import (
    Data,
    Program,
    begin_stage,
    end_epoch,
    epoch_rows,
    init_run,
    predict,
    train,
    train_epoch,
    watched_score,
)
from mer_jax.training.stages import Recipe, Stage

RECIPE = Recipe((Stage(3, 1e-2, schedule="cosine", warmup_epochs=1),), batch_size=8, optimizer="adamw",
                weight_decay=1e-3, label_smoothing=0.1, class_weights="balanced", augmentation=Augmentation(flip=True, shift=1))

ROUNDING = 1e-4                  # of a probability, after three epochs of AdamW that make more of it


@pytest.fixture(scope="module")
def experiment(clips):
    return prepare(create("ststnet", 3), clips, composite(clips), RECIPE, seeds=2)


@pytest.fixture(scope="module")
def whole_run(experiment):
    return jax.jit(lambda run, data: train(experiment.program, run, data))


def one(experiment, number):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf[number]), experiment.runs)


def plan_of(experiment, **changes):
    return dataclasses.replace(experiment.plan, **changes)


@pytest.fixture(scope="module")
def eight(experiment):
    return train_experiment(experiment, plan_of(experiment, devices=4, chunk=8))


def test_held_out_pixels_and_labels_are_invisible_to_training(experiment, clips, whole_run):
    run, held_out = one(experiment, 1), experiment.folds.test[1]
    flow, label = np.array(clips.flow), np.array(clips.label)
    flow[held_out] = np.random.default_rng(1).integers(0, 256, flow[held_out].shape)
    label[held_out] = (label[held_out] + 1) % 3
    clean = whole_run(run, Data({"flow": jnp.asarray(clips.flow)}, jnp.asarray(clips.label)))
    spoiled = whole_run(run, Data({"flow": jnp.asarray(flow)}, jnp.asarray(label)))
    jax.tree.map(np.testing.assert_array_equal, clean[2], spoiled[2])
    assert not np.array_equal(clean[0], spoiled[0])          # the pixels it predicts from are others, so the check bites


def test_labels_of_the_held_out_clips_change_no_prediction(experiment, clips, whole_run):
    run, held_out = one(experiment, 2), experiment.folds.test[2]
    label = np.array(clips.label)
    label[held_out] = (label[held_out] + 1) % 3
    inputs = {"flow": jnp.asarray(clips.flow)}
    clean, permuted = (whole_run(run, Data(inputs, jnp.asarray(values)))[0] for values in (clips.label, label))
    np.testing.assert_array_equal(clean, permuted)


def test_alone_equals_inside_a_batch_over_devices(experiment, whole_run, eight):
    for number in (0, 7, 11):
        probabilities, epoch, _ = whole_run(one(experiment, number), jax.device_put(experiment.data))
        np.testing.assert_allclose(probabilities, eight.probabilities[number], atol=ROUNDING)
        assert int(epoch) == eight.epoch[number] == RECIPE.epochs - 1


@pytest.mark.parametrize("changes", [{"driver": "loop", "devices": 2, "chunk": 4}, {"devices": 1, "chunk": 12},
                                     {"devices": 8, "chunk": 8}], ids=lambda c: str(c))
def test_every_plan_gives_the_same_predictions(experiment, eight, changes):
    found = train_experiment(experiment, plan_of(experiment, **changes))
    np.testing.assert_allclose(found.probabilities, eight.probabilities, atol=ROUNDING)
    np.testing.assert_allclose(found.maps["input gradient"], eight.maps["input gradient"], atol=1e-3)
    best = np.sort(eight.probabilities, -1)
    clear = best[..., -1] - best[..., -2] >= 1e-3
    np.testing.assert_array_equal(found.probabilities.argmax(-1)[clear], eight.probabilities.argmax(-1)[clear])


def test_the_same_plan_gives_the_same_bits(experiment, eight):
    again = train_experiment(experiment, plan_of(experiment, devices=4, chunk=8))
    np.testing.assert_array_equal(again.probabilities, eight.probabilities)


def test_predictions_hold_every_clip_once_a_seed_by_the_fold_that_left_it_out(experiment, eight):
    table = predictions_of(experiment, eight)
    assert len(table) == 2 * len(experiment.clips)
    for seed in (0, 1):
        keys = table.where(seed=seed)
        assert len(set(zip(keys.columns["dataset"], keys.columns["subject"], keys.columns["clip"], strict=True))) == 24
    np.testing.assert_array_equal(table.columns["fold"], table.subject_keys())
    np.testing.assert_allclose(table.probabilities.sum(-1), 1, atol=1e-5)


def test_an_epoch_sees_training_rows_only_and_each_once(experiment):
    program = experiment.program
    for number, train_rows in enumerate(experiment.folds.train):
        run, count = one(experiment, number), len(train_rows)
        rows = np.asarray(epoch_rows(program, run, jnp.int32(0)))
        assert rows.shape == (3, 8)                           # at most 22 rows in batches of at most 8: three of eight
        assert sorted(rows.ravel()[:count]) == list(train_rows)
        assert list(rows.ravel()[count:]) == list(rows.ravel()[: rows.size - count])       # then the order starts over
        assert not np.array_equal(rows, epoch_rows(program, run, jnp.int32(1)))


def test_inner_selection_never_trains_on_its_validation_rows(clips):
    runs = make_runs(clips, composite(clips), RECIPE, seeds=2, selection="inner")
    for r in range(len(runs.seed)):
        train_rows, watch = (set(rows[r][: count[r]]) for rows, count in
                             ((runs.train, runs.train_count), (runs.watch, runs.watch_count)))
        assert not set(clips.subject[list(train_rows)]) & set(clips.subject[list(watch)])
        assert not (train_rows | watch) & set(runs.test[r])


@pytest.mark.parametrize("selection", ["inner", "test_peek"])
def test_selection_keeps_the_best_epoch_and_peeking_the_last_beside_it(clips, selection):
    experiment = prepare(create("ststnet", 3), clips, composite(clips), RECIPE, selection=selection)
    result = train_experiment(experiment, plan_of(experiment))
    table = predictions_of(experiment, result)
    assert set(table.where(selection=selection).columns["epoch"]) <= {0, 1, 2}
    assert result.maps == {}                                  # they would be of the last epoch, not of the kept one
    if selection == "inner":                                  # its last networks have seen a part of their fold only
        assert table.unique("selection") == ["inner"]
    else:                                                     # by its own rule it is never worse on any subject
        assert table.unique("selection") == ["last", "test_peek"]
        chosen, last = (table.where(selection=name) for name in ("test_peek", "last"))
        assert set(last.columns["epoch"]) == {2}
        right = {name: np.array([(rows.where(fold=f).columns["label"] == rows.where(fold=f).columns["prediction"]).mean()
                                 for f in table.unique("fold")]) for name, rows in (("peek", chosen), ("last", last))}
        assert (right["peek"] >= right["last"]).all()


def test_the_inner_score_is_the_pooled_uf1_over_real_rows_only():
    program = Program(create("ststnet", 3), RECIPE, 3, 8, "inner")
    rng = np.random.default_rng(0)
    probabilities, label = rng.random((9, 3)).astype(np.float32), rng.integers(0, 3, 9)
    from sklearn.metrics import f1_score

    found = watched_score(program, jnp.asarray(probabilities)[:, None], jnp.asarray(label), jnp.asarray([1.0] * 7 + [0.0] * 2))
    wanted = f1_score(label[:7], probabilities[:7].argmax(-1), average="macro", labels=[0, 1, 2], zero_division=0)
    assert float(found) == pytest.approx(wanted, abs=1e-6)


def test_padded_rows_do_not_choose_the_epoch(experiment):
    program = dataclasses.replace(experiment.program, selection="test_peek")
    run, data = one(experiment, 0), jax.device_put(experiment.data)
    state, watch = init_run(program, run, data), jnp.array([3, 9, 15])
    guess = predict(program, state.train, data, watch)[:, 0].argmax(-1)
    data = data._replace(label=data.label.at[watch].set(jnp.where(jnp.arange(3) == 0, guess, (guess + 1) % 3)))
    for filler in watch:                                      # one of the three is right, whatever fills the rows up
        padded = jnp.concatenate([watch, jnp.repeat(filler, 4)])
        run = run._replace(watch=padded, watch_count=jnp.int32(3), test=padded)
        kept, score = end_epoch(program, run, data, state.replace(kept=jnp.zeros((7, 1, 3))), jnp.int32(4))
        assert float(kept.best) == float(score["watched"]) == pytest.approx(1 / 3) and kept.kept_epoch == 4


def test_stages_through_many_runs_equal_a_whole_run(clips):
    stages = (Stage(2, 1e-2, schedule="cosine"), Stage(2, 3e-3, warmup_epochs=1))
    experiment = prepare(create("ststnet", 3), clips, composite(clips), Recipe(stages, batch_size=8), findings=())
    plan = plan_of(experiment)
    found = train_experiment(experiment, plan)
    whole = jax.jit(lambda run, data: train(experiment.program, run, data))
    for number in (0, 4):
        wanted, epoch, _ = whole(one(experiment, number), jax.device_put(experiment.data))
        np.testing.assert_allclose(found.probabilities[number], wanted, atol=ROUNDING)
        assert int(epoch) == found.epoch[number] == 3


@pytest.mark.parametrize("driver", ["scan", "loop"])
def test_nothing_moves_between_devices_while_training(experiment, driver, eight):
    with jax.transfer_guard_device_to_device("disallow"):
        found = train_experiment(experiment, plan_of(experiment, devices=4, chunk=8, driver=driver))
    np.testing.assert_allclose(found.probabilities, eight.probabilities, atol=ROUNDING)


def test_a_prediction_that_is_no_number_is_named(clips, monkeypatch):
    def spoilt(program, state, data, rows):
        output = run_module.answers(program, state, data, rows)
        return output.replace(logits=jnp.where((rows == 3)[:, None], jnp.nan, output.logits))

    monkeypatch.setattr(many_runs, "answers", spoilt)
    recipe = Recipe((Stage(2, 1e-3),), batch_size=24, label_smoothing=0.05)     # of its own: the program is not cached
    experiment = prepare(create("ststnet", 3), clips, composite(clips), recipe, findings=())
    with pytest.raises(UserMistake, match="probability is nan at epoch 1, in seed0/casme2/s01"):
        train_experiment(experiment, plan_of(experiment))


def test_an_epoch_that_predicts_no_numbers_is_never_chosen(experiment):
    program = dataclasses.replace(experiment.program, selection="inner")
    run, data = one(experiment, 0), jax.device_put(experiment.data)
    state = init_run(program, run, data)
    broken = state.replace(train=state.train.replace(params=jax.tree.map(lambda leaf: leaf * jnp.nan, state.train.params)))
    found, _ = end_epoch(program, run, data, broken, jnp.int32(0))
    assert found.kept_epoch == -1 and np.isnan(found.kept).all()
    assert end_epoch(program, run, data, state, jnp.int32(0))[0].kept_epoch == 0


def test_balanced_weights_by_hand():
    np.testing.assert_allclose(class_weights(np.array([0, 0, 0, 1]), 3, "balanced"), [2 / 3, 2, 0])
    np.testing.assert_array_equal(class_weights(np.array([0, 0, 0, 1]), 3, "none"), [1, 1, 1])


def test_a_frozen_part_stays_and_a_second_stage_trains_on(clips):
    stages = (Stage(1, 1e-2, trainable=(("conv", 0.0), ("bn", 0.0))), Stage(1, 1e-2, trainable=(("fc", 0.0),)))
    program = Program(create("ststnet", 3), Recipe(stages, batch_size=24), 3, 22)
    run = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), make_runs(clips, composite(clips), program.recipe, 1, "last"))
    data = Data({"flow": jnp.asarray(clips.flow)}, jnp.asarray(clips.label))
    start = init_run(program, run, data)
    first, _ = train_epoch(program, stages[0], run, data, start, jnp.int32(0))
    second, _ = train_epoch(program, stages[1], run, data, begin_stage(program, stages[1], run, first), jnp.int32(1))

    def moved(a, b, part):
        return not np.array_equal(jax.tree.leaves(a.train.params[part])[0], jax.tree.leaves(b.train.params[part])[0])

    assert [moved(start, first, "conv1"), moved(start, first, "fc")] == [False, True]
    assert [moved(first, second, "conv1"), moved(first, second, "fc")] == [True, False]


def right_answers(clips, label, recipe):
    """() share of the held-out clips that are predicted right where `label` are the clips' labels."""
    experiment = prepare(create("ststnet", 3), clips.replace(label=label), composite(clips), recipe, findings=(),
                         allow_absent_class=True)
    table = predictions_of(experiment, train_experiment(experiment, plan_of(experiment)))
    return (table.columns["label"] == table.columns["prediction"]).mean()


def test_the_planted_class_is_learned_and_shuffled_labels_give_chance(clips):
    recipe, rng, shuffles = Recipe((Stage(12, 1e-2),), batch_size=8), np.random.default_rng(3), 8
    assert right_answers(clips, clips.label, recipe) > 0.8
    shuffled = [right_answers(clips, rng.permutation(clips.label), recipe) for _ in range(shuffles)]
    deviation = np.sqrt(1 / 3 * 2 / 3 / (shuffles * len(clips)))                # of a guess among three: 0.034
    assert abs(np.mean(shuffled) - 1 / 3) < 3 * deviation


def test_hypers_in_one_batch_are_what_each_is_alone(clips):
    """Three benchmarks at once, each with numbers of its own, are the three recipes one by one; and they differ."""
    folds, hypers = composite(clips), (Hyper(), Hyper(learning_rate=2e-3), Hyper(weight_decay=0.3, label_smoothing=0.4))
    recipe = dataclasses.replace(RECIPE, stages=(Stage(1, 5e-3), *RECIPE.stages))
    together = benchmark_many(create("ststnet", 3), clips, folds, recipe, hypers)
    for hyper, table in zip(hypers, together, strict=True):
        alone = benchmark(create("ststnet", 3), clips, folds, hyper.applied_to(recipe))
        assert all((table.columns[name] == alone.columns[name]).all() for name in ("clip", "fold", "seed", "epoch"))
        np.testing.assert_allclose(table.probabilities, alone.probabilities, atol=ROUNDING)
    first, *others = (table.probabilities for table in together)
    assert all(np.abs(first - other).max() > 100 * ROUNDING for other in others)


@pytest.mark.parametrize(("hyper", "line"), [
    (Hyper(learning_rate=0.0), "learning_rate=0.0: wanted a number above 0"),
    (Hyper(learning_rate=float("nan")), "learning_rate=nan: wanted a number above 0"),
    (Hyper(weight_decay=-1.0), "weight_decay=-1.0: wanted 0 or more"),
    (Hyper(label_smoothing=1.0), "label_smoothing=1.0: wanted 0 or more and less than 1")])
def test_a_number_that_cannot_be_is_refused(hyper, line):
    with pytest.raises(UserMistake, match=line):
        hyper.applied_to(RECIPE)


def test_no_hyper_is_refused(clips):
    with pytest.raises(UserMistake, match=r"hypers=\(\): wanted one or more Hyper"):
        benchmark_many(create("ststnet", 3), clips, composite(clips), RECIPE, ())
