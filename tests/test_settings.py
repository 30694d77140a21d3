"""Settings: every key has one type, however a value reaches it, and a mistyped key or name is named."""

from pathlib import Path

import pytest
from ml_collections import ConfigDict

from mer_jax.config_keys import all_keys, nearest_key, value_of
from mer_jax.config_reading import changed, read_config
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.settings import completed, default_config, settings_of

KEYS = all_keys(default_config())
STRANGE = (None, object(), {1}, "text", b"bytes", 3, 2.5, True, ("a",), ("a", 3), ("a", ""), (" ",), [None])


def only(key: str, value) -> ConfigDict:
    """A config of one key, with a value of whatever type."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return ConfigDict(value)


def fits(value, default) -> bool:
    if isinstance(default, tuple):
        return isinstance(value, list | tuple) and all(isinstance(v, str) and v.strip() for v in value)
    return type(value) in ((int, float) if isinstance(default, float) else (type(default),))


@pytest.mark.parametrize("key", KEYS)
def test_a_value_of_another_type_is_one_line_for_every_key(key):
    default = value_of(default_config(), key)
    for value in STRANGE:
        if fits(value, default):
            assert value_of(completed(only(key, value)), key) == (tuple(value) if isinstance(value, list) else value)
            continue
        with pytest.raises(UserMistake, match=f"^config key {key}=.*: wanted "):
            settings_of("name", only(key, value))


@pytest.mark.parametrize("key", KEYS)
def test_the_text_of_a_value_gives_the_value(key):
    value = {bool: True, int: 7, float: 0.25, str: "a text", tuple: ("one", "t wo")}[type(value_of(default_config(), key))]
    texts = ["one,t wo", "('one', 't wo')", '["one", "t wo"]', "'one','t wo'", " one , t wo"] if isinstance(
        value, tuple) else [str(value)]
    for text in texts:
        assert value_of(changed(default_config(), [f"{key}={text}"]), key) == value


@pytest.mark.parametrize(("key", "text", "value"), [
    ("data.classes", "", ()), ("data.classes", "'one'", ("one",)), ("light", "L0", ("L0",)),
    ("data.table", "a=b.csv", "a=b.csv"), ("allow_leak", "FALSE", False), ("optimizer.learning_rate", "5e-5", 5e-5),
    ("epochs", "-3", -3)])
def test_texts_at_the_edges(key, text, value):
    assert value_of(changed(default_config(), [f"{key}={text}"]), key) == value


@pytest.mark.parametrize(("found", "meant"), [
    ("optimizer.lr", "optimizer.learning_rate"), ("lr", "optimizer.learning_rate"), ("optimizer.wd", "optimizer.weight_decay"),
    ("learning_rate", "optimizer.learning_rate"), ("bs", "batch_size"), ("seed", "seeds"), ("class", "data.classes"),
    ("networks.name", "network.name"), ("Epochs", "epochs"), ("data.tabel", "data.table")])
def test_a_mistyped_key_names_the_one_that_was_meant(found, meant):
    assert nearest_key(found, KEYS) == f" (did you mean {meant!r}?)"


def test_nothing_is_suggested_where_nothing_is_near():
    assert nearest_key("zzzz", KEYS) == nearest("zzzz", KEYS) == ""


def with_stage(**changes) -> ConfigDict:
    config = default_config()
    config.data.table = "clips.csv"
    stage = {"epochs": 2, "learning_rate": 1e-3, "losses": {"exposure": 10}, "trainable": {"llem": 1, "*": 0}, **changes}
    config.stages_before = {"enhancement": {name: value for name, value in stage.items() if value is not None}}
    return config


@pytest.mark.parametrize("rate", [1e-3, 1])
def test_a_stage_before_comes_before_and_keeps_what_it_says(rate):
    first, main = settings_of("name", with_stage(learning_rate=rate)).recipe.stages
    assert (first.epochs, first.learning_rate, type(first.learning_rate)) == (2, rate, float)
    assert first.losses == (("exposure", 10.0),) and first.trainable == (("llem", 1.0), ("*", 0.0))
    assert main.losses == (("cross_entropy", 1.0),) and main.epochs == default_config().epochs


@pytest.mark.parametrize(("changes", "words"), [
    ({"epochs": 2.5}, "stages_before.enhancement: wanted epochs"), ({"epochs": True}, "enhancement: wanted epochs"),
    ({"epochs": None}, "enhancement: wanted epochs"), ({"learning_rate": True}, "enhancement: wanted epochs"),
    ({"learning_rate": "fast"}, "stages_before.enhancement: wanted epochs"),
    ({"more": 1}, "stages_before.enhancement: wanted epochs"), ({"losses": {"exposur": 1}}, "did you mean 'exposure'"),
    ({"losses": {"exposure": -1}}, "stages_before.enhancement.losses.exposure=-1: wanted a number, 0 or more")])
def test_a_mistake_in_a_stage_before_is_named(changes, words):
    with pytest.raises(UserMistake, match=words):
        settings_of("name", with_stage(**changes))


AGMENET = ["--config=experiments/agmenet_synthme.py"]


def test_a_networks_fields_may_be_set_by_words(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[1])
    words = ["--config.network_options.dtype=bfloat16", "--config.network_options.blocks=2,3",
             "--config.network_options.dropout=0", "--config.network_options.compensate=true"]
    settings = settings_of(*read_config([*AGMENET, *words]))
    assert dict(settings.network_options) == {"dtype": "bfloat16", "blocks": (2, 3), "dropout": 0.0, "compensate": True}


@pytest.mark.parametrize(("word", "line"), [
    ("network_options.dtyp=bfloat16", "'network_options.dtyp' is not known .did you mean 'network_options.dtype'"),
    ("network_options.blocks=many", "network_options.blocks='many': wanted whole numbers, as in 4,6,8"),
    ("network_options.width=wide", "network_options.width='wide': wanted a whole number")])
def test_a_mistaken_field_of_the_network_is_named(word, line, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[1])
    with pytest.raises(UserMistake, match=line):
        settings_of(*read_config([*AGMENET, f"--config.{word}"]))


@pytest.mark.parametrize(("words", "options"), [
    ((), {"folds": 4}), (("--config.protocol=subject_kfold",), {"folds": 4}), (("--config.protocol=hold_out",), {}),
    (("--config.protocol_options.share=0.25", "--config.protocol=hold_out"), {"share": 0.25}),
    (("--config.protocol=leaky_kfold", "--config.protocol_options.folds=6"), {"folds": 6})])
def test_another_protocol_than_the_file_s_has_its_own_usual_options(words, options, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[1])
    assert dict(settings_of(*read_config([*AGMENET, *words])).protocol_options) == options
