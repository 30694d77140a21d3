"""What the TFDS builders of all licensed databases share; a data set itself is facts (`data_set.DataSet`)."""

import importlib.util
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.dataset_builder import FileReaderBuilder

from mer_jax.data.emotion_labels import OBJECTIVE_OF_MEGC2018, SCHEMES
from mer_jax.folder_lock import locked
from mer_jax.mistakes import UserMistake
from mer_jax.progress_bar import ProgressBar
from mer_jax.whole_files import write_json
from tfds_builders.annotated.annotation import APEX_SOURCES
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.clips_on_disk import key_frames, moving_frames
from tfds_builders.copy_report import FILE, report
from tfds_builders.data_set import DataSet
from tfds_builders.database import Database
from tfds_builders.extent import Extent
from tfds_builders.gathering import Taken, gathered, none_can_be_stored, shown
from tfds_builders.licensed_copy.index import index_copy
from tfds_builders.options import STORES, Options
from tfds_builders.preparing import FACE, MOVING, Preparation, preparation
from tfds_builders.records import record
from tfds_builders.shards import Parts, Shard, cut_into_shards, parts_folder, remove_remains

NUMBER = "1.0.0"
SPLIT = "clips"
TEXTS = ("apex_raw", "dataset", "subject", "clip", "clip_id", "emotion_raw", "au_raw", "self_report", "frames_kind",
         "source_file", "annotation_row")
INTEGERS = ("onset", "apex", "offset", "objective_class", "height", "width", "missing_frames")
INDICES = ("onset_index", "apex_index", "offset_index")


class Config(tfds.core.BuilderConfig):
    """Whole expressions, their key frames, or their flow, of one kind of frames, with a user's options."""

    def __init__(self, options: Options):
        how = ("faces of {} x {}".format(*(options.size or FACE)) if options.faces else
               "brought to {} x {}".format(*(options.size or MOVING)) if options.store == "flow" else "as on disk")
        does = f"{STORES[options.store]}, {options.frames or 'the best kind that the copy has'}, {how}"
        super().__init__(name=f"{options.store}{options.suffix()}", version=tfds.core.Version(NUMBER),
                         description=f"{does}{f', of the part {options.part}' if options.part else ''}.")
        self.options = options


def configs(data_sets: Sequence[DataSet]) -> list[Config]:
    """`frames`, `keyframes` and `flow`, of the best kind that a copy has, and of each kind that all databases have, by its
    name; of every part."""
    return [Config(Options(frames=kind, part=data_set.part if number else "", store=store)) for store in STORES
            for number, data_set in enumerate(data_sets) for kind in ("", *common_kinds(data_set))]


def common_kinds(data_set: DataSet) -> list[str]:
    """The kinds of frames that every database of a data set has."""
    first, *others = (database.kinds() for database in data_set.databases)
    return [kind for kind in first if all(kind in kinds for kinds in others)]


def instructions(data_sets: Sequence[DataSet]) -> str:
    """What TFDS prints where the copies are not there."""
    return "\n".join(f"{database.title} is licensed: ask for it at {database.licence_page}, and put your copy into manual_dir "
                     f"or manual_dir/{database.name}, in any depth of folders: {database.layout}."
                     for data_set in data_sets for database in data_set.databases)


class LicensedBuilder(FileReaderBuilder, skip_registration=True):
    """A data set from copies in manual_dir, in manual_dir/DATABASE, or in the folders `sources`, by database.

    DATA_SETS: its parts, the first being what is built unless a config names another. After a build `findings` says what was
    found wrong and done, and `taken` which clips it has. Where no file format is named, and TensorFlow is not installed, it is
    array_record, which mer_jax reads; TFDS's own choice wants TensorFlow to be written and read.
    """

    VERSION = tfds.core.Version(NUMBER)
    RELEASE_NOTES = {NUMBER: "First version: frames from onset to offset, key frames, or flow; as on disk, or faces."}
    DATA_SETS: tuple[DataSet, ...]

    def __init__(self, *, file_format=None, sources: Mapping[str, str] | None = None, **words):
        self.findings, self.expected, self.taken, self._sources = Findings(), [], [], sources
        self.extent = Extent()
        self._data_set: DataSet | None = None
        usual = None if importlib.util.find_spec("tensorflow") else "array_record"
        super().__init__(file_format=file_format or usual, **words)

    @classmethod
    def data_set_for(cls, options: Options, sources: Mapping[str, Path] | None) -> DataSet:
        """The part that the options name, the first where they name none; of a user's own table what the sources tell."""
        return next(one for one in cls.DATA_SETS if options.part in ("", one.part))

    @property
    def data_set(self) -> DataSet:
        if self._data_set is None:
            self._data_set = self.data_set_for(self.builder_config.options, self._sources)
        return self._data_set

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(features=features_of(self.data_set, self.builder_config.options),
                                              homepage=self.data_set.licence_page, disable_shuffling=True)

    def download_and_prepare(self, **words) -> None:
        """As TFDS has it; the config's folder is this process's alone until the end."""
        root, home, number = Path(self.data_dir_root), Path(self.data_dir).parent, str(self.version)
        root.mkdir(parents=True, exist_ok=True)
        with locked(root, f".{self.name}.{home.name}.lock"):
            remove_remains(home, number)
            super().download_and_prepare(**words)
            shutil.rmtree(parts_folder(home, number), ignore_errors=True)

    def _download_and_prepare(self, dl_manager, download_config=None) -> None:
        data_set, options, folder = self.data_set, self.builder_config.options, Path(self.data_dir)
        self.findings, self.taken, self.extent = Findings(), [], Extent()
        sources = {database.name: Path(self._sources[database.name]) if self._sources
                   else source_folder(Path(dl_manager.manual_dir), database) for database in data_set.databases}
        copies = {name: index_copy(source, Findings()).digest() for name, source in sources.items()}
        self.expected, taken = gathered(data_set, sources, options, self.findings)
        if options.store == "flow" and not options.faces and any(one.clip.kind != "cropped" for one in taken):
            self.findings.note(data_set.title, "flow of whole pictures, what is around the face with it, brought to {} x {} "
                               "first; --faces=FILE cuts the faces out".format(*(options.size or MOVING)))
        taken = cut_all(taken, options.store, data_set.title, self.findings)
        limit = getattr(download_config, "max_examples_per_split", None)
        if limit == 0:
            raise UserMistake("max_examples_per_split=0: wanted at least one clip")
        taken = taken[:limit]
        prepare = preparation(options, data_set.databases, taken, self.findings)
        parts = parts_folder(folder.parent, str(self.version))
        self._write(taken, prepare, Parts(parts, {
            "copies": copies, "options": [options.suffix(), options.store], "clips": len(taken),
            "format": str(self.info.file_format)}, tfds.core.ExampleWriter(self.info.file_format)))
        if not self.taken:
            shutil.rmtree(parts)
            raise none_can_be_stored(taken, self.findings)
        found = report(data_set, self.expected, [one.labelled for one in self.taken], self.findings,
                       self.extent if self.extent.lengths else None)
        found |= {"copies": copies} | ({} if limit is None else {"limit": limit})
        write_json(folder / FILE, found)

    def _write(self, taken: list[Taken], prepare: Preparation, parts: Parts) -> None:
        """Every shard, those that an earlier build left, the others made; then they are the split."""
        shards = []
        with ProgressBar(len(taken), self.data_set.title) as bar:
            for number, clips in enumerate(cut_into_shards(taken)):
                shard = parts.kept(number)
                if shard:
                    bar.skip(len(clips))
                else:
                    shard = self._shard(parts, number, taken, clips, prepare, bar)
                for finding in shard.findings:
                    self.findings.again(*finding)
                for extent in shard.extents:
                    self.extent.add(*extent)
                self.taken += [taken[clip] for clip in shard.clips]
                shards.append(shard)
        self.info.set_splits(tfds.core.SplitDict([parts.hand_over(shards, self._get_filename_template(SPLIT))]))

    def _shard(self, parts: Parts, number: int, taken: list[Taken], clips: range, prepare: Preparation,
               bar: ProgressBar) -> Shard:
        """One shard, written."""
        findings, held, extents = Findings(), [], []
        serializer = tfds.core.ExampleSerializer(self.info.features.get_serialized_info())

        def records() -> Iterator[bytes]:
            for clip, read in shown([taken[clip] for clip in clips], findings, bar):
                one = taken[clips[clip]]
                if (ready := prepare(one, read, findings)) is None:
                    continue
                held.append(clips[clip])
                if "frames" in self.info.features:
                    extents.append(list(ready.shown.extent))
                made = record(one.database, one.clip, ready.shown, one.label, self.data_set.schemes()) | ready.features
                example = serializer.get_tf_example(self.info.features.encode_example(
                    {name: made[name] for name in self.info.features}))
                yield example.SerializeToString(deterministic=True)

        written = parts.write(number, records())
        return parts.finish(number, Shard(*written, held, extents, [list(one) for one in findings]))


def source_folder(manual: Path, database: Database) -> Path:
    """manual_dir/NAME where that holds a copy, as one manual_dir for all data sets has it; else manual_dir itself."""
    below = manual / database.name
    found = index_copy(below, Findings()) if below.is_dir() else None
    return below if found and found.folders and (found.tables or not database.tables) else manual


def cut_all(taken: Sequence[Taken], store: str, title: str, findings: Findings) -> list[Taken]:
    """The clips with the frames that are read of them. Raises UserMistake where flow is wanted, and none has two for it."""
    if store == "frames":
        return list(taken)
    frames = {"keyframes": key_frames, "flow": moving_frames}[store]
    cut = [one._replace(clip=clip) for one in taken if (clip := frames(one.clip, findings)) is not None]
    if not cut:
        raise UserMistake(f"{taken[0].copy.root}: none of {len(taken)} clips of {title} has an onset and an apex that are two "
                          f"frames, such as {taken[0].clip.place}")
    return cut


def features_of(data_set: DataSet, options: Options) -> tfds.features.FeaturesDict:
    """The features of a clip, alike for every licensed database; what one has not is -1, 0 or empty."""
    F = tfds.features
    name = data_set.databases[0].name
    stored = {"frames": F.Sequence(F.Image(shape=(None, None, 3))), "frame_numbers": F.Sequence(np.int32),
              **dict.fromkeys(INDICES, np.int32)}
    if options.faces:
        stored["landmarks"] = F.Tensor(shape=(68, 2), dtype=np.float32)
    if options.store == "flow":
        stored = {"flow": F.Tensor(shape=(28, 28, 3), dtype=np.uint8), "flow_coding": F.Text()}
    return F.FeaturesDict({
        **stored, **dict.fromkeys(INTEGERS, np.int32), **{name: F.Text() for name in TEXTS},
        "apex_source": F.ClassLabel(names=list(APEX_SOURCES)), "fps": np.float32,
        "emotion": F.ClassLabel(names=list(data_set.classes)),
        **{f"label{count}": F.ClassLabel(names=list(SCHEMES[name, count].classes)) for count in data_set.schemes()},
        "objective5": F.ClassLabel(names=list(OBJECTIVE_OF_MEGC2018)),
        "aus": F.Sequence(np.int32), "au_sides": F.Sequence(F.ClassLabel(names=["both", "left", "right"])),
        "au_certain": F.Sequence(np.bool_), **dict.fromkeys(("in_megc2019", "in_megc2018", "color"), np.bool_),
    })
