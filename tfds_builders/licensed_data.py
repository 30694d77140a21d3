"""Looking at a licensed copy, and building a data set from it: what `mer-jax data check` and `mer-jax data build` do."""

import contextlib
import fcntl
import importlib
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from mer_jax.mistakes import UserMistake, nearest
from mer_jax.progress_bar import ProgressBar
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.annotations import annotations
from tfds_builders.clips_on_disk import clips_on_disk
from tfds_builders.copy_report import FILE, report
from tfds_builders.licensed_copy.index import index_copy
from tfds_builders.options import Options
from tfds_builders.records import nothing_shown, shown_clips

NAMES = ("casme2", "samm")
RESERVED = ("casme", "casme_squared", "casme3", "samm_long", "mmew", "fourdme", "dfme", "ckplus", "cd6me")


def builder_class(name: str) -> type:
    """The TFDS builder of a database. Raises UserMistake for a name that is none's."""
    if name in RESERVED:
        raise UserMistake(f"data set {name!r} cannot be built yet; there are: {', '.join(NAMES)}")
    if name not in NAMES:
        raise UserMistake(f"data set {name!r} is not known{nearest(name, NAMES)}; there are: {', '.join(NAMES)}")
    return importlib.import_module(f"tfds_builders.{name}").Builder


def options_of(frames: str, table: str, patches: str, apexes: str) -> Options:
    """The options that a command's words name. Raises UserMistake where the file of apexes is not there."""
    if apexes and not Path(apexes).is_file():
        raise UserMistake(f"--apexes={apexes}: no such file; wanted a table of subject, clip and apex")
    names = tuple(sorted(part.strip() for part in patches.split(",") if part.strip()))
    return Options(frames, table, names or None, apexes)


def source_of(name: str, sources: Sequence[str]) -> Path:
    """The folder of DIR or NAME=DIR."""
    if len(sources) != 1:
        raise UserMistake(f"{len(sources)} times --source; wanted one folder of {name}")
    before, sign, behind = sources[0].partition("=")
    return Path(behind if sign and before == name else sources[0])


def check(name: str, sources: Sequence[str], options: Options, tables_alone: bool = False) -> dict:
    """What a build would find in a copy, every image read, nothing written: see `report`.

    tables_alone: only the annotation is read; clips are then counted whether their frames are there or not.
    Raises UserMistake where nothing can be built.
    """
    database, findings = builder_class(name).DATABASE, Findings()
    copy = index_copy(source_of(name, sources), findings)
    if tables_alone:
        return report(database, annotations(database, copy, options, findings), findings)
    clips, whole = clips_on_disk(database, copy, options, findings), []
    with ProgressBar(len(clips), f"{database.title}: reading") as bar:
        for clip, shown in shown_clips(clips, copy, findings):
            bar.advance()
            if shown is not None:
                whole.append(clip.annotation)
    if not whole:
        raise UserMistake(nothing_shown(copy, clips))
    return report(database, whole, findings)


def build(name: str, sources: Sequence[str], out: Path, options: Options) -> dict:
    """Builds a data set below `out`; gives its `report` with "folder", and whether it was "built_already".

    A folder of the data set is there whole or not at all; what a killed build left is removed by the next.
    """
    import tensorflow_datasets as tfds

    from tfds_builders.licensed_builder import Config

    made, source = builder_class(name), source_of(name, sources)
    if out.exists() and not out.is_dir():
        raise UserMistake(f"--out={out}: is a file; wanted a folder")
    out.mkdir(parents=True, exist_ok=True)
    said = io.StringIO()                                          # TFDS announces itself; the builder has a bar of its own
    with contextlib.redirect_stdout(said), open(out / f".{name}.lock", "w") as alone:
        try:
            fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserMistake(f"{out}: another process builds {name} there now") from None
        known = {config.name for config in made.BUILDER_CONFIGS}
        config = config.name if (config := Config(options)).name in known else config
        builder = made(config=config, data_dir=out, source=str(source))
        folder = Path(builder.data_dir)
        if (folder / "dataset_info.json").is_file():
            return {**built_report(folder), "built_already": True}
        for left in folder.parent.glob(f"incomplete.*_{folder.name}"):
            shutil.rmtree(left)
        tfds.disable_progress_bar()
        try:
            builder.download_and_prepare()
        finally:
            tfds.enable_progress_bar()
    return {**built_report(folder), "built_already": False}


def built_report(folder: Path) -> dict:
    """The report that a build left beside its data, with "folder". Raises UserMistake where it is damaged."""
    try:
        return {**json.loads((folder / FILE).read_text(encoding="utf-8")), "folder": str(folder)}
    except (OSError, ValueError) as error:
        raise UserMistake(f"{folder / FILE}: cannot be read ({error}); remove {folder} and build again") from None
