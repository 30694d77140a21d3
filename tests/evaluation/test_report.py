import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from mer_jax.evaluation.confident_mistakes import confident_mistakes
from mer_jax.evaluation.report import compare, write_comparison, write_report
from mer_jax.evaluation.score import score
from mer_jax.evaluation.score_table import over_linear, score_table
from mer_jax.mistakes import UserMistake

NASTY = "<script>alert(1)</script>"


class _Page(HTMLParser):
    """Tags, what they load, and the text of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.loaded, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loaded += [value for name, value in attrs if name in ("src", "href", "xlink:href", "data", "action")]

    def handle_data(self, data):
        self.text += data


def test_the_report_has_its_sections_and_loads_nothing(finished, made_up):
    folder = finished()
    keys = [f"{d}/{s}/{c}" for d, s, c in {tuple(row) for row in zip(
        *(made_up().columns[n].tolist() for n in ("dataset", "subject", "clip")), strict=True)}]
    np.savez(folder / "attention.npz", clip=np.array(keys), **{"input gradient": np.ones((len(keys), 7, 7))})
    text = write_report(folder)[0].read_text()
    page = _Page(text)
    for word in ("ststnet · casme2, samm · leave one subject out", "Confusion matrices", "Subjects", "majority vote",
                 "Learning curves", "Where the network looked", "Input gradient", "Most confident mistakes",
                 "Leak audit", "Nothing found", "How to repeat it", "mer-jax benchmark", "abc123", "1 min 15 s"):
        assert word in page.text, word
    assert f"{score(made_up())['overall']['uf1']:.3f}" in page.text
    assert "http" not in text and "@import" not in text and "url(http" not in text
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in page.loaded)


@pytest.mark.parametrize(("lights", "drawn"), [(("L0",), []), (("L2",), []), (("L0", "L2"), ["light L2"]),
                                               (("L2", "L4"), ["light L4"])])
def test_mistakes_in_the_dark_have_a_matrix_of_their_own_beside_those_of_the_plain_light(lights, drawn, finished, made_up):
    text = write_report(finished(table=made_up(lights=lights)))[0].read_text()
    wanted = {"overall", "casme2", "samm", *drawn}
    found = re.findall(r"<div><h3>([^<]*)</h3><div class=.scroll.><table class=.confusion.>", text)
    assert set(found) == wanted and len(found) == len(wanted)


@pytest.mark.parametrize("licensed", [True, False])
def test_faces_are_drawn_and_licensed_ones_stamped(finished, made_up, licensed):
    folder, table = finished(), made_up()
    clip = f"{table.subject_keys()[0]}/{table.columns['clip'][0]}"
    np.savez(folder / "faces.npz", face=np.zeros((1, 2, 8, 8, 3), np.uint8), clip=np.array([clip]),
             panel=np.array(["onset", "where it looks"]), licensed=np.array(licensed))
    page = _Page(write_report(folder)[0].read_text())
    assert "Example faces" in page.text and "where it looks" in page.text
    assert sum(loaded.startswith("data:image/png") for loaded in page.loaded) == 2
    assert ("contains licensed faces" in page.text) == licensed and ("nobody's" in page.text) == (not licensed)


def test_epochs_are_counted_from_one(finished):
    folder = finished()
    config = json.loads((folder / "config.json").read_text())
    config["settings"]["recipe"] = {"stages": [{"epochs": 3}, {"epochs": 7}]}
    (folder / "config.json").write_text(json.dumps(config))
    text = write_report(folder)[0].read_text()
    page = _Page(text).text
    assert "scored after epoch8 of 10" in page, "the table's epoch 7, counted from 0, is the eighth"
    assert "recipe.stages.1.epochs" in page and "recipe.stages.2.epochs" in page


def test_settings_are_shown_in_words(finished):
    folder = finished()
    config = json.loads((folder / "config.json").read_text())
    config["settings"] |= {"variant": None, "options": [], "platform": "", "nested": {}, "light": ["L0", "L2"],
                           "losses": [["cross_entropy", 1.0]], "allow_leak": False, "seeds": 0}
    (folder / "config.json").write_text(json.dumps(config))
    repeat = re.sub(r"\s+", " ", _Page(write_report(folder)[0].read_text()).text.split("How to repeat it")[1])
    for words in ("light L0 (as recorded), L2", "losses cross_entropy 1.0", "allow_leak false", "seeds 0"):
        assert words in repeat or words.replace(" ", "", 1) in repeat, words
    for noise in ("null", "[", "{", "variant", "options", "platform", "nested"):
        assert noise not in repeat, noise


def test_one_seed_is_said_of_scores_and_not_of_the_majority_vote(finished, made_up):
    table = made_up(runs=1)
    rows = write_report(finished(table=table))[0].read_text().split("</tr>")
    (vote,), (overall,) = ([row for row in rows if f">{name}</th>" in row] for name in ("majority vote", "overall"))
    assert "one seed" in overall and "one seed" not in vote and "seeds" not in vote


def test_settings_may_be_nested_or_flat(finished):
    folder = finished()
    config = json.loads((folder / "config.json").read_text())
    config["settings"] = {"network": "ststnet", "variant": "small", "protocol": "loso"}
    (folder / "config.json").write_text(json.dumps(config))
    assert "ststnet small · casme2, samm · loso" in _Page(write_report(folder)[0].read_text()).text


def test_a_page_that_cannot_be_written_is_named(finished, tmp_path):
    folders = [finished("a"), finished("b")]
    with pytest.raises(UserMistake, match=r"none/out.html: cannot be written: No such file"):
        write_comparison(folders, tmp_path / "none" / "out.html")


def test_the_same_folder_gives_the_same_page_byte_for_byte(finished):
    folder = finished()
    assert write_report(folder)[0].read_bytes() == write_report(folder)[0].read_bytes()


def test_names_are_escaped_wherever_they_come_from(finished, made_up):
    table = made_up(skill=0.1)
    for column in ("clip", "subject", "dataset"):
        table.columns[column] = np.char.add(table.columns[column], f"$_{NASTY}")
    text = write_report(finished(table=table, audit=[NASTY], protocol=NASTY))[0].read_text()
    assert "<script" not in text and "&lt;script&gt;" in text


def test_scores_come_from_the_predictions_and_a_metrics_file_that_disagrees_is_named(finished):
    folder = finished()
    right = write_report(folder)[0].read_text()
    stated = json.loads((folder / "metrics.json").read_text())
    stated["overall"]["uf1"] = 0.98765
    (folder / "metrics.json").write_text(json.dumps(stated))
    text = write_report(folder)[0].read_text()
    assert "metrics.json states other scores" in text and "metrics.json states other scores" not in right
    assert "0.988" not in text


def test_a_peeked_run_says_so_and_by_how_much(finished, made_up):
    table = made_up(selections=("last", "test_peek"))
    text = _Page(write_report(finished(table=table))[0].read_text()).text
    entries = score(table)
    gain = entries["overall"]["uf1"] - entries["by_selection"]["last"]["uf1"]
    assert "epoch chosen on the test subject: not a score" in text and f"{gain:+.3f} UF1" in text
    assert "not a score" in score_table(entries) and "not a score" not in score_table(score(made_up()))


def test_leaks_are_said_first(finished):
    text = _Page(write_report(finished(audit=["clip a = clip b"], protocol="leaky_kfold"))[0].read_text()).text
    assert "The leak audit found 1" in text and "clip a = clip b" in text and "on the same people" in text


def test_a_run_without_log_attention_or_audit_still_has_a_report(finished):
    folder = finished()
    (folder / "log.jsonl").unlink()
    (folder / "metrics.json").write_text("{}")
    (folder / "config.json").write_text("{}")
    text = _Page(write_report(folder)[0].read_text()).text
    assert "no log of the epochs" in text and "No audit is recorded" in text and "protocol not recorded" in text


def test_the_most_confident_mistakes_are_wrong_and_sorted(made_up):
    found = confident_mistakes(made_up(skill=0.4))
    assert 0 < len(found) <= 12 and all(row["label"] != row["prediction"] for row in found)
    sure = [row["probability"] for row in found]
    assert sure == sorted(sure, reverse=True)
    assert confident_mistakes(made_up(skill=1.0)) == []


def test_a_comparison_pairs_runs_over_the_same_clips_only(finished, made_up, tmp_path):
    folders = [finished("a", made_up(0.3, subjects=40)), finished("b", made_up(0.9, subjects=40)),
               finished("c", made_up(0.9, subjects=9))]
    first, second, third = compare(folders)["runs"]
    assert first["difference"] is None and first["note"] == "" and first["network"] == "ststnet"
    assert second["difference"]["uf1"]["interval"][0] > 0
    assert third["difference"] is None and "other clips" in third["note"]
    page = _Page(write_comparison(folders, tmp_path / "comparison.html")[0].read_text()).text
    assert "Difference to the first run" in page and "other clips" in page
    assert page.count("selection last") == 3 and "leave one subject out" in page
    with pytest.raises(UserMistake, match="b: the same folder twice"):
        compare([*folders, folders[0].parent / "a" / ".." / "b"])
    with pytest.raises(UserMistake, match="a comparison needs at least two runs, got 1"):
        compare(folders[:1])


def test_the_table_for_the_terminal_has_a_row_for_each_part(made_up):
    lines = score_table(score(made_up(lights=("L0", "L2")))).splitlines()
    assert [line.split("  ")[0] for line in lines[1:-1]] == [
        "overall", "casme2", "samm", "light L0", "light L2", "majority vote"]
    assert lines[0].split() == ["UF1", "UAR", "accuracy"] and re.search(r"0\.\d{3} \[0\.\d\d, 0\.\d\d\]", lines[1])
    assert all(len(line) < 80 for line in lines)


def test_what_a_network_is_above_the_linear_classifier_is_paired(made_up):
    table, linear = made_up(skill=0.9, lights=("L0", "L2")), made_up(skill=0.4, runs=1, lights=("L0", "L2"))
    entries = score(table, linear=linear)
    for level in ("L0", "L2"):
        part = entries["over_linear"][level]["uf1"]
        wanted = entries["by_light"][level]["uf1"] - entries["linear"][level]["uf1"]
        assert part["difference"] == pytest.approx(wanted) and part["interval"][0] < wanted < part["interval"][1]
    assert [title for title, _ in over_linear(entries)] == ["above the linear classifier, light L0",
                                                            "above the linear classifier, light L2"]
    assert "above the linear classifier, light L2 on the same people: UF1 +0." in score_table(entries)
    same = score(linear, linear=linear)["over_linear"]["L0"]["accuracy"]
    assert same == {"difference": 0.0, "interval": [0.0, 0.0]}
