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


def load(source: str | Path, classes: tuple[str, ...] | None = None) -> Clips:
    """Clips from a CSV file (see `data/from_table`) or from the folder of a built TFDS data set.

    classes: the class names in their order, for a table; None takes the sorted emotions that the file holds.
    """
    path = Path(source)
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        return clips_from_table(path, classes)
    if path.is_dir():
        return clips_from_tfds(path)
    raise UserMistake(f"{source}: neither a .csv table nor the folder of a built TFDS data set")
