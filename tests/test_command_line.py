"""The command `mer-jax`, called in-process: what it prints and writes, and what it says to a user's mistakes."""

import csv
import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mer_jax import command_line
from mer_jax.mistakes import UserMistake

CLASSES = ("negative", "positive", "surprise")
FILES = {"config.json", "plan.json", "predictions.csv", "metrics.json", "log.jsonl", "attention.npz", "checkpoints",
         "report.html"}
HEADER = ["dataset", "subject", "clip", "emotion", "flow"]
EXPERIMENT = Path(__file__).parents[1] / "experiments" / "ststnet_megc2019.py"
CONFIG = """from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.table = "clips.csv"
    config.epochs = 2
    return config
"""


def write_table(folder: Path, datasets=("a", "b"), subjects=3, size=28, change=None, **column) -> Path:
    """A table of random flow images: `change(rows)` edits its rows, `column` names other cells than flow."""
    rng, rows = np.random.default_rng(0), []
    (folder / "flow").mkdir(parents=True)
    for d in datasets:
        for s in range(subjects):
            for c in range(4):
                name = f"flow/{d}_{s}_{c}.png"
                Image.fromarray(rng.integers(0, 256, (size, size, 3), dtype=np.uint8)).save(folder / name)
                rows.append([d, f"s{s}", f"c{c}", CLASSES[c % 3], name])
    header = [*HEADER[:4], *(column or {"flow": None})]
    rows = change(rows) or rows if change else rows
    with open(folder / "clips.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return folder


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
def mer_jax(monkeypatch, capsys):
    """Calls the command with these words; gives (exit status, stdout, stderr)."""

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mer-jax", *map(str, words)])
        capsys.readouterr()
        try:
            command_line.main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
        return status, *capsys.readouterr()

    return call


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


def tiny(*more: str) -> list[str]:
    return ["benchmark", "--config=tiny.py", *more]


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


def strict_json(text: str) -> dict:
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


# What works


def test_benchmark_leaves_every_file_and_prints_the_table(finished, monkeypatch):
    monkeypatch.chdir(finished)
    out, err = Path("out").read_text(), Path("err").read_text()
    assert {entry.name for entry in Path("run").iterdir()} == FILES | {".lock"}
    assert "UF1" in out and "overall" in out and "majority vote" in out
    assert out.splitlines()[-1] == "report: run/report.html"
    assert len(err.splitlines()) == 1 and err.split()[-1] == "devices"
    with open("run/predictions.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    keys = [(row["run"], row["dataset"], row["subject"], row["clip"]) for row in rows]
    assert len(keys) == len(set(keys)) == 24
    assert {row["selection"] for row in rows} == {"last"}
    config = strict_json(Path("run/config.json").read_text())
    assert {"identity", "settings", "data", "versions", "code", "command"} <= set(config)
    assert [strict_json(line)["event"] for line in Path("run/log.jsonl").read_text().splitlines()]
    assert {"overall", "by_dataset", "by_light", "seconds"} <= set(strict_json(Path("run/metrics.json").read_text()))


def test_json_is_one_object_with_the_same_numbers(finished, mer_jax, monkeypatch, no_training):
    monkeypatch.chdir(finished)
    status, out, err = mer_jax(*tiny("--out=run", "--json"))
    assert (status, err) == (0, "")
    assert out.count("\n") == 1
    found = strict_json(out)
    assert found.pop("folder") == "run"
    assert found == strict_json((finished / "run/metrics.json").read_text())


def test_the_same_command_again_prints_the_result_without_training(finished, mer_jax, monkeypatch, no_training):
    monkeypatch.chdir(finished)
    before = {path: path.stat().st_mtime_ns for path in Path("run").rglob("*")}
    status, out, err = mer_jax(*tiny("--out=run", "--config.checkpoint_seconds=5"))
    assert status == 0 and err == "" and out.splitlines()[-1] == "report: run/report.html"
    assert before == {path: path.stat().st_mtime_ns for path in Path("run").rglob("*")}


def test_fresh_starts_over(run_here, mer_jax, finished):
    for name in ("predictions.csv", "log.jsonl", "report.html"):
        (run_here / name).write_text("spoilt")
    assert mer_jax(*tiny("--out=run", "--fresh"))[0] == 0
    assert (run_here / "predictions.csv").read_bytes() == (finished / "run/predictions.csv").read_bytes()
    epochs = [[line for line in (folder / "log.jsonl").read_text().splitlines() if '"epoch"' in line]
              for folder in (run_here, finished / "run")]
    assert epochs[0] == epochs[1] != []


def test_a_full_disk_and_the_unfinished_folder_goes_on(here, mer_jax, finished, monkeypatch):
    def full(path, _):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("mer_jax.evaluation.run_folder.write_whole", full)
        status, out, err = mer_jax(*tiny("--out=run"))
    assert (status, out) == (2, "")
    line = err.splitlines()[-1]
    assert "predictions.csv" in line and "the disk is full" in line and "goes on" in line
    with open("run/log.jsonl", "a", encoding="utf-8") as log:
        log.write('{"event": "epo')                                  # as a kill leaves it
    assert mer_jax(*tiny("--out=run"))[0] == 0
    assert Path("run/predictions.csv").read_bytes() == (finished / "run/predictions.csv").read_bytes()
    assert '"epoch"' not in Path("run/log.jsonl").read_text().split("epo\n")[-1], "both were there: none is trained again"


def test_without_out_the_folder_is_named_by_config_and_digest(here, mer_jax):
    status, out, _ = mer_jax(*tiny())
    (folder,) = Path("runs").iterdir()
    assert status == 0 and folder.name.startswith("tiny-") and len(folder.name) == len("tiny-") + 8
    assert out.splitlines()[-1] == f"report: {folder}/report.html"
    assert mer_jax(*tiny("--config.checkpoint_seconds=5"))[1] == out
    assert len(list(Path("runs").iterdir())) == 1


@pytest.mark.slow
def test_the_experiment_file_runs_on_a_table(here, mer_jax):
    status, out, _ = mer_jax("benchmark", f"--config={EXPERIMENT}", "--config.data.table=clips.csv",
                             "--config.epochs=1", "--config.seeds=2", "--out=run", "--json")
    assert status == 0 and strict_json(out)["overall"]["runs"] == 2


@pytest.mark.slow
def test_a_peeking_selection_is_not_called_a_score(here, mer_jax):
    status, out, err = mer_jax(*tiny("--config.selection=test_peek", "--out=run"))
    assert status == 0 and "not a score" in out and "not a score" in err


def test_report_of_one_run_and_of_two(finished, here, mer_jax):
    run = finished / "run"
    status, out, err = mer_jax("report", run)
    assert (status, err) == (0, "") and out.splitlines()[-1] == f"report: {run}/report.html"
    assert strict_json(mer_jax("report", run, "--json")[1])["report"] == f"{run}/report.html"
    status, out, err = mer_jax("report", run, run)
    assert (status, err, out) == (0, "", "comparison: comparison.html\n")
    assert "<html" in Path("comparison.html").read_text()
    assert len(strict_json(mer_jax("report", run, run, "--json")[1])["runs"]) == 2


@pytest.mark.parametrize("command, row", [("models", "ststnet"), ("datasets", "table"), ("protocols", "composite")])
def test_lists_have_a_row_each(command, row, mer_jax):
    status, out, err = mer_jax(command)
    assert (status, err) == (0, "") and any(line.startswith(row) for line in out.splitlines())
    assert row in strict_json(mer_jax(command, "--json")[1])


@pytest.mark.parametrize("command", [[], ["benchmark"], ["report"], ["models"], ["datasets"], ["protocols"]])
def test_help_has_an_example(command, mer_jax):
    status, out, err = mer_jax(*command, "--help")
    assert (status, err) == (0, "") and "example:" in out and "mer-jax " in out


def test_help_does_not_import_jax():
    code = ("import sys; sys.argv = ['mer-jax', 'benchmark', '--help']\n"
            "import atexit; atexit.register(lambda: print('jax' in sys.modules or 'numpy' in sys.modules))\n"
            "from mer_jax.command_line import main; main()")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")


# Mistakes in the command's words and in the config


@pytest.mark.parametrize("words, wanted", [
    ([], ["COMMAND", "--help"]),
    (["benchmrak"], ["benchmrak", "benchmark"]),
    (["models", "--jsn"], ["--jsn", "not known"]),
    (["report"], ["DIR"]),
    (["benchmark"], ["wanted one --config=FILE.py"]),
    (tiny("--outt=x"), ["--outt=x", "'--out'"]),
    (tiny("extra"), ["extra"]),
    (["benchmark", "--config", "tiny.py"], ["--config=..."]),
    (tiny("--config.allow_leak"), ["--config.allow_leak=..."]),
    (tiny("--config=tiny.py"), ["found 2", "wanted one"]),
    (tiny("--config.epoch=3"), ["'epoch'", "'epochs'"]),
    (tiny("--config.optimizer.learn_rate=3"), ["optimizer.learn_rate", "optimizer.learning_rate"]),
    (tiny("--config.epochs=abc"), ["epochs", "abc"]),
    (tiny("--config.epochs=2.5"), ["epochs", "2.5"]),
    (tiny("--config.allow_leak=perhaps"), ["allow_leak", "perhaps"]),
    (tiny("--config.epochs=0"), ["epochs=0", "at least 1"]),
    (tiny("--config.seeds=-1"), ["seeds=-1", "at least 1"]),
    (tiny("--config.optimizer.learning_rate=nan"), ["optimizer.learning_rate=nan", "above 0"]),
    (tiny("--config.checkpoint_seconds=-1"), ["checkpoint_seconds=-1", "0 or more"]),
    (tiny("--config.label_smoothing=1.0"), ["label_smoothing", "less than 1"]),
    (tiny("--config.protocol_options.folds=1"), ["folds=1", "at least 2"]),
    (tiny("--config.selection=iner"), ["selection='iner'", "'inner'"]),
    (tiny("--config.protocol=leave_one_subject"), ["leave_one_subject", "'leave_one_subject_out'"]),
    (tiny("--config.protocol_options.folds=3"), ["leave_one_subject_out", "folds"]),
    (tiny("--config.network.name=ststnte"), ["'ststnte'", "'ststnet'"]),
    (tiny("--config.network.variant=papre"), ["'papre'", "'paper'"]),
    (tiny("--config.optimizer.name=adma"), ["'adma'", "'adam'"]),
    (tiny("--config.weights=balance"), ["'balance'", "'balanced'"]),
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
     ["epochs", "int", "str"]),
    ("from ml_collections import ConfigDict\n\n\ndef get_config():\n    return ConfigDict({'data': 'clips.csv'})\n",
     ["data"]),
])
def test_mistakes_in_the_config_file(text, wanted, here, refused):
    if text is not None:
        Path("mistaken.py").write_text(text)
    refused(["benchmark", "--config=mistaken.py"], *wanted)


# Mistakes in the data


def one_subject(rows):
    return [row for row in rows if row[:2] == ["a", "s0"]]


def absent_class(rows):
    return [[*row[:3], "surprise" if row[0] == "b" and row[2] == "c0" else "positive" if row[2] == "c0" else row[3],
             row[4]] for row in rows if row[0] == "b" or row[2] != "c2"]


def same_pixels(rows):
    rows[5][4] = rows[0][4]


@pytest.mark.parametrize("table_of, more, wanted", [
    ({"change": one_subject}, [], ["two subjects", "a/s0"]),
    ({"datasets": ("a",)}, ["--config.protocol=composite"], ["composite", "two databases", ": a"]),
    ({"datasets": ("a",)}, ["--config.protocol=leave_one_dataset_out"], ["leave_one_dataset_out", "two databases"]),
    ({"change": absent_class}, ["--config.protocol=leave_one_dataset_out"],
     ["fold b", "class surprise", "--config.allow_absent_class=true"]),
    ({"change": same_pixels}, [], ["leak audit", "a/s0/c0", "a/s1/c1", "--config.allow_leak=true"]),
    ({"size": 32}, [], ["STSTNet", "28x28", "32x32"]),
])
def test_mistakes_in_the_data(table_of, more, wanted, here, tmp_path, refused):
    write_table(tmp_path / "other", **table_of)
    refused(tiny("--config.data.table=other/clips.csv", *more), *wanted)


def test_an_absent_class_may_be_allowed(here, tmp_path, mer_jax, monkeypatch):
    def begin(*_):
        raise UserMistake("training begins")

    monkeypatch.setattr("mer_jax.evaluation.run_folder.train_experiment", begin)
    write_table(tmp_path / "other", change=absent_class)
    status, _, err = mer_jax(*tiny("--config.data.table=other/clips.csv", "--config.protocol=leave_one_dataset_out",
                                   "--config.allow_absent_class=true", "--out=run"))
    assert status == 2 and err.splitlines()[-1] == "mer-jax: training begins"


def test_frames_alone_and_flow_in_pixels_do_not_fit_ststnet(here, tmp_path, refused):
    def of_frames(rows):
        for row in rows:
            folder = tmp_path / "frames" / f"{row[0]}_{row[1]}_{row[2]}"
            folder.mkdir(parents=True)
            os.link((tmp_path / "frames" / row[4]), folder / "1.png")
            row[4] = folder.name

    def of_arrays(rows):
        for number, row in enumerate(rows):
            np.save(tmp_path / "arrays" / f"{number}.npy", np.random.default_rng(number).normal(size=(28, 28, 3)))
            row[4] = f"{number}.npy"

    write_table(tmp_path / "frames", change=of_frames, frames=None)
    refused(tiny("--config.data.table=frames/clips.csv"), "STSTNet", "no flow", "frames")
    write_table(tmp_path / "arrays", change=of_arrays)
    refused(tiny("--config.data.table=arrays/clips.csv"), "STSTNet", "'minmax8'", "'pixels'")


def test_a_leaky_protocol_is_refused_and_allowed_on_record(here, refused, mer_jax):
    words = tiny("--config.protocol=leaky_kfold", "--config.protocol_options.folds=6", "--out=run")
    refused(words, "leak audit", "subjects", "--config.allow_leak=true")
    status, *_ = mer_jax(*words, "--config.allow_leak=true")
    audit = strict_json(Path("run/metrics.json").read_text())["leak_audit"]
    assert status == 0 and audit["allowed"] and "subjects are trained on and held out" in audit["findings"][0]
    assert audit["findings"][0] in Path("run/report.html").read_text()


# The run's folder


def test_out_that_is_no_folder_for_a_run(here, refused):
    refused(tiny("--out=clips.csv"), "clips.csv", "found a file")
    refused(tiny("--out=clips.csv", "--fresh"), "clips.csv")
    Path("strange").mkdir()
    Path("strange/thesis.tex").write_text("")
    refused(tiny("--out=strange"), "strange", "thesis.tex", "no config.json")
    refused(tiny("--out=strange", "--fresh"), "strange", "no config.json")


def test_other_settings_in_the_same_folder(finished, refused, monkeypatch):
    monkeypatch.chdir(finished)
    refused(tiny("--out=run", "--config.epochs=3"), "epochs (2 there, 3 here)", "--out", "--fresh")
    refused(tiny("--out=run", "--config.selection=inner"), "selection ('last' there, 'inner' here)")


def test_fresh_with_a_mistake_removes_nothing(finished, refused, monkeypatch):
    monkeypatch.chdir(finished)
    refused(tiny("--out=run", "--fresh", "--config.network.name=nothing"), "nothing")


def test_a_second_process_in_the_folder(here, refused):
    Path("run").mkdir()
    with open("run/.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(tiny("--out=run"), "run", "another process")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_made(number, here, refused, monkeypatch):
    def mkdir(self, *_, **__):
        raise OSError(number, os.strerror(number), str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", mkdir)
        refused(tiny("--out=locked/run"), "locked/run", os.strerror(number))


def test_damaged_files_of_a_run(run_here, refused):
    texts = {name: Path("run", name).read_text() for name in ("metrics.json", "plan.json", "config.json")}
    Path("run/metrics.json").write_text("{}")
    refused(tiny("--out=run"), "run/metrics.json", "--fresh")
    Path("run/metrics.json").unlink()
    for damaged in ('{"runs": 6', "{}", "[]", texts["plan.json"].replace('"chunk": 6', '"chunk": "six"'),
                    texts["plan.json"].replace('"chunk": 6', '"chunk": 7')):
        assert damaged != texts["plan.json"]
        Path("run/plan.json").write_text(damaged)
        refused(tiny("--out=run"), "run/plan.json")
    for damaged in (texts["config.json"][:50], "[]"):
        Path("run/config.json").write_text(damaged)
        refused(tiny("--out=run"), "run/config.json")
    Path("run/config.json").write_text('{"settings": 3}')
    refused(tiny("--out=run"), "holds another run")


def test_report_on_what_is_no_run(here, refused, finished):
    refused(["report", "nowhere"], "nowhere", "no such folder")
    Path("empty").mkdir()
    refused(["report", "empty"], "empty", "no config.json")
    refused(["report", finished / "run", "empty"], "empty", "no config.json")
    refused(["report", finished / "run", finished / "run", "--out=nowhere/page.html"], "nowhere/page.html")


# Devices, signals


def test_a_platform_that_is_not_there(here):
    code = "from mer_jax.command_line import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *tiny("--config.platform=tpu", "--out=run")], text=True,
                          capture_output=True, env={**os.environ, "JAX_PLATFORMS": ""}, check=False)
    line = done.stderr.splitlines()[-1]
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
    assert line.startswith("mer-jax: platform 'tpu' was asked for, and is not to be had here")
    assert not Path("run").exists()


def test_the_platform_that_jax_has_started_with_is_not_another(here, refused, monkeypatch):
    import jax

    before = jax.config.jax_platforms
    try:
        refused(tiny("--config.platform=gpu"), "'gpu'", "'cpu'")
    finally:
        jax.config.update("jax_platforms", before)


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_signal_while_loading_ends_without_a_traceback(number, here):
    code = ("import os, signal, mer_jax.loading as loading\n"
            f"loading.load = lambda *_: os.kill(os.getpid(), signal.{number})\n"
            "from mer_jax.command_line import main; main()")
    done = subprocess.run([sys.executable, "-c", code, *tiny("--out=run")], text=True, capture_output=True, check=False)
    assert done.returncode == {"SIGTERM": 143, "SIGINT": 130}[number]
    assert done.stderr.splitlines()[-1] == "stopped; the same command goes on from here" and "Trace" not in done.stderr


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_with_its_place(here, mer_jax):
    status, out, err = mer_jax(*tiny("--config.optimizer.name=sgd", "--config.optimizer.learning_rate=1e38",
                                     "--config.epochs=9", "--out=run"))
    assert (status, out) == (2, "")
    assert "loss is" in err.splitlines()[-1] and "epoch" in err and "seed0/" in err
