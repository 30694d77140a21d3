"""A rendered data set is built once, whoever asks for it at the same time."""

import subprocess
import sys

BUILDER = '''"""A builder that takes a while, and says when it begins and ends."""
import os, time
from pathlib import Path

class Config:
    name = "easy"

class Builder:
    BUILDER_CONFIGS = [Config]

    def __init__(self, config, data_dir, file_format):
        self.data_dir = Path(data_dir)

    def download_and_prepare(self):
        log = self.data_dir / "log"
        if (self.data_dir / "built").exists():
            return
        with open(log, "a") as file:
            file.write(f"begin {os.getpid()}\\n")
        time.sleep(1)
        (self.data_dir / "built").touch()
        with open(log, "a") as file:
            file.write(f"end {os.getpid()}\\n")
'''
ASK = "from mer_jax import loading; loading.RENDERED['slow'] = 'slow_builder'; loading.rendered('slow', '')"


def test_of_three_processes_one_builds_and_the_others_find_it_built(tmp_path, monkeypatch):
    (tmp_path / "slow_builder.py").write_text(BUILDER)
    monkeypatch.setenv("MER_JAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", ":".join([str(tmp_path), *sys.path]))
    started = [subprocess.Popen([sys.executable, "-c", ASK], stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(process.wait(), process.stderr.read()) for process in started] == [(0, "")] * 3
    log = (tmp_path / "cache" / "tfds" / "log").read_text().split()
    assert log[::2] == ["begin", "end"] and log[1] == log[3]
