import importlib
import sys
from pathlib import Path

import pytest

STUDIES = Path(__file__).parents[2] / "experiments" / "studies"


@pytest.fixture(scope="session")
def studies():
    """A module of experiments/studies by its name."""
    sys.path.insert(0, str(STUDIES))
    yield importlib.import_module
    sys.path.remove(str(STUDIES))
