"""A table of one's own: any words, any keys, frames found by name or named by the table; and data sets found by their name."""

import pytest
from fake_copies import casme2_copy, write_frames, write_xlsx

import mer_jax
from mer_jax.mistakes import UserMistake
from tfds_builders.licensed_data import build, check
from tfds_builders.options import Options

HEADER = ("Subject", "Clip", "Emotion", "Onset", "Apex", "Offset", "FPS", "Dataset")
ROWS = (("p1", "a", "Happy", 4, 5, 7, 100, "mine"), ("p1", "b", "sad", 4, 6, 7, None, "mine"),
        ("007", "a", " happy ", 5, None, 8, 30, "theirs"))


def copy_of(root, cells, name="mine.xlsx"):
    for subject in ("p1", "007"):
        for clip in ("a", "b"):
            write_frames(root / "frames" / subject / clip, [f"f{n}.jpg" for n in range(4, 9)])
    write_xlsx(root / name, {"Sheet1": cells})
    return root


def test_its_own_words_keys_rates_and_databases(tmp_path):
    found = build("table", [str(copy_of(tmp_path / "copy", [HEADER, *ROWS]))], tmp_path / "out", Options())
    clips = mer_jax.load(found["folder"])
    assert clips.ids == ("mine/p1/a", "mine/p1/b", "theirs/007/a") and clips.classes == ("happy", "sad")
    assert [clips.classes[label] for label in clips.label] == ["happy", "sad", "happy"]
    assert clips.length.tolist() == [4, 4, 4] and clips.apex.tolist() == [1, 2, 1]
    assert clips.fps[0] == 100 and clips.fps[1] != clips.fps[1] and clips.fps[2] == 30
    assert found["by_subject"] == {"mine/p1": 2, "theirs/007": 1}


def test_without_marks_a_folder_is_one_expression(tmp_path):
    cells = [HEADER[:3], *(row[:3] for row in ROWS)]
    clips = mer_jax.load(build("table", [str(copy_of(tmp_path / "copy", cells))], tmp_path / "out", Options())["folder"])
    assert clips.length.tolist() == [5, 5, 5] and clips.apex.tolist() == [2, 2, 2]


def test_the_table_may_name_the_folders(tmp_path):
    cells = [("subject", "clip", "emotion", "frames"), ("x", "1", "happy", "frames/p1/a"), ("x", "2", "sad", r"frames\007\b"),
             ("x", "3", "sad", "frames/p9"), ("x", "4", "sad", "../elsewhere")]
    write_frames(tmp_path / "elsewhere", ["f1.jpg", "f2.jpg"])
    found = check("table", [str(copy_of(tmp_path / "copy", cells))], Options())
    said = [finding["text"] for finding in found["problems"]]
    assert found["clips"] == 2
    assert sum("are no folder with images below the copy" in text for text in said) == 2


@pytest.mark.parametrize("cells, said", [
    ([HEADER[:2], ("p1", "a")], "no header that names subject, clip, emotion"),
    ([HEADER[:3], ("p1", "a", "sad")], "1 different emotions; wanted two or more"),
    ([HEADER[:3], ("p1", "a/b", "sad"), ("p1", "", "happy")], "no row can be used as a clip of your table"),
])
def test_what_is_no_table(tmp_path, cells, said):
    with pytest.raises(UserMistake, match=said):
        check("table", [str(copy_of(tmp_path, cells))], Options())


def test_a_frame_rate_that_is_none_is_said(tmp_path):
    cells = [HEADER, *ROWS[:2], (*ROWS[2][:6], "fast", "theirs")]
    found = check("table", [str(copy_of(tmp_path, cells))], Options())
    said = [f"{one['place']}: {one['text']}" for one in found["problems"]]
    assert any("row 4: fps 'fast' is no number" in line for line in said)


def test_a_built_data_set_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(UserMistake, match="casme2/frames: not built in .*mer-jax data build casme2 --source=DIR"):
        mer_jax.load("casme2")
    copy = casme2_copy(tmp_path / "copy")
    build("casme2", [str(copy)], tmp_path, Options())
    assert len(mer_jax.load("casme2")) == 9 and len(mer_jax.load("casme2", label="label5")) == 7
    with pytest.raises(UserMistake, match="casme2/frames_raw: not built in .* .found frames."):
        mer_jax.load("casme2/frames_raw")
    with pytest.raises(UserMistake, match="neither a .csv table.*nor one of synthme, casme2, samm"):
        mer_jax.load("casme_2")


ALONE = [(("apex", 6), (4, 6, 8), 0, ""), (("apex", 9), (4, 6, 8), 1, "apex 9 lies after offset 8: middle frame used"),
         (("apex", "?"), (4, 6, 8), 1, "apex '?' is none: middle frame used"), (("onset", 5), (5, 6, 8), 1, ""),
         (("offset", 7), (4, 5, 7), 1, ""), (("onset", 5, "apex", 7), (5, 7, 8), 0, ""),
         (("onset", 5, "apex", 4), (5, 6, 8), 1, "apex 4 lies before onset 5: middle frame used"),
         (("apex", 5, "offset", 7), (4, 5, 7), 0, ""), (("onset", 6, "offset", 8), (6, 7, 8), 1, ""),
         (("apex", 3, "offset", 7), (4, 5, 7), 1, "apex 3 lies before onset 4: middle frame used"),
         (("apex", 8, "offset", 7), (4, 5, 7), 1, "apex 8 lies after offset 7: middle frame used"),
         (("onset", 5, "apex", 99), (5, 6, 8), 1, "apex 99 lies after offset 8: middle frame used")]


@pytest.mark.parametrize("given, marks, source, said", ALONE)
def test_marks_that_a_table_has_not_are_the_folders(tmp_path, given, marks, source, said):
    import tensorflow_datasets as tfds

    cells = [("subject", "clip", "emotion", *given[::2]), ("p1", "a", "happy", *given[1::2]),
             ("p1", "b", "sad", *(6 for _ in given[::2])), ("007", "a", "sad", *given[1::2])]
    found = build("table", [str(copy_of(tmp_path / "copy", cells))], tmp_path / "out", Options())
    record = tfds.builder_from_directory(found["folder"]).as_data_source("clips")[0]
    assert (record["onset"], record["apex"], record["offset"], record["apex_source"]) == (*marks, source)
    lines = [finding["text"] for finding in found["problems"] if finding["place"].endswith("row 2")]
    assert lines == [said] * bool(said)


def test_a_mark_outside_of_its_folder_is_left_out_and_said(tmp_path):
    cells = [("subject", "clip", "emotion", "onset"), ("p1", "a", "happy", 4), ("p1", "b", "sad", 8), ("007", "a", "sad", 9)]
    found = check("table", [str(copy_of(tmp_path, cells))], Options())
    said = [f"{finding['place']}: {finding['text']}" for finding in found["problems"]]
    assert found["clips"] == 1 and len(said) == 2
    assert "row 3: onset 8 is not before offset 8, the last of frames/p1/b: left out" in said[0]
    assert "row 4: onset 9 is not before offset 8, the last of frames/007/a: left out" in said[1]


def test_own_apexes_go_before_marks_that_are_the_folders(tmp_path):
    copy = copy_of(tmp_path / "copy", [HEADER[:3], *(row[:3] for row in ROWS)])
    (tmp_path / "apexes.csv").write_text("subject,clip,apex\np1,a,7\np1,b,77\n")
    found = build("table", [str(copy)], tmp_path / "out", Options(apexes=str(tmp_path / "apexes.csv")))
    assert mer_jax.load(found["folder"]).apex.tolist() == [3, 2, 2]
    assert any(one["text"] == "apex 77 lies after offset 8: middle frame used" for one in found["problems"])
