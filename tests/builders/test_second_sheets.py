"""What a workbook holds beside the sheet that is read: more rows, and objective classes in the annotation itself."""

import pytest
import tensorflow_datasets as tfds
from fake_copies import CASME2_ROWS, casme2_cells, casme2_copy, write_xlsx
from looking import lines, look

from tfds_builders.licensed_data import build
from tfds_builders.options import Options


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return look(casme2_copy(tmp_path_factory.mktemp("casme2")))


def test_rows_under_the_same_header_in_a_second_sheet_are_said(tmp_path, usual):
    casme2_copy(tmp_path)
    write_xlsx(tmp_path / "CASME2-coding-20140508.xlsx", {
        "Sheet1": casme2_cells(), "Sheet2": casme2_cells(CASME2_ROWS[:2]), "Empty": casme2_cells(()),
        "Notes": [("see", "readme")]})
    found = look(tmp_path)
    assert found["digest"] == usual["digest"]
    assert [line for line in lines(found, "notes") if "header" in line] == [
        "CASME2-coding-20140508.xlsx, sheet Sheet2: 2 rows under the same header are not read; sheet Sheet1 is"]
    assert not any("header" in line for line in lines(usual, "notes"))


def test_objective_classes_may_stand_in_the_coding_sheet(tmp_path, usual):
    casme2_copy(tmp_path / "copy", objective=False)
    cells = [[*row, "Objective Class" if number == 0 else CASME2_ROWS[number - 1].objective]
             for number, row in enumerate(casme2_cells())]
    write_xlsx(tmp_path / "copy/CASME2-coding-20140508.xlsx", {"Sheet1": cells})
    found = build("casme2", [str(tmp_path / "copy")], tmp_path / "out", Options())
    source = tfds.builder_from_directory(found["folder"]).as_data_source("clips")
    assert [source[n]["objective_class"] for n in range(len(source))] == [row.objective for row in CASME2_ROWS]
    assert lines(found) == lines(usual)
