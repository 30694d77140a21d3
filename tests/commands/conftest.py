"""The command `mer-jax`, called in-process in a folder of its own, and one finished run of it."""

import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from tiny_run import CONFIG, tiny, write_table

from mer_jax import command_line


@pytest.fixture(scope="session")
def table(tmp_path_factory) -> Path:
    return write_table(tmp_path_factory.mktemp("table"))


@pytest.fixture
def here(table, tmp_path, monkeypatch) -> Path:
    """A working folder with the tiny table, a config file, and nothing else."""
    shutil.copytree(table, tmp_path, dirs_exist_ok=True)
    (tmp_path / "tiny.py").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(mer_jax):
    """Calls the command with a mistake in it: exit 2, one line that holds all these words, nothing written."""

    def call(words: list, *wanted: str) -> str:
        before = sorted(Path.cwd().rglob("*"))
        status, out, err = mer_jax(*words)
        assert (status, out) == (2, ""), err
        assert err.count("\n") == 1 and err.endswith("\n") and err.startswith("mer-jax: "), err
        for word in wanted:
            assert word in err, f"{word!r} is not in {err!r}"
        after = [path for path in sorted(Path.cwd().rglob("*")) if "__pycache__" not in path.parts]
        assert after == before
        return err

    return call


@pytest.fixture(scope="session")
def finished(table, tmp_path_factory) -> Path:
    """The folder of a finished run on the tiny table, with what the command printed beside it."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copytree(table, folder, dirs_exist_ok=True)
    (folder / "tiny.py").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["mer-jax", *tiny("--out=run")])
        with open("out", "w") as out, open("err", "w") as err, redirect_stdout(out), redirect_stderr(err):
            command_line.main()
    return folder


@pytest.fixture
def run_here(here, finished) -> Path:
    """A copy of the finished run in the working folder, to be spoilt."""
    return Path(shutil.copytree(finished / "run", "run"))


@pytest.fixture(autouse=True)
def no_audited_epoch(finished, monkeypatch):
    """The audit compiles and trains an epoch twice; once, for the finished run, and its own tests are enough of that."""
    monkeypatch.setattr("mer_jax.evaluation.benchmark.poison_reaches_training", lambda *_: [])


@pytest.fixture
def no_training(monkeypatch):
    def train(*_, **__):
        raise AssertionError("a finished run was trained again")

    monkeypatch.setattr("mer_jax.evaluation.run_folder.train_experiment", train)
