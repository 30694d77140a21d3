import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SPEED = Path(__file__).parents[2] / "experiments" / "speed"


@pytest.fixture(scope="session")
def speed():
    """A module of experiments/speed by its name."""
    sys.path.insert(0, str(SPEED))
    yield importlib.import_module
    sys.path.remove(str(SPEED))


@pytest.fixture
def answers_of(tmp_path):
    """Starts a peer in an arrangement and gives its answers to the orders."""

    def answers(script: str, words: str, data: dict, check: dict, *orders: dict) -> list[dict]:
        np.savez(tmp_path / "data.npz", **data)
        np.savez(tmp_path / "check.npz", **check)
        lines = [{"check": str(tmp_path / "check.npz")}, *orders]
        done = subprocess.run([sys.executable, SPEED / script, tmp_path, words, "0", "1", "1"], text=True, check=False,
                              input="".join(json.dumps(line) + "\n" for line in lines), capture_output=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return [json.loads(line) for line in done.stdout.splitlines()[1:]]

    return answers
