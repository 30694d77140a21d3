"""The house: a floor imports only what stands below it, and training needs neither tfds, ml_collections nor orbax."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "mer_jax"
FLOORS = ["mistakes", "progress_bar", "whole_files", "folder_lock", "metrics", "data", "motion", "faces", "light", "synthetic",
          "models", "training", "loading", "evaluation", "stored_flow", "sweeps", "backend", "config_keys", "settings",
          "config_reading", "commands", "command_line"]


def floor_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return {name for name in found if name.split(".")[0] in ("mer_jax", "tfds_builders", "experiments")}


@pytest.mark.parametrize("path", sorted(p for p in ROOT.rglob("*.py") if p != ROOT / "__init__.py"),
                         ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down_only(path):
    here = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert here in FLOORS, f"{here} is not a floor of the house"
    for module in imports_of(path):
        assert not module.startswith("experiments"), f"{path.name} imports {module}"
        if module.startswith("tfds_builders"):
            assert here == "loading"
            continue
        below = floor_of(module)
        assert FLOORS.index(below) <= FLOORS.index(here), f"{path.name} on floor {here} imports {module} above it"


@pytest.mark.parametrize("path", sorted((ROOT.parent / "tfds_builders").rglob("*.py")),
                         ids=lambda p: f"{p.parent.name}/{p.name}")
def test_builders_import_nothing_above_synthetic(path):
    for module in imports_of(path):
        if module.startswith("mer_jax"):
            assert FLOORS.index(floor_of(module)) <= FLOORS.index("synthetic"), f"{path.name} imports {module}"


def test_training_imports_where_tfds_ml_collections_and_orbax_are_absent():
    code = ("import sys\n"
            "for name in ('tensorflow_datasets', 'ml_collections', 'orbax', 'array_record', 'tensorflow'):\n"
            "    sys.modules[name] = None\n"
            "import mer_jax, mer_jax.metrics, mer_jax.data.from_table, mer_jax.data.from_tfds, mer_jax.models\n"
            "import mer_jax.models.torch_weights, mer_jax.training.many_runs, mer_jax.training.data_parallel\n"
            "print('imported')")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "imported\n", done.stderr


def test_networks_are_short():
    long = {p.name: n for p in (ROOT / "models").glob("*.py") if (n := len(p.read_text().splitlines())) > 150}
    assert not long
