"""Tables as text: nothing typed anew, three formats with one result, headers hunted for, columns told by their meaning."""

import io
import random

import openpyxl
import pytest
from fake_copies import CASME2_ROWS, SAMM_ROWS, casme2_cells, samm_cells, write_xls, write_xlsx

from mer_jax.mistakes import UserMistake
from tfds_builders.annotation_tables.columns import COMMON, table_of
from tfds_builders.annotation_tables.repairs import whole
from tfds_builders.annotation_tables.workbook import read_sheets, sheet_of

NEEDED = ("subject", "clip", "onset", "apex", "offset", "emotion")


def table(cells, needed=NEEDED):
    return table_of(sheet_of("codes.xlsx", "Sheet1", cells), COMMON, needed)


def test_text_stays_text_and_numbers_lose_their_point(tmp_path):
    rows = [("006", "01", 46, 46.0, 1.5, None, " x ", "1e3")]
    wanted = ("006", "01", "46", "46", "1.5", "", "x", "1e3")
    for path in (write_xlsx(tmp_path / "a.xlsx", {"S": rows}), write_xls(tmp_path / "a.xls", {"S": rows})):
        (sheet,) = read_sheets(path)
        assert sheet.rows[0].cells == wanted and sheet.rows[0].number == 1
    (tmp_path / "a.csv").write_text("006;01;46;46;1.5;; x ;1e3\n")
    assert read_sheets(tmp_path / "a.csv")[0].rows[0].cells == wanted


def test_a_format_is_told_by_its_bytes(tmp_path):
    write_xlsx(tmp_path / "real.xlsx", {"S": [("a", "b")]}).rename(tmp_path / "named.xls")
    assert read_sheets(tmp_path / "named.xls")[0].rows[0].cells == ("a", "b")
    (tmp_path / "named.xlsx").write_text("a,b\n")
    assert read_sheets(tmp_path / "named.xlsx")[0].rows[0].cells == ("a", "b")


def test_rows_keep_the_numbers_that_a_spreadsheet_shows(tmp_path):
    (sheet,) = read_sheets(write_xlsx(tmp_path / "a.xlsx", {"S": [(), ("x",), (), ("y",)]}))
    assert [(row.number, row.cells[0]) for row in sheet.rows] == [(2, "x"), (4, "y")]
    (tmp_path / "a.csv").write_text('a,b\n"two\nlines",c\nd,e\n')
    assert [row.number for row in read_sheets(tmp_path / "a.csv")[0].rows] == [1, 3, 4]


def test_a_formula_is_its_stored_value_or_its_own_text(tmp_path):
    path = write_xlsx(tmp_path / "a.xlsx", {"S": [(3, "=A1+1")]})
    assert read_sheets(path)[0].rows[0].cells == ("3", "=A1+1")
    stored = path.read_bytes()
    book = openpyxl.load_workbook(io.BytesIO(stored))
    assert book["S"]["B1"].value == "=A1+1"
    path.write_bytes(with_value(stored, b"<v></v>", b"<v>4</v>"))
    assert read_sheets(path)[0].rows[0].cells == ("3", "4")


def with_value(workbook: bytes, before: bytes, after: bytes) -> bytes:
    """The workbook as a spreadsheet program stores it: with the value of its one formula."""
    import zipfile

    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("sheet1.xml"):
                content = content.replace(b"<v />", after).replace(before, after).replace(b"<v/>", after)
            new.writestr(name, content)
    return made.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_text_files_of_four_encodings(tmp_path, encoding):
    (tmp_path / "a.csv").write_bytes("受试者,b\n01,x\n".encode(encoding))
    assert [row.cells for row in read_sheets(tmp_path / "a.csv")[0].rows] == [("受试者", "b"), ("01", "x")]


@pytest.mark.parametrize("content", [b"PK\x03\x04broken", b"\xd0\xcf\x11\xe0broken", b"PK"])
def test_a_damaged_file_is_one_line(tmp_path, content):
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(UserMistake, match=r"^a\.xlsx: cannot be read .*wanted a whole"):
        read_sheets(tmp_path / "a.xlsx")


def test_a_cut_off_workbook_is_one_line(tmp_path):
    path = write_xlsx(tmp_path / "a.xlsx", {"Sheet1": casme2_cells()})
    whole_file = path.read_bytes()
    for share in (0.2, 0.5, 0.9):
        path.write_bytes(whole_file[: int(share * len(whole_file))])
        with pytest.raises(UserMistake, match="a.xlsx: cannot be read"):
            read_sheets(path)


def test_the_header_is_hunted_for():
    found = table(samm_cells())
    assert found.header == 14 and found.rows[0].number == 15 and len(found.rows) == len(SAMM_ROWS)
    assert found.cell(found.rows[0], "subject") == "006" and found.place(found.rows[0]) == "codes.xlsx, sheet Sheet1, row 15"


@pytest.mark.parametrize("name", ["Onset", "OnsetFrame", "Onset Frame", "OnsetF", "onset_frame", " ONSET  FRAME ",
                                  "ＯｎｓｅｔＦｒａｍｅ", "Onset-Frame:"])
def test_a_meaning_has_many_names(name):
    header = ["Subject", "Filename", name, "Apex", "Offset", "Emotion"]
    found = table([header, ["01", "EP01", 5, 6, 7, "fear"]])
    assert found.cell(found.rows[0], "onset") == "5"


def test_columns_in_any_order_with_blank_and_other_ones():
    cells, rng = casme2_cells(), random.Random(0)
    wanted = [[table(cells).cell(row, meaning) for meaning in NEEDED] for row in table(cells).rows]
    for _ in range(50):
        order = list(range(len(cells[0]) + 3))
        rng.shuffle(order)
        wide = [[*row, None, "note" if number else "Remarks", number] for number, row in enumerate(cells)]
        found = table([[], *[[row[column] for column in order] for row in wide]])
        assert [[found.cell(row, meaning) for meaning in NEEDED] for row in found.rows] == wanted


def test_a_missing_and_an_ambiguous_column_are_one_line_each():
    header = list(casme2_cells()[0])
    with pytest.raises(UserMistake, match="codes.xlsx, sheet Sheet1: no header .*the nearest, row 1, lacks onset"):
        table([["x" if name == "OnsetFrame" else name for name in header], *casme2_cells()[1:]])
    with pytest.raises(UserMistake, match="row 1: the columns 'OnsetFrame' and 'Onset' both mean onset"):
        table([[*header, "Onset"], *casme2_cells()[1:]])


def test_a_header_repeated_below_is_no_row():
    cells = casme2_cells()
    assert len(table([*cells[:3], cells[0], *cells[3:]]).rows) == len(CASME2_ROWS)


@pytest.mark.parametrize("text, number", [("46", 46), ("46.0", 46), ("0", 0), ("/", None), ("", None), ("-3", None),
                                          ("4.5", None), ("4 6", None), ("²", None), ("４６", 46), ("=A1", None), ("1e3", None),
                                          ("9" * 10, None)])
def test_whole_numbers(text, number):
    assert whole(text) == number


@pytest.mark.parametrize("text, said", [
    ('a,b,c\n1,x,"open\n2,y,z\n', "row 2: .*wanted every quote closed"),
    ('a,b,c\n\n1,x,y\n2,y,"half" open\n', "row 4: .*wanted every quote closed"),
    ('a,b,c\n1,x,"happy\n2,y,sad\n3,z,fear"\n4,z,sad\n', "row 2: cannot be read: the quoted cell 'happy.*fear' goes on"),
    ('a;b;c\r\n0;x;sad\r\n1;x;"happy\r\n2;y;sad"\r\n', "row 3: cannot be read: the quoted cell"),
    ('a,b,c\n1,x,"happy\n2,y,"sad"\n', "row 2: .*wanted every quote closed"),
])
def test_a_quote_that_swallows_rows_is_one_line(tmp_path, text, said):
    (tmp_path / "a.csv").write_bytes(text.encode())
    with pytest.raises(UserMistake, match=rf"^a\.csv, {said}") as raised:
        read_sheets(tmp_path / "a.csv")
    assert "\n" not in str(raised.value)


def test_quotes_that_are_closed_hold_what_they_may(tmp_path):
    (tmp_path / "a.csv").write_text('a,"b, and ""more""",c\n5" wide,"two\nlines",x\n')
    assert [row.cells for row in read_sheets(tmp_path / "a.csv")[0].rows] == [
        ("a", 'b, and "more"', "c"), ('5" wide', "two\nlines", "x")]
