"""Landmarks by a model's file: how MediaPipe's answer is read, which frames are asked about, what is said where it cannot."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from mer_jax.data.clips import clips_of
from mer_jax.faces import landmarker, located
from mer_jax.faces.landmarks import FROM_MEDIAPIPE
from mer_jax.mistakes import UserMistake


def answer(faces: int) -> SimpleNamespace:
    """As FaceLandmarkerResult is: 478 points a face, x and y in shares of the picture; of face f, point k at (k, f) / 500."""
    return SimpleNamespace(face_landmarks=[[SimpleNamespace(x=k / 500, y=f / 500, z=0.0) for k in range(478)]
                                           for f in range(faces)])


def clips(**marks):
    frames = np.arange(2 * 5, dtype=np.uint8).reshape(2, 5, 1, 1, 1) + np.zeros((2, 5, 4, 6, 1), np.uint8)
    return clips_of([("made", "s", f"c{row}") for row in range(2)], ["a", "b"], ("a", "b"), frames=frames, **marks)


@pytest.fixture
def model(monkeypatch, tmp_path):
    """A landmarker that puts every point of a frame at its first value, and finds no face in a frame of sevens."""
    monkeypatch.setattr(landmarker, "opened", lambda path: lambda frame: np.full(
        (68, 2), np.nan if frame[0, 0, 0] == 7 else frame[0, 0, 0], np.float32))
    return tmp_path / "any.task"


def test_shares_of_the_picture_become_pixels_from_the_middle_of_the_first():
    points = landmarker.points_of(answer(2), 50, 1000)
    np.testing.assert_allclose(points[:, 0], FROM_MEDIAPIPE * 2 - 0.5, atol=1e-4)
    np.testing.assert_allclose(points[:, 1], -0.5)
    assert np.isnan(landmarker.points_of(answer(0), 50, 1000)).all()


def test_mediapipes_own_answer_is_read_the_same():
    containers = pytest.importorskip("mediapipe.tasks.python.components.containers.landmark")
    vision = pytest.importorskip("mediapipe.tasks.python.vision")
    points = [containers.NormalizedLandmark(x=k / 500, y=0.25, z=0.0) for k in range(478)]
    found = landmarker.points_of(vision.FaceLandmarkerResult([points], [], []), 40, 500)
    np.testing.assert_allclose(found, np.stack([FROM_MEDIAPIPE - 0.5, np.full(68, 9.5)], -1), atol=1e-4)


def test_the_onset_frame_is_asked_about_or_every_frame_of_a_clip(model):
    one = located(clips(onset=np.array([3, -1], np.int32), length=np.array([5, 2], np.int32)), model)
    np.testing.assert_array_equal(one[:, 0, 0], [3, 5])                                # an unknown onset: the first
    every = located(clips(onset=np.array([3, 0], np.int32), length=np.array([5, 4], np.int32)), model, every_frame=True)
    np.testing.assert_array_equal(every[..., 0, 0], [[0, 1, 2, 3, 4], [5, 6, np.nan, 8, np.nan]])
    assert one.shape == (2, 68, 2) and every.shape == (2, 5, 68, 2)


def test_what_is_missing_is_said_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(UserMistake, match="none.task: no such file; wanted the model face_landmarker.task, .* https://"):
        located(clips(), tmp_path / "none.task")
    (tmp_path / "some.task").write_bytes(b"no model")
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(UserMistake, match=r"needs MediaPipe .*: pip install 'mer_jax\[faces\]'"):
        located(clips(), tmp_path / "some.task")
    with pytest.raises(UserMistake, match="the data have no frames to find faces in"):
        located(clips().replace(frames=None), tmp_path / "some.task")


def test_a_file_that_is_no_model_is_named(tmp_path):
    pytest.importorskip("mediapipe")
    (tmp_path / "some.task").write_bytes(b"no model")
    with pytest.raises(UserMistake, match="some.task: MediaPipe cannot read it as the Face Landmarker's model"):
        located(clips(), tmp_path / "some.task")
