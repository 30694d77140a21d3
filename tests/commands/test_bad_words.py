"""Mistakes in the words of a command and in its config file: one line each, and nothing written."""

from pathlib import Path

import pytest
from tiny_run import CONFIG, tiny


@pytest.mark.parametrize("words, wanted", [
    ([], ["COMMAND", "--help"]),
    (["benchmrak"], ["benchmrak", "benchmark"]),
    (["models", "--jsn"], ["--jsn", "not known"]),
    (["report"], ["DIR"]),
    (["benchmark"], ["wanted one --config=FILE.py"]),
    (tiny("--outt=x"), ["--outt=x", "'--out'"]),
    (tiny("extra"), ["extra"]),
    (["benchmark", "--config"], ["--config=..."]),
    (["benchmark", "--config", "--config.epochs=3"], ["--config=..."]),
    (tiny("--config.allow_leak"), ["--config.allow_leak=..."]),
    (tiny("--config=tiny.py"), ["found 2", "wanted one"]),
    (tiny("--config.epoch=3"), ["'epoch'", "'epochs'"]),
    (tiny("--config.optimizer.learn_rate=3"), ["optimizer.learn_rate", "optimizer.learning_rate"]),
    (tiny("--config.optimizer.lr=3"), ["'optimizer.lr'", "'optimizer.learning_rate'"]),
    (tiny("--config.epochs=abc"), ["epochs", "abc"]),
    (tiny("--config.epochs=2.5"), ["epochs", "2.5"]),
    (tiny("--config.allow_leak=perhaps"), ["allow_leak", "perhaps"]),
    (tiny("--config.epochs=0"), ["epochs=0", "at least 1"]),
    (tiny("--config.seeds=-1"), ["seeds=-1", "at least 1"]),
    (tiny("--config.optimizer.learning_rate=nan"), ["optimizer.learning_rate=nan", "above 0"]),
    (tiny("--config.checkpoint_seconds=-1"), ["checkpoint_seconds=-1", "0 or more"]),
    (tiny("--config.label_smoothing=1.0"), ["label_smoothing", "less than 1"]),
    (tiny("--config.optimizer.warmup_epochs=2"), ["warmup_epochs=2", "fewer than the epochs, 2"]),
    (tiny("--config.protocol=loso"), ["'loso'", "'leave_one_subject_out'"]),
    (tiny("--config.protocol=CDE"), ["'CDE'", "'composite'"]),
    (tiny("--config.network.name=STSTNet", "--config.data.table=nowhere.csv"), ["'STSTNet'", "mean 'ststnet'"]),
    (tiny("--config.network.variant=Paper", "--config.data.table=nowhere.csv"), ["'Paper'", "mean 'paper'"]),
    (tiny("--config.protocol=composit", "--config.data.table=nowhere.csv"), ["'composit'", "mean 'composite'"]),
    (tiny("--config.data.classes=negative,Negative"), ["data.classes=", "different names"]),
    (tiny("--config.data.classes=negative"), ["data.classes=", "two or more"]),
    (tiny("--config.data.classes=('negative','positive'"), ["data.classes=", "texts, as in ('a', 'b')"]),
    (tiny("--config.data.classes=negative,,surprise"), ["data.classes=", "texts"]),
    (tiny("--config.data.table=tiny"), ["data.table='tiny'", "data.name"]),
    (tiny("--config.data.table=", "--config.data.name=clips.csv"), ["data.name='clips.csv'", "data.table"]),
    (tiny("--config.data.table=", "--config.data.name=nowhere"), ["nowhere", "TFDS"]),
    (tiny("--config.data.split=train"), ["data.split='train'", "data.name"]),
    (tiny("--config.data.table=", "--config.data.name=nowhere", "--config.data.root=flow"), ["data.root", "data.table"]),
    (tiny("--config.data.root=nowhere"), ["root nowhere", "no such folder"]),
    (tiny("--config.data.root=flow"), ["clips.csv, row 2", "no file"]),
    (tiny("--config.protocol_options.folds=1"), ["folds=1", "at least 2"]),
    (tiny("--config.selection=iner"), ["selection='iner'", "'inner'"]),
    (tiny("--config.protocol=leave_one_subject"), ["leave_one_subject", "'leave_one_subject_out'"]),
    (tiny("--config.protocol_options.folds=3"), ["leave_one_subject_out", "folds"]),
    (tiny("--config.network.name=ststnte"), ["'ststnte'", "'ststnet'"]),
    (tiny("--config.network.variant=papre"), ["'papre'", "'paper'"]),
    (tiny("--config.optimizer.name=adma"), ["'adma'", "'adam'"]),
    (tiny("--config.class_weights=balance"), ["'balance'", "'balanced'"]),
    (tiny("--config.platform=gpus"), ["'gpus'", "'gpu'"]),
    (tiny("--config.light=('L4',)"), ["L4", "L0"]),
    (tiny("--config.data.table="), ["--config.data.table", "--config.data.name"]),
    (tiny("--config.data.name=casme2"), ["either", "--config.data.name"]),
    (tiny("--config.data.table=nowhere.csv"), ["nowhere.csv", "does not exist"]),
    (tiny("--config.data.table=nowhere"), ["nowhere", ".csv"]),
    (tiny("--config.data.classes=('negative','positive')"), ["clips.csv, row", "'surprise'"]),
    (tiny("--config.data.classes=('negative','positive','surprise','fear')"), ["'fear'", "no clip"]),
    (tiny("--config.protocol=subject_kfold", "--config.protocol_options.folds=9"), ["subject", "9", "6"]),
], ids=lambda value: " ".join(value) if isinstance(value, list) and value[:1] == ["benchmark"] else None)
def test_mistakes_in_words(words, wanted, here, refused):
    refused(words, *wanted)


@pytest.mark.parametrize("text, wanted", [
    (None, ["mistaken.py: no such config file"]),
    ("def get_config(:\n", ["mistaken.py, line 1"]),
    ("def get_config():\n    return 1 / 0\n", ["mistaken.py, line 2", "ZeroDivisionError"]),
    ("import nothing_of_this_name\n", ["mistaken.py, line 1", "nothing_of_this_name"]),
    ("def config():\n    return 1\n", ["get_config"]),
    ("def get_config():\n    return {'epochs': 3}\n", ["dict", "ConfigDict"]),
    ("def get_config():\n    return None\n", ["wanted a ConfigDict"]),
    (CONFIG.replace("config.epochs", "config.epoch"), ["mistaken.py: ", "'epoch'", "'epochs'"]),
    (CONFIG.replace("= 2", "= 'two'"), ["mistaken.py, line 7", "int", "str"]),
    (CONFIG.replace("= 2", "= 0"), ["epochs=0", "at least 1"]),
    ("from ml_collections import ConfigDict\n\n\ndef get_config():\n    return ConfigDict({'epoch': 3})\n",
     ["'epoch'", "'epochs'"]),
    ("from ml_collections import ConfigDict\n\n\ndef get_config():\n    return ConfigDict({'epochs': 'three'})\n",
     ["mistaken.py: ", "epochs='three'", "a whole number"]),
    ("from ml_collections import ConfigDict\n\n\ndef get_config():\n    return ConfigDict({'data': 'clips.csv'})\n",
     ["'data' is a group of keys", "data.table"]),
    (CONFIG.replace("= 2", "= None"), ["mistaken.py: ", "epochs=None", "a whole number"]),
    (CONFIG.replace("config.epochs = 2", "config.data.classes = ('a', 3)"), ["data.classes=('a', 3)", "texts"]),
    (CONFIG.replace("config.epochs = 2", "raise SystemExit('no data here')"), ["line 7", "SystemExit: no data here"]),
    ("import sys\n\nsys.exit()\n", ["mistaken.py, line 3", "SystemExit"]),
])
def test_mistakes_in_the_config_file(text, wanted, here, refused):
    if text is not None:
        Path("mistaken.py").write_text(text)
    refused(["benchmark", "--config=mistaken.py"], *wanted)
