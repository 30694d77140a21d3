"""A kept network is read back as it was, or refused by name; its enhancement stands among the others."""

import io
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.data.clips import data_digest
from mer_jax.evaluation.kept_enhancement import kept_enhancer, kept_enhancers, trained_on
from mer_jax.evaluation.kept_network import name_of, read_network
from mer_jax.light.enhancers import ENHANCERS
from mer_jax.mistakes import UserMistake
from mer_jax.models import create

OPTIONS = {"instants": 2, "blocks": (1, 1), "stem": 8, "width": 8, "heads": 2, "enhancement": "retinex"}


@pytest.fixture(scope="module")
def network():
    return create("agmenet", 3, "tiny", **OPTIONS)


@pytest.fixture(scope="module")
def variables(network):
    """Drawn, not trained: enough to tell one network from another."""
    drawn = jax.jit(lambda: network.init(jax.random.key(3), {"frames": jnp.zeros((1, 2, 5, 16, 16, 3))}, train=False))()
    return jax.tree.map(np.asarray, drawn)


@pytest.fixture
def kept(tmp_path, variables) -> Path:
    """A folder as `train_network` leaves it."""
    folder = tmp_path / "mine"
    folder.mkdir()
    np.savez(folder / "weights.npz", **{name_of(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(variables)})
    (folder / "network.json").write_text(json.dumps({
        "network": "agmenet", "variant": "tiny", "off": [], "options": OPTIONS, "classes": ["a", "b", "c"],
        "preprocessing": {"window": 5, "instants": 2, "shapes": {"frames": [20, 16, 16, 3]}}}))
    return folder


def change(folder: Path, **values) -> None:
    described = json.loads((folder / "network.json").read_text())
    (folder / "network.json").write_text(json.dumps({**described, **values}))


@pytest.mark.slow
def test_what_was_kept_is_what_is_read(kept, network, variables):
    found = read_network(kept)
    assert found.network == network
    jax.tree.map(np.testing.assert_array_equal, found.variables, variables)


def test_its_enhancement_is_the_networks_own(kept, network, variables):
    """What the enhancer gives is what the whole network makes of the same windows on its way."""
    windows = np.random.default_rng(0).uniform(0, 0.3, (2, 5, 16, 16, 3)).astype(np.float32)
    whole = jax.jit(lambda w: network.apply(variables, {"frames": w}, train=False).extras["enhanced"])(windows[None])
    enhancer = kept_enhancers((str(kept),))["mine"]
    np.testing.assert_allclose(jax.jit(enhancer.function)(windows), whole[0], atol=1e-6)
    assert np.asarray(whole).mean() > windows.mean()


@pytest.mark.slow
def test_behind_a_front_end_it_is_given_what_that_gives(kept, network):
    """A network whose windows were reduced before it has one weight for them; its enhancement begins with the reduction."""
    alone = jax.jit(lambda: network.init(jax.random.key(3), {"frames": jnp.zeros((1, 2, 1, 16, 16, 3))}, train=False))()
    np.savez(kept / "weights.npz", **{name_of(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(alone)})
    seen = json.loads((kept / "network.json").read_text())["preprocessing"]
    change(kept, preprocessing={**seen, "front": {"enhancer": "t5", "flow": "stored"}})
    windows = np.random.default_rng(0).uniform(0, 0.3, (2, 5, 16, 16, 3)).astype(np.float32)
    reduced = ENHANCERS["t5"].function(windows)[None, :, None]
    wanted = jax.jit(lambda w: network.apply(alone, {"frames": w}, train=False).extras["enhanced"])(reduced)[0]
    np.testing.assert_allclose(jax.jit(kept_enhancer(kept).function)(windows), wanted, atol=1e-6)
    change(kept, preprocessing={**seen, "front": {"enhancer": "clahe", "flow": "stored"}})
    with pytest.raises(UserMistake, match=r"network\.json: front.enhancer='clahe' is OpenCV's"):
        read_network(kept)


def test_grey_windows_are_seen_as_three_equal_colours(kept):
    enhance = jax.jit(kept_enhancer(kept).function)
    grey = np.random.default_rng(1).uniform(0, 0.3, (2, 5, 16, 16, 1)).astype(np.float32)
    np.testing.assert_array_equal(enhance(grey), enhance(np.repeat(grey, 3, -1)))


def test_who_was_trained_on_these_very_clips_is_named(kept, clips):
    change(kept, data={"digest": data_digest(clips)})
    assert trained_on(clips, (str(kept),)) == ["mine"]
    assert trained_on(clips.take(np.arange(len(clips) - 1)), (str(kept),)) == trained_on(clips, ()) == []


def test_other_windows_than_it_was_trained_on_are_refused(kept):
    with pytest.raises(UserMistake, match="trained on windows of 5 frames, these clips give windows of 1"):
        kept_enhancer(kept).function(jnp.zeros((2, 1, 16, 16, 3)))


def test_a_folder_without_what_is_wanted_is_named(kept, tmp_path):
    with pytest.raises(UserMistake, match="nowhere: no trained network here"):
        read_network(tmp_path / "nowhere")
    with pytest.raises(UserMistake, match="another enhancer is called 'mine'"):
        kept_enhancers((str(kept), str(kept)))
    with pytest.raises(UserMistake, match="another enhancer is called 'mine'"):
        kept_enhancers((str(kept),), taken=("mine",))


@pytest.mark.parametrize(("values", "line"), [
    ({"network": "agmnet"}, "network 'agmnet' is not known .did you mean 'agmenet'"),
    ({"classes": 3}, "damaged, or of another version: TypeError"),
    ({"options": {**OPTIONS, "width": 16}}, r"weights.npz: params/.*found float32 \(.*8.*\), wanted finite float32 \(.*16"),
    ({"options": {**OPTIONS, "region_attention": False}}, "which the network does not know"),
    ({"off": ["llem"]}, "which the network does not know")])
def test_a_network_that_does_not_fit_its_weights_is_refused(kept, values, line):
    change(kept, **values)
    with pytest.raises(UserMistake, match=line):
        read_network(kept)


def test_a_network_without_an_enhancement_is_refused(kept, variables):
    change(kept, off=["llem"])
    without = {name_of(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(variables)
               if not name_of(path).startswith("params/llem")}
    np.savez(kept / "weights.npz", **without)
    with pytest.raises(UserMistake, match=r"mine: its network \(agmenet\) has no low-light enhancement"):
        kept_enhancer(kept)


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_flipped_bit_is_noticed(kept, place):
    data = bytearray((kept / "weights.npz").read_bytes())
    data[int(place * len(data))] ^= 1
    (kept / "weights.npz").write_bytes(data)
    with pytest.raises(UserMistake, match=r"weights\.npz"):
        read_network(kept)


def test_weights_that_are_no_numbers_are_refused(kept, variables):
    spoiled = {name_of(path): np.array(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(variables)}
    spoiled["params/head/bias"][0] = np.nan
    np.savez(kept / "weights.npz", **spoiled)
    with pytest.raises(UserMistake, match="params/head/bias: found float32 .*wanted finite"):
        read_network(kept)


def test_damaged_words_are_named(kept):
    (kept / "network.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(UserMistake, match=r"network\.json: damaged"):
        read_network(kept)
    (kept / "network.json").write_text("{")
    with pytest.raises(UserMistake, match=r"network\.json: damaged"):
        read_network(kept)
    (kept / "weights.npz").write_bytes(io.BytesIO().getvalue())
    (kept / "network.json").unlink()
    with pytest.raises(UserMistake, match="no trained network here"):
        read_network(kept)
