"""`load`: one's own table, a built TFDS folder, or faces rendered at the first use, as Clips."""

import contextlib
import fcntl
import importlib
import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from mer_jax.data.clips import Clips
from mer_jax.data.from_table import clips_from_table
from mer_jax.data.from_tfds import clips_from_tfds
from mer_jax.data.resizing import size_of
from mer_jax.mistakes import UserMistake, nearest

RENDERED = {"synthme": "tfds_builders.synthme"}
SOURCES = {
    "synthme": "rendered faces, made at the first use: synthme/easy (synthme alone is that), casme2_like, samm_like, "
               "smic_like, megc2019_like, full_size; for last scores easy_fresh, casme2_like_fresh, easy_crowd "
               "(--config.data.name=)",
    "table": "a CSV of one's own: dataset, subject, clip, emotion, and flow and/or frames (--config.data.table=FILE.csv)",
    "casme2, samm, smic": "licensed databases, once mer-jax data build has built them (--config.data.name=)",
    "megc2019, megc2018": "the composites of the three, built likewise (--config.data.name=)",
    "tfds": "any built TFDS folder, read without TensorFlow (--config.data.name=FOLDER)",
}


def is_table(source: str | Path) -> bool:
    """Whether a source is a table by its name; if not, it is a folder."""
    return Path(source).suffix.lower() in (".csv", ".tsv", ".txt")


def load(source: str | Path, classes: tuple[str, ...] | None = None, *, root: str | Path | None = None,
         label: str | None = None, split: str | None = None, size: object = None) -> Clips:
    """Clips from a CSV file (see `data/from_table`), from the folder of a built TFDS data set (`data/from_tfds`), by the name
    of a rendered one ("synthme", "synthme/casme2_like"), which is built into the user's cache at its first use, or by that of
    a licensed one ("casme2", "casme2/frames_cropped") that `mer-jax data build` has built into TFDS's own folder.

    classes: the class names in their order; None takes a table's emotions, sorted, or the names that TFDS stores.
    root: of a table alone: the folder that its paths start from; None is the table's own.
    label, split: of a TFDS folder alone: which ClassLabel (where None "emotion", of synthme "label3"), and which split
        (the only one).
    size: (height, width), or "112x112": what every frame is brought to as it is read. Without it they are of one size.

    Raises UserMistake in one line where the source is neither, or an option belongs to the other kind.
    """
    path = Path(source)
    strange = {"label": label, "split": split} if is_table(path) else {"root": root}
    for name, value in strange.items():
        if value is not None:
            kind = "table" if is_table(path) else "TFDS folder"
            raise UserMistake(f"{source}: {name}={str(value)!r} does not go with a {kind}")
    size = None if size is None else size_of(size, "size")
    if is_table(path):
        return clips_from_table(path, classes, root, size)
    if path.is_dir():
        return clips_from_tfds(path, label or "emotion", split, classes, size)
    name, _, tier = str(source).partition("/")
    if name in RENDERED:
        return clips_from_tfds(rendered(name, tier), label or "label3", split, classes, size)
    licensed = licensed_data()[0].NAMES
    if name in licensed:
        return clips_from_tfds(built(name, tier), label or "emotion", split, classes, size)
    raise UserMistake(f"{source}: neither a .csv table, nor the folder of a built TFDS data set, nor one "
                      f"of {', '.join((*RENDERED, *licensed))}")


def data_folder() -> Path:
    """Where TFDS keeps what it builds: $TFDS_DATA_DIR, or tensorflow_datasets in the user's home."""
    return Path(os.environ.get("TFDS_DATA_DIR") or Path.home() / "tensorflow_datasets")


def built(name: str, config: str) -> Path:
    """The newest version of a licensed data set in TFDS's folder. Raises UserMistake where there is none, with the command."""
    found = sorted(data_folder().glob(f"{name}/{config or 'frames'}/*/dataset_info.json"),
                   key=lambda info: [int(part) for part in re.findall(r"[0-9]+", info.parent.name)])
    if not found:
        below = sorted({info.parents[1].name for info in data_folder().glob(f"{name}/*/*/dataset_info.json")})
        raise UserMistake(f"{name}/{config or 'frames'}: not built in {data_folder()} (found {', '.join(below) or 'none'}); "
                          f"build it with mer-jax data build {name} --source=DIR, or name the folder that it was built in")
    return found[-1].parent


def licensed_data() -> tuple[ModuleType, Callable[[dict], str]]:
    """What looks at licensed copies and builds data sets from them (check, build), and what makes text of their reports."""
    return (importlib.import_module("tfds_builders.licensed_data"),
            importlib.import_module("tfds_builders.copy_report").report_text)


def cache_folder() -> Path:
    """Where rendered data sets are kept: $MER_JAX_CACHE, or mer_jax in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("MER_JAX_CACHE") or Path(home) / "mer_jax")


def rendered(name: str, tier: str) -> Path:
    """The TFDS folder of a rendered data set, built into the cache where it is not there yet."""
    import tensorflow_datasets as tfds

    builder_class = importlib.import_module(RENDERED[name]).Builder
    tiers = [config.name for config in builder_class.BUILDER_CONFIGS]
    if tier and tier not in tiers:
        raise UserMistake(f"data set '{name}/{tier}' is not known{nearest(tier, tiers)}; "
                          f"there are: {', '.join(f'{name}/{t}' for t in tiers)}")
    folder = cache_folder() / "tfds"
    folder.mkdir(parents=True, exist_ok=True)
    builder = builder_class(config=tier or tiers[0], data_dir=folder, file_format="array_record")
    said = io.StringIO()                                          # TFDS announces itself; the builder has a bar of its own
    with contextlib.redirect_stdout(said), open(folder / f".{name}.lock", "w") as alone:
        tfds.disable_progress_bar()
        try:
            fcntl.flock(alone, fcntl.LOCK_EX)                     # of two that want to build it, the second finds it built
            builder.download_and_prepare()
        finally:
            tfds.enable_progress_bar()
    return Path(builder.data_dir)
