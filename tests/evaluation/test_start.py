"""Runs that begin with a kept network: with it to the last bit, never with another, and never tested on whom it has seen."""

import functools
import json
import shutil
from pathlib import Path
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.data.folds import hold_out, leave_one_subject_out
from mer_jax.evaluation.benchmark import benchmark, prepare
from mer_jax.evaluation.kept_network import name_of, read_network
from mer_jax.evaluation.network_training import train_network
from mer_jax.evaluation.run_config import describe
from mer_jax.evaluation.seen import UNKNOWN_START, began_with
from mer_jax.evaluation.start import read_start
from mer_jax.mistakes import UserMistake
from mer_jax.models import MODELS, Entry, create
from mer_jax.models.network import Output
from mer_jax.settings import default_config, settings_of
from mer_jax.training.run import init_run
from mer_jax.training.stages import Recipe, Stage

RECIPE = Recipe((Stage(1, 1e-3),), batch_size=8)
NETWORK = create("ststnet", 3)


def settings(network="ststnet", **values):
    """Settings of one epoch; the clips are given beside them."""
    config = default_config()
    config.update({"data": {"table": "clips.csv"}, "epochs": 1, "network": {"name": network}, **values})
    return settings_of("kept", config)


@pytest.fixture(scope="module")
def kept(clips, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "mine"
    train_network(settings(), clips, folder, folder)
    return folder


@pytest.fixture
def copied(kept, tmp_path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "mine"))


@pytest.fixture
def no_audited_epoch(monkeypatch):
    monkeypatch.setattr("mer_jax.evaluation.benchmark.poison_reaches_training", lambda *_: [])


@pytest.fixture
def strangers(clips):
    """Other people under other names, in other pictures."""
    flow = np.random.default_rng(5).integers(0, 256, clips.flow.shape, dtype=np.uint8)
    ids, subjects = (tuple(f"mine/{key.replace('/', '-', 1)}" for key in keys) for keys in (clips.ids, clips.subjects))
    return clips.replace(flow=flow, ids=ids, subjects=subjects, datasets=("mine",), dataset=np.zeros_like(clips.dataset))


def first_states(clips, start):
    """The variables that each of two seeds and all folds begin with, by name, with a leading axis of runs."""
    e = prepare(NETWORK, clips, leave_one_subject_out(clips), RECIPE, seeds=2, start=start, findings=())
    state = jax.jit(jax.vmap(functools.partial(init_run, e.program), (0, None)))(e.runs, e.data).train
    return {name_of(path): np.asarray(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(state.variables())}


def test_every_run_begins_with_what_was_kept_to_the_last_bit(kept, clips):
    states, was = first_states(clips, read_start(NETWORK, clips.classes, kept)), read_network(kept).variables
    for path, leaf in jax.tree_util.tree_leaves_with_path(was):
        np.testing.assert_array_equal(states[name_of(path)], np.broadcast_to(leaf, states[name_of(path)].shape))
    assert was["batch_stats"]["bn1"]["var"].std() > 0                                     # not those of a fresh network


@pytest.mark.parametrize("names", [("negative", "surprise", "positive"), ("a", "b", "c")])
def test_the_head_of_other_classes_is_drawn_by_each_seed(names, kept, clips):
    others = clips.replace(classes=names)
    start, was = read_start(NETWORK, names, kept), read_network(kept).variables
    assert start.to_json() == {"head": "drawn", "subjects": 6, "clips": 24}
    states = first_states(others, start)
    np.testing.assert_array_equal(states["params/conv3/kernel"][4], was["params"]["conv3"]["kernel"])
    head = states["params/fc/kernel"]
    assert np.abs(head[0] - head[7]).max() > 0.01 < np.abs(head[7] - was["params"]["fc"]["kernel"]).max()


def test_more_classes_are_no_hindrance(kept, clips):
    network = create("ststnet", 5)
    start = read_start(network, tuple("abcde"), kept)
    assert start.drawn == {"params/fc/kernel", "params/fc/bias"} and "fc" not in start.variables["params"]
    five = clips.replace(classes=tuple("abcde"), label=(np.arange(24) % 5).astype(np.int32))
    prepare(network, five, leave_one_subject_out(five), RECIPE, start=start, findings=(), allow_absent_class=True)


def test_another_network_is_named(kept, clips):
    with pytest.raises(UserMistake, match=r"^weights .*mine: a kept STSTNet, wanted AGMENet$"):
        read_start(create("agmenet", 3, "tiny"), clips.classes, kept)


@pytest.fixture(scope="module")
def kept_frames(moving_clips, tmp_path_factory):
    """The folder of a tiny network of frames, and its options."""
    options = {"instants": 2, "blocks": (1, 1), "stem": 8, "width": 8, "heads": 2, "frame_size": 16, "motion": "none"}

    folder = tmp_path_factory.mktemp("frames") / "mine"
    folder.mkdir()
    network = create("agmenet", 3, "tiny", **options)
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), {"frames": jnp.zeros((1, 2, 5, 16, 16, 3))}, train=False))
    np.savez(folder / "weights.npz", **{name_of(path): np.zeros(leaf.shape, leaf.dtype)
                                        for path, leaf in jax.tree_util.tree_leaves_with_path(shapes)})
    (folder / "network.json").write_text(json.dumps({
        "network": "agmenet", "variant": "tiny", "off": [], "options": options, "classes": list(moving_clips.classes),
        "preprocessing": {"window": 5, "instants": 2, "shapes": {"frames": [15, 16, 16, 3]}}}))
    return folder, options


@pytest.mark.parametrize(("off", "others", "words"), [
    ((), {"width": 16}, r"params/.* has the shape .*; in AGMENet there is one of"),
    ((), {"instants": 3}, r"params/time has the shape \(2, 8\); .* one of \(3, 8\)"),
    (("place_gain",), {}, "params/gain has the shape .* there is no such variable"),
])
def test_options_that_shape_the_weights_must_be_the_same(off, others, words, kept_frames, moving_clips):
    folder, options = kept_frames
    network = create("agmenet", 3, "tiny", off, **{**options, **others})
    start = read_start(network, moving_clips.classes, folder)
    with pytest.raises(UserMistake, match=f"^weights .*{words}"):
        prepare(network, moving_clips, leave_one_subject_out(moving_clips), RECIPE, start=start, findings=())


def test_a_part_that_the_kept_network_lacks_is_named(kept_frames, moving_clips, tmp_path):
    folder, options = kept_frames
    network = create("agmenet", 3, "tiny", **options)
    start = read_start(network, moving_clips.classes, folder)
    less = {name: part for name, part in start.variables["params"].items() if name != "gain"}
    with pytest.raises(UserMistake, match="^weights .*: no variable params/gain, which AGMENet has"):
        prepare(network, moving_clips, leave_one_subject_out(moving_clips), RECIPE, findings=(),
                start=start._replace(variables={**start.variables, "params": less}))


def spoil_seen(folder):
    described = json.loads((folder / "network.json").read_text())
    (folder / "network.json").write_text(json.dumps({**described, "seen": {"subjects": "all", "contents": "", "whole": True}}))


@pytest.mark.parametrize(("spoil", "words"), [
    (lambda folder: (folder / "network.json").write_text("{"), "network.json: damaged"),
    (spoil_seen, "network.json: damaged: 'seen' is not"),
    (lambda folder: (folder / "weights.npz").write_bytes((folder / "weights.npz").read_bytes()[:-40]), "weights.npz"),
    (lambda folder: (folder / "network.json").unlink(), "no trained network here"),
    (shutil.rmtree, "no such file of weights, and no such folder"),
])
def test_a_damaged_folder_is_named(spoil, words, copied, clips):
    spoil(copied)
    with pytest.raises(UserMistake, match=words):
        read_start(NETWORK, clips.classes, copied)


def test_the_weights_file_alone_is_not_the_network(kept, clips):
    with pytest.raises(UserMistake, match="wanted its folder, .*mine$"):
        read_start(NETWORK, clips.classes, kept / "weights.npz")


def test_a_seen_person_may_not_be_tested(kept, clips, no_audited_epoch):
    start, folds = read_start(NETWORK, clips.classes, kept), leave_one_subject_out(clips)
    with pytest.raises(UserMistake, match=f"6 of the subjects held out: {', '.join(clips.subjects)}; allow it"):
        prepare(NETWORK, clips, folds, RECIPE, start=start)
    allowed = prepare(NETWORK, clips, folds, RECIPE, start=start, allow_leak=True)
    assert len(allowed.findings) == 1 and "6 of the subjects" in allowed.findings[0]


def test_only_those_who_are_tested_are_asked_for(kept, clips, strangers, no_audited_epoch):
    start = read_start(NETWORK, clips.classes, kept)
    assert prepare(NETWORK, strangers, leave_one_subject_out(strangers), RECIPE, start=start).findings == ()
    held_out = hold_out(clips, share=0.3)
    tested = {clips.subjects[s] for s in np.asarray(clips.subject)[held_out.test[0]]}
    found = prepare(NETWORK, clips, held_out, RECIPE, start=start, allow_leak=True, allow_absent_class=True).findings
    assert len(tested) < 6 and all((key in found[0]) == (key in tested) for key in clips.subjects)


def test_a_seen_clip_is_known_under_another_name(kept, clips, strangers, no_audited_epoch):
    flow = np.array(strangers.flow)
    flow[7] = clips.flow[2]
    disguised = strangers.replace(flow=flow)
    start = read_start(NETWORK, clips.classes, kept)
    with pytest.raises(UserMistake, match=f"pixels of 1 of the clips held out, under other names: {strangers.ids[7]};"):
        prepare(NETWORK, disguised, leave_one_subject_out(disguised), RECIPE, start=start)


def test_whom_a_start_has_seen_is_inherited(kept, clips, strangers, tmp_path, no_audited_epoch):
    train_network(settings(weights=str(kept)), strangers, tmp_path / "next", tmp_path / "next")
    start = read_start(NETWORK, clips.classes, tmp_path / "next")
    assert start.seen.subjects == {*clips.subjects, *strangers.subjects} and len(start.seen.contents) == 48
    for tested in (clips, strangers):
        with pytest.raises(UserMistake, match="6 of the subjects held out"):
            prepare(NETWORK, tested, leave_one_subject_out(tested), RECIPE, start=start)


def test_of_unknown_weights_nobody_knows(kept, copied, clips, strangers, tmp_path, no_audited_epoch):
    """Variables alone, a network kept before it was said whom it has seen, and what is trained from that."""
    described = json.loads((copied / "network.json").read_text())
    del described["seen"]
    (copied / "network.json").write_text(json.dumps(described))
    train_network(settings(weights=str(copied)), strangers, tmp_path / "next", tmp_path / "next")
    old, following = (read_start(NETWORK, clips.classes, folder) for folder in (copied, tmp_path / "next"))
    for start in (old.variables, old, following):
        assert prepare(NETWORK, clips, leave_one_subject_out(clips), RECIPE, start=start).findings == ()
    with pytest.raises(UserMistake, match="6 of the subjects held out: mine/"):           # these at least are known
        prepare(NETWORK, strangers, leave_one_subject_out(strangers), RECIPE, start=following)
    assert all(began_with(start.to_json()) == UNKNOWN_START for start in (old, following))


def test_what_runs_begin_with_is_said(kept, clips):
    said = [describe(settings(), clips, read_start(NETWORK, classes, kept))["weights"]
            for classes in (clips.classes, ("a", "b", "c"))]
    assert [weights["head"] for weights in said] == ["taken", "drawn"] and said[0]["digest"] != said[1]["digest"]
    assert "24 clips of 6 people, its last layer too" in began_with(said[0])
    assert "but for its last layer" in began_with(said[1])
    assert describe(settings(), clips, read_start(NETWORK, clips.classes, ""))["weights"] == {"digest": ""}


class Linear(nn.Module):
    """One product: no statistics that training could move while the rest stands still."""

    classes: int = 3
    inputs: ClassVar[tuple[str, ...]] = ("flow",)
    flow_coding: ClassVar[str] = "minmax8"
    flow_size: ClassVar[tuple[int, int]] = (28, 28)

    @nn.compact
    def __call__(self, inputs, *, train):
        rows = jnp.asarray(inputs["flow"], jnp.float32).reshape(-1, 28 * 28 * 3)
        return Output(nn.Dense(self.classes, name="head")(rows / 255))


def test_trained_on_without_learning_it_answers_as_it_did(clips, tmp_path, monkeypatch):
    monkeypatch.setitem(MODELS, "linear", Entry(Linear, "none", "none"))
    train_network(settings("linear", epochs=3), clips, tmp_path / "kept", tmp_path)
    network, variables, _ = read_network(tmp_path / "kept")
    wanted = jax.nn.softmax(network.apply(variables, clips.inputs(), train=False).logits)
    frozen = Recipe((Stage(2, 1e-3, trainable=(("*", 0.0),)),), batch_size=8)
    table = benchmark(network, clips, leave_one_subject_out(clips), frozen, allow_leak=True,
                      start=read_start(network, clips.classes, tmp_path / "kept"))
    keys = ["/".join(key) for key in zip(table.subject_keys(), table.columns["clip"], strict=True)]
    rows = [clips.ids.index(key) for key in keys]
    np.testing.assert_allclose(table.probabilities, np.asarray(wanted)[rows], atol=1e-6)
    assert np.ptp(wanted) > 0.1
