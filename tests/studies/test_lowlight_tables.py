"""The tables and the verdict of the low-light experiment, from folders written by hand: nothing is trained."""

import json
import sys

import numpy as np
import pytest

from mer_jax.evaluation.predictions import Predictions, to_csv

LEVELS, CLASSES, PEOPLE = ("L0", "L1", "L2", "L3", "L4"), ("negative", "positive"), 8
OTHERS = ("agmenet_plain", "agmenet_plain_t5", "ststnet", "ststnet_t5", "densenet", "densenet_t5", "cnn_gru", "cnn_gru_t5")


def answers(*right: tuple[int, ...]) -> Predictions:
    """Of each seed, and of a person for each of its numbers: two clips at every level, so many are answered rightly."""
    cells = [(seed, f"s{person}", f"c{clip}", level, CLASSES[clip], CLASSES[clip if clip < many else 1 - clip])
             for seed, numbers in enumerate(right) for person, many in enumerate(numbers) for clip in range(2)
             for level in LEVELS]
    seed, subject, clip, light, label, prediction = map(np.array, zip(*cells, strict=True))
    same = {"dataset": "made", "fold": "0", "epoch": 1, "selection": "last"}
    columns = {"subject": subject, "clip": clip, "light": light, "label": label, "prediction": prediction, "run": seed,
               "seed": seed,
               **{name: np.full(len(cells), value) for name, value in same.items()}}
    return Predictions(CLASSES, columns, np.full((len(cells), 2), 0.5))


@pytest.fixture
def finish(studies, tmp_path):
    """Writes the folder of a row's finished run, of so many right answers of each person."""
    rows = studies("lowlight_rows")

    def write(name, *right, people="synthme/easy_fresh", form=rows.TINY, digest="d" * 64, kind="final", code="c", metrics="{}",
              trial=0):
        folder = tmp_path / kind / name
        folder.mkdir(parents=True, exist_ok=True)
        settings = rows.final_settings(name, form, people, {"setting": vars(rows.trials()[trial])}).to_json()
        (folder / "config.json").write_text(json.dumps({"settings": settings, "data": {"digest": digest},
                                                         "code": {"digest": code * 64}}))
        (folder / "predictions.csv").write_text(to_csv(answers(*(right or [(1,) * PEOPLE]))))
        (folder / "metrics.json").write_text(metrics)
        (folder / "report.html").write_text("")

    return write


@pytest.fixture
def table(studies, tmp_path, monkeypatch, capsys):
    """Calls the program for its table; gives (exit status, stdout, stderr)."""
    called = studies("called").called

    def call(*words, plan="lowlight"):
        monkeypatch.setattr(sys, "argv", [f"{plan}.py", f"--out={tmp_path}", "--table", *words])
        capsys.readouterr()
        try:
            called(plan, studies(plan).main)
            status = 0
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return call


def test_the_people_are_those_of_the_runs(finish, table):
    finish("agmenet")
    assert table()[1].startswith("people: synthme/easy_fresh\n")
    finish("agmenet", people="synthme/smic_like")
    assert table()[1].startswith("people: synthme/smic_like, who are not the plan's: a rehearsal\n")
    found = json.loads(table("--json")[1])
    assert (found["people"], found["rehearsal"]) == ("synthme/smic_like", True)


@pytest.mark.parametrize("plan", ["lowlight", "lowlight_again"])
def test_a_folder_without_a_run_has_no_table(plan, table, tmp_path):
    assert table(plan=plan) == (2, "", f"{plan}: {tmp_path}: no run of the plan is kept there; wanted the --out of its runs\n")


def test_rows_of_the_other_form_are_refused(finish, table):
    finish("densenet")
    status, out, err = table("--full")
    assert status == 2 and err.count("\n") == 1 and out == ""
    assert "final/densenet: not of this form of the plan: data_options ('label3' there, 'label5' here); protocol (" in err
    assert "seeds (3 there, 5 here)" in err


def test_rows_with_other_numbers_than_their_winner_s_are_refused(finish, table, studies, tmp_path):
    """Where no search is kept, the numbers of any of the twelve trials will do; no others, and no other recipe."""
    finish("densenet", trial=7)
    assert table()[0] == 0
    rows = studies("lowlight_rows")
    winner = {"network": "densenet", "settings": rows.row_settings("densenet", rows.TINY).to_json(),
              "setting": vars(rows.trials()[3])}
    path = rows.winner_file(tmp_path, "densenet")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(winner))
    status, _, err = table()
    assert status == 2 and "final/densenet: not of this form of the plan: learning_rate (" in err and "weight_decay" in err
    finish("densenet", trial=3)
    assert table()[0] == 0
    path = tmp_path / "final" / "densenet" / "config.json"
    path.write_text(path.read_text().replace('"epochs": 40', '"epochs": 4'))
    assert "epochs (4 there, 40 here)" in table()[2]


@pytest.mark.parametrize("kind", ["final", "ablation"])
@pytest.mark.parametrize(("other", "said"), [
    ({"people": "synthme/smic_like"}, "synthme/smic_like dddddddd there, synthme/easy_fresh dddddddd here"),
    ({"digest": "e" * 64}, "synthme/easy_fresh eeeeeeee there, synthme/easy_fresh dddddddd here")])
def test_rows_of_other_clips_are_refused(kind, other, said, finish, table):
    finish("agmenet")
    finish("densenet" if kind == "final" else "no_ensemble", kind=kind, **other)
    status, _, err = table()
    assert status == 2 and err.count("\n") == 1 and "of other clips than" in err and said in err


def test_better_on_every_one_of_eight_people_is_shown(finish, table):
    """Right on both clips of each person against one: 50 points, and p is 1/256, eight times that after Holm."""
    finish("agmenet", (2,) * PEOPLE)
    for name in OTHERS[:-1]:
        finish(name)
    assert json.loads(table("--json")[1])["verdict"] == "open"
    finish(OTHERS[-1])
    found = json.loads(table("--json")[1])
    assert found["verdict"] == "success" and "verdict: success" in table()[1]
    for row in found["against"].values():
        assert row["accuracy"]["difference"] == 0.5 and row["p"] == 1 / 256 and row["holm"] == 8 / 256
        assert row["p_other"] == row["holm_other"] == 1


def test_one_person_without_a_gain_is_too_much_for_success(finish, table):
    """With eight people and eight comparisons: p is then 2/256, sixteen times that after Holm is above .05."""
    finish("agmenet", (1, *(2,) * 7))
    for name in OTHERS:
        finish(name)
    found = json.loads(table("--json")[1])
    assert found["verdict"] == "smaller" and found["against"]["densenet"]["holm"] == 16 / 256


def test_the_other_way_round_it_is_refuted(finish, table):
    finish("agmenet", (0,) * PEOPLE)
    for name in OTHERS:
        finish(name, (2,) * PEOPLE if name == "cnn_gru" else (0,) * PEOPLE)
    found = json.loads(table("--json")[1])
    assert (found["verdict"], found["best_other"]) == ("refuted", "cnn_gru")
    assert found["against"]["cnn_gru"]["holm_other"] == 8 / 256
    assert "(the best other row: cnn_gru)" in table()[1]


def test_a_part_whose_interval_holds_0_is_said_to_buy_nothing(finish, table):
    """One part is worth an answer of every person, the other an answer to two and costs one to two others."""
    finish("agmenet", (2, 2, 0, 0, 1, 1, 1, 1))
    finish("no_enhancement", (1, 1, 0, 0, 0, 0, 0, 0), kind="ablation")
    finish("no_ensemble", (1, 1, 1, 1, 1, 1, 1, 1), kind="ablation")
    out = table()[1]
    (needed,), (needless,) = ([line for line in out.splitlines() if line.startswith(name)]
                              for name in ("no_enhancement", "no_ensemble"))
    assert "+0.375" in needed and "buys nothing" not in needed
    assert "+0.000" in needless and needless.endswith("buys nothing that can be shown")


def test_what_t5_buys_each_network_is_told_beside_the_plan(finish, table):
    finish("cnn_gru", (1,) * PEOPLE)
    finish("cnn_gru_t5", (2,) * PEOPLE)
    finish("ststnet_t5")
    found = json.loads(table("--json")[1])["behind_t5"]
    assert set(found) == {"cnn_gru"}
    assert (found["cnn_gru"]["accuracy"]["difference"], found["cnn_gru"]["p"]) == (0.5, 1 / 256)


def test_each_seed_is_told_beside_what_all_of_them_say(finish, table):
    """Two seeds: by the first all eight people gain an answer at each level, by the second two of them lose one."""
    finish("agmenet", (2,) * PEOPLE, (0, 0, *(1,) * 6))
    finish("densenet", (1,) * PEOPLE, (1,) * PEOPLE)
    assert json.loads(table("--json")[1])["against"]["densenet"]["by_seed"] == [0.5, -0.125]
    assert "of each seed +0.500 -0.125   p" in table()[1]


def test_what_the_gain_alone_buys_each_network_is_told_too(finish, table):
    finish("cnn_gru")
    finish("cnn_gru_gain", (2,) * PEOPLE, kind="supplement")
    found = json.loads(table("--json")[1])
    assert found["behind_gain"]["cnn_gru"]["accuracy"]["difference"] == 0.5 and found["supplement"] == {}
    assert "each network behind the gain of T5 alone less itself without" in table()[1]


def test_rows_asked_after_the_verdict_are_held_against_those_of_their_numbers(finish, table):
    finish("agmenet", (2,) * PEOPLE)
    finish("cnn_gru_t5")
    finish("no_deflicker", kind="supplement")
    finish("cnn_gru_gain", (0,) * PEOPLE, kind="supplement")
    finish("ststnet_gain", kind="supplement")                                          # whose row is not there yet
    found = json.loads(table("--json")[1])
    assert {name: row["accuracy"]["difference"] for name, row in found["supplement"].items()} == {
        "no_deflicker": 0.5, "cnn_gru_gain": 0.5}
    assert "asked after the verdict" in table()[1] and "supplement" not in str(found["missing"])


def test_statements_stand_beside_the_verdict(finish, table, studies):
    for name in ("agmenet", *OTHERS[:-1]):
        finish(name)
    assert json.loads(table("--json")[1])["statements"] == []                          # a row is missing, and p may yet sink
    finish(OTHERS[-1])
    out = table()[1]
    assert "the enhancement buys nothing that can be shown here" in out and "behind T5 is as good" in out
    finish("agmenet", (2,) * PEOPLE)
    out = table()[1]
    assert "buys nothing" not in out and "is as good" not in out


def test_trivial_rows_stand_below_and_rows_of_another_code_are_named(finish, table):
    levels = {level: {"accuracy": accuracy} for level, accuracy in zip(LEVELS, (0.9, 0.4, 0.3, 0.2, 0.1), strict=True)}
    finish("agmenet", metrics=json.dumps({"majority_vote": {"accuracy": 0.5}, "linear": levels}))
    assert "\ncode " not in table()[1]
    finish("no_ensemble", kind="ablation", code="d")
    out = table()[1]
    assert "code cccccccc: final/agmenet\ncode dddddddd: ablation/no_ensemble" in out
    (linear,) = (line for line in out.splitlines() if line.startswith("linear classifier"))
    assert linear.split() == ["linear", "classifier", "0.250", "L0", "0.900", "L1", "0.400", "L2", "0.300", "L3", "0.200", "L4",
                              "0.100"]


CROWD = {"people": "synthme/easy_crowd", "kind": "again"}
RIVALS = ("agmenet_open_t5", "agmenet", "ststnet_t5", "cnn_gru_t5")


def again(finish, studies, **right):
    """Rows of the second plan, of so many right answers of each person, 1 where nothing is said."""
    for name in ("agmenet_open", *RIVALS):
        finish(name, (right.get(name, 1),) * PEOPLE, form=studies("lowlight_rows").CROWD, **CROWD)


def test_the_second_plan_compares_the_open_agmenet_with_four_rows(finish, table, studies):
    again(finish, studies, agmenet_open=2)
    found = json.loads(table("--json", plan="lowlight_again")[1])
    assert set(found["against"]) == set(RIVALS) and (found["rehearsal"], found["missing"]) == (False, [])
    assert {row["holm"] for row in found["against"].values()} == {4 / 256} and found["verdict"] == "success"
    out = table(plan="lowlight_again")[1]
    assert out.startswith("people: synthme/easy_crowd\n") and "the open AGMENet less each" in out


CONFIRMED = "that AGMENet is better in the dark without its attention, its places side by side, is confirmed"
NOTHING = "beyond T5 the enhancement buys nothing that can be shown here"


@pytest.mark.parametrize(("right", "said"), [
    ({"agmenet_open": 2, "agmenet_open_t5": 2}, [CONFIRMED, NOTHING]),
    ({"agmenet_open": 2, "agmenet": 2}, [CONFIRMED.replace("is confirmed", "is not confirmed")]),
    ({"agmenet_open": 2}, [CONFIRMED])])
def test_the_second_plan_says_each_of_its_statements_by_its_own_row(right, said, finish, table, studies):
    again(finish, studies, **right)
    assert json.loads(table("--json", plan="lowlight_again")[1])["statements"] == said


def test_what_is_confirmed_over_people_and_not_by_every_seed_is_said_so(finish, table, studies):
    """By the first seed everybody gains both clips, by the second everybody loses one."""
    again(finish, studies)
    row = {"form": studies("lowlight_rows").CROWD, **CROWD}
    finish("agmenet", (0,) * PEOPLE, (2,) * PEOPLE, **row)
    finish("agmenet_open", (2,) * PEOPLE, (1,) * PEOPLE, **row)
    for name in RIVALS:
        if name != "agmenet":
            finish(name, (1,) * PEOPLE, (1,) * PEOPLE, **row)
    found = json.loads(table("--json", plan="lowlight_again")[1])
    assert found["against"]["agmenet"]["by_seed"] == [1.0, -0.5]
    assert found["statements"][0] == f"{CONFIRMED}; the test is over people, and of 2 seeds 1 says otherwise"


def test_the_second_plan_is_refuted_by_a_better_rival(finish, table, studies):
    again(finish, studies, ststnet_t5=2)
    found = json.loads(table("--json", plan="lowlight_again")[1])
    assert (found["verdict"], found["best_other"]) == ("refuted", "ststnet_t5")


def test_the_second_plan_says_nothing_before_all_rows_are_there(finish, table, studies, tmp_path):
    again(finish, studies, agmenet_open=2)
    (tmp_path / "again" / "cnn_gru_t5" / "metrics.json").unlink()
    found = json.loads(table("--json", plan="lowlight_again")[1])
    assert (found["verdict"], found["statements"], found["missing"]) == ("open", [], ["again/cnn_gru_t5"])
    assert "verdict: none yet" in table(plan="lowlight_again")[1]


@pytest.mark.parametrize(("loses_to", "wanted"), [("agmenet_open_t5", "smaller"), ("agmenet", "success")])
def test_a_loss_in_normal_light_is_one_against_t5(loses_to, wanted, finish, table, studies, monkeypatch):
    """Every row is 50 points below in the dark; at L0 one is above."""
    again(finish, studies, agmenet_open=2)
    tables = studies("lowlight_tables")
    whole = tables.compared

    def darker(first, others, named):
        found = whole(first, others, named)
        found[loses_to]["L0"] = {"difference": -0.2, "interval": [-0.3, -0.1]}
        return found

    monkeypatch.setattr(tables, "compared", darker)
    assert json.loads(table("--json", plan="lowlight_again")[1])["verdict"] == wanted


def figures(difference, interval, holm=0.03, holm_other=1.0, bright=(-0.02, 0.02)) -> dict:
    return {"accuracy": {"difference": difference, "interval": list(interval)}, "L0": {"interval": list(bright)},
            "holm": holm, "holm_other": holm_other}


FAR = figures(0.2, (0.1, 0.3))
CASES = {                                                     # the best other row's figures, AGMENet's without enhancement
    "all that is claimed": (figures(0.05, (0.01, 0.1)), FAR, "success"),
    "just what is claimed": (figures(0.0438, (0.01, 0.1)), FAR, "success"),
    "less than claimed": (figures(0.0437, (0.01, 0.1)), FAR, "smaller"),
    "one p too large, though above plain": (figures(0.05, (0.01, 0.1), holm=0.06), FAR, "smaller"),
    "one p too large, interval around 0": (figures(0.05, (-0.01, 0.1), holm=0.06), FAR, "not shown"),
    "a loss in normal light": (figures(0.05, (0.01, 0.1)), figures(0.2, (0.1, 0.3), bright=(-0.2, -0.01)), "smaller"),
    "above, not above plain": (figures(0.05, (0.01, 0.1)), figures(0.06, (-0.01, 0.1), holm=0.3), "smaller"),
    "a little, interval around 0": (figures(0.01, (-0.01, 0.03)), FAR, "not shown"),
    "as good, claim ruled out": (figures(0.0, (-0.02, 0.02)), FAR, "refuted"),
    "worse, claim not ruled out": (figures(-0.01, (-0.06, 0.05)), FAR, "not shown"),
    "worse, claim ruled out": (figures(-0.01, (-0.06, 0.04)), FAR, "refuted"),
    "worse for certain, wide interval": (figures(-0.01, (-0.06, 0.05), holm_other=0.04), FAR, "refuted"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_is_that_of_the_plan(case, studies):
    best, plain, wanted = CASES[case]
    rules = studies("lowlight_verdict")
    against = {**dict.fromkeys(OTHERS, FAR), "agmenet_plain": plain, "densenet": best}
    assert rules.best_other(against) == "densenet" and rules.verdict(against, OTHERS, "agmenet_plain") == wanted
    del against["cnn_gru"]
    assert rules.verdict(against, OTHERS, "agmenet_plain") == "open"
