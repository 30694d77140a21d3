"""A thousand mutated workbooks: what cannot be told is said or refused in one line, and no label is ever wrong in silence."""

import random

import pytest
from fake_copies import CASME2_ROWS, SAMM_ROWS, casme2_cells, casme2_copy, samm_cells, write_xls, write_xlsx

from mer_jax.mistakes import UserMistake
from tfds_builders.annotated.rows import annotations_of
from tfds_builders.annotation_tables.columns import table_of
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.annotation_tables.workbook import read_sheets, sheet_of
from tfds_builders.casme2.casme2_dataset_builder import CASME2
from tfds_builders.licensed_data import check
from tfds_builders.options import Options
from tfds_builders.samm.samm_dataset_builder import SAMM

GARBAGE = (None, "", "/", "?", "-", "nan", "n/a", "abc", -1, 0, 1.5, 10**12, "46 ", "４６", "=A1", "#REF!", True, "\u3000",
           "  ", "0x2e", "disgsut", "x" * 5000, "\n", "'", "1e3", float("inf"))
HEADERS = {"casme2": 0, "samm": 13}


def grid(cells):
    """Rows as lists of one width."""
    width = max(map(len, cells))
    return [[*row, *[None] * (width - len(row))] for row in cells]


def columns_shuffled(cells, rng):
    order = rng.sample(range(len(cells[0])), len(cells[0]))
    return [[row[column] for column in order] for row in cells]


def rows_put_before(cells, rng):
    return [*[[rng.choice(GARBAGE) for _ in cells[0]] for _ in range(rng.randint(1, 20))], *cells]


def notes_put_below(cells, rng):
    return [*cells, *[[rng.choice((None, "Note: see readme", "total")), *[None] * (len(cells[0]) - 1)] for _ in range(3)]]


def blank_rows_put_between(cells, rng):
    at = rng.randrange(len(cells))
    return [*cells[:at], [None] * len(cells[0]), *cells[at:]]


def columns_added(cells, rng):
    at = rng.randint(0, len(cells[0]))
    return [[*row[:at], rng.choice(GARBAGE), *row[at:]] for row in cells]


def a_column_removed(cells, rng):
    at = rng.randrange(len(cells[0]))
    return [[*row[:at], *row[at + 1 :]] for row in cells]


def cells_spoilt(cells, rng):
    cells = [list(row) for row in cells]
    for _ in range(rng.randint(1, 6)):
        cells[rng.randrange(len(cells))][rng.randrange(len(cells[0]))] = rng.choice(GARBAGE)
    return cells


def a_row_shifted(cells, rng):
    at, cells = rng.randrange(len(cells)), list(cells)
    cells[at] = [None, *cells[at][:-1]] if rng.random() < 0.5 else [*cells[at][1:], None]
    return cells


def a_row_repeated(cells, rng):
    return [*cells, rng.choice(cells)]


def a_row_cut_short(cells, rng):
    at, cells = rng.randrange(len(cells)), list(cells)
    cells[at] = cells[at][: rng.randint(0, len(cells[at]))]
    return grid(cells)


def numbers_made_text(cells, rng):
    return [[str(cell) if isinstance(cell, int) and rng.random() < 0.5 else cell for cell in row] for row in cells]


def text_made_numbers(cells, rng):
    return [[float(cell) if isinstance(cell, str) and cell.isdigit() else cell for cell in row] for row in cells]


def case_changed(cells, rng):
    changes = (str.upper, str.lower, str.title)
    return [[rng.choice(changes)(cell) if isinstance(cell, str) else cell for cell in row] for row in cells]


MUTATIONS = (columns_shuffled, rows_put_before, notes_put_below, blank_rows_put_between, columns_added, a_column_removed,
             cells_spoilt, a_row_shifted, a_row_repeated, a_row_cut_short, numbers_made_text, text_made_numbers, case_changed)
HARMLESS = (columns_shuffled, notes_put_below, blank_rows_put_between, numbers_made_text, text_made_numbers, case_changed)
FAKES = {"casme2": (CASME2, casme2_cells(), {(f"sub{row.subject}", row.clip): row for row in CASME2_ROWS}),
         "samm": (SAMM, samm_cells(), {(row.subject, row.clip): row for row in SAMM_ROWS})}


def mutated(name, seed, mutations=MUTATIONS):
    rng, cells = random.Random(seed), grid(FAKES[name][1])
    for mutation in rng.choices(mutations, k=rng.randint(1, 4)):
        cells = mutation(cells, rng)
    return cells


def read(database, cells):
    table = table_of(sheet_of("codes.xlsx", "Sheet1", cells), database.meanings(), database.needed)
    findings = Findings()
    return annotations_of(database, table, (), findings), findings, table


def truth(name, key):
    return next(row for known, row in FAKES[name][2].items() if (known[0], known[1].lower()) == (key[0], key[1].lower()))


@pytest.mark.parametrize("name", FAKES)
def test_a_thousand_mutated_workbooks(name):
    database, refused = FAKES[name][0], 0
    for seed in range(500):
        cells = mutated(name, seed)
        try:
            found, findings, table = read(database, cells)
        except UserMistake as mistake:
            refused += 1
            assert "\n" not in str(mistake)
            continue
        said = {finding.place for finding in findings}
        for one in found:
            wanted = truth(name, one.key)
            assert one.emotion == wanted.emotion.lower(), (seed, one)
            if one.place not in said:
                marks = zip((one.onset, one.apex, one.offset), (wanted.onset, wanted.apex, wanted.offset), strict=True)
                assert all(mark in (right, 0, 46) for mark, right in marks), (seed, one)        # numbers that GARBAGE has
            assert one.onset <= one.apex <= one.offset
        assert len({(*one.key, one.onset) for one in found}) == len(found)
        silent = [row for row in table.rows if table.place(row) not in said | {one.place for one in found}]
        for row in silent:                                         # a note, or nothing that could be told for a clip
            assert database.key.subject(table.cell(row, "subject")) is None
            assert database.key.clip(table.cell(row, "clip")) is None
    assert refused < 300


@pytest.mark.parametrize("name", FAKES)
def test_harmless_mutations_change_nothing(name):
    database = FAKES[name][0]
    wanted = [one._replace(place="", emotion_raw="", action_units="") for one in read(database, FAKES[name][1])[0]]
    for seed in range(200):
        found, _, _ = read(database, mutated(name, seed, HARMLESS))
        assert [one._replace(place="", emotion_raw="", action_units="") for one in found] == wanted, seed


@pytest.mark.parametrize("write, suffix", [(write_xlsx, "xlsx"), (write_xls, "xls")])
def test_files_with_flipped_bytes_are_read_or_refused_in_one_line(tmp_path, write, suffix):
    content = write(tmp_path / f"codes.{suffix}", {"Sheet1": casme2_cells()}).read_bytes()
    for seed in range(60):
        rng, spoilt = random.Random(seed), bytearray(content)
        for _ in range(rng.randint(1, 30)):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        (tmp_path / f"codes.{suffix}").write_bytes(spoilt[: rng.choice((len(spoilt), rng.randrange(len(spoilt))))])
        try:
            read_sheets(tmp_path / f"codes.{suffix}")
        except UserMistake as mistake:
            assert "\n" not in str(mistake) and "cannot be read" in str(mistake)


def test_mutated_files_in_a_copy_end_in_a_report_or_in_one_line(tmp_path):
    casme2_copy(tmp_path)
    for seed in range(30):
        cells = mutated("casme2", seed)
        write_xlsx(tmp_path / "CASME2-coding-20140508.xlsx",
                   {"Sheet1": [[None if cell == float("inf") else cell for cell in row] for row in cells]})
        try:
            found = check("casme2", [str(tmp_path)], Options())
        except UserMistake as mistake:
            assert "\n" not in str(mistake)
            continue
        assert 0 < found["clips"] <= 9
