"""Looking at licensed copies, and building a data set from them: what `mer-jax data check` and `mer-jax data build` do."""

import contextlib
import dataclasses
import importlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

from mer_jax.data.resizing import size_of
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.progress_bar import ProgressBar
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.annotation_tables.workbook import SUFFIXES
from tfds_builders.copy_report import FILE, report
from tfds_builders.data_set import DataSet
from tfds_builders.extent import Extent
from tfds_builders.gathering import annotated, gathered, none_can_be_stored, shown
from tfds_builders.licensed_copy.index import index_copy
from tfds_builders.options import Options

LEAST = 8                                                        # pixels of a side in which a face can be seen
NAMES = ("casme2", "samm", "smic", "megc2019", "megc2018", "table")
RESERVED = ("casme", "casme_squared", "casme3", "samm_long", "mmew", "fourdme", "dfme", "ckplus", "cd6me")


def builder_class(name: str) -> type:
    """The TFDS builder of a data set. Raises UserMistake for a name that is none's."""
    if name in RESERVED:
        raise UserMistake(f"data set {name!r} cannot be built yet; there are: {', '.join(NAMES)}")
    if name not in NAMES:
        raise UserMistake(f"data set {name!r} is not known{nearest(name, NAMES)}; there are: {', '.join(NAMES)}")
    return importlib.import_module(f"tfds_builders.{name}").Builder


def options_of(frames: str, table: str, patches: str, apexes: str, part: str, store: str, faces: str, size: str) -> Options:
    """The options that a command's words name. Raises UserMistake where a file is not there, or a size does not fit."""
    for name, file, wanted in (("apexes", apexes, "a table of subject, clip and apex"),
                               ("faces", faces, "a landmarker's model, or a table of subject, clip, x_0, y_0 to x_67, y_67")):
        if file and not at_home(Path(file)).is_file():
            raise UserMistake(f"--{name}={file}: {'no' if at_home(Path(file)).exists() else 'no such'} file; wanted {wanted}")
    if faces and Path(faces).suffix.lower() not in (*SUFFIXES, ".task"):
        raise UserMistake(f"--faces={faces}: wanted a landmarker's model (.task), or a table ({', '.join(SUFFIXES)})")
    names = tuple(sorted(part.strip() for part in patches.split(",") if part.strip()))
    height, width = found = size_of(size, "--size") if size else (0, 0)
    if size and not faces and store != "flow":
        raise UserMistake(f"--size={size}: frames are stored as on disk, and brought to a size as they are read; wanted "
                          "--faces=FILE or --store=flow with it")
    if size and min(found) < LEAST:
        raise UserMistake(f"--size={size}: wanted {LEAST} pixels or more each way")
    if faces and height != width:
        raise UserMistake(f"--size={size}: crops of faces are square; wanted one such as {height}x{height}")
    return Options(frames, table, names or None, apexes and str(at_home(Path(apexes))), part, store,
                   faces and str(at_home(Path(faces))), found if size else None)


def data_set_of(name: str, options: Options) -> DataSet:
    """The part of a data set that the options name; the first where they name none. Raises UserMistake for another name."""
    parts = {one.part: one for one in builder_class(name).DATA_SETS}
    if options.part and options.part not in parts:
        raise UserMistake(f"--part={options.part}: {name} has {nearest(options.part, parts).strip() or 'no such part'}; "
                          f"there are: {', '.join(parts).strip(', ') or 'none'}")
    return parts[options.part] if options.part else next(iter(parts.values()))


def sources_of(data_set: DataSet, words: Sequence[str]) -> dict[str, Path]:
    """The folder of each database, of the words DIR (of one database) or DATABASE=DIR."""
    names = [database.name for database in data_set.databases]
    sources = {}
    for word in words:
        before, sign, behind = word.partition("=")
        name, folder = (before, behind) if sign and before in names else (names[0], word)
        if len(names) > 1 and folder == word:
            raise UserMistake(f"--source={word}: wanted one for each database, as in "
                              + " ".join(f"--source={name}=DIR" for name in names))
        if name in sources:
            raise UserMistake(f"--source={word}: a second folder of {name}, after {sources[name]}; wanted one")
        sources[name] = at_home(Path(folder))               # "~" behind "=" is not the shell's
    for name in names:
        if name not in sources:
            raise UserMistake(f"no source of {name}: wanted --source={name}=DIR")
    return sources


def at_home(path: Path) -> Path:
    """A path with "~" as a home folder. Raises UserMistake where there is no such person."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise UserMistake(f"{path}: no such home folder") from None


def check(name: str, words: Sequence[str], options: Options, tables_alone: bool = False) -> dict:
    """What a build would find in copies, every image read, nothing written: see `report`.

    words: see `sources_of`. tables_alone: only annotations are read; clips count whether their frames are there or not.
    Raises UserMistake where nothing can be built.
    """
    made, findings = builder_class(name), Findings()
    sources = sources_of(data_set_of(name, options), words)
    data_set = made.data_set_for(options, sources)
    if tables_alone:
        expected = annotated(data_set, sources, options, findings)
        return report(data_set, expected, expected, findings)
    expected, taken = gathered(data_set, sources, options, findings)
    whole, extent = [], Extent()
    with ProgressBar(len(taken), data_set.title) as bar:
        for number, found in shown(taken, findings, bar):
            extent.add(*found.extent)
            whole.append(taken[number].labelled)
    if not whole:
        raise none_can_be_stored(taken, findings)
    return report(data_set, expected, whole, findings, extent)


def build(name: str, words: Sequence[str], out: Path, options: Options) -> dict:
    """Builds a data set below `out`; gives its `report` with "folder", and whether it was "built_already".

    A folder of the data set is there whole or not at all; of a build that was stopped, the shards that are whole are used by
    the next (see `shards`).
    """
    import absl.logging
    import tensorflow_datasets as tfds

    made, first = builder_class(name), builder_class(name).DATA_SETS[0]
    sources, out = sources_of(data_set_of(name, options), words), at_home(out)
    if options.part == first.part:
        options = dataclasses.replace(options, part="")          # the part that is built unless another is named
    if out.exists() and not out.is_dir():
        raise UserMistake(f"--out={out}: is a file; wanted a folder")
    out.mkdir(parents=True, exist_ok=True)
    said = io.StringIO()                                          # TFDS announces itself; the builder has a bar of its own
    with contextlib.redirect_stdout(said):
        absl.logging.set_verbosity(absl.logging.ERROR)            # that a config is the user's own is no warning here
        builder = builder_with(made, options, out, sources)
        folder = Path(builder.data_dir)
        if (folder / "dataset_info.json").is_file():
            found = built_report(folder)
            if "limit" in found:
                raise UserMistake(f"{folder}: was built of the first {found['limit']} clips alone: name another --out, or "
                                  "remove the folder")
            for name, source in sources.items():
                if found.get("copies", {}).get(name) != index_copy(source, Findings()).digest():
                    raise UserMistake(f"{folder}: was built from another copy of {name} than {source}, or that was changed "
                                      "since: name another --out, or remove the folder")
            return {**found, "built_already": True}
        tfds.disable_progress_bar()
        try:
            builder.download_and_prepare()
        finally:
            tfds.enable_progress_bar()
    return {**built_report(folder), "built_already": False}


def builder_with(made: type, options: Options, out: Path, sources: dict[str, Path]):
    """A builder with a config of its own, or the one of that name which it comes with."""
    from tfds_builders.licensed_builder import Config

    config = Config(options)
    known = {one.name for one in made.BUILDER_CONFIGS}
    return made(config=config.name if config.name in known else config, data_dir=out, file_format="array_record",
                sources={name: str(folder) for name, folder in sources.items()})


def built_report(folder: Path) -> dict:
    """The report that a build left beside its data, with "folder". Raises UserMistake where it is damaged."""
    try:
        return {**json.loads((folder / FILE).read_text(encoding="utf-8")), "folder": str(folder)}
    except (OSError, ValueError) as error:
        raise UserMistake(f"{folder / FILE}: cannot be read ({error}); remove {folder} and build again") from None
