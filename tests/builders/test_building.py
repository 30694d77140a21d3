"""Building: through TFDS's own ways, shards, what was chosen, and the command."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow_datasets as tfds
from fake_copies import CASME2_ROWS, casme2_copy, samm_copy
from tensorflow_datasets.core import dataset_metadata

from mer_jax.data.from_tfds import clips_from_tfds
from mer_jax.data.sampling import window_of
from mer_jax.mistakes import UserMistake
from tfds_builders.licensed_builder import LicensedBuilder
from tfds_builders.licensed_data import NAMES, RESERVED, build, builder_class, check
from tfds_builders.options import Options
from tfds_builders.shards import cut_into_shards


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return casme2_copy(tmp_path_factory.mktemp("copy"))


def prepared(name, manual, out, config="frames", **words):
    builder = builder_class(name)(config=config, data_dir=out, file_format="array_record", **words)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=manual))
    return builder


def test_manual_dir_itself_and_a_folder_of_the_name_in_it(copy, tmp_path):
    first = prepared("casme2", copy, tmp_path / "one")
    manual = tmp_path / "manual"
    casme2_copy(manual / "casme2")
    samm_copy(manual / "samm")
    second = prepared("casme2", manual, tmp_path / "two")
    prepared("samm", manual, tmp_path / "two")
    assert clips_from_tfds(first.data_dir).ids == clips_from_tfds(second.data_dir).ids
    assert (first.taken[0].copy.root, second.taken[0].copy.root) == (copy, manual / "casme2")
    assert len(clips_from_tfds(tmp_path / "two/samm/frames/1.0.0")) == 8


def test_a_folder_of_frames_may_have_the_databases_name(tmp_path):
    samm_copy(tmp_path / "copy", tree="samm")
    assert len(prepared("samm", tmp_path / "copy", tmp_path / "out").taken) == 8


def test_tfds_load_finds_a_builder_by_its_name(copy, tmp_path):
    import tfds_builders.casme2  # noqa: F401  (registers the builder)

    builder = tfds.builder("casme2/frames_cropped", data_dir=tmp_path)
    assert builder.info.config_name == "frames_cropped" and set(builder.builder_configs) >= {"frames", "frames_raw"}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "table"])
def test_a_builder_says_what_it_is_and_what_it_wants(name, tmp_path):
    made = builder_class(name)
    builder = made(data_dir=tmp_path)
    assert issubclass(made, LicensedBuilder) and builder.info.description and builder.info.citation
    assert set(builder.get_metadata().tags) <= set(dataset_metadata.valid_tags())
    assert "licensed" in made.MANUAL_DOWNLOAD_INSTRUCTIONS and "manual_dir" in made.MANUAL_DOWNLOAD_INSTRUCTIONS
    assert list(made.RELEASE_NOTES) == [str(made.VERSION)] and made.BUILDER_CONFIGS[0].name == "frames"
    with pytest.raises(AssertionError, match="put your copy into manual_dir"):
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=tmp_path / "empty"))
    assert not list(tmp_path.rglob("dataset_info.json"))


def test_shards_hold_all_clips_in_order(copy, tmp_path, monkeypatch):
    """However many there are; a shard of which no clip can be read is none."""
    root = casme2_copy(tmp_path / "copy")
    for image in (root / "CASME2_RAW_selected/sub04/EP12_01f").iterdir():
        image.write_bytes(b"gone")
    one = build("casme2", [str(root)], tmp_path / "one", Options())
    monkeypatch.setattr("tfds_builders.shards.FRAMES", 1)
    many = build("casme2", [str(root)], tmp_path / "many", Options())
    assert {**many, "folder": one["folder"]} == one
    assert [len(list(Path(found["folder"]).glob("*.array_record*"))) for found in (one, many)] == [1, 8]
    first, second = (clips_from_tfds(found["folder"]) for found in (one, many))
    assert first.ids == second.ids and len(first) == 8 and (first.frames == second.frames).all()
    info = tfds.builder_from_directory(many["folder"]).info.splits["clips"]
    assert info.shard_lengths == [1] * 8
    assert info.num_bytes == sum(path.stat().st_size for path in Path(many["folder"]).glob("*.array_record*"))


def test_two_builds_are_the_same_to_the_byte(copy, tmp_path):
    folders = [Path(build("casme2", [str(copy)], tmp_path / out, Options())["folder"]) for out in ("one", "two")]
    first, second = ({path.name: path.read_bytes() for path in folder.glob("*.array_record*")} for folder in folders)
    assert first == second


def test_what_was_built_is_not_built_again(copy, tmp_path, monkeypatch):
    first = build("casme2", [str(copy)], tmp_path, Options())
    monkeypatch.setattr("tfds_builders.licensed_builder.record", None)
    again = build("casme2", [str(copy)], tmp_path, Options())
    assert again == {**first, "built_already": True}


def test_other_options_are_other_folders(copy, tmp_path):
    options = [Options(), Options(frames="selected"), Options(patches=("none",)), Options(patches=("relabelled_2019",)),
               Options(table="CASME2-coding-20140508.xlsx"), Options(frames="CASME2_RAW_selected")]
    assert len({build("casme2", [str(copy)], tmp_path, one)["folder"] for one in options}) == len(options)


def test_key_frames_are_onset_apex_and_offset_and_have_no_rate(copy, tmp_path):
    """Bytes as on disk, the marks in their places; and no window of consecutive frames is taken of what does not follow."""
    whole, three = (build("casme2", [str(copy)], tmp_path, Options(store=store)) for store in ("frames", "keyframes"))
    assert Path(three["folder"]).parent.name == "keyframes" and three["digest"] == whole["digest"]
    all_frames, kept = clips_from_tfds(whole["folder"]), clips_from_tfds(three["folder"])
    assert kept.ids == all_frames.ids and kept.frames.shape[1] == 3 and np.isnan(kept.fps).all() and window_of(kept.fps) == 1
    for mark in ("onset", "apex", "offset"):
        for row in range(len(kept)):
            there, here = getattr(all_frames, mark)[row], getattr(kept, mark)[row]
            np.testing.assert_array_equal(kept.frames[row, here], all_frames.frames[row, there])
    assert {(0, 1, 2)} <= set(zip(kept.onset.tolist(), kept.apex.tolist(), kept.offset.tolist(), strict=True))


def test_a_part_of_the_clips_does_not_pass_for_all(copy, tmp_path):
    builder = builder_class("casme2")(config="frames", data_dir=tmp_path, file_format="array_record")
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=copy, max_examples_per_split=3))
    assert len(clips_from_tfds(builder.data_dir)) == 3
    with pytest.raises(UserMistake, match="was built of the first 3 clips alone"):
        build("casme2", [str(copy)], tmp_path, Options())


def test_a_shard_is_no_larger_than_what_is_worth_losing():
    frames = [SimpleNamespace(clip=SimpleNamespace(files=dict.fromkeys(range(count))))
              for count in [2] * 70 + [600, 300, 200, 5000, 1]]
    assert [len(part) for part in cut_into_shards(frames)] == [32, 32, 9, 1, 1]


def test_a_build_that_fails_leaves_nothing_behind(tmp_path):
    root = casme2_copy(tmp_path / "copy", CASME2_ROWS[:2])
    for image in root.rglob("*.jpg"):
        image.write_bytes(b"gone")
    with pytest.raises(UserMistake, match="none of 2 clips can be used; of the first, CASME2_RAW_selected/sub01/EP02_01f: 0"):
        build("casme2", [str(root)], tmp_path / "out", Options())
    assert not list((tmp_path / "out").rglob("*1.0.0*"))


@pytest.mark.parametrize("name", [*RESERVED, "casme_2", "../casme2", ""])
def test_names_that_cannot_be_built(name, tmp_path):
    with pytest.raises(UserMistake, match="cannot be built yet; there are: casme2" if name in RESERVED else "is not known"):
        check(name, [str(tmp_path)], Options())


def test_the_command_checks_and_builds(copy, tmp_path, mer_jax):
    status, out, err = mer_jax("data", "check", "casme2", f"--source={copy}")
    assert (status, err) == (0, "") and "row 4: apex '/' is none: middle frame used" in out
    assert "casme2: 9 clips of 6 subjects; 0 problems, 2 repairs" in out and "casme2/sub26 2" in out
    status, out, err = mer_jax("data", "check", "casme2", f"--source={copy}", "--json")
    found = json.loads(out)
    assert (found["clips"], found["subjects"], len(found["problems"]), out.count("\n")) == (9, 6, 2, 1)
    status, out, err = mer_jax("data", "build", "casme2", f"--source={copy}", f"--out={tmp_path}")
    folder = tmp_path / "casme2/frames/1.0.0"
    assert (status, err) == (0, "") and f"folder: {folder}\nnext: mer-jax " in out
    status, out, err = mer_jax("data", "build", "casme2", f"--source={copy}", f"--out={tmp_path}")
    assert (status, err) == (0, "") and f"folder: {folder}, which was built already" in out
    status, out, err = mer_jax("data", "build", "casme2", f"--source={copy}", f"--out={tmp_path}", "--json")
    built = json.loads(out)
    assert list(built.pop("copies")) == ["casme2"] and built == {**found, "folder": str(folder), "built_already": True}


def test_a_tilde_is_the_home_folder(copy, tmp_path, monkeypatch, mer_jax):
    monkeypatch.setenv("HOME", str(copy.parent))
    status, out, _ = mer_jax("data", "build", "casme2", f"--source=~/{copy.name}", "--out=~/built", "--json")
    assert status == 0 and json.loads(out)["folder"] == str(copy.parent / "built/casme2/frames/1.0.0")


@pytest.mark.parametrize("words, wanted", [
    (["data"], ["check|build"]),
    (["data", "look", "casme2", "--source=x"], ["look", "check"]),
    (["data", "check", "casme2"], ["--source"]),
    (["data", "check", "casme", "--source=x"], ["'casme' cannot be built yet", "casme2"]),
    (["data", "check", "casme2", "--source=nowhere"], ["--source=nowhere: no such folder"]),
    (["data", "build", "casme2", "--source=nowhere"], ["--source=nowhere: no such folder"]),
    (["data", "build", "casme2", "--source=nowhere", "--out=out"], ["--source=nowhere: no such folder"]),
    (["data", "check", "casme2", "--source=.", "--out=out"], ["--out belongs to data build"]),
    (["data", "build", "casme2", "--source=.", "--out=out", "--tables-alone"], ["--tables-alone belongs to data check"]),
    (["data", "check", "casme2", "--source=.", "--source=."], ["a second folder of casme2"]),
    (["data", "check", "casme2", "--source=.", "--apexes=none.csv"], ["--apexes=none.csv: no such file"]),
    (["data", "check", "casme2", "--source=."], ["no annotation table of CASME II"]),
    (["data", "check", "casme2", "--source=.", "--frame=x"], ["--frame=x", "not known"]),
])
def test_mistakes_in_the_words_are_one_line(words, wanted, tmp_path, monkeypatch, mer_jax):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    status, out, err = mer_jax(*words)
    assert (status, out) == (2, "") and err.count("\n") == 1, err
    assert all(word in err for word in wanted), err
