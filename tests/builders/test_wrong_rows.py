"""Wrong rows in a sheet of CASME II: left out or put right, and always said with their row."""

import dataclasses
import itertools

import pytest
import tensorflow_datasets as tfds
from fake_copies import CASME2_ROWS, Row, casme2_cells, casme2_copy, write_xlsx
from looking import lines, look

from tfds_builders.licensed_data import build
from tfds_builders.options import Options


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return casme2_copy(tmp_path_factory.mktemp("casme2"))


@pytest.mark.parametrize("wrong, said", [
    ({"emotion": "disgsut"}, "row 3: emotion 'disgsut' is not known (did you mean 'disgust'?): left out"),
    ({"emotion": None}, "row 3: emotion '' is not known: left out"),
    ({"onset": "/"}, "row 3: onset '/' is no frame number: left out"),
    ({"onset": "=D2+1"}, "row 3: onset '=D2+1' is no frame number, a formula without a stored value"),
    ({"onset": -3}, "row 3: onset '-3' is no frame number: left out"),
    ({"onset": 13}, "row 3: onset 13 is not before offset 12: left out"),
    ({"offset": "x"}, "row 3: offset 'x' is no frame number: left out"),
    ({"subject": "fifty"}, "row 3: subject 'fifty' is none of CASME II: left out"),
    ({"subject": None}, "row 3: subject '' is none of CASME II: left out"),
    ({"clip": "?"}, "row 3: clip '?' is none of CASME II: left out"),
    ({"subject": "02"}, "row 3: no folder of sub02/EP19_05f in CASME2_RAW_selected: left out"),
    ({"onset": 103, "offset": 112, "apex": 105}, "row 3: 0 of 10 frames, 103 to 112, are in CASME2_RAW_sel"),
])
def test_a_wrong_row_is_left_out_and_named(copy, wrong, said):
    rows = [dataclasses.replace(row, **wrong) if row.clip == "EP19_05f" else row for row in CASME2_ROWS]
    write_xlsx(copy / "mutated.xlsx", {"Sheet1": casme2_cells(rows)})
    found = look(copy, table="mutated.xlsx")
    assert found["clips"] == 8 and any(said in line for line in lines(found)), lines(found)


@pytest.mark.parametrize("wrong, marks, said", [
    ({"apex": 2}, (3, 7, 12), "apex 2 lies before onset 3: middle frame used"),
    ({"apex": 13}, (3, 7, 12), "apex 13 lies after offset 12: middle frame used"),
    ({"apex": None}, (3, 7, 12), "apex '' is none: middle frame used"),
    ({"apex": "eight"}, (3, 7, 12), "apex 'eight' is none: middle frame used"),
    ({"offset": 0}, (3, 8, 8), "offset '0' is none: the apex 8 used"),
    ({"offset": "/"}, (3, 8, 8), "offset '/' is none: the apex 8 used"),
])
def test_a_mark_that_can_be_put_right_is(copy, wrong, marks, said, tmp_path):
    rows = [dataclasses.replace(row, **wrong) if row.clip == "EP19_05f" else row for row in CASME2_ROWS]
    write_xlsx(copy / "mutated.xlsx", {"Sheet1": casme2_cells(rows)})
    found = build("casme2", [str(copy)], tmp_path, Options(table="mutated.xlsx"))
    assert any(said in line for line in lines(found)), lines(found)
    source = tfds.builder_from_directory(found["folder"]).as_data_source("clips")
    record = source[[row.clip for row in CASME2_ROWS].index("EP19_05f")]
    assert (record["onset"], record["apex"], record["offset"]) == marks
    assert record["apex_raw"].decode() == str(wrong.get("apex", 8) or "")


def test_rows_that_contradict_each_other_are_both_left_out(copy):
    twice = Row("01", "EP02_01f", 46, 59, 86, "disgust")
    for other, clips, said in ((dataclasses.replace(twice, emotion="happiness"), 9, "left out here"),
                               (twice, 8, "as happiness, not disgust: both left out")):
        write_xlsx(copy / "mutated.xlsx", {"Sheet1": casme2_cells([*CASME2_ROWS, other])})
        found = look(copy, table="mutated.xlsx")
        assert found["clips"] == clips and any(said in line for line in lines(found))


def test_expressions_of_one_clip_that_overlap_are_one_expression_or_a_contradiction(copy):
    other = Row("01", "EP02_01f", 48, 59, 80, "disgust")
    for row, clips, said in (
            (other, 8, "row 11: sub01/EP02_01f from 48 to 80 is also in mutated.xlsx, sheet Sheet1, row 2, from 46 to 86, as "
                       "happiness, not disgust: both left out"),
            (dataclasses.replace(other, emotion="happiness"), 9, "row 2, from 46 to 86, left out here"),
            (dataclasses.replace(other, onset=40, offset=47, apex=44), 8, "both left out"),
            (dataclasses.replace(other, onset=86, offset=90, apex=88), 9, "0 to 90")):
        write_xlsx(copy / "mutated.xlsx", {"Sheet1": casme2_cells([*CASME2_ROWS, row])})
        found = look(copy, table="mutated.xlsx")
        assert found["clips"] == clips
        assert any(said in line for line in lines(found)) == (clips < 9 or row.onset == 48), lines(found)


def test_what_is_left_out_of_three_does_not_hang_on_their_order(copy):
    three = [Row("01", "EP02_01f", 46, 59, 60, "disgust"), Row("01", "EP02_01f", 50, 59, 70, "disgust"),
             Row("01", "EP02_01f", 65, 70, 86, "fear")]
    for order in itertools.permutations(three):
        write_xlsx(copy / "mutated.xlsx", {"Sheet1": casme2_cells([*CASME2_ROWS[1:], *order])})
        found = look(copy, table="mutated.xlsx", patches=("none",))
        assert found["clips"] == 9 and found["by_class"]["disgust"] == 4 and found["by_class"]["fear"] == 1
