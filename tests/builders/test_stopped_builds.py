"""Builds that are killed or interrupted: nothing passes for whole, and the next goes on with what is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow_datasets as tfds
from fake_copies import casme2_copy

from mer_jax.folder_lock import locked
from mer_jax.mistakes import UserMistake
from tfds_builders import licensed_builder
from tfds_builders.licensed_data import build, builder_class
from tfds_builders.options import Options


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return casme2_copy(tmp_path_factory.mktemp("copy"))


KILLED = """
import os, pathlib, signal, sys
from tfds_builders import licensed_builder, licensed_data, shards
from tfds_builders.options import Options
record, made, shards.FRAMES = licensed_builder.record, [], 1
source, out, last, name, *command = sys.argv[1:]
def dying(*words):
    made.append(1)
    if len(made) == int(last):
        os.kill(os.getpid(), getattr(signal, name))
    return record(*words)
licensed_builder.record = dying
if command:
    from mer_jax.command_line import main
    sys.argv = ["mer-jax", "data", "build", "casme2", f"--source={source}", f"--out={out}"]
    main()
licensed_data.build("casme2", [source], pathlib.Path(out), Options())
"""


@pytest.fixture
def stopped(copy, tmp_path, monkeypatch):
    """(folder below which a build of one shard a clip was stopped at the fourth, the numbers of the clips made since)."""
    def stop(signal="SIGKILL"):
        done = subprocess.run([sys.executable, "-c", KILLED, str(copy), str(tmp_path / "out"), "4", signal], check=False,
                              capture_output=True, env={**os.environ, "JAX_PLATFORMS": "cpu"})
        assert done.returncode == (-9 if signal == "SIGKILL" else -2), done.stderr
        assert not list((tmp_path / "out/casme2/frames").glob("1.0.0"))
        return tmp_path / "out", made

    made, record = [], licensed_builder.record
    monkeypatch.setattr(licensed_builder, "record", lambda *words: made.append(1) or record(*words))
    monkeypatch.setattr("tfds_builders.shards.FRAMES", 1)
    return stop


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGINT"])
def test_a_stopped_build_passes_for_nothing_and_the_next_goes_on(signal, stopped, copy, tmp_path):
    out, made = stopped(signal)
    found = build("casme2", [str(copy)], out, Options())
    assert (found["clips"], len(made), found["built_already"]) == (9, 6, False)
    assert [path.name for path in (out / "casme2/frames").iterdir()] == ["1.0.0"]
    straight = build("casme2", [str(copy)], tmp_path / "straight", Options())
    assert {**straight, "folder": found["folder"]} == found
    first, second = (Path(one["folder"]) for one in (found, straight))
    assert sorted(path.name for path in first.iterdir()) == sorted(path.name for path in second.iterdir())
    for path in first.glob("*.array_record*"):
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_the_command_says_that_it_goes_on(copy, tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(copy), str(tmp_path), "4", "SIGINT", "command"], check=False,
                          capture_output=True, text=True, env={**os.environ, "JAX_PLATFORMS": "cpu"})
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped; the same command goes on with what is whole\n")
    assert len(list((tmp_path / "casme2/frames/.1.0.0.parts").glob("[0-9].json"))) == 3


def test_parts_of_another_copy_are_made_again(stopped, tmp_path):
    """Of one with as many clips and frames, of which one has a byte more."""
    out, made = stopped()
    parts = out / "casme2/frames/.1.0.0.parts"
    assert sorted(path.name for path in parts.glob("*.json")) == ["0.json", "1.json", "2.json", "made_of.json"]
    other = casme2_copy(tmp_path / "other")
    image = next((other / "CASME2_RAW_selected").rglob("*.jpg"))
    image.write_bytes(image.read_bytes() + b"\0")
    assert build("casme2", [str(other)], out, Options())["clips"] == len(made) == 9


def test_parts_of_another_state_of_the_library_are_made_again(stopped, copy, monkeypatch):
    out, made = stopped()
    monkeypatch.setattr("tfds_builders.shards.sources_digest", lambda: "another")
    assert build("casme2", [str(copy)], out, Options())["clips"] == len(made) == 9


def test_a_part_that_was_damaged_is_made_again(stopped, copy):
    out, made = stopped()
    parts = out / "casme2/frames/.1.0.0.parts"
    (parts / "0").write_bytes((parts / "0").read_bytes()[:-1] + b"?")
    (parts / "1.json").write_text("{")
    assert build("casme2", [str(copy)], out, Options())["clips"] == 9 and len(made) == 8


def test_what_a_stopped_build_found_is_in_the_report(copy, tmp_path, monkeypatch):
    """The second build reads no frame of the first shard, and says what was wrong in it."""
    root = casme2_copy(tmp_path / "copy")
    (root / "CASME2_RAW_selected/sub01/EP02_01f/img50.jpg").write_bytes(b"gone")
    straight = build("casme2", [str(root)], tmp_path / "straight", Options())
    monkeypatch.setattr("tfds_builders.shards.FRAMES", 1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(licensed_builder, "report", raising(KeyboardInterrupt))
        build("casme2", [str(root)], tmp_path / "out", Options())
    with monkeypatch.context() as patch:
        patch.setattr(licensed_builder, "record", raising(AssertionError("all shards were there")))
        found = build("casme2", [str(root)], tmp_path / "out", Options())
    assert {**straight, "folder": found["folder"]} == found and any("img50" in one["place"] for one in found["problems"])


def raising(error):
    def raise_it(*_, **__):
        raise error
    return raise_it


def test_a_builder_that_was_stopped_can_be_asked_again(copy, tmp_path, monkeypatch):
    monkeypatch.setattr("tfds_builders.shards.FRAMES", 1)
    builder = builder_class("casme2")(config="frames", data_dir=tmp_path, file_format="array_record")
    config = tfds.download.DownloadConfig(manual_dir=copy)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(licensed_builder, "report", raising(KeyboardInterrupt))
        builder.download_and_prepare(download_config=config)
    builder.download_and_prepare(download_config=config)
    assert json.loads((Path(builder.data_dir) / "copy_report.json").read_text())["clips"] == len(builder.taken) == 9


def test_two_builds_of_one_thing_at_once(copy, tmp_path):
    with locked(tmp_path, ".casme2.frames.lock"), pytest.raises(UserMistake, match="another process is running in this folder"):
        build("casme2", [str(copy)], tmp_path, Options())
    assert build("casme2", [str(copy)], tmp_path, Options())["clips"] == 9
