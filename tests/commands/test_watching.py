"""Commands that look at a run: status, tensorboard, and the profile of a benchmark."""

import json
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_run import strict_json, tiny

from mer_jax.folder_lock import locked


def test_status_of_a_finished_and_of_an_unfinished_run(finished, run_here, mer_jax):
    status, out, err = mer_jax("status", "run")
    assert (status, err) == (0, "") and out.startswith("run: finished; report: run/report.html\ntiny (settings ")
    entries = strict_json(mer_jax("status", "run", "--json")[1])
    assert entries["scores"] == strict_json(Path("run/metrics.json").read_text())
    assert entries["seconds"] == pytest.approx(entries["scores"]["seconds"], abs=0.1)
    assert entries["training"]["runs_done"] == entries["training"]["runs"] == 6 and entries["training"]["end"] == "trained"
    Path("run/report.html").unlink()
    status, out, _ = mer_jax("status", "run", "--watch")
    assert status == 0 and out.splitlines()[0].startswith("run: killed while it wrote the results; last sign of life ")
    words = out.splitlines()[-1].removeprefix(f"goes on with: cd {finished} && mer-jax ")
    assert words == "benchmark --config=tiny.py --out=run"


def test_the_digest_is_that_of_the_default_folder(here, mer_jax):
    assert mer_jax(*tiny())[0] == 0
    (folder,) = Path("runs").iterdir()
    assert folder.name == f"tiny-{strict_json(mer_jax('status', folder, '--json')[1])['settings']}"


def test_status_on_what_is_no_run(here, refused):
    refused(["status", "nowhere"], "nowhere: no such folder")
    refused(["status", "flow"], "flow: not a run's folder: no config.json")
    refused(["status", "tiny.py"], "tiny.py is a file")
    refused(["status", "."], "no config.json")
    refused(["status"], "DIR")
    refused(["status", ".", "--wach"], "--wach")


def test_tensorboard_on_what_is_no_run(here, refused):
    pytest.importorskip("tensorboardX")
    refused(["tensorboard", "flow"], "flow: not a run's folder")


@pytest.mark.parametrize("word", ["--json", "--watch"])
def test_status_imports_neither_jax_nor_what_takes_its_time(run_here, word):
    code = ("import sys; from mer_jax.command_line import main\n"
            f"sys.argv = ['mer-jax', 'status', 'run', {word!r}]; main()\n"
            "print(sorted({'jax', 'scipy.stats', 'matplotlib', 'orbax', 'flax', 'ml_collections'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_watching_ends_with_the_run_and_leaves_its_last_words(run_here, mer_jax, monkeypatch, terminal):
    seen, looks, lock = terminal(60), [], locked(Path("run"))
    lock.__enter__()

    def sleep(_):
        looks.append(seen.rows())
        if len(looks) == 3:
            lock.__exit__(None, None, None)

    monkeypatch.setattr(time, "sleep", sleep)
    status, out, _ = mer_jax("status", "run", "--watch")
    assert status == 0 and out.startswith("run: finished") and seen.rows() == [] and len(looks) == 3
    assert all(rows[0].startswith("run: running") and len(rows) == len(looks[0]) for rows in looks)


def scalars_of(folder: Path) -> dict[tuple[str, int], float]:
    """{(tag, step): value} of the event files of a folder: records of a length, a checksum, a message and another one."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for path in folder.glob("events.out.tfevents.*"):
        content, place = path.read_bytes(), 0
        while place < len(content):
            (length,) = struct.unpack("<Q", content[place : place + 8])
            event = Event.FromString(content[place + 12 : place + 12 + length])
            found |= {(value.tag, event.step): value.simple_value for value in event.summary.value}
            place += 16 + length
    return found


def test_tensorboard_shows_what_the_log_has_each_epoch_once(run_here, mer_jax):
    pytest.importorskip("tensorboardX")
    for _ in range(2):                                             # the second time in place of the first
        status, out, err = mer_jax("tensorboard", "run")
        assert (status, err, out) == (0, "", "2 epochs written; to see them: tensorboard --logdir=run/tensorboard\n")
        assert len(list(Path("run/tensorboard/chunk_0000").iterdir())) == 1
    losses = [json.loads(line)["loss"] for line in Path("run/log.jsonl").read_text().splitlines() if '"epoch", "epoch"' in line]
    found = scalars_of(Path("run/tensorboard/chunk_0000"))
    assert len(found) == 2 * 2 * 3
    for step, loss in enumerate(losses):
        middle = sorted(loss)[2:4]
        assert found["loss/median", step] == pytest.approx(sum(middle) / 2, abs=1e-5)
        assert min(loss) <= found["loss/10_percent", step] <= middle[0]
        assert middle[1] <= found["loss/90_percent", step] <= max(loss)
    assert strict_json(mer_jax("tensorboard", "run", "--out=other", "--json")[1]) == {"folder": "other", "epochs": 2}


def test_without_its_package_tensorboard_says_so_before_anything(run_here, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    refused(["tensorboard", "run"], "tensorboardX", "not installed", 'pip install "mer_jax[tensorboard]"')


def test_a_profile_changes_no_prediction_and_says_where_the_time_goes(here, mer_jax, finished, refused):
    status, out, _ = mer_jax(*tiny("--out=run", "--profile"))
    assert status == 0 and out.splitlines()[-1] == "report: run/report.html"
    assert Path("run/predictions.csv").read_bytes() == (finished / "run/predictions.csv").read_bytes()
    first = out.splitlines()[0]
    assert first.startswith("one epoch of 6 runs: ") and first.endswith(" an operator runs")
    rows = [line.split(",") for line in Path("run/profile/operators.csv").read_text().splitlines()]
    assert rows[0] == ["kind", "share", "seconds", "calls"] and len(rows) > 5
    shares = [float(share) for _, share, _, _ in rows[1:]]
    assert sum(shares) == pytest.approx(1, abs=1e-4) and shares == sorted(shares, reverse=True)
    assert len(list(Path("run/profile").rglob("*.xplane.pb"))) == len(list(Path("run/profile").rglob("*.trace.json.gz"))) == 1
    refused(tiny("--out=run", "--profile"), "run: finished", "--fresh")
    shutil.rmtree("run")


def test_the_profile_as_json_and_fresh_removes_it(here, mer_jax):
    found = strict_json(mer_jax(*tiny("--out=run", "--profile", "--json"))[1])["profile"]
    assert sum(row["share"] for row in found["operators"]) == pytest.approx(1)
    assert 0 < found["busy"] <= 1 and found["seconds"] > 0 and found["runs"] == 6 and Path(found["trace"]).is_file()
    assert "profile" not in strict_json(Path("run/metrics.json").read_text())
    assert mer_jax(*tiny("--out=run", "--fresh"))[0] == 0 and not Path("run/profile").exists()
