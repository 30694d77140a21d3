"""Workbooks (.xlsx, .xls) and CSV files as sheets of text: what a cell shows, no type ever guessed.

A text cell '006' stays '006', the numbers 46 and 46.0 are both '46'. A formula is the value that the file stores for it;
where none is stored (files that a program wrote and no spreadsheet has opened since) it is its own text, '=D160+K160-1'.
What a file is, its first bytes say, not its name.
"""

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mer_jax.mistakes import UserMistake

SUFFIXES = (".xlsx", ".xlsm", ".xls", ".csv", ".tsv")
MOST_BYTES = 64 << 20                                            # of a table; those of the field have less than 1 MiB
ENCODINGS = ("utf-8-sig", "gb18030", "latin-1")                  # of text, in the order tried


class Row(NamedTuple):
    """One row: its number as a spreadsheet shows it, from 1, and its cells without the space around them."""

    number: int
    cells: tuple[str, ...]


class Sheet(NamedTuple):
    """One sheet: the file's name as findings say it, the sheet's own name ('' of a CSV file), and the rows not blank."""

    file: str
    name: str
    rows: tuple[Row, ...]

    def place(self, row: int | None = None) -> str:
        """"FILE, sheet S, row R"."""
        parts = [self.file, f"sheet {self.name}" if self.name else "", "" if row is None else f"row {row}"]
        return ", ".join(part for part in parts if part)


def read_sheets(path: Path, name: str | None = None) -> list[Sheet]:
    """The sheets of a file, in its order. name: what findings call it; None takes the file's own name.

    Raises UserMistake where the file cannot be read as what its first bytes say it is.
    """
    name = name or path.name
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserMistake(f"{name}: has more than {MOST_BYTES >> 20} MiB; wanted a table of annotations")
        content = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")                      # of styles and extensions that are not read
            found = (xlsx_cells(content) if content[:2] == b"PK" else xls_cells(content) if content[:4] == b"\xd0\xcf\x11\xe0"
                     else [("", csv_cells(content, name))])
            return [sheet_of(name, title, cells) for title, cells in found]
    except UserMistake:
        raise
    except Exception as error:  # damaged files surface as errors of zip, XML, and the readers themselves
        raise UserMistake(f"{name}: cannot be read ({type(error).__name__}: {error}); wanted a whole .xlsx, .xls or .csv "
                          "file, without a password") from None


def sheet_of(file: str, name: str, cells: Iterable[Sequence]) -> Sheet:
    """A sheet of raw values, the first row being row 1: each as text, blank rows left out."""
    rows = (Row(number, tuple(cell_text(value) for value in values)) for number, values in enumerate(cells, 1))
    return Sheet(file, name, tuple(row for row in rows if any(row.cells)))


def cell_text(value: object) -> str:
    """A cell's value as text: '' of an empty one, whole numbers without a point."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return printable(str(value).strip())


def printable(text: str) -> str:
    """Text that can be printed and stored: what is no character, as in names of files in an older encoding, as \\udcb2."""
    return text.encode("utf-8", "backslashreplace").decode()


def xlsx_cells(content: bytes) -> Iterator[tuple[str, Iterable[Sequence]]]:
    """The values of each sheet; a formula of which none is stored is its text."""
    import openpyxl

    if sum(part.file_size for part in zipfile.ZipFile(io.BytesIO(content)).infolist()) > MOST_BYTES * 8:
        raise ValueError(f"unpacked it has more than {MOST_BYTES * 8 >> 20} MiB")
    shown, written = (openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=values)
                      for values in (True, False))
    for values, formulas in zip(shown.worksheets, written.worksheets, strict=True):
        for sheet in (values, formulas):
            sheet.reset_dimensions()                             # what a file says of its own size is often wrong
        pairs = zip(values.iter_rows(values_only=True), formulas.iter_rows(values_only=True), strict=True)
        yield values.title, ([there if value is None else value for value, there in zip(row, other, strict=True)]
                             for row, other in pairs)


def xls_cells(content: bytes) -> list[tuple[str, list[list]]]:
    """The values of each sheet of the old binary format; errors such as #REF! are their text."""
    import xlrd

    book = xlrd.open_workbook(file_contents=content, logfile=io.StringIO())
    return [(sheet.name, [[xlrd.error_text_from_code.get(cell.value, "#ERROR") if cell.ctype == xlrd.XL_CELL_ERROR
                           else cell.value for cell in row] for row in sheet.get_rows()]) for sheet in book.sheets()]


def csv_cells(content: bytes, name: str) -> list[list]:
    """The rows of one file of commas, semicolons or tabs. Raises UserMistake where a quote that is not closed swallows rows."""
    encodings = ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ENCODINGS
    for encoding in encodings:
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise ValueError("neither UTF-8 nor UTF-16")
    head = "\n".join(text.splitlines()[:20])
    rows: list[list] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    before = 0
    try:
        for cells in reader:
            not_swallowing(cells, reader.dialect.delimiter, f"{name}, row {before + 1}")
            before = reader.line_num
            rows += [[]] * (before - 1 - len(rows))              # a cell may hold line ends: rows keep the file's lines
            rows.append(cells)
    except csv.Error as error:
        raise UserMistake(f"{name}, row {before + 1}: cannot be read ({error}); wanted every quote closed before a separator "
                          "or the line's end") from None
    return rows


def not_swallowing(cells: Sequence[str], separator: str, place: str) -> None:
    """Raises UserMistake where a cell holds a line's end and separators behind it: rows that an open quote swallowed."""
    for cell in cells:
        if separator in re.split(r"[\r\n]", cell, maxsplit=1)[-1] and re.search(r"[\r\n]", cell):
            raise UserMistake(f"{place}: cannot be read: the quoted cell {cell[:60]!r} goes on over line ends and separators; "
                              "wanted its quote closed, or no line ends in it")
