"""What a benchmark says to parts that are wrong or don't fit, called from Python."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from mer_jax.data.folds import composite
from mer_jax.evaluation.benchmark import prepare
from mer_jax.evaluation.checks import check_kinds
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.training.stages import Recipe, Stage

RECIPE = Recipe((Stage(1, 1e-3),), batch_size=8)


def with_part(folds, part: str, rows, fold: int = 1):
    """The folds with other rows in one part of one fold."""
    changed = list(getattr(folds, part))
    changed[fold] = rows
    return dataclasses.replace(folds, **{part: tuple(changed)})


@pytest.mark.parametrize("name, value, wanted", [
    ("network", "ststnet", "network is of the kind str"), ("network", type(create("ststnet", 3)), "the class STSTNet"),
    ("clips", np.zeros(3), "clips is of the kind ndarray, wanted Clips"), ("folds", [], "folds is of the kind list"),
    ("recipe", Stage(1, 1e-3), "recipe is of the kind Stage, wanted a Recipe"), ("seeds", 0, "seeds=0"),
    ("seeds", 1.0, "seeds=1.0"), ("seeds", True, "seeds=True"), ("seeds", (0, 1), "whole number of at least 1"),
    ("selection", "iner", "'iner' is not known"),
])
def test_arguments_of_another_kind(name, value, wanted, clips):
    right = {"network": create("ststnet", 3), "clips": clips, "folds": composite(clips), "recipe": RECIPE, "seeds": 1,
             "selection": "last"}
    check_kinds(**right)
    with pytest.raises(UserMistake, match=wanted):
        check_kinds(**{**right, name: value})


def test_clips_and_folds_swapped_and_lists_in_a_recipe_in_plain_python():
    code = ("import numpy as np, mer_jax\n"
            "recipe = mer_jax.Recipe([mer_jax.Stage(1, 0.1, losses=[['cross_entropy', 1.0]], trainable=[['fc', 0]])])\n"
            "tuples = mer_jax.Stage(1, 0.1, losses=(('cross_entropy', 1.0),), trainable=(('fc', 0),))\n"
            "assert recipe == mer_jax.Recipe((tuples,)) and hash(recipe) == hash(mer_jax.Recipe((tuples,)))\n"
            "folds = mer_jax.Folds('mine', (), (), ())\n"
            "try:\n"
            "    mer_jax.benchmark(mer_jax.models.create('ststnet', classes=3), folds, mer_jax.Clips([], [], []), recipe)\n"
            "except mer_jax.UserMistake as mistake:\n"
            "    print(mistake)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == ("benchmark: clips is of the kind Folds, wanted Clips: "
                           "benchmark(network, clips, folds, recipe)\n"), done.stderr


def test_a_network_for_other_classes(clips):
    with pytest.raises(UserMistake, match="STSTNet is made for 5 classes, the clips have 3: negative, positive, surprise"):
        prepare(create("ststnet", 5), clips, composite(clips), RECIPE)


@pytest.mark.parametrize("part, rows, wanted", [
    ("train", np.array([], int), "no training clips"), ("test", np.array([], int), "no test clips"),
    ("test", np.array([99]), "row 99 is none of the 24 clips; were the folds made from other clips"),
    ("train", np.array([-1, 3]), "row -1 is none"), ("train", np.ones(24, bool), "bool of shape"),
    ("test", np.array([0]), "casme2/s00/c0 is held out already, by fold casme2/s00"),
    ("test", np.array([5, 5]), "casme2/s01/c3 is held out already, by fold casme2/s01"),
])
def test_folds_that_do_not_fit_the_clips(part, rows, wanted, clips):
    with pytest.raises(UserMistake, match=f"fold casme2/s01: .*{wanted}"):
        prepare(create("ststnet", 3), clips, with_part(composite(clips), part, rows), RECIPE)


def test_the_rows_really_trained_on_must_have_every_class(clips):
    """Under `inner` the only two subjects with surprise may both validate or be held out, though a fold has one left."""
    label = np.where(np.isin(clips.subject, (1, 2)), np.asarray(clips.label), np.asarray(clips.label) % 2).astype(np.int32)
    few, folds, network = clips.replace(label=label), composite(clips), create("ststnet", 3)
    prepare(network, few, folds, RECIPE, findings=())
    with pytest.raises(UserMistake, match=r"seed \d, fold casme2/s0\d: no training clip of class surprise.*"
                                          r"allow_absent_class=true.*allow_absent_class=True"):
        prepare(network, few, folds, RECIPE, seeds=3, selection="inner", findings=())
    prepare(network, few, folds, RECIPE, seeds=3, selection="inner", allow_absent_class=True, findings=())


def test_a_leak_names_both_ways_to_allow_it(clips):
    with pytest.raises(UserMistake, match=r"--config.allow_leak=true \(from Python: allow_leak=True\)"):
        prepare(create("ststnet", 3), clips, composite(clips), RECIPE, findings=("a leak",))
