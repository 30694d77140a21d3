"""Damage is noticed and named, and the newest valid state is used."""

from pathlib import Path

import numpy as np
import pytest

from mer_jax.training.checkpoints import restore_latest_valid, save, tree_digest


@pytest.fixture
def tree():
    return {"w": np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32), "step": np.int32(3)}


@pytest.fixture
def stored(tmp_path, tree):
    for step in (1, 2):
        save(tmp_path / "c", step, {**tree, "w": tree["w"] * step}, "me")
    return tmp_path / "c"


def largest_file(folder: Path) -> Path:
    return max((f for f in (folder / "train").rglob("*") if f.is_file()), key=lambda f: f.stat().st_size)


def test_the_newest_state_comes_back(stored, tree):
    step, found = restore_latest_valid(stored, tree, "me")
    assert step == 2 and tree_digest(found) == tree_digest({**tree, "w": tree["w"] * 2})


def test_nothing_stored_is_none(tmp_path, tree):
    assert restore_latest_valid(tmp_path / "none", tree, "me") is None


@pytest.mark.parametrize("damage", ["bit", "truncated", "deleted", "metadata"])
def test_damage_is_named_and_the_state_before_is_used(stored, tree, damage, capsys):
    file = largest_file(stored / "2")
    content = bytearray(file.read_bytes())
    if damage == "bit":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif damage == "truncated":
        file.write_bytes(content[: len(content) // 3])
    elif damage == "deleted":
        file.unlink()
    else:
        (stored / "2" / "train" / "_METADATA").write_bytes(b"{")
    step, found = restore_latest_valid(stored, tree, "me")
    assert step == 1
    np.testing.assert_array_equal(found["w"], tree["w"])
    assert "c/2 refused" in capsys.readouterr().err


def test_a_refused_step_is_removed_and_its_place_free_again(stored, tree):
    largest_file(stored / "2").write_bytes(b"")
    (stored / "3").mkdir()                                               # nothing in it: Orbax does not know it at all
    (stored / "4").write_bytes(b"no folder")
    assert restore_latest_valid(stored, tree, "me")[0] == 1
    assert sorted(entry.name for entry in stored.iterdir()) == ["1"]
    for step in (2, 3):
        save(stored, step, {**tree, "w": tree["w"] * step}, "me")
    assert sorted(entry.name for entry in stored.iterdir()) == ["2", "3"]
    step, found = restore_latest_valid(stored, tree, "me")
    assert step == 3 and tree_digest(found) == tree_digest({**tree, "w": tree["w"] * 3})


def test_the_state_of_other_settings_is_refused(stored, tree, capsys):
    assert restore_latest_valid(stored, tree, "another") is None
    assert "belongs to other settings" in capsys.readouterr().err


def test_a_digest_sees_values_shapes_types_and_names():
    digests = {tree_digest(t) for t in ({"a": np.zeros(2)}, {"b": np.zeros(2)}, {"a": np.zeros((2, 1))},
                                        {"a": np.zeros(2, np.float32)}, {"a": np.array([0, 1e-300])})}
    assert len(digests) == 5
