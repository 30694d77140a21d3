"""One clip as a TFDS record: its frames' bytes, its marks as indices, its labels in every labelling."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from mer_jax.data.action_units import action_units
from mer_jax.data.emotion_labels import COUNTS, scheme
from tfds_builders.annotated.annotation import APEX_SOURCES
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.annotation_tables.workbook import printable
from tfds_builders.clips_on_disk import ClipOnDisk, nearest
from tfds_builders.database import Database
from tfds_builders.licensed_copy.index import Copy
from tfds_builders.licensed_copy.pictures import Picture, read_picture
from tfds_builders.megc import in_megc2018, in_megc2019

SIDES = {"": 0, "L": 1, "R": 2}


class Shown(NamedTuple):
    """The frames of a clip that can be read, by number, all of one size."""

    pictures: dict[int, Picture]
    missing: int

    @property
    def extent(self) -> tuple[int, int, int]:
        """(frames, height, width)."""
        first = next(iter(self.pictures.values()))
        return len(self.pictures), first.height, first.width


def shown_clips(clips: Iterable[tuple[ClipOnDisk, Copy]], findings: Findings) -> Iterator[Shown | None]:
    """The frames of every clip, in order, see `usable`; read by all cores, one clip ahead."""
    with ThreadPoolExecutor() as pool:
        ahead = deque()
        for clip, copy in clips:
            ahead.append((clip, [pool.submit(readable, copy.path(clip.folder, name)) for name in clip.files.values()]))
            if len(ahead) > 1:
                yield usable(*ahead.popleft(), findings)
        for clip, found in ahead:
            yield usable(clip, found, findings)


def readable(path: Path) -> Picture | str:
    """A picture, or what is wrong with it."""
    try:
        return read_picture(path)
    except ValueError as error:
        return str(error)


def usable(clip: ClipOnDisk, read: Sequence[Future], findings: Findings) -> Shown | None:
    """A clip's frames; None where too few can be read. What cannot, and what is of another size, is said."""
    pictures = {}
    for (number, name), one in zip(clip.files.items(), read, strict=True):
        if isinstance(found := one.result(), str):
            findings.problem(f"{clip.place}/{name}", f"{found}: left out")
        else:
            pictures[number] = found
    sizes = [(picture.height, picture.width, picture.color) for picture in pictures.values()]
    common = max(sorted(set(sizes)), key=sizes.count, default=None)
    for number, size in zip(list(pictures), sizes, strict=True):
        if size != common:
            findings.problem(f"{clip.place}/{clip.files[number]}", f"is {in_words(size)}, most of the clip {in_words(common)}: "
                                                                   "left out")
            del pictures[number]
    if len(pictures) < clip.fewest:
        findings.problem(clip.place, f"{len(pictures)} of {len(clip.files)} frames can be read: the clip is left out")
        return None
    return Shown(pictures, clip.missing + len(clip.files) - len(pictures))


def in_words(size: tuple[int, int, bool]) -> str:
    height, width, color = size
    return f"{width} x {height} {'in colour' if color else 'in grey'}"


def record(database: Database, clip: ClipOnDisk, shown: Shown, emotion: int, counts: Sequence[int]) -> dict:
    """What TFDS stores of a clip, by feature. emotion: its class in the data set. counts: of classes, it is labelled in."""
    annotation, numbers = clip.annotation, list(shown.pictures)
    first = next(iter(shown.pictures.values()))
    units = action_units(annotation.action_units)
    label = {count: known.index(annotation.emotion) for count in COUNTS if (known := scheme(database.name, count))}
    objective = annotation.objective - 1 if in_megc2018(database.name, annotation.objective) else -1
    onset, apex, offset = clip.marks
    return {
        "frames": [picture.content for picture in shown.pictures.values()], "frame_numbers": numbers,
        "onset": onset, "apex": apex, "offset": offset, "onset_index": nearest(numbers, onset),
        "apex_index": nearest(numbers, apex), "offset_index": nearest(numbers, offset),
        "apex_raw": annotation.apex_raw, "apex_source": APEX_SOURCES.index(annotation.apex_source),
        "fps": annotation.fps, "dataset": annotation.dataset, "subject": annotation.subject, "clip": clip.name,
        "clip_id": f"{annotation.dataset}/{annotation.subject}/"
                   f"{clip.name if clip.name != annotation.clip else f'{clip.name}@{onset}'}",
        "emotion_raw": annotation.emotion_raw, "emotion": emotion, **{f"label{count}": label[count] for count in counts},
        "objective5": objective, "objective_class": annotation.objective,
        "in_megc2019": in_megc2019(database.name, annotation.subject, annotation.clip, label.get(3, -1)),
        "in_megc2018": objective >= 0,
        "au_raw": annotation.action_units, "aus": [unit.number for unit in units],
        "au_sides": [SIDES[unit.side] for unit in units], "au_certain": [unit.certain for unit in units],
        "self_report": annotation.self_report, "height": first.height, "width": first.width, "color": first.color,
        "missing_frames": shown.missing, "frames_kind": clip.kind, "annotation_row": printable(annotation.place),
        "source_file": printable(f"{clip.place}/{clip.files[numbers[0]]}"),
    }
