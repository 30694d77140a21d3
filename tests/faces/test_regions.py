"""Parts cut out of frames: pictures that hold their own places say where each pixel came from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.faces.regions import BROWS_AND_EYES, MOUTH, box_around, cut, eyes_and_mouth, grid, puzzled
from mer_jax.mistakes import UserMistake
from mer_jax.motion.tvl1 import FAST, tvl1


def own_places(height: int, width: int) -> np.ndarray:
    """(1, height, width, 2): each pixel's (x, y)."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([x, y], -1)[None]


@pytest.fixture
def landmarks() -> np.ndarray:
    """Brows and eyes between (10, 12) and (50, 24), the mouth between (20, 40) and (40, 48)."""
    points = np.full((68, 2), 30, np.float32)
    rng = np.random.default_rng(0)
    for numbers, low, high in ((BROWS_AND_EYES, (10, 12), (50, 24)), (MOUTH, (20, 40), (40, 48))):
        points[list(numbers)] = rng.uniform(low, high, (len(numbers), 2))
        points[numbers[0]], points[numbers[-1]] = low, high
    return points


def test_a_box_is_around_its_landmarks_and_as_much_wider_as_is_said(landmarks):
    np.testing.assert_allclose(box_around(landmarks, MOUTH, 0.0), [20, 40, 40, 48])
    np.testing.assert_allclose(box_around(landmarks, MOUTH, 0.5), [10, 36, 50, 52])
    np.testing.assert_allclose(eyes_and_mouth(landmarks), [[6, 10.8, 54, 25.2], [16, 38.4, 44, 49.6]], rtol=1e-6)


def test_a_grid_parts_the_frame():
    boxes = grid(12, 20, 3, 2)
    assert boxes.shape == (6, 4)
    np.testing.assert_allclose(boxes[0], [-0.5, -0.5, 9.5, 3.5])
    np.testing.assert_allclose(boxes[-1], [9.5, 7.5, 19.5, 11.5])
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    assert areas.sum() == pytest.approx(12 * 20)
    parts = np.stack([cut(own_places(12, 20), box, 4, 10) for box in boxes])             # as they are, pixel by pixel
    np.testing.assert_allclose(parts.reshape(3, 2, 4, 10, 2).transpose(0, 2, 1, 3, 4).reshape(12, 20, 2), own_places(12, 20)[0],
                               atol=1e-4)


@pytest.mark.parametrize("fine", [1, 3])
def test_the_pixels_of_a_cut_lie_evenly_in_its_box(fine):
    found = np.asarray(cut(own_places(40, 60), np.array([10.0, 5.0, 30.0, 15.0]), 5, 8, fine))[0]
    np.testing.assert_allclose(found[..., 0], np.broadcast_to(10 + 20 * (np.arange(8) + 0.5) / 8, (5, 8)), atol=1e-4)
    np.testing.assert_allclose(found[..., 1], np.broadcast_to(5 + 10 * (np.arange(5)[:, None] + 0.5) / 5, (5, 8)), atol=1e-4)


def test_a_cut_is_opencvs_resized_crop():
    cv2 = pytest.importorskip("cv2")
    frame = np.random.default_rng(0).random((40, 60, 1), np.float32)
    found = np.asarray(cut(frame[None], np.array([9.5, 4.5, 29.5, 14.5]), 25, 50))[0, ..., 0]
    wanted = cv2.resize(frame[5:15, 10:30, 0], (50, 25), interpolation=cv2.INTER_LINEAR)
    inside = (slice(2, -2), slice(2, -2))                     # at its edges theirs repeats the crop, ours looks beside it
    np.testing.assert_allclose(found[inside], wanted[inside], atol=1e-5)


def test_the_puzzled_face_has_its_eyes_above_and_its_mouth_below(landmarks):
    found = np.asarray(puzzled(own_places(64, 64), landmarks, 28))[0]
    eyes, mouth = np.asarray(eyes_and_mouth(landmarks))
    for part, box in ((found[:14], eyes), (found[14:], mouth)):
        np.testing.assert_allclose(part[0, 0], box[:2] + (box[2:] - box[:2]) * 0.5 / np.array([28, 14]), atol=1e-3)
        np.testing.assert_allclose(part[-1, -1], box[2:] - (box[2:] - box[:2]) * 0.5 / np.array([28, 14]), atol=1e-3)
    with pytest.raises(UserMistake, match="size=27, wanted an even one"):
        puzzled(own_places(64, 64), landmarks, 27)


def test_motion_on_the_puzzled_face_is_that_of_the_face_in_its_own_pixels(landmarks):
    """A whole face moved one pixel to the right: in the eyes' half 28 / 48 of a pixel, in the mouth's one, 28 / 28."""
    x, y = np.meshgrid(np.arange(64), np.arange(64))
    face = [0.5 + 0.3 * np.sin((x - shift) / 3) * np.cos(y / 4) for shift in (0, 1)]
    frames = jnp.asarray(np.stack(face)[..., None], jnp.float32)
    onset, apex = jax.jit(lambda seen: puzzled(seen, jnp.asarray(landmarks), 28, 2))(frames)[..., 0]
    flow = np.asarray(tvl1(onset, apex, FAST))
    assert np.median(flow[2:12, 3:-3, 0]) == pytest.approx(28 / 48, abs=0.1)
    assert np.median(flow[16:26, 3:-3, 0]) == pytest.approx(1, abs=0.15)


def test_no_picture_is_refused():
    with pytest.raises(UserMistake, match="height=0, width=4, fine=1, wanted at least 1"):
        cut(own_places(8, 8), np.array([0.0, 0, 4, 4]), 0, 4)
