"""docs/zoo.md says what is kept of the zoo, to the decimals that it prints."""

import json
import re
from pathlib import Path

import pytest

STUDIES, DOCS = (Path(__file__).parents[2] / name for name in ("experiments/studies", "docs"))
KEPT = {path.parent.name: json.loads(path.read_text(encoding="utf-8"))
        for path in (STUDIES / "zoo_kept" / "five_groups").glob("*/row.json")}
PAGE = (DOCS / "zoo.md").read_text(encoding="utf-8")


def numbers(line: str) -> list[float]:
    return [float(word.replace(",", "")) for word in re.findall(r"[+-]?(?:\d[\d,]*)?\.?\d+", line.replace("95 %", ""))]


def told(row: dict) -> list[float]:
    above = row["above_machine"]
    return [row["uf1"], *row["interval"]["uf1"], above["difference"], *above["interval"], row["uar"], row["accuracy"],
            row["ensemble"]["uf1"], row["peek"], row["leaky"], row["parameters"], row["mflops"]]


def test_every_row_that_is_kept_stands_on_the_page_as_it_is_the_best_first():
    lines = re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE, re.MULTILINE)
    assert [name for name, _ in lines] == sorted(KEPT, key=lambda name: -KEPT[name]["uf1"])
    for name, line in lines:
        found = numbers(line)
        assert found == [pytest.approx(value, abs=0.0051 if place in (1, 2, 4, 5) else 0.00051)
                         for place, value in enumerate(told(KEPT[name]))], name


def test_rows_are_of_one_table_and_hold_nothing_of_a_clip(studies):
    rows = studies("zoo_rows").kept_rows(STUDIES / "zoo_kept" / "five_groups", tuple(KEPT))
    assert {json.dumps(row["asked"]["table"], sort_keys=True) for row in rows.values()} == {
        json.dumps(next(iter(KEPT.values()))["asked"]["table"], sort_keys=True)}
    for row in KEPT.values():
        assert row["asked"]["table"]["clips"] == 309 and set(row) <= {
            "uf1", "uar", "accuracy", "interval", "above_machine", "ensemble", "peek", "leaky", "by_dataset", "right",
            "parameters", "mflops", "evidence", "milliseconds", "seconds", "code", "asked"}
        assert sum(row["right"].values()) == pytest.approx(5 * 309 * row["accuracy"])


def test_what_habits_add_is_told_from_the_least_to_the_most():
    networks = [row for name, row in KEPT.items() if not name.startswith("linear_svm")]
    peek, leaky = ([row[kind] - row["uf1"] for row in networks] for kind in ("peek", "leaky"))
    text = " ".join(PAGE.split())
    assert f"on the tested adds {min(peek):.3f} to {max(peek):.3f} to a network".replace("0.", ".") in text
    assert f"in place of people {min(leaky):.3f} to {max(leaky):.3f}".replace("0.", ".") in text
