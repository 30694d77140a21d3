"""A tiny table, its config and the words to run it: what the tests of the commands share."""

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("negative", "positive", "surprise")
HEADER = ["dataset", "subject", "clip", "emotion", "flow"]
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


def tiny(*more: str) -> list[str]:
    return ["benchmark", "--config=tiny.py", *more]


def strict_json(text: str) -> dict:
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)
