"""Action units as annotations write them: every spelling that the databases are known to use, and what none of them is."""

import pytest

from mer_jax.data.action_units import ActionUnit, action_units


def numbers(text):
    return [(unit.number, unit.side) for unit in action_units(text)]


@pytest.mark.parametrize("text, wanted", [
    ("4+7", [(4, ""), (7, "")]),
    ("L10", [(10, "L")]),
    ("R6+R12", [(6, "R"), (12, "R")]),
    ("4+5+L10", [(4, ""), (5, ""), (10, "L")]),
    ("12", [(12, "")]),
    ("12+15 ", [(12, ""), (15, "")]),
    ("L12 + 61", [(12, "L"), (61, "")]),
    ("A1B+A2C", [(1, ""), (2, "")]),
    ("T18+39", [(18, ""), (39, "")]),
    ("24+T18+16", [(24, ""), (18, ""), (16, "")]),
    ("7B+56", [(7, ""), (56, "")]),
    ("R14+17+soft focus", [(14, "R"), (17, "")]),
    ("4，11", [(4, ""), (11, "")]),
    ("14,L24,", [(14, ""), (24, "L")]),
    ("ＡＵ４＋Ｒ１２", [(4, ""), (12, "R")]),
    ("AD38", [(38, "")]),
    ("4D+ref(6)+7C+43E", [(4, ""), (6, ""), (7, ""), (43, "")]),
    ("?", []), ("", []), ("/", []), ("soft focus", []), ("133", []), ("0", []), ("EP02", []), ("2019", []),
])
def test_numbers_and_sides(text, wanted):
    assert numbers(text) == wanted


@pytest.mark.parametrize("text, certain", [
    ("(R6 or R12) + R15", [False, False, True]),
    ("R12 or R14", [False, False]),
    ("4D+ref(6)+7C+43E", [True, False, True, True]),
    ("6/12+15", [False, False, True]),
    ("12?", [False]),
    ("10A/B", [True]),
])
def test_alternatives_references_and_doubts_are_uncertain(text, certain):
    assert [unit.certain for unit in action_units(text)] == certain


def test_an_alternative_is_never_one_number():
    assert 1214 not in {unit.number for unit in action_units("R12 or R14")}


def test_intensities():
    assert [unit.intensity for unit in action_units("4D+10A/B+7")] == ["D", "A/B", ""]
    assert action_units("l12")[0] == ActionUnit(12, "L")
