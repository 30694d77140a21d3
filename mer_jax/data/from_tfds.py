"""Clips from a data set that tensorflow_datasets (TFDS) has built, read as records without TensorFlow.

Features: subject and clip (Text), a ClassLabel, and at least one of flow, (H, W, 3) uint8 or float, and frames, a
Tensor (None, H, W, C) uint8 or a Sequence of images. Optional: dataset (Text; else the builder's name), flow_coding
(Text), fps, onset_index, apex_index, offset_index, landmarks (68, 2), and true_flow and pixel_flow (H, W, 2) of
rendered clips.
"""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from mer_jax.data.clips import FLOW_CODINGS, Clips, clips_of
from mer_jax.data.frame_stack import (
    distinct_keys,
    marked_indices,
    one_shape,
    one_spelling,
    one_spelling_of_subjects,
    padded_stack,
)
from mer_jax.data.resizing import Size, resized, scaled_field, scaled_points
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.progress_bar import ProgressBar

MARKS = ("onset", "apex", "offset")
INPUTS = ("flow", "frames")


def clips_from_tfds(folder: str | os.PathLike, label: str = "emotion", split: str | None = None,
                    classes: tuple[str, ...] | None = None, size: Size | None = None) -> Clips:
    """The clips of one split of a built TFDS folder (the one of a version, with dataset_info.json), in stored order.

    label: which ClassLabel feature is the emotion; its names are the classes. A record whose label is -1 has none in
        this labelling (TFDS stores "not labelled" so) and is left out.
    split: its name; None takes the only one.
    classes: the names in the order wanted; None keeps the stored order. A record of another class is a mistake.
    flow: uint8 is "minmax8", floats are "pixels" (float32), which a flow_coding feature must not contradict.
    size: (height, width) that every frame is brought to as it is read, so that clips of several sizes go together, and what
        is read takes no more memory than what is kept; None leaves them, and they must be of one size.
    frames: (N, L, H, W, C) uint8, padded with zeros. The marks are the features onset_index, apex_index, offset_index,
        indices into L; else onset, apex, offset: numbers among the feature frame_numbers, or without it indices too.
        Absent or -1 they are the first frame, -1, and the last frame. fps: nan where absent, nan or -1.

    Raises UserMistake with the folder, the record (counted from 0), what was found and what was wanted.
    """
    folder = Path(folder)
    builder = _builder(folder)
    stored_names = _classes(folder, builder.info.features, label)
    if size and "frames" not in builder.info.features:
        raise UserMistake(f"{folder}: size {size[0]}x{size[1]} was asked for, and there are no frames; found "
                          f"{', '.join(builder.info.features)}")
    stored = _records(folder, builder, _split(folder, list(builder.info.splits), split), size)
    labelled = [(f"{folder}, record {row}", record) for row, record in enumerate(stored) if record[label] != -1]
    if not labelled:
        raise UserMistake(f"{folder}: none of {len(stored)} records has a {label}; wanted labelled clips")
    places, records = [place for place, _ in labelled], [record for _, record in labelled]
    names = [(_words(record.get("dataset", builder.name), place), _words(record["subject"], place),
              _words(record["clip"], place)) for place, record in labelled]
    distinct_keys(names, places)
    one_spelling([dataset for dataset, *_ in names], places, "dataset")
    one_spelling_of_subjects([(dataset, subject) for dataset, subject, _ in names], places)
    emotions = [stored_names[record[label]] for record in records]
    if classes is not None:
        _check_asked(folder, label, stored_names, classes, emotions, places)
    arrays = _flow(records, places) if "flow" in records[0] else {}
    if "frames" in records[0]:
        arrays |= _frames(records, places)
    size = arrays["frames"].shape[2:4] if "frames" in arrays else arrays["flow"].shape[1:3]
    for name, shape in (("true_flow", (*size, 2)), ("pixel_flow", (*size, 2)), ("landmarks", (68, 2))):
        if name in records[0]:
            arrays[name] = np.stack([_of_shape(record[name], shape, name, place)
                                     for record, place in zip(records, places, strict=True)])
    return clips_of(names, emotions, classes or stored_names, **arrays)


def _builder(folder: Path):
    if not (folder / "dataset_info.json").is_file() or not (folder / "features.json").is_file():
        found = "no folder" if not folder.is_dir() else "a folder without dataset_info.json and features.json"
        below = sorted(info.parent for info in folder.glob("**/dataset_info.json")) if folder.is_dir() else []
        raise UserMistake(f"{folder}: {found}; wanted the folder of a version that TFDS built"
                          + (f", such as {below[0]}" if below else ""))
    import tensorflow_datasets

    try:
        return tensorflow_datasets.builder_from_directory(folder)
    except Exception as error:  # damaged JSON surfaces as errors of three parsers
        raise UserMistake(f"{folder}: TFDS cannot read it ({error}); wanted a whole dataset_info.json and "
                          "features.json") from None


def _classes(folder: Path, features, label: str) -> tuple[str, ...]:
    from tensorflow_datasets.core.features import ClassLabel

    labels = [name for name, feature in features.items() if isinstance(feature, ClassLabel) and feature.names]
    if label not in labels:
        raise UserMistake(f"{folder}: no ClassLabel feature {label!r} with names{nearest(label, labels)}; "
                          f"found {', '.join(labels) or 'none'}; wanted one of them as the label")
    for name in ("subject", "clip"):
        if name not in features:
            raise UserMistake(f"{folder}: no feature {name!r}{nearest(name, features)}; found {', '.join(features)}; "
                              "wanted subject and clip, and flow or frames")
    if not any(name in features for name in INPUTS):
        raise UserMistake(f"{folder}: no feature flow or frames; found {', '.join(features)}; wanted at least one")
    if len(features[label].names) < 2:
        raise UserMistake(f"{folder}: {label} has one class, {features[label].names[0]!r}; wanted at least two classes")
    one_spelling(features[label].names, [f"{folder}, {label}"] * len(features[label].names), "class")
    return tuple(features[label].names)


def _check_asked(folder: Path, label: str, stored: tuple[str, ...], classes: tuple[str, ...], emotions: list[str],
                 places: list[str]) -> None:
    """Refuses classes that the data do not have, and a record of a class that was not asked for."""
    for name in classes:
        if name not in stored:
            raise UserMistake(f"{folder}: {label} has no class {name!r}{nearest(name, stored)}; "
                              f"found {', '.join(stored)}; wanted classes among them")
    for emotion, place in zip(emotions, places, strict=True):
        if emotion not in classes:
            raise UserMistake(f"{place}: {label} {emotion!r}; wanted one of the classes asked for, {', '.join(classes)}")


def _split(folder: Path, splits: list[str], split: str | None) -> str:
    if split is None and len(splits) == 1:
        return splits[0]
    if split is None or split not in splits:
        found = "no split named" if split is None else f"no split {split!r}{nearest(split, splits)}"
        raise UserMistake(f"{folder}: {found}; found the splits {', '.join(splits) or '(none)'}; wanted one of them")
    return split


def _records(folder: Path, builder, split: str, size: Size | None) -> list[dict]:
    """Every record of a split, decoded by all cores; all at once, as all are put on the device at once."""
    records: list[dict] = []
    try:
        source = builder.as_data_source(split=split)
        with ThreadPoolExecutor() as pool, ProgressBar(len(source), f"reading {builder.name}") as bar:
            for record in pool.map(lambda row: _sized(source[row], size), range(len(source))):
                records.append(record)
                bar.advance()
    except Exception as error:  # damaged bytes surface as errors of the record reader, protobuf or a decoder
        raise UserMistake(f"{folder}, record {len(records)} of split {split!r}: TFDS cannot read it ({error}); "
                          "wanted whole array_record or parquet files") from None
    if not records:
        raise UserMistake(f"{folder}: split {split!r} has no records; wanted clips")
    return records


def _sized(record: dict, size: Size | None) -> dict:
    """A record with frames of this size, and what is measured in their pixels with them. What is no frame is left for later."""
    frames = record.get("frames", ())
    if size is None or not len(frames) or any(np.ndim(image) != 3 or np.asarray(image).dtype != np.uint8 for image in frames):
        return record
    before = np.shape(frames[0])[:2]
    fields = {name: scaled_field(record[name], size) for name in ("true_flow", "pixel_flow") if name in record}
    points = {"landmarks": scaled_points(record["landmarks"], before, size)} if "landmarks" in record else {}
    return {**record, "frames": [resized(np.asarray(image), size) for image in frames], **fields, **points}


def _of_shape(value: object, shape: tuple[int, ...], name: str, place: str) -> np.ndarray:
    found = np.asarray(value)
    if found.shape != shape or found.dtype.kind != "f" or not np.isfinite(found).all():
        raise UserMistake(f"{place}: {name} is {found.dtype} {found.shape}; wanted finite floats of shape {shape}")
    return found.astype(np.float32)


def _words(value: object, place: str) -> str:
    try:
        return value if isinstance(value, str) else value.decode()
    except (AttributeError, UnicodeDecodeError):
        raise UserMistake(f"{place}: {value!r} is not UTF-8 text; wanted Text features for names") from None


def _flow(records: list[dict], places: list[str]) -> dict:
    flow = [np.asarray(record["flow"]) for record in records]
    codings = []
    for image, record, place in zip(flow, records, places, strict=True):
        is_number = image.dtype == np.uint8 or image.dtype.kind == "f"
        if not is_number or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise UserMistake(f"{place}: flow is {image.dtype} {image.shape}; wanted (height, width, 3) uint8 or float")
        fitting = "minmax8" if image.dtype == np.uint8 else "pixels"
        coding = _words(record.get("flow_coding", fitting), place)
        if coding != fitting:
            raise UserMistake(f"{place}: flow_coding {coding!r} of {image.dtype} flow{nearest(coding, FLOW_CODINGS)}; "
                              "wanted 'minmax8' for uint8, 'pixels' for float")
        if not (np.abs(image) <= np.finfo(np.float32).max).all():
            raise UserMistake(f"{place}: flow holds nan or inf; wanted finite flow in pixels")
        codings.append(coding)
    one_shape(flow, places, "flow")
    number = np.uint8 if codings[0] == "minmax8" else np.float32
    return {"flow": np.stack(flow).astype(number), "flow_coding": codings[0]}


def _frames(records: list[dict], places: list[str]) -> dict:
    clips, marks, rates = [], [], []
    for record, place in zip(records, places, strict=True):
        images = [np.asarray(image) for image in record["frames"]]
        if not images:
            raise UserMistake(f"{place}: frames is empty; wanted at least one frame")
        for image in images:
            if image.ndim != 3 or image.dtype != np.uint8:
                raise UserMistake(f"{place}: a frame is {image.dtype} {image.shape}; "
                                  "wanted (height, width, channels) uint8")
        one_shape(images, [f"{place}: frame {index}" for index in range(len(images))], "size")
        clips.append(np.stack(images))
        marks.append(_marks(record, len(images), place))
        rates.append(_rate(record.get("fps"), place))
    one_shape(clips, places, "frame")
    frames, length = padded_stack(clips)
    return {"frames": frames, "length": length, "fps": np.array(rates, np.float32),
            **{name: np.array(column, np.int32) for name, column in zip(MARKS, zip(*marks, strict=True), strict=True)}}


def _marks(record: dict, frames: int, place: str) -> tuple[int, int, int]:
    indexed = any(f"{name}_index" in record for name in MARKS)
    numbers = [int(number) for number in (range(frames) if indexed else record.get("frame_numbers", range(frames)))]
    if len(numbers) != frames or len(set(numbers)) != frames:
        raise UserMistake(f"{place}: {len(numbers)} frame_numbers for {frames} frames; wanted a different one for each")
    found = [record.get(f"{name}_index" if indexed else name, -1) for name in MARKS]
    return marked_indices(numbers, *(None if number == -1 else int(number) for number in found), place=place)


def _rate(fps: object, place: str) -> float:
    try:
        rate = math.nan if fps is None or float(fps) == -1 else float(fps)
    except (TypeError, ValueError):
        rate = math.inf
    if not (0 < rate < math.inf or math.isnan(rate)):
        raise UserMistake(f"{place}: fps {fps!r}; wanted a number of frames a second, or nan where unknown")
    return rate
