"""One big model: one device = eight = pmap after five steps of SGD with batch norm; and the same for a network that is kept."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mer_jax.backend import join
from mer_jax.data.folds import Folds
from mer_jax.evaluation.layout import data_of, make_runs
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.models.ststnet import STSTNet
from mer_jax.training.augmentation import Augmentation, augment_flow
from mer_jax.training.data_parallel import pmapped_step, sharded_step
from mer_jax.training.inputs import clip_keys
from mer_jax.training.many_runs import train_one
from mer_jax.training.metric_log import MetricLog
from mer_jax.training.preemption import agreed
from mer_jax.training.run import Program
from mer_jax.training.stages import Recipe, Stage
from mer_jax.training.train_state import init_state
from mer_jax.training.train_step import Batch

LOSSES = (("cross_entropy", 1.0),)
TX = optax.sgd(1e-3)


@pytest.fixture(scope="module")
def batches():
    rng, made = np.random.default_rng(0), []
    for number in range(5):
        flow = {"flow": jnp.asarray(rng.integers(0, 256, (16, 28, 28, 3), dtype=np.uint8))}
        keys = clip_keys(jax.random.key(number), jnp.arange(16))
        flow = {"flow": jax.vmap(augment_flow, (0, None, None, 0))(flow["flow"], "minmax8", Augmentation(True, 2), keys)}
        made.append(Batch(flow, jax.nn.one_hot(jnp.asarray(rng.integers(0, 3, 16)), 3), jnp.ones(16)))
    return made


@pytest.fixture(scope="module")
def mini_agmenet():
    """A network with every kind of layer and without dropout, and a batch of eight clips for it."""
    network = create("agmenet", classes=3, frame_size=32, instants=2, stem=4, growth=4, bottleneck=2, blocks=(1, 1), width=8,
                     heads=2, dropout=0.0)
    rng = np.random.default_rng(0)
    frames = jnp.asarray(rng.random((8, *network.frames_shape), dtype=np.float32))
    return network, Batch({"frames": frames}, jax.nn.one_hot(jnp.arange(8) % 3, 3), jnp.ones(8))


def after_five_steps(step, network, batches):
    state = init_state(network, TX, jax.random.key(0), batches[0].inputs)
    for batch in batches:
        state, metrics = step(state, batch, jax.random.key(7))
    return jax.device_get((state.params, state.batch_stats, metrics))


def agree(first, second):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(a).max()), first, second)


@pytest.mark.slow
def test_eight_devices_equal_one_with_dropout(batches):
    network = STSTNet()
    one, eight = (after_five_steps(sharded_step(network, LOSSES, TX, devices), network, batches) for devices in (1, 8))
    agree(one, eight)


def test_pmap_equals_one_device_without_dropout(batches):
    plain, split = STSTNet(dropout=0.0), STSTNet(dropout=0.0, batch_axis="data")
    one = after_five_steps(sharded_step(plain, LOSSES, TX, 1), plain, batches)
    state = init_state(plain, TX, jax.random.key(0), batches[0].inputs)
    step = pmapped_step(split, LOSSES, TX)
    for batch in batches:
        rows = jax.tree.map(lambda leaf: leaf.reshape(8, 2, *leaf.shape[1:]), batch)
        state, metrics = step(state, rows, jax.random.key(7))
    agree(one, jax.device_get((state.params, state.batch_stats, metrics)))


@pytest.mark.slow
def test_pmap_equals_one_device_for_the_dense_trunk(mini_agmenet):
    """Gradient and statistics of one step; where the two halves' own statistics were taken they would differ by far more."""
    network, batch = mini_agmenet
    split = jax.tree.map(lambda leaf: leaf.reshape(8, 1, *leaf.shape[1:]), batch)
    start = init_state(network, TX, jax.random.key(0), batch.inputs)
    one = sharded_step(network, LOSSES, TX, 1)(start, batch, jax.random.key(7))
    eight = pmapped_step(network.clone(batch_axis="data"), LOSSES, TX)(start, split, jax.random.key(7))
    seen = (jax.tree.leaves(jax.device_get((state.batch_stats, metrics))) for state, metrics in (one, eight))
    for wanted, found in zip(*seen, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5 * np.abs(wanted).max())
    change = jax.tree.leaves(jax.tree.map(lambda after, before: np.linalg.norm(after - before) / (np.linalg.norm(after) + 1e-3),
                                          *(jax.device_get(state.params) for state, _ in (one, eight))))
    assert max(change) < 1e-4


RECIPE = Recipe((Stage(4, 1e-3),), batch_size=8, optimizer="sgd", augmentation=Augmentation(flip=True, shift=1))


def kept(clips, spread):
    """All clips, four epochs of plain SGD."""
    network, everything = STSTNet(), np.arange(len(clips))
    program = Program(network, RECIPE, 3, len(clips), "last", clips.flow_coding)
    runs = make_runs(clips, Folds("all", ("all",), (everything,), (everything[:1],)), RECIPE, 1, "last")
    with MetricLog(None, 1, 1, (4,)) as log:
        state = train_one(program, jax.tree.map(lambda leaf: leaf[0], runs), data_of(network, clips), log, spread)
    return state.params, state.batch_stats


@pytest.mark.slow
def test_a_kept_network_is_the_same_from_one_device_and_from_eight(clips):
    for one, eight in zip(jax.tree.leaves(kept(clips, 1)), jax.tree.leaves(kept(clips, 8)), strict=True):
        np.testing.assert_allclose(one, eight, rtol=1e-4, atol=1e-5 * np.abs(one).max())


CONFIG = """from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.table = "clips.csv"
    config.epochs = 3
    config.batch_size = 8
    config.optimizer.name = "sgd"
    return config
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


@pytest.mark.slow
def test_two_processes_train_what_one_does(clips, tmp_path):
    """By the command itself: a process of two devices, and two processes of two devices that share every batch."""
    from PIL import Image

    (tmp_path / "two.py").write_text(CONFIG)
    rows = ["dataset,subject,clip,emotion,flow"]
    for key, label, image in zip(clips.ids, clips.label, clips.flow, strict=True):
        name = f"{key.replace('/', '_')}.png"
        Image.fromarray(image).save(tmp_path / name)
        rows.append(f"{key.replace('/', ',')},{clips.classes[label]},{name}")
    (tmp_path / "clips.csv").write_text("\n".join(rows) + "\n")
    address = f"localhost:{free_port()}"
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "2", "PYTHONPATH": str(Path(__file__).parents[2])}

    def start(*words: str) -> subprocess.Popen:
        command = [sys.executable, "-c", "from mer_jax.command_line import main; main()", "train", "--config=two.py", *words]
        return subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    together = [start("--out=both", "--json", f"--distributed={address},2,{number}") for number in range(2)]
    printed = []
    for process in (start("--out=one", "--json"), *together):
        out, err = process.communicate(timeout=400)
        assert process.returncode == 0, err
        printed.append(out)
    assert json.loads(printed[0])["folder"] == "one" and json.loads(printed[1])["folder"] == "both" and printed[2] == ""
    with np.load(tmp_path / "one" / "weights.npz") as one, np.load(tmp_path / "both" / "weights.npz") as both:
        assert set(one) == set(both)
        for name in one:
            np.testing.assert_allclose(one[name], both[name], rtol=1e-4, atol=1e-5 * np.abs(one[name]).max(), err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("words", ["localhost:{port},2,0", "localhost:{port},2,1", "nowhere.invalid:{port},2,1"])
def test_processes_that_stay_away_are_one_line(words, tmp_path):
    """Whether the first waits for the others, or one of them for the first."""
    code = ("from mer_jax import backend, command_line\nbackend.PATIENCE = 2\ncommand_line.main()")
    (tmp_path / "two.py").write_text(CONFIG)
    words = ["train", "--config=two.py", "--out=both", f"--distributed={words.format(port=free_port())}"]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "did not find each other" in done.stderr, done.stderr


@pytest.mark.parametrize(("words", "line"), [
    ("cluster", "wanted auto, or HOST:PORT,COUNT,NUMBER"), ("localhost,2,0", "wanted auto"),
    ("localhost:1,2,2", "no process 2 of 2; they count from 0")])
def test_words_that_name_no_processes_are_refused(words, line):
    with pytest.raises(UserMistake, match=line):
        join(words)


def test_a_signal_to_one_process_stops_all(monkeypatch):
    """What each of two processes is told, when the other got SIGTERM, or none did; one alone asks nobody."""
    assert agreed(15) == 15 and agreed(None) is None
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    for other, wanted in ((15, 15), (0, None)):
        monkeypatch.setattr("mer_jax.training.preemption.multihost_utils.process_allgather",
                            lambda own, other=other: np.array([own, other]))
        assert agreed(None) == wanted
        assert agreed(2) == max(2, other)
