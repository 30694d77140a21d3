"""An alignment finds the transform that there is, puts faces where the template says, and makes no motion of its own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from mer_jax.faces.alignment import (
    EYES_ALONE,
    align_clip,
    clip_transforms,
    crop,
    inverse,
    moved,
    scale,
    similarity,
    smoothed,
    template,
    turned,
)
from mer_jax.faces.landmarks import anchors
from mer_jax.mistakes import UserMistake
from mer_jax.motion.optical_flow import lucas_kanade
from mer_jax.synthetic.face import mean_landmarks

SIZE = 40
EVENLY = np.ones(5, np.float32)
ALIGN = jax.jit(lambda frames, landmarks: align_clip(frames, landmarks, SIZE))


def transform(degrees: float, size: float, x: float, y: float) -> np.ndarray:
    """(2, 3), from cosine and sine."""
    a, b = size * np.cos(np.deg2rad(degrees)), size * np.sin(np.deg2rad(degrees))
    return np.array([(a, -b, x), (b, a, y)], np.float32)


def placed(points: np.ndarray, by: np.ndarray) -> np.ndarray:
    return (points @ by[:, :2].T + by[:, 2]).astype(np.float32)


def picture(places: np.ndarray) -> np.ndarray:
    """(..., 1) in [0, 1]: a smooth picture that is known at any places (..., 2), of waves of 12 pixels and more."""
    waves = np.array([(0.3, 0.2, 0.0), (-0.2, 0.35, 1.0), (0.45, -0.1, 2.0), (0.05, 0.5, 4.0)])
    return (0.5 + np.cos(places @ waves[:, :2].T + waves[:, 2]).mean(-1, keepdims=True) / 2).astype(np.float32)


def pixels(height: int, width: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float64)


def face(by: np.ndarray) -> np.ndarray:
    """(68, 2): the mean face, its eyes 20 pixels apart, moved by a transform."""
    return placed(20 / 1.02 * mean_landmarks(), by)


POSE = transform(12, 1.1, 34, 25)


@pytest.mark.parametrize("degrees, size, x, y", [(0, 1, 0, 0), (25, 0.4, 300, -40), (-170, 3, 5, 900)])
def test_a_similarity_is_found_again_from_any_points(degrees, size, x, y):
    points = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32) * 50
    true = transform(degrees, size, x, y)
    weights = np.array([1, 2, 0.1, 1, 3], np.float32)
    found = similarity(points, placed(points, true), weights)
    np.testing.assert_allclose(found, true, rtol=2e-5, atol=2e-4)
    np.testing.assert_allclose(similarity(points[:2], placed(points[:2], true), weights[:2]), true, rtol=2e-5, atol=2e-3)
    np.testing.assert_allclose(moved(moved(points, found), inverse(found)), points, atol=1e-3)
    assert float(scale(found)) == pytest.approx(size, rel=1e-5)


def test_of_points_that_do_not_fit_it_is_the_least_squares_one_as_other_libraries_find_it():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(12, 2)).astype(np.float32) * 30
    wanted = placed(points, transform(40, 0.6, 20, 10)) + rng.normal(size=(12, 2)).astype(np.float32) * 4
    found = similarity(points, wanted, np.ones(12, np.float32))
    np.testing.assert_allclose(moved(points, found).mean(0), wanted.mean(0), atol=1e-4)
    ski = pytest.importorskip("skimage.transform").SimilarityTransform
    np.testing.assert_allclose(found, np.asarray(ski.from_estimate(points, wanted).params)[:2], atol=2e-4)
    cv2 = pytest.importorskip("cv2")
    theirs, _ = cv2.estimateAffinePartial2D(points, wanted, method=cv2.RANSAC, ransacReprojThreshold=1e6, refineIters=100)
    np.testing.assert_allclose(found, theirs, atol=2e-3)


def test_a_weight_counts_as_so_many_points():
    rng = np.random.default_rng(2)
    points, wanted = rng.normal(size=(2, 5, 2)).astype(np.float32)
    weights = np.array([2, 1, 0, 3, 1], np.float32)
    often = np.repeat(np.arange(5), weights.astype(int))
    once = np.ones(len(often), np.float32)
    np.testing.assert_allclose(similarity(points, wanted, weights), similarity(points[often], wanted[often], once), atol=1e-6)


def test_no_reflection_is_found_where_points_are_mirrored():
    points = template(100)
    found = similarity(points * np.array([-1, 1], np.float32), points, EVENLY)
    assert float(jnp.linalg.det(found[:, :2])) > 0


@pytest.mark.parametrize("size", [28, 112])
def test_the_eyes_come_to_lie_where_the_template_says(size):
    eyes = template(size)[:2] + 0.5
    np.testing.assert_allclose(eyes / size, [(0.5 - 0.35 / 2, 0.32), (0.5 + 0.35 / 2, 0.32)], atol=1e-6)
    landmarks = face(POSE)
    found = moved(anchors(landmarks), clip_transforms(jnp.asarray(landmarks), size))
    np.testing.assert_allclose(found[:2], template(size)[:2], atol=1e-4)
    np.testing.assert_allclose(found[3:], template(size)[3:], atol=0.012 * size)        # another mean face than the template's
    smiling = landmarks + np.where(np.arange(68) >= 48, 3, 0)[:, None].astype(np.float32)
    same = clip_transforms(jnp.asarray(smiling), size)
    np.testing.assert_array_equal(same, clip_transforms(jnp.asarray(landmarks), size))


def test_closed_lids_move_nothing():
    landmarks = face(POSE)
    closed = landmarks.copy()
    closed[[37, 38, 43, 44]] = landmarks[[41, 40, 47, 46]]
    np.testing.assert_array_equal(anchors(closed), anchors(landmarks))


def test_a_crop_is_the_picture_at_the_inverse_places_with_its_edges_repeated():
    frame = np.random.default_rng(3).random((30, 50, 2)).astype(np.float32)
    by = transform(-35, 1.3, 20, 30)
    back = np.linalg.inv(np.vstack([by, [0, 0, 1]]))[:2]
    x, y = np.moveaxis(pixels(SIZE, SIZE) @ back[:, :2].T + back[:, 2], -1, 0)
    wanted = np.stack([ndimage.map_coordinates(frame[..., c], [y, x], order=1, mode="nearest") for c in (0, 1)], -1)
    np.testing.assert_allclose(crop(frame[None], jnp.asarray(by), SIZE)[0], wanted, atol=2e-5)


def test_a_turned_shifted_and_enlarged_picture_is_aligned_to_the_same_crop():
    crops = []
    for by in (transform(0, 1, 60, 45), transform(12, 1.1, 62, 50), transform(-20, 1.4, 55, 50)):
        back = np.linalg.inv(np.vstack([by, [0, 0, 1]]))[:2]
        frame = picture(pixels(130, 130) @ back[:, :2].T + back[:, 2])
        crops.append(np.asarray(ALIGN(frame[None], face(by)))[0])
    for other in crops[1:]:
        np.testing.assert_allclose(other, crops[0], atol=0.02)                 # what looking up between pixels smooths
    assert crops[0].std() > 0.1


def test_a_still_face_stays_still_however_its_landmarks_tremble():
    rng, height, width = np.random.default_rng(4), 60, 70
    frames = np.repeat(rng.random((1, height, width, 3)).astype(np.float32), 9, 0)
    trembling = face(POSE) + rng.normal(size=(9, 68, 2)).astype(np.float32)
    for landmarks in (face(POSE), trembling):
        crops = np.asarray(align_clip(frames, jnp.asarray(landmarks), SIZE))
        np.testing.assert_array_equal(crops, crops[:1].repeat(9, 0))
    steady = np.asarray(align_clip(frames, jnp.asarray(face(POSE)[None].repeat(9, 0)), SIZE, "smoothed"))
    np.testing.assert_allclose(steady, steady[:1].repeat(9, 0), atol=1e-4)


def test_motion_in_a_crop_is_the_frames_motion_turned_and_scaled():
    """Against cosine and sine; the motion as Lucas and Kanade find it, on waves long enough for their differences."""
    shift, grid = np.array([0.3, -0.2]), pixels(84, 84)
    frames = np.stack([picture(grid / 2.5), picture((grid - shift) / 2.5)])
    by = clip_transforms(jnp.asarray(face(POSE)), SIZE)
    wanted = np.asarray(turned(jnp.broadcast_to(jnp.asarray(shift, jnp.float32), (84, 84, 2)), by, SIZE))
    back, angle = np.asarray(inverse(by)), np.deg2rad(-12)
    rotated = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))]) @ shift * 0.35 * SIZE / 22
    np.testing.assert_allclose(wanted, np.broadcast_to(rotated, wanted.shape), atol=0.002)     # eyes 22 apart, turned by 12
    there = pixels(SIZE, SIZE) @ back[:, :2].T + back[:, 2]
    inside = ((there > 2) & (there < 81)).all(-1)[8:-8, 8:-8]
    crops = crop(frames, by, SIZE, 2)[..., 0]
    found = np.asarray(lucas_kanade(crops[0], crops[1]))[8:-8, 8:-8][inside]
    np.testing.assert_allclose(np.median(found, 0), rotated, atol=0.01)


def test_a_turned_flow_takes_places_of_the_first_crop_to_those_of_the_second():
    """Against points moved by the flow in the frame and then brought into the crop; of a flow that is not constant."""
    by, grid = transform(30, 0.8, 5, -9), pixels(50, 60)
    flow = np.stack([0.05 * grid[..., 1] - 1, 0.03 * grid[..., 0] + 0.02 * grid[..., 1]], -1).astype(np.float32)
    x, y = 31, 27
    start, end = (placed(np.array([place]), by)[0] for place in ((x, y), np.array((x, y)) + flow[y, x]))
    found = turned(jnp.asarray(flow), jnp.asarray(by), SIZE)
    at = [ndimage.map_coordinates(np.asarray(found)[..., c], start[::-1, None], order=1)[0] for c in (0, 1)]
    np.testing.assert_allclose(at, end - start, atol=1e-4)


def test_a_crop_smaller_than_the_face_shows_no_false_pattern():
    stripes = np.broadcast_to((np.arange(80) % 2).astype(np.float32)[None, None, :, None], (1, 80, 80, 1))
    small = transform(0, 1 / 7.5, 0, 0)
    coarse, fine = (np.asarray(crop(stripes, jnp.asarray(small), 10, each))[0, 1:-1, 1:-1] for each in (1, 8))
    assert coarse.std() > 0.2 and fine.std() < 0.05
    np.testing.assert_allclose(fine.mean(), 0.5, atol=0.01)
    ramp = np.broadcast_to(pixels(60, 60).astype(np.float32) @ np.float32([2, 3]), (1, 60, 60))[..., None]
    by = jnp.asarray(transform(20, 0.5, -3, -13))
    once, thrice = (np.asarray(crop(ramp, by, 12, each)) for each in (1, 3))
    np.testing.assert_allclose(thrice, once, atol=1e-3)                                             # about the same middle


def test_smoothing_follows_a_steady_drift_leaves_out_what_was_not_found_and_takes_trembling_away():
    time = np.arange(60)
    drift = np.stack([transform(0.2 * t, 1 + 0.001 * t, 10 - 0.1 * t, 0.3 * t) for t in time])
    linear = drift[:1] + (drift[-1:] - drift[:1]) * (time / 59)[:, None, None].astype(np.float32)
    np.testing.assert_allclose(smoothed(linear, 4.0)[16:-16], linear[16:-16], atol=1e-3)
    holes = linear.copy()
    holes[[20, 21, 40]] = np.nan
    np.testing.assert_allclose(smoothed(holes, 4.0)[16:-16], linear[16:-16], atol=0.2)
    assert np.isfinite(smoothed(np.where(time[:, None, None] == 3, linear, np.nan), 0.5)).all()      # one found frame of all
    noise = np.random.default_rng(5).normal(size=(4000, 2, 3)).astype(np.float32)
    assert smoothed(noise, 8.0)[100:-100].std() == pytest.approx(np.sqrt(1 / (2 * np.sqrt(np.pi) * 8)), rel=0.1)


def test_smoothing_does_not_depend_on_where_the_frames_begin():
    rng = np.random.default_rng(6)
    landmarks = face(POSE) + rng.normal(size=(12, 68, 2)).astype(np.float32)
    away = np.array([40, -30], np.float32)
    here, there = (clip_transforms(jnp.asarray(points), SIZE, "smoothed", 3.0) for points in (landmarks, landmarks + away))
    np.testing.assert_allclose(moved(landmarks, here), moved(landmarks + away, there), atol=1e-3)


def test_the_program_gives_what_its_operations_give_and_a_batch_its_clips():
    rng = np.random.default_rng(7)
    frames = rng.random((2, 3, 60, 70, 1)).astype(np.float32)
    landmarks = np.stack([face(POSE), face(transform(-5, 1, 33, 20))])
    alone = [np.asarray(align_clip(*clip, SIZE)) for clip in zip(jnp.asarray(frames), jnp.asarray(landmarks), strict=True)]
    np.testing.assert_allclose(jax.vmap(ALIGN)(frames, landmarks), alone, atol=1e-5)
    followed = (jnp.asarray(frames[0]), jnp.asarray(landmarks[:1].repeat(3, 0)))
    one = np.asarray(jax.jit(lambda *clip: align_clip(*clip, SIZE, "smoothed"))(*followed))
    np.testing.assert_allclose(one, alone[0], atol=1e-4)


@pytest.mark.parametrize("steady, message", [
    ("smoothed", "steady='smoothed': found the landmarks of one frame, wanted those of every frame"),
    ("clips", "steady='clips' is not known .did you mean 'clip'..; there are: clip, smoothed"),
])
def test_what_cannot_be_steadied_is_said(steady, message):
    with pytest.raises(UserMistake, match=message):
        clip_transforms(jnp.asarray(face(POSE)), SIZE, steady)


def test_the_eyes_alone_decide_by_default():
    np.testing.assert_array_equal(np.flatnonzero(EYES_ALONE), [0, 1])
