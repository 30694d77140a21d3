"""What the 68 points are, which of MediaPipe's stand for them, and which cannot be a face's."""

import numpy as np
import pytest

from mer_jax.faces import landmarks
from mer_jax.faces.landmarks import FROM_MEDIAPIPE, anchors, check_landmarks, eye_centres
from mer_jax.mistakes import UserMistake
from mer_jax.synthetic.face import mean_landmarks

PARTS = ("JAW", "LEFT_BROW", "RIGHT_BROW", "NOSE", "LEFT_EYE", "RIGHT_EYE", "MOUTH")
MIRRORED = np.array([*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1), 45, 44, 43, 42, 47, 46, 39, 38,
                     37, 36, 41, 40, *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65])

# The chains as MediaPipe publishes them (FaceLandmarksConnections), each from image left to right, or down.
CHAINS = {
    "oval": [127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356],
    "left brow": [70, 63, 105, 66, 107], "right brow": [336, 296, 334, 293, 300],
    "ridge": [168, 6, 197, 195, 5, 4], "nose": [98, 97, 2, 326, 327],
    "left lid": [33, 246, 161, 160, 159, 158, 157, 173, 133],
    "left lower lid": [133, 155, 154, 153, 145, 144, 163, 7, 33],
    "right lid": [362, 398, 384, 385, 386, 387, 388, 466, 263],
    "right lower lid": [263, 249, 390, 373, 374, 380, 381, 382, 362],
    "lip": [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291], "lower lip": [291, 375, 321, 405, 314, 17, 84, 181, 91, 146, 61],
    "inner lip": [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308],
    "inner lower lip": [308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78],
}
SEGMENTS = {"oval": range(0, 17), "left brow": range(17, 22), "right brow": range(22, 27), "ridge": range(27, 31),
            "nose": range(31, 36), "left lid": range(36, 40), "left lower lid": (39, 40, 41, 36), "right lid": range(42, 46),
            "right lower lid": (45, 46, 47, 42), "lip": range(48, 55), "lower lip": (*range(54, 60), 48),
            "inner lip": range(60, 65), "inner lower lip": (*range(64, 68), 60)}


def face(height: int = 100) -> np.ndarray:
    return (0.3 * height * mean_landmarks() + [0.5 * height, 0.35 * height]).astype(np.float32)


def test_the_parts_are_all_of_the_points_and_lie_where_a_face_has_them():
    points, parts = mean_landmarks(), [getattr(landmarks, part) for part in PARTS]
    assert [row for part in parts for row in range(*part.indices(68))] == list(range(68))
    jaw, left_brow, right_brow, nose, left_eye, right_eye, mouth = (points[part].mean(0) for part in parts)
    assert left_brow[0] < nose[0] < right_brow[0] and left_eye[0] < nose[0] < right_eye[0]
    assert left_brow[1] < left_eye[1] < nose[1] < mouth[1] < points[landmarks.JAW, 1].max()
    np.testing.assert_allclose(points[MIRRORED] * [-1, 1], points, atol=1e-6)
    np.testing.assert_allclose(anchors(points)[:2], [(-0.51, 0.015), (0.51, 0.015)], atol=1e-6)
    np.testing.assert_allclose(anchors(points)[3:], [(-0.42, 1.19), (0.42, 1.19)], atol=1e-6)
    np.testing.assert_allclose(anchors(points)[2], (0, 0.52), atol=1e-6)


def test_of_mediapipes_points_those_on_the_chain_of_each_part_are_taken_in_its_order():
    assert len(FROM_MEDIAPIPE) == 68 == len(set(FROM_MEDIAPIPE))
    for name, places in SEGMENTS.items():
        steps = [CHAINS[name].index(point) for point in FROM_MEDIAPIPE[list(places)]]
        assert steps == sorted(steps) and steps[0] == 0 and steps[-1] == len(CHAINS[name]) - 1, name


def test_of_mediapipes_points_mirror_images_stand_for_mirror_images():
    other = {}
    for here, there in (("oval", "oval"), ("left brow", "right brow"), ("ridge", "ridge"), ("nose", "nose"), ("lip", "lip"),
                        ("left lid", "right lid"), ("left lower lid", "right lower lid"), ("lower lip", "lower lip"),
                        ("inner lip", "inner lip"), ("inner lower lip", "inner lower lip")):
        back = CHAINS[there] if here == "ridge" else CHAINS[there][::-1]
        other |= dict(zip(CHAINS[here], back, strict=True)) | dict(zip(back, CHAINS[here], strict=True))
    np.testing.assert_array_equal([other[point] for point in FROM_MEDIAPIPE], FROM_MEDIAPIPE[MIRRORED])


def test_the_chains_are_those_that_mediapipe_publishes():
    connections = pytest.importorskip("mediapipe.tasks.python.vision").FaceLandmarksConnections
    names = ("FACE_OVAL", "LEFT_EYE", "RIGHT_EYE", "LIPS", "NOSE", "LEFT_EYEBROW", "RIGHT_EYEBROW")
    published = {frozenset((c.start, c.end)) for name in names for c in getattr(connections, f"FACE_LANDMARKS_{name}")}
    for chain in CHAINS.values():
        assert {frozenset(pair) for pair in zip(chain, chain[1:], strict=False)} <= published


def test_eye_centres_do_not_depend_on_the_lids():
    points = face()
    closed = points.copy()
    closed[[37, 38, 40, 41, 43, 44, 46, 47], 1] = points[36, 1]
    np.testing.assert_array_equal(eye_centres(closed), eye_centres(points))


def changed(rows, values) -> np.ndarray:
    points = face()
    points[rows] = values
    return points


@pytest.mark.parametrize("points, message", [
    (changed([3, 5], np.nan), "clip: 2 of 68 landmarks are not finite"),
    (changed([3], np.inf), "clip: 1 of 68 landmarks are not finite"),
    (changed(slice(36, 48), 50.0), "clip: the eyes are 0.00 pixels apart; wanted 4 or more"),
    (face() / 100, "clip: the eyes are 0.31 pixels apart; wanted 4 or more, landmarks in pixels and not in shares"),
    (face() + np.float32([60, 0]), r"clip: an eye at \(125.3, 35.4\) lies outside of the picture of 100 x 100 pixels"),
    (face() * np.float32([-1, 1]) + np.float32([100, 0]), "clip: the landmarks run the wrong way round"),
    (np.full((4, 68, 2), np.nan, np.float32), "clip: 272 of 272 landmarks are not finite"),
])
def test_points_that_cannot_be_a_faces_are_refused_in_one_line(points, message):
    with pytest.raises(UserMistake, match=message) as said:
        check_landmarks(points, 100, 100, "clip")
    assert "\n" not in str(said.value)


def test_a_face_may_be_turned_upside_down_cut_off_or_unseen_in_some_frames():
    points = face()
    for good in (points, 100 - points, points + np.float32([-20, 30]), np.stack([points, np.full_like(points, np.nan)])):
        check_landmarks(good, 100, 100, "clip")
