"""A benchmark that is killed at any moment and started again ends with the same predictions, byte for byte."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

KILLS = 10
STOPPED = ("stopped; the same command goes on from here", "stopped; nothing was written yet")
CONFIG = """from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.table = "clips.csv"
    config.epochs = 80
    config.seeds = 2
    config.selection = "inner"
    config.checkpoint_seconds = 0.3
    return config
"""


class Benchmark:
    """The command in a folder of its own, on one CPU device: 12 runs, one after the other."""

    def __init__(self, folder: Path, clips):
        self.folder = folder
        (folder / "flow").mkdir()
        (folder / "killed.py").write_text(CONFIG)
        lines = ["dataset,subject,clip,emotion,flow"]
        for key, label, image in zip(clips.ids, clips.label, clips.flow, strict=True):
            name = f"flow/{key.replace('/', '_')}.png"
            Image.fromarray(image).save(folder / name)
            lines.append(f"{key.replace('/', ',')},{clips.classes[label]},{name}")
        (folder / "clips.csv").write_text("\n".join(lines) + "\n")
        self.environment = {**os.environ, "JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "1",
                            "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
                            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}

    def start(self, out: str) -> subprocess.Popen:
        code = "from mer_jax.command_line import main; main()"
        words = ["benchmark", "--config=killed.py", f"--out={out}"]
        return subprocess.Popen([sys.executable, "-c", code, *words], cwd=self.folder, env=self.environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, out: str) -> tuple[bytes, float]:
        """Runs to the end; gives predictions.csv and the seconds it took."""
        begun, process = time.monotonic(), self.start(out)
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert "refused" not in err, err
        return (self.folder / out / "predictions.csv").read_bytes(), time.monotonic() - begun

    def kill(self, out: str, after: float, number: signal.Signals) -> int:
        """Starts the run and sends it the signal so many seconds later; gives the epochs it had logged by then."""
        process = self.start(out)
        time.sleep(after)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert "Traceback" not in err, err
        started, ended = (self.folder / out).exists(), (self.folder / out / "report.html").exists()
        if number == signal.SIGKILL:
            assert process.returncode in (-signal.SIGKILL, 0)
        elif process.returncode == -signal.SIGTERM:                           # Python itself was still starting, or leaving
            assert ended or not started, err
        else:
            assert process.returncode in (128 + signal.SIGTERM, 0), err
            assert process.returncode == 0 or err.splitlines()[-1] in STOPPED
        log = self.folder / out / "log.jsonl"
        return log.read_text().count('"epoch"') if log.exists() else 0


@pytest.mark.slow
def test_ten_kills_change_nothing(tmp_path, clips):
    benchmark, moment = Benchmark(tmp_path, clips), random.Random(0)
    benchmark.finish("first")                                                # fills the cache of compiled functions
    reference, seconds = benchmark.finish("reference")
    logged = []
    for k in range(KILLS):
        after = seconds * (k + moment.random()) / KILLS
        logged.append(benchmark.kill(f"run{k}", after, (signal.SIGTERM, signal.SIGKILL)[k % 2]))
        assert benchmark.finish(f"run{k}")[0] == reference, f"killed after {after:.2f} of {seconds:.2f} s"
    assert len(set(logged)) >= 3, f"the kills fell into too few different epochs: {logged}"
