"""Every program in experiments/ starts: what it imports is there, and --help says how it is called."""

import runpy
import sys
from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
PROGRAMS = [path for path in sorted(EXPERIMENTS.rglob("*.py")) if "__main__" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_says_how_it_is_called(path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as end:
        assert end.code in (0, None)
    said = capsys.readouterr().out
    assert f"{path.name}" in said and len(said.splitlines()) > 3


def test_there_are_programs():
    assert {"enhancement", "agmenet_controls", "flow"} <= {path.stem for path in PROGRAMS}
