"""SAMM and SMIC from fake copies: keys that stay text, mixed padding, known errors, six parts that share clip names."""

import dataclasses

import numpy as np
import pytest
from fake_copies import (
    SAMM_HEADER,
    SAMM_ROWS,
    casme2_copy,
    samm_cells,
    samm_copy,
    smic_copy,
    write_frames,
    write_xls,
    write_xlsx,
)
from looking import lines, look_at

from mer_jax.data.from_tfds import clips_from_tfds
from mer_jax.mistakes import UserMistake
from tfds_builders.licensed_data import build
from tfds_builders.options import Options

SMIC_CLIPS = {"s1_ne_01": (559740, 5), "s1_po_02": (9998, 4), "s18_sur_03": (99997, 6), "s20_ne_11": (120, 3)}
E_HEADER = ("Subject", "Filename", None, "OnsetF", "OffsetF", "Onset2F", "Offset2F", None, "FirstF", "LastF", "TotalMF1",
            "TotalMF2", "TotalVL", "Emotion")


@pytest.fixture(scope="module")
def samm(tmp_path_factory):
    return samm_copy(tmp_path_factory.mktemp("samm"))


@pytest.fixture(scope="module")
def usual(samm):
    return look_at("samm", samm)


def test_samm_apexes_outside_of_their_expressions_are_the_middle(samm, tmp_path, usual):
    assert lines(usual) == [
        "SAMM_Micro_FACS_Codes_v2.xlsx, sheet MICRO_ONLY, row 19: apex 1143 lies after offset 1134: middle frame used",
        "SAMM_Micro_FACS_Codes_v2.xlsx, sheet MICRO_ONLY, row 20: apex 1931 lies before onset 4896: middle frame used"]
    clips = clips_from_tfds(build("samm", [str(samm)], tmp_path, Options())["folder"])
    assert clips.ids[0] == "samm/006/006_1_2" and clips.subjects[0] == "samm/006"
    assert clips.apex.tolist() == [3, 2, 2, 2, 2, 3, 3, 3] and clips.length.tolist() == [7, 6, 6, 5, 5, 7, 7, 7]
    assert (np.asarray(clips.frames)[..., 0] == np.asarray(clips.frames)[..., 2]).all()


def numbered(cells):
    """As spreadsheets make them: subjects are numbers, frames have points."""
    return [[int(cell) if str(cell).isdigit() and row[0] != "Subject" else cell for cell in row] for row in cells]


@pytest.mark.parametrize("write", [
    pytest.param(lambda root: write_xlsx(root / "SAMM_20181215_Micro_FACS_Codes_v2.xlsx", {"MICRO_ONLY": samm_cells()}),
                 id="dated"),
    pytest.param(lambda root: write_xlsx(root / "samm.xlsx", {"Sheet1": samm_cells()[13:]}), id="header first"),
    pytest.param(lambda root: write_xls(root / "samm.xls", {"x": numbered(samm_cells())}), id="numbers"),
    pytest.param(lambda root: (root / "samm.csv").write_text("\n".join(
        ",".join("" if cell is None else str(cell) for cell in row) for row in samm_cells()[13:])), id="csv"),
])
def test_every_layout_of_the_sheet_gives_the_same(tmp_path, usual, write):
    write(samm_copy(tmp_path, table=False))
    assert look_at("samm", tmp_path)["digest"] == usual["digest"]


def test_padding_differs_inside_one_folder(tmp_path):
    names = ["013_9998.jpg", "013_9999.jpg", "013_10000.jpg", "013_10001.jpg", "Thumbs.db"]
    write_frames(tmp_path / "SAMM/013/013_1_9", names[:4], color=False)
    (tmp_path / "SAMM/013/013_1_9/Thumbs.db").write_bytes(b"junk")
    row = dataclasses.replace(SAMM_ROWS[2], onset=9998, apex=10000, offset=10001)
    write_xlsx(tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx", {"MICRO_ONLY": samm_cells([row])})
    other = dataclasses.replace(SAMM_ROWS[0])
    samm_copy(tmp_path, [other], table=False)
    write_xlsx(tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx", {"MICRO_ONLY": samm_cells([row, other])})
    clips = clips_from_tfds(build("samm", [str(tmp_path)], tmp_path / "out", Options())["folder"])
    assert (clips.length[0], clips.apex[0]) == (4, 2)


def test_a_known_wrong_offset_is_put_right(tmp_path):
    rows = [dataclasses.replace(row, offset=5793) if row.clip == "013_1_9" else row for row in SAMM_ROWS]
    samm_copy(tmp_path, SAMM_ROWS, table=False)
    write_xlsx(tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx", {"MICRO_ONLY": samm_cells(rows)})
    found = look_at("samm", tmp_path)
    assert any("offset '5793' of 013/013_1_9 is known to be wrong: '5739' used" in line for line in lines(found))


def test_a_clip_of_another_subject_is_left_out(tmp_path):
    rows = [dataclasses.replace(row, subject="007") if row.clip == "006_1_2" else row for row in SAMM_ROWS]
    samm_copy(tmp_path)
    write_xlsx(tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx", {"MICRO_ONLY": samm_cells(rows)})
    found = look_at("samm", tmp_path)
    assert found["clips"] == 7
    assert any("row 15: subject 007, but the clip 006_1_2 names 006: left out" in line for line in lines(found))


def test_an_empty_subject_is_told_by_the_clip(tmp_path, usual):
    samm_copy(tmp_path)
    rows = [dataclasses.replace(row, subject=None) if row.clip == "006_1_2" else row for row in SAMM_ROWS]
    write_xlsx(tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx", {"MICRO_ONLY": samm_cells(rows)})
    found = look_at("samm", tmp_path)
    assert found["digest"] == usual["digest"] and any("006 used, as in the clip's name" in line for line in lines(found))


def test_a_length_that_contradicts_the_marks_is_said(tmp_path):
    samm_copy(tmp_path, table=False)
    cells = [[*row[:6], 77, *row[7:]] if row and row[0] == "020" else row for row in samm_cells()]
    write_xlsx(tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx", {"MICRO_ONLY": cells})
    said = lines(look_at("samm", tmp_path))
    assert any("row 18: its length is given as 77, but 20 to 24 are 5 frames" in line for line in said)


def test_another_databases_copy_is_one_line(tmp_path):
    with pytest.raises(UserMistake, match="no row can be used as a clip of SAMM; .*row 2: clip 'EP02_01f' is none of SAMM"):
        look_at("samm", casme2_copy(tmp_path))


def test_the_header_of_the_fake_is_that_of_the_release():
    assert samm_cells()[13] == SAMM_HEADER


def test_smic_labels_and_marks_are_those_of_the_folders(tmp_path):
    found = build("smic", [str(smic_copy(tmp_path, SMIC_CLIPS))], tmp_path / "out", Options())
    clips = clips_from_tfds(found["folder"])
    assert clips.ids == ("smic/s01/s01_ne_01", "smic/s01/s01_po_02", "smic/s18/s18_sur_03", "smic/s20/s20_ne_11")
    assert [clips.classes[label] for label in clips.label] == ["negative", "positive", "surprise", "negative"]
    assert clips.length.tolist() == [5, 4, 6, 3] and clips.apex.tolist() == [2, 1, 2, 1] and (clips.fps == 100).all()
    assert not found["problems"]


def test_smic_cameras_share_names_and_are_told_apart(tmp_path):
    smic_copy(tmp_path, SMIC_CLIPS)
    smic_copy(tmp_path, {"s18_sur_03": (50, 3)}, "VIS")
    smic_copy(tmp_path, {"s18_sur_03": (70, 4), "s11_po_01": (5, 4)}, "NIR")
    write_frames(tmp_path / "SMIC_all_raw/HS/s1/non_micro/s1_non_micro_01", ["image1.bmp", "image2.bmp"])
    assert [look_at("smic", tmp_path, part=part)["clips"] for part in ("", "HS", "VIS", "NIR")] == [4, 4, 1, 2]
    assert look_at("smic", tmp_path / "SMIC_all_raw/VIS", part="VIS")["clips"] == 1
    first, named = (build("smic", [str(tmp_path)], tmp_path / "out", Options(part=part)) for part in ("", "HS"))
    assert named == {**first, "built_already": True}
    with pytest.raises(UserMistake, match="--part=vi: .*HS, VIS, NIR, HS_E"):
        look_at("smic", tmp_path, part="vi")
    with pytest.raises(UserMistake, match="--part=HS: casme2 has no such part"):
        look_at("casme2", tmp_path, part="HS")


def test_smic_cropped_is_another_tree(tmp_path):
    smic_copy(tmp_path, SMIC_CLIPS)
    smic_copy(tmp_path, SMIC_CLIPS, tree="SMIC_all_cropped", prefix="reg_image")
    found = look_at("smic", tmp_path)
    assert found["clips"] == 4 and any("frames of the kind raw are taken" in line for line in lines(found, "notes"))
    assert look_at("smic", tmp_path, frames="cropped")["digest"] == found["digest"]


def smic_e_copy(root, sheet="HS", rows=None, name="SMIC-HS-E_annotation.xlsx", tree="SMIC-HS-E"):
    """Long videos: of four one is lost, one has a second expression, one an emotion that its name contradicts."""
    rows = rows or [
        (3, "s3_po_08", None, 402200, "=D2+K2-1", None, None, None, 402194, 402210, 5, None, 17, "positive"),
        (3, "s3_ne_20", None, 426690, 426695, None, None, None, "MISSING <-426679", 426700, 6, None, 20, "negative"),
        (18, "s18_sur_03", None, 100, 104, None, None, None, 95, 110, 5, None, 16, "negative"),
        (20, "s20_ne_01", None, 7, 9, 12, 14, None, 5, 20, 3, 3, 16, "negative")]
    write_xlsx(root / "HS_long" / name, {sheet: [E_HEADER, *rows, (), (None, "note: frames are numbers")], "Sheet2": []})
    for clip, first, last in (("s3_po_08", 402194, 402210), ("s18_sur_03", 95, 110), ("s20_ne_01", 5, 20)):
        subject = int(clip[1:].split("_")[0])
        write_frames(root / f"HS_long/{tree}/s{subject:02d}/{clip}", [f"image{n:06d}.jpg" for n in range(first, last + 1)])
    return root


@pytest.mark.parametrize("name, tree", [("SMIC-HS-E_annotation.xlsx", "SMIC-HS-E"),
                                        ("SMIC-HS-E_annotation_2019.xlsx", "SMIC_HS_E")])
def test_smic_e_is_cut_from_long_videos(tmp_path, name, tree):
    root = smic_copy(tmp_path, SMIC_CLIPS)
    smic_e_copy(root / "SMIC-E_raw image", name=name, tree=tree)
    found = build("smic", [str(root)], tmp_path / "out", Options(part="HS_E"))
    clips = clips_from_tfds(found["folder"])
    assert clips.ids == ("smic/s03/s03_po_08", "smic/s18/s18_sur_03", "smic/s20/s20_ne_01")
    assert [clips.classes[label] for label in clips.label] == ["positive", "surprise", "negative"]
    assert clips.length.tolist() == [5, 5, 3]
    said = lines(found)
    assert any("row 2: offset '=D2+K2-1' has no value: onset 402200 + length 5 - 1 used" in line for line in said)
    assert any("row 3: no folder of s03/s03_ne_20" in line for line in said)
    assert any("row 4: emotion 'negative', but the clip s18_sur_03 is named surprise: surprise used" in line for line in said)
    assert any("row 5: a second expression, 12 to 14, is not used" in line for line in lines(found, "notes"))
    vis = root / "SMIC-E_raw image/VIS_long"
    write_xlsx(vis / "SMIC-VIS-E_annotation.xlsx", {"HS": [E_HEADER, (18, "s18_sur_03", None, 1, 2)], "VIS": [
        [*E_HEADER[:9], *E_HEADER[10:]], (18, "s18_sur_03", None, 30, 33, None, None, None, 25, 4, None, 20, "surprise")]})
    write_frames(vis / "SMIC-VIS-E/s18/s18_sur_03", [f"image{n}.jpg" for n in range(25, 45)])
    cut = clips_from_tfds(build("smic", [str(root)], tmp_path / "out", Options(part="VIS_E"))["folder"])
    assert cut.ids == ("smic/s18/s18_sur_03",) and cut.length.tolist() == [4] and cut.fps.tolist() == [25]
    assert not any("same header" in line for line in lines(look_at("smic", root, part="VIS_E"), "notes"))  # HS: another
    assert look_at("smic", root)["clips"] == 4
