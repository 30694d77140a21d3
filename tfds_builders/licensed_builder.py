"""What the TFDS builders of all licensed databases share; a database itself is facts (`database.Database`)."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from mer_jax.data.emotion_labels import COUNTS, OBJECTIVE_OF_MEGC2018, scheme
from mer_jax.mistakes import UserMistake
from mer_jax.progress_bar import ProgressBar
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.annotations import APEX_SOURCES
from tfds_builders.clips_on_disk import ClipOnDisk, clips_on_disk
from tfds_builders.copy_report import FILE, report
from tfds_builders.database import Database
from tfds_builders.large_splits import large_splits_without_tensorflow, ordered_key
from tfds_builders.licensed_copy.index import Copy, index_copy
from tfds_builders.options import Options
from tfds_builders.records import nothing_shown, record, shown_clips

NUMBER = "1.0.0"
SPLIT = "clips"


class Config(tfds.core.BuilderConfig):
    """Whole expressions, onset to offset, of one kind of frames, with a user's options."""

    def __init__(self, options: Options):
        name = f"frames{options.suffix()}"
        does = f"Frames from onset to offset, {options.frames or 'the best kind that the copy has'}, as on disk."
        super().__init__(name=name, version=tfds.core.Version(NUMBER), description=does)
        self.options = options


def configs(database: Database) -> list[Config]:
    """`frames`, the best kind a copy has, and one for each kind by its name."""
    return [Config(Options(frames=kind)) for kind in ("", *database.kinds())]


class LicensedBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A database from a copy in manual_dir, in manual_dir/NAME, or in the folder `source`.

    After a build `findings` says what was found wrong and done, and `stored` which clips it has. Where no file format is
    named it is array_record, which is read without TensorFlow.
    """

    VERSION = tfds.core.Version(NUMBER)
    RELEASE_NOTES = {NUMBER: "First version: frames from onset to offset."}
    DATABASE: Database

    def __init__(self, *, file_format=None, source: str | None = None, **words):
        self.findings, self.stored, self._source = Findings(), [], source
        super().__init__(file_format=file_format or "array_record", **words)

    @staticmethod
    def instructions(database: Database) -> str:
        return (f"{database.title} is licensed: ask for it at {database.licence_page}, and put your copy into manual_dir (or "
                f"manual_dir/{database.name}), in any depth of folders: {database.layout}.")

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(features=features_of(self.DATABASE), homepage=self.DATABASE.licence_page,
                                              disable_shuffling=True)

    def _download_and_prepare(self, *args, **words) -> None:
        with large_splits_without_tensorflow():
            super()._download_and_prepare(*args, **words)
        found = report(self.DATABASE, [clip.annotation for clip in self.stored], self.findings)
        Path(self.data_dir, FILE).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

    def _split_generators(self, dl_manager):
        source = Path(self._source) if self._source else source_folder(Path(dl_manager.manual_dir), self.DATABASE.name)
        copy = index_copy(source, self.findings)
        clips = clips_on_disk(self.DATABASE, copy, self.builder_config.options, self.findings)
        return {SPLIT: self._generate_examples(copy, clips)}

    def _generate_examples(self, copy: Copy, clips: list[ClipOnDisk]) -> Iterator[tuple[int, dict]]:
        with ProgressBar(len(clips), self.DATABASE.title) as bar:
            for number, (clip, shown) in enumerate(shown_clips(clips, copy, self.findings)):
                bar.advance()
                if shown is not None:
                    self.stored.append(clip)
                    yield ordered_key(number, len(clips)), record(self.DATABASE, clip, shown)
        if not self.stored:
            raise UserMistake(nothing_shown(copy, clips))


def source_folder(manual: Path, name: str) -> Path:
    """manual_dir/NAME where that holds a table, as one manual_dir for all data sets has it; else manual_dir itself."""
    below = manual / name
    return below if below.is_dir() and index_copy(below, Findings()).tables else manual


def features_of(database: Database) -> tfds.features.FeaturesDict:
    """The features of a clip, alike for every licensed database; what a database has not is -1, 0 or empty."""
    F = tfds.features
    counted = {f"label{count}": F.ClassLabel(names=list(known.classes)) for count in COUNTS
               if (known := scheme(database.name, count)) is not None}
    texts = ("apex_raw", "dataset", "subject", "clip", "clip_id", "emotion_raw", "au_raw", "self_report", "frames_kind",
             "source_file", "annotation_row")
    integers = ("onset", "apex", "offset", "onset_index", "apex_index", "offset_index", "objective_class", "height", "width",
                "missing_frames")
    return F.FeaturesDict({
        "frames": F.Sequence(F.Image(shape=(None, None, 3))), "frame_numbers": F.Sequence(np.int32),
        **dict.fromkeys(integers, np.int32), **{name: F.Text() for name in texts},
        "apex_source": F.ClassLabel(names=list(APEX_SOURCES)), "fps": np.float32,
        "emotion": F.ClassLabel(names=list(database.classes)), **counted,
        "objective5": F.ClassLabel(names=list(OBJECTIVE_OF_MEGC2018)),
        "aus": F.Sequence(np.int32), "au_sides": F.Sequence(F.ClassLabel(names=["both", "left", "right"])),
        "au_certain": F.Sequence(np.bool_), **dict.fromkeys(("in_megc2019", "in_megc2018", "color"), np.bool_),
    })
