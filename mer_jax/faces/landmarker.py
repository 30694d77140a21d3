"""Landmarks from a model whose file the user names: MediaPipe's Face Landmarker (`pip install "mer_jax[faces]"`).

The file, face_landmarker.task, is on the page PAGE, under "Models". It was chosen because one file and one package find the
face and its points, with numpy 2; OpenCV's Facemark gives the 68 points themselves, but wants a second file to find faces
with, of which OpenCV 5 brings none any more. Its 478 points are brought into the order of the 68 by
`landmarks.FROM_MEDIAPIPE`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from mer_jax.data.clips import Clips
from mer_jax.faces.landmarks import COUNT, FROM_MEDIAPIPE
from mer_jax.mistakes import UserMistake
from mer_jax.progress_bar import ProgressBar

PAGE = "https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker"
Landmarker = Callable[[np.ndarray], np.ndarray]


def located(clips: Clips, model: str | Path, every_frame: bool = False) -> Float[np.ndarray, "n *time 68 2"]:
    """The landmarks of each clip's onset frame (its first where that is unknown), (N, 68, 2); or of every frame, (N, L, 68, 2).

    nan where no face is found, and behind a clip's length; pixels (x, y). model: the file face_landmarker.task. Raises
    UserMistake where the file is none, MediaPipe is absent, or the clips have no frames.
    """
    if clips.frames is None:
        raise UserMistake(f"the data have no frames to find faces in (they have: {', '.join(clips.inputs())})")
    find, (n, length) = opened(Path(model)), clips.frames.shape[:2]
    points = np.full((n, length, COUNT, 2), np.nan, np.float32)
    onset = onsets(clips)
    with ProgressBar(n, "landmarks") as bar:
        for row in range(n):
            ends = length if clips.length is None else int(clips.length[row])
            for place in range(ends) if every_frame else (int(onset[row]),):
                points[row, place] = find(np.asarray(clips.frames[row, place]))
            bar.advance()
    return points if every_frame else points[np.arange(n), onset]


def onsets(clips: Clips) -> Int[np.ndarray, " n"]:
    """The place of each clip's onset frame, which its landmarks are those of; the first where it is unknown."""
    return np.zeros(len(clips), np.int32) if clips.onset is None else np.maximum(clips.onset, 0)


def opened(model: Path) -> Landmarker:
    """What finds the landmarks (68, 2) of one frame (H, W, C) uint8, grey or RGB."""
    if not model.is_file():
        raise UserMistake(f"{model}: no such file; wanted the model face_landmarker.task, to be had from {PAGE}")
    try:
        import mediapipe
        from mediapipe.tasks.python import BaseOptions, vision
    except ImportError as error:
        raise UserMistake(f"finding landmarks needs MediaPipe ({error}): pip install 'mer_jax[faces]'") from error
    try:
        options = vision.FaceLandmarkerOptions(base_options=BaseOptions(model_asset_path=str(model)))
        landmarker = vision.FaceLandmarker.create_from_options(options)
    except (OSError, RuntimeError, ValueError) as error:
        raise UserMistake(f"{model}: MediaPipe cannot read it as the Face Landmarker's model ({error})") from error

    def find(frame: UInt8[np.ndarray, "height width channels"]) -> Float[np.ndarray, "68 2"]:
        picture = np.ascontiguousarray(np.broadcast_to(frame, (*frame.shape[:2], 3)))
        seen = landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture))
        return points_of(seen, *frame.shape[:2])

    return find


def points_of(result: Any, height: int, width: int) -> Float[np.ndarray, "68 2"]:
    """The first face of a FaceLandmarkerResult as the 68 points in pixels; nan where it has none.

    Its x and y are shares of the picture's width and height, edge to edge: half a pixel is taken off.
    """
    if not result.face_landmarks:
        return np.full((COUNT, 2), np.nan, np.float32)
    shares = np.array([(point.x, point.y) for point in result.face_landmarks[0]], np.float32)
    return shares[FROM_MEDIAPIPE] * np.array([width, height], np.float32) - np.float32(0.5)
