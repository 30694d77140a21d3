"""Mistakes in the data, in a run's folder and in what the machine has: one line each, and nothing written."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_run import strict_json, tiny, write_table

from mer_jax.mistakes import UserMistake


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
    refused(["report", "tiny.py"], "tiny.py is a file", "wanted the folder")
    refused(["report", finished / "run", finished / "run" / ".." / "run"], "the same folder twice")
    refused(["report", finished / "run", "--out=nowhere/page.html"], "nowhere/page.html")
    refused(["report", finished / "run", "--out=empty"], "empty: cannot be written")


def test_a_cut_table_of_predictions_is_not_scored(run_here, refused):
    lines = Path("run/predictions.csv").read_text().splitlines()
    Path("run/predictions.csv").write_text("\n".join(lines[:20]) + "\n")
    refused(["report", "run"], "run/predictions.csv", ": 19 clips, wanted 24", "cut off")


def test_a_platform_that_is_not_there(here):
    code = "from mer_jax.command_line import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *tiny("--config.platform=tpu", "--out=run")], text=True,
                          capture_output=True, env={**os.environ, "JAX_PLATFORMS": ""}, check=False)
    line = done.stderr.splitlines()[-1]
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
    assert line == ("mer-jax: platform 'tpu' was asked for, and is not to be had here: JAX finds no such device, or is "
                    "installed without support for it")
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
            f"loading.load = lambda *_, **__: os.kill(os.getpid(), signal.{number})\n"
            "from mer_jax.command_line import main; main()")
    done = subprocess.run([sys.executable, "-c", code, *tiny("--out=run")], text=True, capture_output=True, check=False)
    assert done.returncode == {"SIGTERM": 143, "SIGINT": 130}[number]
    assert done.stderr == "stopped; nothing was written yet\n" and not Path("run").exists()


def test_a_signal_where_a_run_has_begun_says_that_it_goes_on(run_here):
    code = ("import os, signal, mer_jax.loading as loading\n"
            "loading.load = lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)\n"
            "from mer_jax.command_line import main; main()")
    done = subprocess.run([sys.executable, "-c", code, *tiny("--out=run")], text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (143, "stopped; the same command goes on from here\n")


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_with_its_place(here, mer_jax):
    status, out, err = mer_jax(*tiny("--config.optimizer.name=sgd", "--config.optimizer.learning_rate=1e38",
                                     "--config.epochs=9", "--out=run"))
    assert (status, out) == (2, "")
    assert "loss is" in err.splitlines()[-1] and "epoch" in err and "seed0/" in err
