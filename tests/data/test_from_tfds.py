"""TFDS folders: what was written comes back as clips, without TensorFlow; a wrong folder is answered by one line."""

import io
import logging
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from mer_jax.data.from_tfds import clips_from_tfds
from mer_jax.data.resizing import resized
from mer_jax.mistakes import UserMistake

F = tfds.features
EMOTIONS = ["surprise", "negative", "positive"]
TEXTS = {"subject": F.Text(), "clip": F.Text()}


class TinyMicroExpressions(tfds.core.GeneratorBasedBuilder):
    """Whatever features and records a test gives it."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}

    def __init__(self, features: dict, splits: dict, **options):
        self._features, self._splits = features, splits
        super().__init__(**options)

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, disable_shuffling=True, features=F.FeaturesDict(self._features))

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(records) for name, records in self._splits.items()}

    def _generate_examples(self, records):
        yield from enumerate(records)


def _build(folder: Path, features: dict, splits: dict | list) -> Path:
    splits = splits if isinstance(splits, dict) else {"clips": splits}
    builder = TinyMicroExpressions(TEXTS | features, splits, data_dir=folder, file_format="array_record")
    logging.disable()
    builder.download_and_prepare()
    logging.disable(logging.NOTSET)
    return Path(builder.data_dir)


def _records(**columns) -> list[dict]:
    rows = len(next(iter(columns.values())))
    names = {"subject": [f"{row % 2:03d}" for row in range(rows)], "clip": [f"c{row}" for row in range(rows)]}
    columns = names | columns
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _frames(rows: int, size: tuple[int, int] = (4, 5), channels: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (3 + row % 2, *size, channels), dtype=np.uint8) for row in range(rows)]


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


LABEL = {"emotion": F.ClassLabel(names=EMOTIONS)}
FLOW = {"flow": F.Tensor(shape=(4, 5, 3), dtype=np.float32)}
FRAMES = {"frames": F.Tensor(shape=(None, None, None, 3), dtype=np.uint8, encoding="zlib")}


def _flow(rows: int) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(rows, 4, 5, 3)).astype(np.float32)


def test_flow_and_frames_come_back_without_tensorflow(tmp_path):
    flow, frames = _flow(4), _frames(4)
    folder = _build(
        tmp_path, LABEL | FLOW | FRAMES | {"dataset": F.Text(), "fps": np.float32, "onset_index": np.int32,
                                           "apex_index": np.int32, "offset_index": np.int32, "onset": np.int32},
        _records(emotion=[0, 2, -1, 1], flow=flow, frames=frames, dataset=["d", "e", "d", "d"],
                 fps=[200, np.nan, 30, -1], onset_index=[1, -1, 0, 0], apex_index=[2, -1, 0, 1],
                 offset_index=[2, -1, 0, 3], onset=[46, 0, 0, 0]))
    clips = clips_from_tfds(str(folder))
    assert clips.ids == ("d/000/c0", "e/001/c1", "d/001/c3") and clips.subjects == ("d/000", "d/001", "e/001")
    assert clips.classes == tuple(EMOTIONS) and clips.label.tolist() == [0, 2, 1]
    np.testing.assert_array_equal(clips.flow, flow[[0, 1, 3]])
    assert clips.flow_coding == "pixels" and clips.flow.dtype == np.float32
    assert clips.length.tolist() == [3, 4, 4] and clips.frames.shape == (3, 4, 4, 5, 3) and not clips.frames[0, 3].any()
    for row, written in enumerate((0, 1, 3)):
        np.testing.assert_array_equal(clips.frames[row, :clips.length[row]], frames[written])
    np.testing.assert_array_equal(clips.fps, np.array([200, np.nan, np.nan], np.float32))
    assert (clips.onset.tolist(), clips.apex.tolist(), clips.offset.tolist()) == ([1, 0, 0], [2, -1, 1], [2, 3, 3])
    assert "tensorflow" not in sys.modules


def test_images_frame_numbers_and_another_label(tmp_path):
    frames = _frames(3)
    folder = _build(
        tmp_path, {"frames": F.Sequence(F.Image(shape=(None, None, 3))), "coarse": F.ClassLabel(names=["n", "p"]),
                   "frame_numbers": F.Sequence(np.int32), "onset": np.int32, "apex": np.int32, "offset": np.int32},
        _records(coarse=[1, 0, 1], frames=[[_png(image) for image in clip] for clip in frames],
                 frame_numbers=[[46, 48, 49], [7, 8, 9, 10], [1, 2, 3]],
                 onset=[48, 7, -1], apex=[49, -1, -1], offset=[49, 9, -1]))
    clips = clips_from_tfds(folder, "coarse", "clips")
    assert clips.datasets == ("tiny_micro_expressions",) and clips.flow is None and np.isnan(clips.fps).all()
    for row in range(3):
        np.testing.assert_array_equal(clips.frames[row, :clips.length[row]], frames[row])
    assert (clips.onset.tolist(), clips.apex.tolist(), clips.offset.tolist()) == ([1, 0, 0], [2, -1, -1], [2, 2, 2])


def test_eight_bit_flow_is_minmax8_and_a_split_can_be_named(tmp_path):
    flow = np.random.default_rng(3).integers(0, 256, (4, 4, 5, 3), dtype=np.uint8)
    records = _records(emotion=[0, 1, 0, 1], flow=flow, flow_coding=["minmax8"] * 4)
    folder = _build(tmp_path, LABEL | {"flow": F.Tensor(shape=(4, 5, 3), dtype=np.uint8), "flow_coding": F.Text()},
                    {"one": records[:2], "two": records[2:]})
    clips = clips_from_tfds(folder, split="two")
    np.testing.assert_array_equal(clips.flow, flow[2:])
    assert clips.flow_coding == "minmax8" and clips.frames is clips.fps is clips.apex is None
    _assert_mistake(folder, ["no split named", "one, two"])
    _assert_mistake(folder, ["'three'", "one, two"], split="three")


def test_classes_are_put_in_the_order_asked_for(tmp_path):
    folder = _build(tmp_path, LABEL | FLOW, _records(emotion=[0, 2, 2, 0], flow=_flow(4)))
    for asked in (None, ("positive", "surprise"), ("positive", "negative", "surprise")):
        clips = clips_from_tfds(folder, classes=asked)
        assert clips.classes == (asked or tuple(EMOTIONS))
        assert [clips.classes[i] for i in clips.label] == ["surprise", "positive", "positive", "surprise"]
    _assert_mistake(folder, ["no class 'Negativ'", "did you mean 'negative'"], classes=("Negativ", "positive"))
    _assert_mistake(folder, ["record 0", "'surprise'", "positive, negative"], classes=("positive", "negative"))


def _assert_mistake(folder: Path, words: list[str], **options) -> None:
    with pytest.raises(UserMistake) as caught:
        clips_from_tfds(folder, **options)
    message = str(caught.value)
    assert "\n" not in message
    for word in (folder.name, *words):
        assert word in message, message


def _good(**changed) -> dict:
    return {"emotion": [0, 1], "flow": _flow(2)} | changed


MARKED = LABEL | FRAMES | {"onset_index": np.int32, "apex_index": np.int32, "offset_index": np.int32}
WRONG_RECORDS = {
    "no such label": ({"label3": F.ClassLabel(names=["n", "p"]), "emotion": F.Text()} | FLOW,
                      {"label3": [0, 1], "emotion": ["a", "b"], "flow": _flow(2)}, ["'emotion'", "label3"]),
    "one class": ({"emotion": F.ClassLabel(names=["only"])} | FLOW, _good(emotion=[0, 0]), ["one class", "'only'"]),
    "nothing labelled": (LABEL | FLOW, _good(emotion=[-1, -1]), ["none of 2 records"]),
    "no input": (LABEL, {"emotion": [0, 1]}, ["flow", "frames"]),
    "duplicate": (LABEL | FLOW, _good(subject=["1", "1"], clip=["c", "c"]), ["record 1", "duplicate", "record 0"]),
    "two spellings": (LABEL | FLOW | {"dataset": F.Text()}, _good(dataset=["casme2", "CASME2 "]),
                      ["record 1", "'CASME2 '", "'casme2' in", "record 0"]),
    "classes in two spellings": ({"emotion": F.ClassLabel(names=["fear", "Fear"])} | FLOW, _good(), ["'Fear'", "'fear'"]),
    "empty subject": (LABEL | FLOW, _good(subject=["1", ""]), ["record 1", "empty subject"]),
    "slash": (LABEL | FLOW, _good(clip=["a/b", "c"]), ["record 0", "'a/b'"]),
    "not finite": (LABEL | FLOW, _good(flow=[np.zeros((4, 5, 3), np.float32), np.full((4, 5, 3), np.nan, np.float32)]),
                   ["record 1", "nan"]),
    "two channels": (LABEL | {"flow": F.Tensor(shape=(4, 5, 2), dtype=np.float32)},
                     _good(flow=np.zeros((2, 4, 5, 2), np.float32)), ["record 0", "(4, 5, 2)"]),
    "coding": (LABEL | FLOW | {"flow_coding": F.Text()}, _good(flow_coding=["pixels", "minmax8"]),
               ["record 1", "'minmax8'"]),
    "two sizes": (LABEL | FRAMES, {"emotion": [0, 1], "frames": _frames(1) + _frames(1, (6, 5))},
                  ["record 1", "6 x 5 x 3", "4 x 5 x 3"]),
    "apex behind offset": (MARKED, {"emotion": [0, 1], "frames": _frames(2), "onset_index": [0, 0],
                                    "apex_index": [1, 3], "offset_index": [2, 2]}, ["record 1", "apex 3", "[0, 2]"]),
    "mark not there": (MARKED, {"emotion": [0, 1], "frames": _frames(2), "onset_index": [0, 9],
                                "apex_index": [1, 1], "offset_index": [2, 2]}, ["record 1", "onset 9"]),
    "fps": (LABEL | FRAMES | {"fps": np.float32}, {"emotion": [0, 1], "frames": _frames(2), "fps": [30, 0]},
            ["record 1", "fps"]),
    "fps in words": (LABEL | FRAMES | {"fps": F.Text()}, {"emotion": [0, 1], "frames": _frames(2), "fps": ["a", "b"]},
                     ["record 0", "fps"]),
}


@pytest.mark.parametrize("name", WRONG_RECORDS)
def test_wrong_records_are_one_line(tmp_path, name):
    features, columns, words = WRONG_RECORDS[name]
    _assert_mistake(_build(tmp_path, features, _records(**columns)), words)


def _rewrite(folder: Path, change) -> None:
    records = next(folder.glob("*array_record*"))
    records.write_bytes(change(records.read_bytes()))


DAMAGES = {
    "cut records": (lambda f: _rewrite(f, lambda raw: raw[:70_000]), "record 0"),
    "zeros in records": (lambda f: _rewrite(f, lambda raw: raw[:200] + bytes(100) + raw[300:]), "record 0"),
    "other records": (lambda f: _rewrite(f, lambda raw: b"no records" * 9), "record 0"),
    "no record file": (lambda f: next(f.glob("*array_record*")).unlink(), "record 0"),
    "cut features": (lambda f: (f / "features.json").write_text("{"), "features.json"),
    "cut info": (lambda f: (f / "dataset_info.json").write_text("{"), "dataset_info.json"),
    "empty info": (lambda f: (f / "dataset_info.json").write_text("{}"), "dataset_info.json"),
    "no features": (lambda f: (f / "features.json").unlink(), "without dataset_info.json"),
    "empty folder": (lambda f: [file.unlink() for file in f.iterdir()], "without dataset_info.json"),
    "no folder": (shutil.rmtree, "no folder"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_folder_is_one_line(tmp_path, name):
    folder = _build(tmp_path, LABEL | FLOW, _records(**_good()))
    damage, word = DAMAGES[name]
    damage(folder)
    _assert_mistake(folder, [word, "wanted"])


def test_the_folder_above_names_the_version_below(tmp_path):
    folder = _build(tmp_path, LABEL | FLOW, _records(**_good()))
    _assert_mistake(folder.parent, [str(folder)])


def test_with_a_size_all_that_is_measured_in_pixels_is_scaled(tmp_path):
    """Clips of two sizes become one; landmarks and motion are given in the new pixels."""
    rng, sizes = np.random.default_rng(3), ((32, 40), (64, 20))
    frames = [rng.integers(0, 256, (3, *size, 3), dtype=np.uint8) for size in sizes]
    field = [np.broadcast_to(np.float32([2, -3]), (*size, 2)) for size in sizes]
    features = LABEL | {"frames": F.Sequence(F.Image(shape=(None, None, 3))),
                        "landmarks": F.Tensor(shape=(68, 2), dtype=np.float32),
                        "true_flow": F.Tensor(shape=(None, None, 2), dtype=np.float32, encoding="zlib")}
    points = rng.uniform(0, 20, (2, 68, 2)).astype(np.float32)
    stored = [list(map(_png, clip)) for clip in frames]
    folder = _build(tmp_path, features, _records(emotion=["positive", "negative"], frames=stored, landmarks=list(points),
                                                 true_flow=field))
    with pytest.raises(UserMistake, match="wanted one size for all"):
        clips_from_tfds(folder)
    clips = clips_from_tfds(folder, size=(16, 20))
    assert clips.frames.shape == (2, 3, 16, 20, 3)
    np.testing.assert_array_equal(clips.frames[0, 1], resized(frames[0][1], (16, 20)))
    np.testing.assert_allclose(clips.landmarks[1], (points[1] + 0.5) * [1, 0.25] - 0.5, atol=1e-5)
    np.testing.assert_allclose(clips.true_flow[:, 5, 5], [[1, -1.5], [2, -0.75]], atol=1e-5)


def test_without_frames_a_size_is_a_mistake(tmp_path):
    folder = _build(tmp_path, LABEL | FLOW, _records(emotion=["positive", "negative"], flow=list(_flow(2))))
    with pytest.raises(UserMistake, match="size 16x16 was asked for, and there are no frames"):
        clips_from_tfds(folder, size=(16, 16))
