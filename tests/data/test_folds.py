"""Laws of the protocols: every clip held out once, subjects never on both sides."""

import dataclasses

import numpy as np
import pytest

from mer_jax.data.folds import PROTOCOLS, hold_out, inner_split, leaky_kfold, leave_one_dataset_out, subject_kfold
from mer_jax.mistakes import UserMistake


@pytest.mark.parametrize("name", PROTOCOLS)
def test_each_fold_parts_the_clips_in_two(name, clips):
    folds = PROTOCOLS[name](clips)
    for train, test in zip(folds.train, folds.test, strict=True):
        assert len(train) and len(test)
        np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(len(clips)))


@pytest.mark.parametrize("name", [n for n in PROTOCOLS if n != "hold_out"])
def test_each_clip_is_held_out_exactly_once(name, clips):
    tests = np.concatenate(PROTOCOLS[name](clips).test)
    np.testing.assert_array_equal(np.sort(tests), np.arange(len(clips)))


@pytest.mark.parametrize("name", [n for n in PROTOCOLS if n != "leaky_kfold"])
def test_no_subject_is_on_both_sides(name, clips):
    folds = PROTOCOLS[name](clips)
    for train, test in zip(folds.train, folds.test, strict=True):
        assert not set(clips.subject[train]) & set(clips.subject[test])


def test_leaky_kfold_does_mix_subjects(clips):
    folds = leaky_kfold(clips)
    assert all(set(clips.subject[train]) & set(clips.subject[test])
               for train, test in zip(folds.train, folds.test, strict=True))


def test_the_same_subject_name_in_two_databases_is_two_subjects(clips):
    assert len(clips.subjects) == 6 and len(PROTOCOLS["composite"](clips)) == 6


def test_leave_one_dataset_out_holds_out_whole_databases(clips):
    folds = leave_one_dataset_out(clips)
    assert folds.names == ("casme2", "smic")
    assert all(set(clips.dataset[test]) == {d} for d, test in enumerate(folds.test))


def test_subject_kfold_is_balanced_and_depends_on_its_seed(clips):
    sizes = [len(test) for test in subject_kfold(clips, folds=3).test]
    assert max(sizes) - min(sizes) <= 4
    several = {tuple(tuple(t) for t in subject_kfold(clips, folds=3, seed=s).test) for s in range(5)}
    assert len(several) > 1


def test_hold_out_takes_subjects_of_each_database(clips):
    (test,) = hold_out(clips, share=0.34).test
    assert set(clips.dataset[test]) == {0, 1} and len(set(clips.subject[test])) == 2


@pytest.mark.parametrize("seed", range(5))
def test_inner_split_parts_training_subjects_and_covers_each_database(clips, seed):
    train = PROTOCOLS["composite"](clips).train[0]
    fit, validation = inner_split(clips, train, seed)
    assert not set(clips.subject[fit]) & set(clips.subject[validation])
    np.testing.assert_array_equal(np.sort(np.concatenate([fit, validation])), train)
    assert set(clips.dataset[validation]) == set(clips.dataset[fit]) == {0, 1}


@pytest.mark.parametrize("name", ["leave_one_subject_out", "composite"])
def test_subjects_that_are_named_are_left_out_as_they_are_among_all(name, clips):
    every, chosen = PROTOCOLS[name](clips), (clips.subjects[4], clips.subjects[1])
    some = PROTOCOLS[name](clips, subjects=chosen)
    assert some.names == (clips.subjects[1], clips.subjects[4])
    for fold, subject in enumerate((1, 4)):
        np.testing.assert_array_equal(some.train[fold], every.train[subject])
        np.testing.assert_array_equal(some.test[fold], every.test[subject])
    with pytest.raises(UserMistake, match=f"of subject 'casme2/s1'.*wanted dataset/subject, as {clips.subjects[0]}"):
        PROTOCOLS[name](clips, subjects=("casme2/s1",))


def test_hold_out_leaves_a_subject_on_each_side_of_every_database_that_has_two(clips):
    for share in (0.01, 0.5, 0.99):
        folds = hold_out(clips, share=share)
        for rows in (*folds.train, *folds.test):
            assert set(clips.dataset[rows]) == {0, 1}
    lone = clips.take((clips.dataset == 1) | (clips.subject == 0))
    (test,) = hold_out(lone).test
    assert set(lone.dataset[test]) == {1}, "the single subject of the other database trains"


@pytest.mark.parametrize(("name", "options", "words"), [
    ("hold_out", {"share": 0.0}, "between 0 and 1"), ("hold_out", {"share": 1.0}, "between 0 and 1"),
    ("hold_out", {"share": float("nan")}, "between 0 and 1"), ("subject_kfold", {"folds": 1}, "at least 2"),
    ("subject_kfold", {"folds": -3}, "at least 2"), ("leaky_kfold", {"folds": 0}, "at least 2"),
    ("subject_kfold", {"folds": 7}, "a subject for each of its 7 folds, the data have 6"),
    ("leaky_kfold", {"folds": 99}, "a clip for each of its 99 folds")])
def test_options_that_would_leave_a_side_empty_are_refused(name, options, words, clips):
    with pytest.raises(UserMistake, match=words):
        PROTOCOLS[name](clips, **options)


@pytest.mark.parametrize(("name", "words"), [
    ("leave_one_subject_out", "at least two subjects"), ("composite", "at least two databases"),
    ("leave_one_dataset_out", "at least two databases"), ("subject_kfold", "a subject for each"),
    ("hold_out", "at least two subjects"), ("leaky_kfold", "a clip for each")])
def test_what_the_data_cannot_give_is_said(name, words, clips):
    with pytest.raises(UserMistake, match=words):
        PROTOCOLS[name](clips.take(clips.subject == 0))


def test_a_fold_that_holds_out_a_subject_without_clips_is_refused(clips):
    empty = dataclasses.replace(clips, subjects=(*clips.subjects, "smic/s99"))
    with pytest.raises(UserMistake, match="fold smic/s99 has 24 training and 0 held-out clips"):
        PROTOCOLS["composite"](empty)
