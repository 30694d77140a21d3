"""Which folders are whose frames: several trees, pieces of one, doubles, and what is not the frames but made of them."""

import shutil
from pathlib import Path

import pytest
from fake_copies import casme2_copy, samm_copy, smic_copy
from looking import look_at

from mer_jax.mistakes import UserMistake
from tfds_builders.licensed_data import build, check
from tfds_builders.options import Options


def kept(found: dict, kind: str, words: str) -> bool:
    return any(words in one["text"] for one in found["problems" if kind == "problem" else "notes"])


def source_files(name: str, copy: Path, out: Path) -> list[str]:
    """The first frame of each record, as a path in the copy."""
    import tensorflow_datasets as tfds

    source = tfds.builder_from_directory(build(name, [str(copy)], out, Options())["folder"]).as_data_source("clips")
    return [source[row]["source_file"].decode() for row in range(len(source))]


def test_a_second_folder_of_a_clip_is_said_and_not_used(tmp_path):
    copy = samm_copy(tmp_path / "copy")
    shutil.copytree(copy / "SAMM/006/006_1_2", copy / "SAMM/006/again/006_1_2")
    found = look_at("samm", copy)
    assert kept(found, "problem", "a second folder of 1 clips, such as SAMM/006/again/006_1_2 beside SAMM/006/006_1_2")
    assert not any("again" in name for name in source_files("samm", copy, tmp_path / "out"))


def test_pieces_that_share_no_clip_are_one_tree(tmp_path):
    """CASME II in two archives; SMIC divided by emotion, without folders of subjects."""
    copy = casme2_copy(tmp_path / "c")
    whole = look_at("casme2", copy)
    (copy / "CASME2_RAW_selected part2").mkdir()
    for subject in ("sub05", "sub16", "sub26"):
        shutil.move(copy / "CASME2_RAW_selected" / subject, copy / "CASME2_RAW_selected part2" / subject)
    found = look_at("casme2", copy)
    assert found["digest"] == whole["digest"] and found["clips"] == whole["clips"]
    assert kept(found, "note", "its frames come from 2 folders that share no clip")
    for token, word in (("ne", "negative"), ("po", "positive"), ("sur", "surprise")):
        made = smic_copy(tmp_path / token, {f"s1_{token}_01": (7, 3)})
        (clip,) = made.rglob(f"s1_{token}_01")
        (tmp_path / f"m/HS/{word}").mkdir(parents=True)
        shutil.move(clip, tmp_path / f"m/HS/{word}/s1_{token}_01")
    assert look_at("smic", tmp_path / "m")["by_class"] == {"negative": 1, "positive": 1, "surprise": 1}


@pytest.mark.parametrize("other", ["Magnified", "Flow", "SAMM_old", "SAMM backup"])
def test_what_was_made_of_the_frames_is_not_taken_for_them(other, tmp_path):
    copy = samm_copy(tmp_path / "copy")
    shutil.copytree(copy / "SAMM", copy / other)
    assert all(name.startswith("SAMM/") for name in source_files("samm", copy, tmp_path / "out"))


def test_of_two_trees_of_which_nothing_tells_the_taken_one_is_a_problem(tmp_path):
    copy = samm_copy(tmp_path / "copy", tree="one")
    shutil.copytree(copy / "one", copy / "two")
    assert kept(look_at("samm", copy), "problem", "there are also raw in two (8 clips)")
    assert kept(look_at("samm", copy, frames="two"), "note", "there are also raw in one")


@pytest.mark.parametrize("part", ["", "NIR", "HS"])
def test_a_camera_is_told_by_the_copys_own_folder(part, tmp_path, monkeypatch):
    """From inside VIS, `--source=.` is VIS: no frames of another camera."""
    smic_copy(tmp_path, {"s11_ne_01": (7, 3), "s12_po_02": (9, 3)}, camera="VIS")
    (folder,) = [path for path in tmp_path.rglob("VIS") if path.is_dir()]
    monkeypatch.chdir(folder)
    with pytest.raises(UserMistake, match="no frames of the annotated clips"):
        look_at("smic", Path(), part=part)
    assert look_at("smic", Path(), part="VIS")["clips"] == 2


def test_another_camera_is_another_digest(tmp_path):
    found = [look_at("smic", smic_copy(tmp_path / camera, {"s11_ne_01": (7, 3)}, camera=camera), part=camera)
             for camera in ("HS", "VIS", "NIR")]
    assert len({one["digest"] for one in found}) == 3


@pytest.mark.parametrize("double", ["CASME2-coding-20140508 - Copy.xlsx", "CASME2-coding-20140508 (1).xlsx"])
def test_a_copy_of_the_table_goes_behind_it(double, tmp_path):
    from fake_copies import CASME2_ROWS, casme2_cells, write_xlsx

    copy = casme2_copy(tmp_path)
    wrong = [row if number else type(row)(row.subject, row.clip, row.onset, row.apex, row.offset, "surprise")
             for number, row in enumerate(CASME2_ROWS)]
    digest = look_at("casme2", copy)["digest"]
    write_xlsx(copy / double, {"Sheet1": casme2_cells(wrong)})
    assert look_at("casme2", copy)["digest"] == digest


def test_what_was_built_from_another_copy_is_not_given_for_this_one(tmp_path):
    first, out = samm_copy(tmp_path / "first"), tmp_path / "out"
    build("samm", [str(first)], out, Options())
    assert build("samm", [str(first)], out, Options())["built_already"]
    shutil.copytree(first, tmp_path / "moved")
    assert build("samm", [str(tmp_path / "moved")], out, Options())["built_already"]
    image = next((tmp_path / "moved").rglob("*.jpg"))
    image.write_bytes(image.read_bytes() + b"more")
    with pytest.raises(UserMistake, match="was built from another copy of samm than .*moved, or that was changed since"):
        build("samm", [str(tmp_path / "moved")], out, Options())


def test_a_home_that_is_nobodys_is_one_line(tmp_path):
    with pytest.raises(UserMistake, match="no such home folder"):
        check("samm", ["~nobody-of-that-name/x"], Options())
