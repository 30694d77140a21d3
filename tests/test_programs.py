"""Every program in experiments/ starts: what it imports is there, and --help says how it is called."""

import runpy
import sys
from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
PROGRAMS = [path for path in sorted(EXPERIMENTS.rglob("*.py"))
            if all(word in path.read_text(encoding="utf-8") for word in ("__main__", "Command:"))]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_says_how_it_is_called(path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    monkeypatch.syspath_prepend(path.parent)                                       # as `python FILE.py` has it
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as end:
        assert end.code in (0, None)
    said = capsys.readouterr().out
    assert f"{path.name}" in said and len(said.splitlines()) > 3


def test_there_are_programs():
    wanted = {"enhancement", "agmenet_controls", "flow", "loso", "input", "ststnet_published_weights"}
    assert wanted <= {path.stem for path in PROGRAMS}
