"""predictions.csv comes back as it was written, and damage is named with its row."""

import dataclasses

import numpy as np
import pytest

from mer_jax.evaluation.predictions import mean_of_runs, read_csv, to_csv
from mer_jax.mistakes import UserMistake


@pytest.fixture
def lines(made_up) -> list[str]:
    return to_csv(made_up(runs=2, subjects=4)).splitlines()


def edited(lines, number: int, change) -> list[str]:
    """The lines with row `number` (the header is row 1) changed cell by cell."""
    return [",".join(change(line.split(","))) if n == number else line for n, line in enumerate(lines, 1)]


def with_probability(value: str):
    return lambda cells: [*cells[:9], value, *cells[10:]]


def test_a_table_comes_back(made_up, tmp_path):
    table = made_up(runs=2, lights=("L0", "L3"), selections=("last", "test_peek"))
    (tmp_path / "p.csv").write_text(to_csv(table))
    found = read_csv(tmp_path / "p.csv")
    assert to_csv(found) == to_csv(table) and len(found) == len(table)
    np.testing.assert_allclose(np.sort(found.probabilities, None), np.sort(table.probabilities, None), rtol=1e-8)


@pytest.mark.parametrize("damage, wanted", [
    (lambda lines: edited(lines, 4, with_probability("nan")), "row 4: the probabilities"),
    (lambda lines: edited(lines, 5, with_probability("1.5")), "row 5: the probabilities"),
    (lambda lines: edited(lines, 5, with_probability("-0.1")), "numbers from 0 to 1"),
    (lambda lines: edited(lines, 5, with_probability("inf")), "row 5"),
    (lambda lines: edited(lines, 5, with_probability("high")), "should be a number is not"),
    (lambda lines: edited(lines, 6, lambda cells: cells[:-1]), "row 6: 12? cells|row 6: 13 cells"),
    (lambda lines: edited(lines, 3, lambda cells: [*cells[:3], f'"{cells[3]}"x', *cells[4:]]), "not a readable table"),
    (lambda lines: edited(lines, 3, lambda cells: [*cells[:3], f'"{cells[3]}', *cells[4:]]), "not a readable table"),
    (lambda lines: [*lines, lines[-1]], "a second prediction of"),
    (lambda lines: lines[:-1], "run 1, selection last, light L0: no prediction of .*cut off"),
    (lambda lines: [], "not a readable table"),
])
def test_damage_is_named_with_its_row(damage, wanted, lines, tmp_path):
    (tmp_path / "p.csv").write_text("\n".join(damage(lines)) + "\n" if damage(lines) else "")
    with pytest.raises(UserMistake, match=wanted) as found:
        read_csv(tmp_path / "p.csv")
    assert str(found.value).startswith(str(tmp_path / "p.csv"))


def test_the_runs_as_one_have_the_mean_of_their_probabilities(made_up):
    table = made_up(runs=3, lights=("L0", "L3"))
    found = mean_of_runs(table)
    assert len(found) == len(table) // 3 and found.unique("run") == [0]
    for row in range(0, len(found), 5):
        same = {name: found.columns[name][row] for name in ("dataset", "subject", "clip", "light")}
        wanted = table.where(**same).probabilities
        assert len(wanted) == 3 and table.where(**same).unique("label") == [found.columns["label"][row]]
        np.testing.assert_allclose(found.probabilities[row], wanted.mean(0), rtol=1e-12)
        assert found.columns["prediction"][row] == table.classes[wanted.mean(0).argmax()]


def test_the_runs_as_one_want_the_same_clips_of_each(made_up):
    table = made_up(runs=2)
    with pytest.raises(ValueError, match="the same clips"):
        mean_of_runs(dataclasses.replace(table, columns={n: c[1:] for n, c in table.columns.items()},
                                         probabilities=table.probabilities[1:]))
