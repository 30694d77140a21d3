"""The low-light experiment: its plan, the order in which it may be run, and its tables, on clips of sixteen pixels."""

import dataclasses
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mer_jax.models import create

NETWORKS = ("agmenet", "agmenet_plain", "agmenet_plain_t5", "ststnet", "ststnet_t5", "densenet", "densenet_t5", "cnn_gru",
            "cnn_gru_t5")
SMALL = {"instants": 2, "stem": 4, "growth": 2, "blocks": (1, 1), "motion": "none"}


@pytest.fixture
def rows(studies):
    return studies("lowlight_rows")


@pytest.fixture
def lowlight(studies, rows, moving_clips, monkeypatch, tmp_path, capsys):
    """Calls the program with these words, on tiny clips and a tiny DenseNet, for an epoch; the fresh people's are the same a
    little darker. Gives (exit status, stdout, stderr)."""
    runs, called = (studies(name) for name in ("lowlight_runs", "called"))
    frames = np.asarray(moving_clips.frames)
    fresh = moving_clips.replace(frames=np.where(frames > 0, frames - 1, frames).astype(np.uint8))
    monkeypatch.setattr(rows, "TRIALS", 2)
    whole = rows.row_settings

    def brief(name, form):
        settings = whole(name, form)
        stage = dataclasses.replace(settings.recipe.stages[-1], epochs=1, warmup_epochs=0)
        return dataclasses.replace(settings, recipe=dataclasses.replace(settings.recipe, stages=(stage,)),
                                   network_options=tuple(SMALL.items()))

    monkeypatch.setattr(rows, "row_settings", brief)
    monkeypatch.setattr(rows, "TINY", dataclasses.replace(rows.TINY, folds=3, seeds=1))
    monkeypatch.setattr(runs, "clips_of", lambda settings: moving_clips if settings.source == "synthme/easy" else fresh)

    def call(*words: str, plan: str = "lowlight") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [f"{plan}.py", f"--out={tmp_path}", *words])
        capsys.readouterr()
        try:
            called.called(plan, studies(plan).main)
            status = 0
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return call


def test_no_final_run_before_its_search(lowlight):
    status, out, err = lowlight("--final", "--only=cnn_gru")
    assert status == 2 and err.count("\n") == 1 and "cnn_gru has not been searched for yet: --out=" in err and out == ""
    status, _, err = lowlight("--ablation", "--only=retinex")
    assert status == 2 and "agmenet has not been searched for yet" in err


@pytest.mark.slow
def test_search_final_run_and_table(lowlight, tmp_path):
    status, out, err = lowlight("--only=densenet_t5", "--search", "--json")
    assert status == 0, err
    (winner,) = json.loads(out)["search"].values()
    assert winner["trial"] == int(np.argmax(winner["accuracy"])) and winner["setting"] == winner["trials"][winner["trial"]]
    file = tmp_path / "search" / "densenet_t5" / "winner.json"
    written = file.stat().st_mtime_ns
    assert lowlight("--only=densenet_t5", "--search")[0] == 0 and file.stat().st_mtime_ns == written
    status, _, err = lowlight("--only=densenet_t5", "--final", "--people=synthme/easy")
    assert status == 2 and "synthme/easy: 18 of its clips were searched on, in synthme/easy; wanted others" in err
    status, out, err = lowlight("--only=densenet_t5", "--final")
    assert status == 0 and f"trial {winner['trial']} of the search in {tmp_path / 'search'}" in err and "L4" in out
    config = json.loads((tmp_path / "final" / "densenet_t5" / "config.json").read_text())["settings"]
    assert config["light"] == ["L0", "L1", "L2", "L3", "L4"] and config["front"]["enhancer"] == "t5"
    assert config["recipe"]["weight_decay"] == winner["setting"]["weight_decay"]
    assert config["recipe"]["stages"][0]["learning_rate"] == pytest.approx(winner["setting"]["learning_rate"])
    found = json.loads(lowlight("--table", "--json")[1])
    assert found["networks"]["densenet_t5"]["accuracy"]["mean"] == pytest.approx(
        np.mean([found["networks"]["densenet_t5"]["by_level"][level] for level in ("L1", "L2", "L3", "L4")]))
    file.write_text(json.dumps({**json.loads(file.read_text()), "settings": {**config}}))
    status, _, err = lowlight("--only=densenet_t5", "--final")
    assert status == 2 and "winner.json: of a search with other settings: source" in err


def test_a_row_of_another_name_is_named(lowlight):
    status, _, err = lowlight("--search", "--only=ststnett")
    assert status == 2 and "row 'ststnett' is not known (did you mean 'ststnet'?)" in err
    status, _, err = lowlight("--ablation", "--only=motion_flow")                   # which at this size is AGMENet itself
    assert status == 2 and "row 'motion_flow' is not known" in err


@pytest.mark.parametrize(("words", "said"), [
    (("--search", "--people=synthme/easy"), "option --people=synthme/easy: belongs to --final, --ablation and --supplement"),
    (("--table", "--people=synthme/easy"), "option --people=synthme/easy: belongs to --final, --ablation and --supplement"),
    (("--table", "--only=densenet"), "option --only=densenet: belongs to --search, --final, --ablation and --supplement"),
    (("--table", "--only="), "option --only=: belongs to"), (("--search", "--only="), "row '' is not known")])
def test_an_option_without_a_use_is_refused(words, said, lowlight):
    status, out, err = lowlight(*words)
    assert status == 2 and err.count("\n") == 1 and said in err and out == ""


@pytest.mark.parametrize(("words", "said"), [
    (("--table", "--only=agmenet"), "option --only=agmenet: belongs to --search and --final"),
    (("--search", "--only=agmenet"), "row 'agmenet' is not known"),                  # whose winner is the first plan's
    (("--final", "--only=densenet"), "row 'densenet' is not known"),
    (("--final",), "agmenet_open has not been searched for yet")])
def test_what_the_second_plan_has_no_use_for_is_refused(words, said, lowlight, tmp_path):
    status, out, err = lowlight(*words, plan="lowlight_again")
    assert status == 2 and err.count("\n") == 1 and said in err and out == "" and not (tmp_path / "again").exists()


def test_every_network_is_searched_alike(rows):
    """The plan: the same darkening, epochs, batches and trials for all; a network's own are its losses and its stages."""
    settings = [rows.row_settings(name, rows.TINY) for name in NETWORKS]
    assert tuple(rows.NETWORKS) == NETWORKS
    assert {s.recipe.augmentation.dark for s in settings} == {0.5} and {s.recipe.stages[-1].epochs for s in settings} == {40}
    same = {(s.recipe.batch_size, s.recipe.optimizer, s.recipe.augmentation, s.protocol, s.protocol_options, s.light, s.source,
             s.seeds) for s in settings}
    assert len(same) == 1
    assert [s.front.enhancer for s in settings] == ["", "", "t5", "", "t5", "", "t5", "", "t5"]
    assert [s.front.flow for s in settings] == ["tvl1" if "ststnet" in name else "stored" for name in NETWORKS]


@pytest.mark.parametrize("size", ["TINY", "FULL"])
def test_every_part_differs_from_agmenet_in_one_thing(rows, size):
    form = getattr(rows, size)
    own = rows.row_settings("agmenet", form)
    for name in rows.parts_of(form):
        part = rows.row_settings(name, form)
        assert (part.off, part.network_options) != (own.off, own.network_options), name
        assert len(part.off) + len(part.network_options) == 1
        if name not in ("no_enhancement", "retinex"):
            assert part.recipe == own.recipe


SUPPLEMENT = {                                                # name -> (whose numbers, what is off beyond that, enhancer)
    "once_more": ("agmenet", set(), ""),
    **{f"no_{part}": ("agmenet", {part}, "") for part in ("deflicker", "window_mean", "brightening", "light_gate")},
    **{f"{name}_{enhancer}": (f"{name}_t5", set(), enhancer) for name in ("agmenet_plain", "ststnet", "cnn_gru")
       for enhancer in ("gain", "stabilised")}}


def test_a_row_of_the_supplement_has_the_numbers_of_another_and_differs_in_one_thing_or_in_none(rows, tmp_path):
    assert set(rows.SUPPLEMENT) == set(SUPPLEMENT)
    for name, (base, without, enhancer) in SUPPLEMENT.items():
        row, own = (rows.row_settings(each, rows.TINY) for each in (name, base))
        assert rows.winner_file(tmp_path, name) == rows.winner_file(tmp_path, base)
        assert dataclasses.replace(row, name=own.name, off=own.off, front=own.front) == own
        assert (set(row.off) - set(own.off), row.front.enhancer) == (without, enhancer)
        assert ((row.off, row.front) == (own.off, own.front)) == (name == "once_more")


def test_the_second_plan_has_the_open_agmenet_beside_rows_of_the_first(rows, studies):
    """As lowlight_again.md has it; the winners of the first plan serve, so their settings must be the same."""
    open_one, behind = (rows.row_settings(name, rows.CROWD) for name in ("agmenet_open", "agmenet_open_t5"))
    assert set(open_one.off) == {"block_attention", "region_attention", "temporal_attention"}
    assert set(behind.off) - set(open_one.off) == {"llem"} and (open_one.front.enhancer, behind.front.enhancer) == ("", "t5")
    assert open_one.network_options == behind.network_options == (("readout", "places"),)
    assert open_one.recipe == rows.row_settings("agmenet", rows.TINY).recipe
    assert behind.recipe == rows.row_settings("agmenet_plain", rows.TINY).recipe                # no stage of an enhancement
    assert set(rows.AGAIN) == {"agmenet_open", "agmenet_open_t5", "agmenet", "ststnet_t5", "cnn_gru_t5"}
    assert studies("lowlight_again").SEARCHED == ("agmenet_open", "agmenet_open_t5")
    for name in ("agmenet", "ststnet_t5", "cnn_gru_t5"):
        assert rows.row_settings(name, rows.CROWD) == rows.row_settings(name, rows.TINY)
        assert rows.read_winner(studies("lowlight_again").KEPT, name, rows.CROWD)["network"] == name
    final = rows.final_settings("agmenet_open", rows.CROWD, rows.CROWD.people, {"setting": vars(rows.trials()[0])})
    assert (final.source, final.protocol_options, final.seeds) == ("synthme/easy_crowd", (("folds", 2),), 3)


def test_of_the_open_agmenet_nothing_reads_the_gains_and_positions_of_the_places(rows):
    """What lowlight_again.md says is out with its attention: their gradient is 0, and that of the readout is not."""
    row = rows.row_settings("agmenet_open_t5", rows.CROWD)
    network = create("agmenet", 3, "tiny", row.off, instants=2, stem=4, growth=2, blocks=(1, 1), **dict(row.network_options))
    frames = jnp.asarray(np.random.default_rng(0).uniform(0, 1, (1, 2, 1, 16, 16, 3)), jnp.float32)
    variables = network.init(jax.random.key(0), {"frames": frames}, train=False)

    def loss(params):
        return network.apply({**variables, "params": params}, {"frames": frames}, train=False).logits[0, 0]

    size = {name: float(optax.tree.norm(part)) for name, part in jax.jit(jax.grad(loss))(variables["params"]).items()}
    assert {name for name, norm in size.items() if norm == 0} == {"gain", "place", "project"} and size["read"] > 0


def test_the_final_form_is_the_plans(rows):
    setting = vars(rows.trials()[3])
    for form, protocol, seeds in ((rows.TINY, "subject_kfold", 3), (rows.FULL, "leave_one_subject_out", 5)):
        final = rows.final_settings("agmenet", form, "elsewhere", {"setting": setting})
        assert (final.protocol, final.seeds, final.source) == (protocol, seeds, "elsewhere")
        before = rows.row_settings("agmenet", form).recipe
        factors = [new.learning_rate / old.learning_rate
                   for new, old in zip(final.recipe.stages, before.stages, strict=True)]
        assert factors[0] == pytest.approx(factors[1]) == pytest.approx(setting["learning_rate"] / 2e-3)


def test_the_trials_are_those_of_the_plan(rows):
    """What was drawn before anything was run: another seed, range or order of drawing is another plan."""
    numbers = [(trial.learning_rate, trial.weight_decay, trial.label_smoothing) for trial in rows.trials()]
    assert numbers == [
        (0.00126, 0.000754, 0.0602), (0.00324, 0.00106, 0.0834), (0.00582, 4.94e-05, 0.094), (0.000301, 0.00386, 0.115),
        (0.000387, 0.00565, 0.0765), (0.0032, 0.00566, 0.168), (0.000858, 0.000333, 0.0399), (0.000654, 7.25e-05, 0.0893),
        (0.00298, 0.000165, 0.037), (0.00168, 0.000294, 0.0643), (0.00115, 0.000796, 0.0354), (0.00515, 1.25e-05, 0.0304)]


def test_of_equal_trials_the_first_wins(rows):
    assert rows.chosen([0.5, 0.75, 0.75, 0.25]) == 1
