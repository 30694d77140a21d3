"""docs/low_light.md says what is kept of the end and of the ablation, to the decimals that it prints."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from mer_jax.evaluation.finished_run import read_run

STUDIES, DOCS = (Path(__file__).parents[2] / name for name in ("experiments/studies", "docs"))
LEVELS = ("L0", "L1", "L2", "L3", "L4")
TOLD = {"CNN and GRU, behind T5": "cnn_gru_t5", "STSTNet on TV-L1, behind T5": "ststnet_t5", "AGMENet": "agmenet",
        "AGMENet without LLEM, behind T5": "agmenet_plain_t5", "CNN and GRU": "cnn_gru", "STSTNet on TV-L1": "ststnet",
        "AGMENet without LLEM": "agmenet_plain", "plain DenseNet, behind T5": "densenet_t5", "plain DenseNet": "densenet",
        "the same behind T5": "agmenet_plain_t5", "STSTNet": "ststnet", "STSTNet behind T5": "ststnet_t5",
        "plain DenseNet behind T5": "densenet_t5", "CNN and GRU behind T5": "cnn_gru_t5", "the majority vote": "majority vote",
        "a linear classifier on apex - onset, trained at the very level": "linear classifier",
        "plain DenseNet, which has not learnt": "densenet", "no enhancement": "no_enhancement",
        "its enhancement by Retinex": "retinex", "its enhancement frame by frame": "per_frame",
        "its enhancement along the motion": "compensate", "no motion channels": "motion_none",
        "differences in place of flow": "motion_difference", "no block attention": "no_block_attention",
        "no region attention": "no_region_attention", "no temporal attention": "no_temporal_attention",
        "no ensemble of moments": "no_ensemble", "no place gain": "no_place_gain", "open AGMENet": "agmenet_open",
        "open AGMENet without LLEM, behind T5": "agmenet_open_t5", "CNN and GRU, by the mean": "cnn_gru_gain",
        "STSTNet on TV-L1, by the mean": "ststnet_gain", "AGMENet without LLEM, by the mean": "agmenet_plain_gain",
        "CNN and GRU, by the gain": "cnn_gru", "STSTNet on TV-L1, by the gain": "ststnet",
        "AGMENet without LLEM, by the gain": "agmenet_plain",
        "CNN and GRU, by T5": "cnn_gru_stabilised", "STSTNet on TV-L1, by T5": "ststnet_stabilised",
        "AGMENet less itself without the window's mean in LLEM": "no_window_mean",
        "without its deflickering": "no_deflicker", "without its curve, which brightens": "no_brightening",
        "without the gate that leaves bright clips alone": "no_light_gate"}


def told_tables(page: Path) -> list[dict[str, list[str]]]:
    """The tables of a page: row -> all numbers of it, in order, as they are printed."""
    found, inside = [], False
    for line in page.read_text().splitlines():
        if line.startswith("|") and not inside:
            found.append({})
        inside = line.startswith("|")
        name, *cells = line.strip("|").replace("*", "").split("|") if inside else ("",)
        if name.strip() in TOLD:
            found[-1][TOLD[name.strip()]] = [number for cell in cells
                                             for number in re.findall(r"[-+]?\d*\.\d+|1$", cell.strip())]
    return found


def as_told(numbers: list[float], told: list[str]) -> bool:
    """Whether each number is, to the decimals that are printed of it, what is told."""
    decimals = [len(text.partition(".")[2]) for text in told]
    return len(numbers) == len(told) and all(abs(number - float(text)) <= 0.51 * 10.0**-places
                                             for number, text, places in zip(numbers, told, decimals, strict=True))


@pytest.fixture(scope="module")
def kept(studies):
    return studies("lowlight_tables").tables(STUDIES / "lowlight_kept", studies("lowlight_rows").TINY)


@pytest.fixture(scope="module")
def again(studies):
    return studies("lowlight_again").tables(STUDIES / "lowlight_kept")


def test_the_second_verdict_is_told_with_its_statements(again):
    page = (DOCS / "low_light.md").read_text()
    assert (again["verdict"], again["best_other"], again["missing"]) == ("not shown", "agmenet_open_t5", [])
    assert 'The verdict is "not shown"' in page
    assert ["is confirmed; the test is over people, and of 3 seeds 1 says otherwise" in line
            for line in again["statements"]] == [True, False]
    ends = {name: row["accuracy"]["interval"][1] for name, row in again["against"].items()}
    assert {name for name, end in ends.items() if end < 0.0438} == {"agmenet", "agmenet_open_t5", "cnn_gru_t5"}
    assert ends["ststnet_t5"] == pytest.approx(0.053, abs=5e-4)


def test_every_number_in_the_tables_of_the_ends_is_that_of_what_is_kept(kept, again):
    """The seventh table of the page is an exploration, of which nothing is kept."""
    def ends(found):
        of_networks = {name: [row["accuracy"]["mean"], *row["accuracy"]["interval"], row["uf1"]["mean"],
                              *row["by_level"].values()] for name, row in found["networks"].items()}
        return of_networks | {name: [row["dark"], *(row[level] for level in LEVELS)] for name, row in found["trivial"].items()}

    def less(row, *p):
        parts = ("accuracy", "uf1", "L0") if "holm" in p else ("accuracy", "L0")
        first, *others = ([row[part]["difference"], *row[part]["interval"]] for part in parts)
        return [*first, *row["by_seed"], *(number for other in others for number in other), *(row[name] for name in p)]

    wanted = [ends(kept), {name: less(row, "holm") for name, row in kept["against"].items()},
              {name: less(row, "p") for name, row in kept["behind_t5"].items()},
              {name: less(row, "p") for name, row in kept["supplement"].items() if name.endswith("_gain")},
              {name: less(row, "p") for name, row in kept["behind_gain"].items()},
              {name: less(row, "p") for name, row in kept["supplement"].items() if name.startswith("no_")},
              {name: less(row, "holm") for name, row in kept["parts"].items()},
              ends(again), {name: less(row, "holm") for name, row in again["against"].items()},
              {name: less(row, "p") for name, row in kept["supplement"].items() if name.endswith("_stabilised")}]
    tables = told_tables(DOCS / "low_light.md")
    for told, rows in zip((*tables[:6], *tables[7:]), wanted, strict=True):
        assert set(told) == set(rows)
        for name, numbers in rows.items():
            assert as_told(numbers, told[name]), (name, numbers, told[name])


def test_what_the_page_says_beside_its_tables_is_that_of_what_is_kept():
    """Student's t over people, the seeds, and that nobody but one is above the majority vote at L4."""
    page = (DOCS / "low_light.md").read_text().replace("\n", " ")

    def right(name: str) -> dict[str, dict[str, float]]:
        rows = read_run(STUDIES / "lowlight_kept" / "final" / name).table
        dark = rows.columns["light"] != "L0"
        hit = (rows.columns["prediction"] == rows.columns["label"])[dark]
        return {kind: {str(key): hit[rows.columns[kind][dark] == key].mean() for key in rows.unique(kind)}
                for kind in ("subject", "seed")}

    own, best = right("agmenet"), right("cnn_gru_t5")
    seeds = re.search(r"three seeds have (\.\d+), (\.\d+) and (\.\d+)", page)
    assert as_told(list(own["seed"].values()), list(seeds.groups()))
    less = np.array([own["subject"][person] - best["subject"][person] for person in sorted(own["subject"])])
    interval = ttest_1samp(less, 0).confidence_interval(0.95)
    p = ttest_1samp(less, 0.0438, alternative="less").pvalue
    said = re.search(r"Student's t over the people the same gain is (\S+) \[(\S+), (\S+)\], "
                     r"and below 4.38 points with p (\S+), (\S+) if", page)
    assert as_told([less.mean(), interval.low, interval.high, p, 8 * p], list(said.groups()))


def test_agmenet_once_more_by_a_later_version_answers_the_same():
    kept = STUDIES / "lowlight_kept"
    once, again = (kept / folder / "predictions.csv" for folder in ("final/agmenet", "supplement/once_more"))
    assert once.read_bytes() == again.read_bytes()
    codes = {read_run(path.parent).config["code"]["digest"] for path in (once, again)}
    assert len(codes) == 2


def test_what_is_kept_of_the_end_gives_the_figures_that_are_told(kept, studies):
    """Accuracies counted from the files by hand."""
    folder, found, rows = STUDIES / "lowlight_kept", kept, studies("lowlight_rows")
    assert (found["verdict"], found["best_other"], found["rehearsal"]) == ("refuted", "cnn_gru_t5", False)
    for name, told in (("agmenet", 0.589), ("agmenet_plain", 0.461), ("agmenet_plain_t5", 0.567), ("cnn_gru_t5", 0.656)):
        lines = (folder / "final" / name / "predictions.csv").read_text().splitlines()
        right = [row[5] == row[8] for row in (line.split(",") for line in lines[1:]) if row[4] != "L0"]
        assert len(right) == 96 * 3 * 4 and np.mean(right) == pytest.approx(found["networks"][name]["accuracy"]["mean"])
        assert np.mean(right) == pytest.approx(told, abs=5e-4)
        assert rows.read_winner(folder, name, rows.TINY)["network"] == name
