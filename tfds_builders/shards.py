"""The records of a data set in files, a shard at a time; a shard that is whole outlives a build that is stopped.

TFDS gathers what a build wrote in a folder that it throws away when the build fails. So shards are made in a folder beside,
`.VERSION.parts`, linked into TFDS's when all are there, and removed when TFDS has given its folder its name.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import tensorflow_datasets as tfds

from mer_jax.mistakes import UserMistake
from mer_jax.whole_files import read_json, write_json
from tfds_builders.gathering import Taken

FRAMES, CLIPS = 1024, 32                                         # of a shard: as many frames, or up to one clip more; or clips


class Shard(NamedTuple):
    """What is known of a shard beside its file. digest: sha256 of it, and bytes: its size. clips: which of the data set's it
    holds; extents: (frames, height, width) of each. findings: (kind, place, text) of what was wrong with their frames."""

    digest: str
    bytes: int
    clips: list[int]
    extents: list[list[int]]
    findings: list[list[str]]


def cut_into_shards(taken: Sequence[Taken]) -> list[range]:
    """Which clips go into which shard, in their order."""
    ends, frames = [0], 0
    for number, one in enumerate(taken):
        frames += len(one.clip.files)
        if frames >= FRAMES or number + 1 - ends[-1] == CLIPS or number == len(taken) - 1:
            ends.append(number + 1)
            frames = 0
    return [range(first, end) for first, end in zip(ends, ends[1:], strict=False)]


class Parts:
    """The folder of a build's shards, which is held by this process alone.

    made_of: what they depend on; shards of anything else are thrown away.
    """

    def __init__(self, folder: Path, made_of: dict, writer: tfds.core.ExampleWriter):
        self._folder, self._writer = folder, writer
        folder.mkdir(parents=True, exist_ok=True)
        made_of = {**made_of, "code": sources_digest(), "versions": {name: version(name) for name in DECISIVE}}
        if not is_of(folder, made_of):
            shutil.rmtree(folder)
            folder.mkdir()
            write_json(folder / "made_of.json", made_of)

    def kept(self, number: int) -> Shard | None:
        """A shard that an earlier build made, if it is whole to the bit."""
        try:
            shard = Shard(**read_json(self._path(number, ".json")))
            return shard if digest_of(self._path(number)) == shard.digest else None
        except (UserMistake, OSError, TypeError):
            return None

    def write(self, number: int, records: Iterable[bytes]) -> tuple[str, int]:
        """A shard's file; gives its digest and size. It counts as made when `finish` was called for it."""
        path = self._path(number)
        try:
            self._writer.write(path, enumerate(records))
        except RuntimeError as error:                             # array_record's word for what the system refused
            raise UserMistake(f"{path}: cannot be written ({error})") from error
        with path.open("rb") as file:
            os.fsync(file.fileno())
        return digest_of(path), path.stat().st_size

    def finish(self, number: int, shard: Shard) -> Shard:
        write_json(self._path(number, ".json"), shard._asdict())
        return shard

    def hand_over(self, shards: Sequence[Shard], template: tfds.core.ShardedFileTemplate) -> tfds.core.SplitInfo:
        """The shards that hold a clip where TFDS wants them: linked, or copied where links cannot be had."""
        held = [number for number, shard in enumerate(shards) if shard.clips]
        for place, number in enumerate(held):
            path = template.sharded_filepath(shard_index=place, num_shards=len(held))
            try:
                os.link(self._path(number), path)
            except OSError:
                shutil.copyfile(self._path(number), path)
        return tfds.core.SplitInfo(name=template.split, shard_lengths=[len(shards[number].clips) for number in held],
                                   num_bytes=sum(shards[number].bytes for number in held), filename_template=template)

    def _path(self, number: int, suffix: str = "") -> Path:
        return self._folder / f"{number}{suffix}"


DECISIVE = ("numpy", "pillow", "jax", "jaxlib", "tensorflow-datasets", "array_record")    # what a shard's bytes depend on


def parts_folder(home: Path, number: str) -> Path:
    """Of the build of a version, below the folder of its config."""
    return home / f".{number}.parts"


def remove_remains(home: Path, number: str) -> None:
    """What killed builds left to TFDS. The config's folder is held by this process."""
    for left in home.glob(f"incomplete.*_{number}"):
        shutil.rmtree(left, ignore_errors=True)


def is_of(folder: Path, made_of: dict) -> bool:
    with contextlib.suppress(UserMistake):
        return read_json(folder / "made_of.json") == made_of
    return False


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sources_digest() -> str:
    """sha256 of the sources of the builders and of the library."""
    root, found = Path(__file__).parents[1], hashlib.sha256()
    for folder in ("mer_jax", "tfds_builders"):
        for path in sorted((root / folder).rglob("*.py")):
            found.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return found.hexdigest()
