import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

STUDIES = Path(__file__).parents[2] / "experiments" / "studies"


@pytest.fixture(scope="session")
def studies():
    """A module of experiments/studies by its name."""
    sys.path.insert(0, str(STUDIES))
    yield importlib.import_module
    sys.path.remove(str(STUDIES))


@pytest.fixture(scope="session")
def table(clips, tmp_path_factory):
    """The planted clips as the pictures of a table."""
    folder = tmp_path_factory.mktemp("planted")
    lines = ["dataset,subject,clip,emotion,flow"]
    for number, (key, label) in enumerate(zip(clips.ids, np.asarray(clips.label), strict=True)):
        Image.fromarray(np.asarray(clips.flow[number])).save(folder / f"{number}.png")
        lines.append(",".join((*key.split("/"), clips.classes[label], f"{number}.png")))
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder / "clips.csv"
