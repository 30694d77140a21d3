"""`load`: one's own table, or a built TFDS folder, as Clips."""

from pathlib import Path

from mer_jax.data.clips import Clips
from mer_jax.data.from_table import clips_from_table
from mer_jax.data.from_tfds import clips_from_tfds
from mer_jax.mistakes import UserMistake

SOURCES = {
    "table": "a CSV of one's own: dataset, subject, clip, emotion, and flow and/or frames (--config.data.table=FILE.csv)",
    "tfds": "any built TFDS folder, read without TensorFlow (--config.data.name=FOLDER)",
}


def is_table(source: str | Path) -> bool:
    """Whether a source is a table by its name; if not, it is a folder."""
    return Path(source).suffix.lower() in (".csv", ".tsv", ".txt")


def load(source: str | Path, classes: tuple[str, ...] | None = None, *, root: str | Path | None = None,
         label: str | None = None, split: str | None = None) -> Clips:
    """Clips from a CSV file (see `data/from_table`) or from the folder of a built TFDS data set (`data/from_tfds`).

    classes: the class names in their order; None takes a table's emotions, sorted, or the names that TFDS stores.
    root: of a table alone: the folder that its paths start from; None is the table's own.
    label, split: of a TFDS folder alone: which ClassLabel ("emotion" where None), and which split (the only one).

    Raises UserMistake in one line where the source is neither, or an option belongs to the other kind.
    """
    path = Path(source)
    strange = {"label": label, "split": split} if is_table(path) else {"root": root}
    for name, value in strange.items():
        if value is not None:
            kind = "table" if is_table(path) else "TFDS folder"
            raise UserMistake(f"{source}: {name}={str(value)!r} does not go with a {kind}")
    if is_table(path):
        return clips_from_table(path, classes, root)
    if path.is_dir():
        return clips_from_tfds(path, label or "emotion", split, classes)
    raise UserMistake(f"{source}: neither a .csv table nor the folder of a built TFDS data set")
