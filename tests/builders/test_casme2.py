"""CASME II from fake copies: every layout and revision, its known errors, and what a network gets of it in the end."""

import dataclasses
import hashlib

import numpy as np
import pytest
from fake_copies import CASME2_ROWS, Row, casme2_cells, casme2_copy, write_frames, write_xls, write_xlsx
from looking import lines, look

from mer_jax.data.from_tfds import clips_from_tfds
from mer_jax.mistakes import UserMistake
from tfds_builders.licensed_data import build, check
from tfds_builders.options import Options


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return casme2_copy(tmp_path_factory.mktemp("casme2"))


@pytest.fixture(scope="module")
def usual(copy):
    return look(copy)


@pytest.fixture(scope="module")
def built(copy, tmp_path_factory):
    return build("casme2", [str(copy)], tmp_path_factory.mktemp("built"), Options())


def test_a_clean_copy_is_whole_and_its_known_errors_are_said(usual):
    assert (usual["clips"], usual["subjects"]) == (9, 6)
    assert usual["by_class"] == {"disgust": 3, **dict.fromkeys(("fear", "happiness", "others", "repression", "sadness",
                                                              "surprise"), 1)}
    first, second = lines(usual)
    assert first == "CASME2-coding-20140508.xlsx, sheet Sheet1, row 4: apex '/' is none: middle frame used"
    assert "row 7: offset '110' of sub16/EP01_08 is known to be wrong: '96' used (patch ep01_08_offset; " in second


def test_build_and_check_tell_the_same(usual, built):
    assert {name: built[name] for name in usual} == usual and not built["built_already"]


def test_what_a_network_gets(built, copy):
    clips = clips_from_tfds(built["folder"])
    assert [key.removeprefix("casme2/") for key in clips.ids] == [f"sub{row.subject}/{row.clip}" for row in CASME2_ROWS]
    assert [clips.classes[label] for label in clips.label] == [row.emotion for row in CASME2_ROWS]
    assert clips.length.tolist() == [41, 10, 5, 7, 5, 7, 5, 7, 5]
    assert clips.apex.tolist() == [13, 5, 2, 0, 4, 4, 2, 3, 2] and not clips.onset.any() and (clips.fps == 200).all()
    assert clips.classes == ("disgust", "fear", "happiness", "others", "repression", "sadness", "surprise")
    assert clips_from_tfds(built["folder"], "label3").classes == ("negative", "positive", "surprise")
    assert len(clips_from_tfds(built["folder"], "label3")) == 6 and len(clips_from_tfds(built["folder"], "label5")) == 7
    assert len(clips_from_tfds(built["folder"], "objective5")) == 5


def records(built):
    import tensorflow_datasets as tfds

    source = tfds.builder_from_directory(built["folder"]).as_data_source("clips")
    return [source[row] for row in range(len(source))]


def test_the_record_has_what_was_annotated_and_what_was_made_of_it(built):
    by_id = {record["clip_id"].decode(): record for record in records(built)}
    slash = by_id["casme2/sub04/EP12_01f@261"]
    assert (slash["apex"], slash["apex_raw"], slash["apex_source"]) == (263, b"/", 1)
    plain = by_id["casme2/sub01/EP02_01f@46"]
    assert (plain["onset"], plain["apex"], plain["offset"], plain["apex_source"]) == (46, 59, 86, 0)
    assert [int(number) for number in plain["frame_numbers"]] == list(range(46, 87))
    assert (plain["emotion_raw"], plain["au_raw"], plain["objective_class"]) == (b"happiness", b"12", 1)
    assert plain["source_file"] == b"CASME2_RAW_selected/sub01/EP02_01f/img46.jpg" and plain["color"]
    assert [int(unit) for unit in by_id["casme2/sub26/EP09f@98"]["aus"]] == [6, 12]
    assert [int(side) for side in by_id["casme2/sub26/EP09f@98"]["au_sides"]] == [2, 2]
    assert [bool(by_id[key]["in_megc2019"]) for key in by_id] == [True, True, False, False, True, True, False, False, False]
    assert [bool(by_id[key]["in_megc2018"]) for key in by_id] == [True, True, True, False, True, True, False, False, False]


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_image_bytes_are_those_on_disk(built, copy, monkeypatch):
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.features import image_feature

    monkeypatch.setattr(image_feature.Image, "decode_example_np", lambda _, image: np.array([digest(image)]))
    source = tfds.builder_from_directory(built["folder"]).as_data_source("clips")
    folder = copy / "CASME2_RAW_selected/sub01/EP19_05f"
    wanted = [digest((folder / f"img{number}.jpg").read_bytes()) for number in range(3, 13)]
    assert [str(image[0]) for image in source[1]["frames"]] == wanted


@pytest.mark.parametrize("place", [
    "CASME2_RAW_selected", "CASME2_RAW/CASME2-RAW", "CASME2-RAW/CASME2-RAW/CASME2-RAW", "a/b/c/Data set 2/CASME2 raw", "."])
def test_any_depth_gives_the_same(tmp_path, usual, place):
    assert look(casme2_copy(tmp_path, tree=place))["digest"] == usual["digest"]


def test_whole_clips_are_cut_to_the_expression(tmp_path, usual):
    found = build("casme2", [str(casme2_copy(tmp_path / "copy", tree="CASME2-RAW", before=3))], tmp_path / "out", Options())
    assert found["digest"] == usual["digest"]
    assert clips_from_tfds(found["folder"]).length.tolist() == [41, 10, 5, 7, 5, 7, 5, 7, 5]


def test_of_several_trees_one_is_taken_and_said(tmp_path):
    casme2_copy(tmp_path, tree="Cropped", prefix="reg_img")
    casme2_copy(tmp_path, tree="CASME2-RAW", before=2)
    casme2_copy(tmp_path)
    found = look(tmp_path)
    assert any("frames of the kind selected are taken (9 clips); there are also raw in CASME2-RAW (9 clips), "
               "cropped in Cropped (9 clips)" in line for line in lines(found, "notes"))
    kinds = {}
    for wanted in ("", "raw", "cropped", "Cropped"):
        folder = build("casme2", [str(tmp_path)], tmp_path / "out", Options(frames=wanted))["folder"]
        kinds[wanted] = {record["frames_kind"] for record in records({"folder": folder})}
    assert kinds == {"": {b"selected"}, "raw": {b"raw"}, "cropped": {b"cropped"}, "Cropped": {b"cropped"}}
    with pytest.raises(UserMistake, match="no frames of the kind 'aligned'.*found selected"):
        look(tmp_path, frames="aligned")


def test_the_fuller_tree_is_taken(tmp_path):
    casme2_copy(tmp_path, tree="CASME2-RAW")
    casme2_copy(tmp_path, CASME2_ROWS[:2], table=False, objective=False)
    assert look(tmp_path)["clips"] == 9


def revision(name, cells):
    def write(root):
        (write_xls if name.endswith(".xls") else write_xlsx)(root / name, {"Sheet1": cells})
    return pytest.param(write, id=name)


WITHOUT_BLANKS = [[cell for column, cell in enumerate(row) if column not in (2, 6)] for row in casme2_cells()]
POINTS = [[f"{cell}.0" if str(cell).isdigit() else cell for cell in row] for row in casme2_cells()]
NUMBERS = [[int(cell) if isinstance(cell, str) and cell.isdigit() else float(cell) if isinstance(cell, int) else cell
            for cell in row] for row in casme2_cells()]
CAPITALS = [casme2_cells()[0], *([*row[:8], row[8].title() + " "] for row in casme2_cells()[1:])]
BELOW = [("CASME II",), (), *casme2_cells(), (), ("Note: '/' means that the apex is not known",), (None, None, None, None, "x")]


@pytest.mark.parametrize("write", [
    revision("CASME2_label_Ver_2.xls", WITHOUT_BLANKS), revision("CASME2-coding-20190701.xlsx", casme2_cells()),
    revision("codes.xlsx", NUMBERS), revision("CASME2-coding-updated.xlsx", CAPITALS), revision("my table.xls", BELOW),
    revision("from pandas.xlsx", POINTS)])
def test_every_revision_gives_the_same(tmp_path, usual, write):
    write(casme2_copy(tmp_path, table=False))
    found = look(tmp_path)
    assert found["digest"] == usual["digest"] and len(found["problems"]) == 2


def test_the_best_known_table_is_taken_and_another_by_its_name(tmp_path, usual):
    casme2_copy(tmp_path)
    later = [dataclasses.replace(row, emotion="surprise") if row.clip == "EP07_01" else row for row in CASME2_ROWS]
    write_xlsx(tmp_path / "tables/CASME2-coding-20190701.xlsx", {"Sheet1": casme2_cells(later)})
    found = look(tmp_path)
    assert found["digest"] == usual["digest"]
    assert any("tables/CASME2-coding-20190701.xlsx would fit as well" in line for line in lines(found, "notes"))
    for name in ("CASME2-coding-20190701.xlsx", "tables/CASME2-coding-20190701.xlsx"):
        assert look(tmp_path, table=name)["by_class"]["surprise"] == 2
    with pytest.raises(UserMistake, match="--table=none.xlsx: no such table"):
        look(tmp_path, table="none.xlsx")


def test_patches_are_switched_by_name(copy, usual):
    assert not any("known to be wrong" in line for line in lines(look(copy, patches=("none",))))
    relabelled = look(copy, patches=("relabelled_2019",))
    assert relabelled["by_class"]["sadness"] == 0 and relabelled["by_class"]["surprise"] == 2
    assert usual["by_class"]["sadness"] == 1
    with pytest.raises(UserMistake, match="patch 'relabeled_2019' is not known .did you mean 'relabelled_2019'"):
        look(copy, patches=("relabeled_2019",))


def test_a_patch_holds_its_hands_off_what_is_right(tmp_path):
    right = [dataclasses.replace(row, offset=96) if row.clip == "EP01_08" else row for row in CASME2_ROWS]
    assert len(look(casme2_copy(tmp_path, right))["problems"]) == 1


def test_clips_without_a_row_are_no_clips(tmp_path, usual):
    casme2_copy(tmp_path)
    for folder in ("sub09/EP02_02f", "sub24/EP02_07"):
        write_frames(tmp_path / "CASME2_RAW_selected" / folder, ["img1.jpg", "img2.jpg", "img3.jpg"])
    assert look(tmp_path)["digest"] == usual["digest"]


def test_without_objective_classes_the_rest_is_there(tmp_path, usual):
    found = look(casme2_copy(tmp_path, objective=False))
    assert found["digest"] == usual["digest"] and any("no table of objective classes" in line for line in lines(found))


def test_the_second_sheet_of_objective_classes_is_not_read(tmp_path):
    casme2_copy(tmp_path)
    sheets = {"Sheet1": [("Subject", "Filename", "Objective Class"), ("01", "EP02_01f", 4)],
              "Sheet2": [("Subject", "Filename", "Objective Class"), ("01", "EP02_01f", 6)]}
    write_xlsx(tmp_path / "CASME2-ObjectiveClasses.xlsx", sheets)
    folder = build("casme2", [str(tmp_path)], tmp_path / "out", Options())["folder"]
    assert records({"folder": folder})[0]["objective_class"] == 4


def test_own_apexes_go_before_the_annotations(tmp_path):
    casme2_copy(tmp_path / "copy")
    (tmp_path / "apexes.csv").write_text("subject,clip,apex\n04,EP12_01f,262\n1,EP02_01f,60\n")
    found = build("casme2", [str(tmp_path / "copy")], tmp_path / "out", Options(apexes=str(tmp_path / "apexes.csv")))
    kept = {record["clip"].decode(): (record["apex"], record["apex_source"]) for record in records(found)}
    assert kept["EP12_01f"] == (262, 3) and kept["EP02_01f"] == (60, 3) and kept["EP19_05f"] == (8, 0)
    (tmp_path / "apexes.csv").write_text("subject,clip,apex\n04,EP12_01f,2620\n")
    with pytest.raises(UserMistake, match="apexes.csv, row 2: apex 2620 of sub04/EP12_01f lies outside"):
        look(tmp_path / "copy", apexes=str(tmp_path / "apexes.csv"))


def test_several_expressions_of_one_folder_are_told_apart(tmp_path):
    rows = (*CASME2_ROWS, Row("01", "EP02_01f", 86, 88, 90, "surprise"))
    found = build("casme2", [str(casme2_copy(tmp_path / "copy", rows))], tmp_path / "out", Options())
    ids = clips_from_tfds(found["folder"]).ids
    assert {"casme2/sub01/EP02_01f@46", "casme2/sub01/EP02_01f@86"} < set(ids) and len(ids) == 10


def test_a_copy_without_an_annotation_or_without_frames_is_one_line(tmp_path):
    casme2_copy(tmp_path / "frames", table=False, objective=False)
    with pytest.raises(UserMistake, match="no annotation table of CASME II among 0 tables; wanted CASME2-coding"):
        look(tmp_path / "frames")
    write_xlsx(tmp_path / "table/CASME2-coding-20140508.xlsx", {"Sheet1": casme2_cells()})
    with pytest.raises(UserMistake, match="table: no frames of the annotated clips; found none"):
        look(tmp_path / "table")
    assert check("casme2", [str(tmp_path / "table")], Options(), tables_alone=True)["clips"] == 9
    with pytest.raises(UserMistake, match="nowhere: no such folder"):
        look(tmp_path / "nowhere")
