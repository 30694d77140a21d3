"""The records of a data set in files, a shard at a time; a shard that is whole outlives a build that is stopped.

TFDS gathers what a build wrote in a folder that it throws away when the build fails. So shards are made in a folder beside,
`.VERSION.parts`, and go into TFDS's when all are there.
"""

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import tensorflow_datasets as tfds

from mer_jax.folder_lock import locked
from mer_jax.mistakes import UserMistake
from mer_jax.whole_files import read_json, write_json
from tfds_builders.gathering import Taken

FRAMES = 1024                                                    # of a shard, or up to one clip more


class Shard(NamedTuple):
    """What is known of a shard beside its file. bytes: its size. clips: which of the data set's it holds; extents: (frames,
    height, width) of each. findings: (kind, place, text) of what was wrong with their frames."""

    bytes: int
    clips: list[int]
    extents: list[list[int]]
    findings: list[list[str]]


def cut_into_shards(taken: Sequence[Taken]) -> list[range]:
    """Which clips go into which shard: as many as have FRAMES frames, in their order."""
    ends, frames = [0], 0
    for number, one in enumerate(taken):
        frames += len(one.clip.files)
        if frames >= FRAMES or number == len(taken) - 1:
            ends.append(number + 1)
            frames = 0
    return [range(first, end) for first, end in zip(ends, ends[1:], strict=False)]


class Parts:
    """The folder of a build's shards; see `parts_of`."""

    def __init__(self, folder: Path, writer: tfds.core.ExampleWriter):
        self._folder, self._writer = folder, writer

    def kept(self, number: int) -> Shard | None:
        """A shard that an earlier build made whole."""
        try:
            shard = Shard(**read_json(self._path(number, ".json")))
            return shard if self._path(number).stat().st_size == shard.bytes else None
        except (UserMistake, OSError, TypeError):
            return None

    def write(self, number: int, records: Iterable[bytes]) -> int:
        """A shard's file; gives its size. It counts as whole when `finish` was called for it."""
        path = self._path(number)
        self._writer.write(path, enumerate(records))
        return path.stat().st_size

    def finish(self, number: int, shard: Shard) -> Shard:
        write_json(self._path(number, ".json"), shard._asdict())
        return shard

    def hand_over(self, shards: Sequence[Shard], template: tfds.core.ShardedFileTemplate) -> tfds.core.SplitInfo:
        """Moves the shards that hold a clip to where TFDS wants them."""
        held = [number for number, shard in enumerate(shards) if shard.clips]
        for place, number in enumerate(held):
            os.replace(self._path(number), template.sharded_filepath(shard_index=place, num_shards=len(held)))
        return tfds.core.SplitInfo(name=template.split, shard_lengths=[len(shards[number].clips) for number in held],
                                   num_bytes=sum(shards[number].bytes for number in held), filename_template=template)

    def remove(self) -> None:
        shutil.rmtree(self._folder)

    def _path(self, number: int, suffix: str = "") -> Path:
        return self._folder / f"{number}{suffix}"


@contextlib.contextmanager
def parts_of(building: Path, version: str, made_of: dict, writer: tfds.core.ExampleWriter) -> Iterator[Parts]:
    """The parts of the build of a version, held for this process alone.

    building: TFDS's own folder of this build. made_of: what the parts depend on; parts of anything else are thrown away, as is
    what killed builds left to TFDS. Raises UserMistake where another process builds the version.
    """
    parts = building.parent / f".{version}.parts"
    parts.mkdir(parents=True, exist_ok=True)
    with locked(parts):
        for left in building.parent.glob(f"incomplete.*_{version}"):
            if left != building:
                shutil.rmtree(left)
        if not are_of(parts, made_of):
            for left in parts.iterdir():
                if left.name != ".lock":
                    left.unlink()
            write_json(parts / "made_of.json", made_of)
        yield Parts(parts, writer)


def are_of(parts: Path, made_of: dict) -> bool:
    try:
        return read_json(parts / "made_of.json") == made_of
    except UserMistake:
        return False
