"""Whose frames a row of one's own table gets: those of the folder it names, or of the one below its database's name."""

import pytest
import tensorflow_datasets as tfds
from fake_copies import write_frames, write_xlsx

import mer_jax
from mer_jax.mistakes import UserMistake
from tfds_builders.licensed_data import build, check
from tfds_builders.options import Options


def copy_of(root, cells, *folders):
    for folder in folders:
        write_frames(root / folder, [f"f{n}.jpg" for n in range(1, 9)])
    write_xlsx(root / "mine.xlsx", {"Sheet1": cells})
    return root


def sources(found):
    """clip_id -> the first frame's file, and every frame's picture."""
    source = tfds.builder_from_directory(found["folder"]).as_data_source("clips")
    return {record["clip_id"].decode(): record["source_file"].decode() for record in (source[n] for n in range(len(source)))}


def texts(found):
    return [f"{one['place']}: {one['text']}" for one in found["problems"]]


@pytest.mark.parametrize("first, second", [("A", "B"), ("B", "A"), ("raw/a/x", "raw/B/x")])
def test_databases_of_one_table_have_folders_of_their_names(tmp_path, first, second):
    cells = [("dataset", "subject", "clip", "emotion"), ("A", "1", "c1", "happy"), ("B", "1", "c1", "sad"),
             ("B", "1", "c2", "sad")]
    copy = copy_of(tmp_path / "copy", cells, f"{first}/1/c1", f"{second}/1/c1", "raw/B/x/1/c2" if "/" in first else "B/1/c2")
    found = build("table", [str(copy)], tmp_path / "out", Options())
    folder_of = {"A": min(first, second, key=str.casefold), "B": max(first, second, key=str.casefold)}
    assert {key.rpartition("@")[0]: file.rpartition("/1/")[0] for key, file in sources(found).items()} == {
        "A/1/c1": folder_of["A"], "B/1/c1": folder_of["B"], "B/1/c2": folder_of["B"]}
    assert mer_jax.load(found["folder"]).ids == ("A/1/c1", "B/1/c1", "B/1/c2")


def test_a_folder_that_two_databases_would_share_is_nobodys(tmp_path):
    cells = [("dataset", "subject", "clip", "emotion"), ("A", "1", "c1", "happy"), ("B", "1", "c1", "sad"),
             ("B", "1", "c2", "sad")]
    found = check("table", [str(copy_of(tmp_path, cells, "frames/1/c1", "frames/1/c2"))], Options())
    assert found["clips"] == 1 and found["by_subject"] == {"B/1": 1}
    assert any("row 3: frames/1/c1 would be of B/1/c1 and of A/1/c1 in mine.xlsx, sheet Sheet1, row 2: both left out" in line
               for line in texts(found))


def test_a_database_without_a_folder_does_not_get_anothers(tmp_path):
    cells = [("dataset", "subject", "clip", "emotion"), ("A", "1", "c1", "happy"), ("B", "1", "c1", "sad")]
    found = check("table", [str(copy_of(tmp_path, cells, "A/1/c1"))], Options())
    assert found["by_subject"] == {"A/1": 1} and any("row 3: no folder of 1/c1" in line for line in texts(found))


def test_a_column_of_folders_that_is_half_filled_is_refused(tmp_path):
    cells = [("subject", "clip", "emotion", "frames"), ("1", "c1", "happy", "a/1"), ("1", "c2", "sad", None),
             ("1", "c3", "sad", "b/1")]
    copy = copy_of(tmp_path, cells, "a/1", "b/1")
    for alone in (False, True):
        with pytest.raises(UserMistake, match="row 3: names no folder in the column frames, as 2 other rows do; wanted one in"):
            check("table", [str(copy)], Options(), tables_alone=alone)


@pytest.mark.parametrize("marks", [((1, 4), (5, 8)), ((1, 4), (1, 4)), ((1, 4), (2, 6)), None])
def test_rows_of_one_clip_get_the_folders_that_they_name(tmp_path, marks):
    header, rows = ("subject", "clip", "emotion", "frames"), [("1", "c", "happy", "a/1"), ("1", "c", "sad", "b/1")]
    if marks:
        header, rows = (*header, "onset", "offset"), [(*row, *pair) for row, pair in zip(rows, marks, strict=True)]
    found = build("table", [str(copy_of(tmp_path / "copy", [header, *rows], "a/1", "b/1"))], tmp_path / "out", Options())
    source = tfds.builder_from_directory(found["folder"]).as_data_source("clips")
    assert [source[n]["source_file"].decode().rpartition("/")[0] for n in range(2)] == ["a/1", "b/1"]
    assert len({source[n]["clip_id"] for n in range(2)}) == len(set(mer_jax.load(found["folder"]).ids)) == 2


def test_a_wanted_tree_and_folders_in_the_table_exclude_each_other(tmp_path):
    cells = [("subject", "clip", "emotion", "frames"), ("1", "c1", "happy", "a/1"), ("1", "c2", "sad", "b/1")]
    with pytest.raises(UserMistake, match="--frames=a: .*row 2 names its own folder, 'a/1'"):
        check("table", [str(copy_of(tmp_path, cells, "a/1", "b/1"))], Options(frames="a"))


def test_one_folder_under_two_names_has_one_label(tmp_path):
    cells = [("subject", "clip", "emotion", "frames"), ("1", "c1", "happy", "a/1"), ("2", "c2", "sad", r".\a\1"),
             ("1", "c3", "sad", "b/1")]
    found = check("table", [str(copy_of(tmp_path, cells, "a/1", "b/1"))], Options())
    assert found["clips"] == 1
    assert any("row 3: 2/c2 in a/1 is also in mine.xlsx, sheet Sheet1, row 2, as happy, not sad: both left out" in line
               for line in texts(found)), texts(found)
