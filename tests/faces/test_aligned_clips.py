"""A data set of rendered faces, whose landmarks and motion are known, cut out around them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mer_jax
from mer_jax.data.clips import clips_of
from mer_jax.faces.alignment import align_clip, template
from mer_jax.faces.landmarks import anchors
from mer_jax.mistakes import UserMistake
from mer_jax.motion.warping import look_up
from mer_jax.synthetic.act import draw_act
from mer_jax.synthetic.face import draw_face
from mer_jax.synthetic.scene import VIEW, render
from mer_jax.synthetic.tiers import TIERS

FULL, SIZE, PEOPLE, FINE = 48, 40, 3, 2
TURN = np.deg2rad(15.0)


@pytest.fixture(scope="module")
def rendered():
    """Three people with a strong expression, each with the head turned and shifted by a constant."""
    face = jax.jit(lambda key: draw_face(key, 160))
    shoot = jax.jit(lambda key, face, act: render(key, face, act, FULL))
    play = jax.jit(lambda key, label, face: draw_act(key, jax.random.fold_in(key, 1), TIERS["easy"], label, face))
    shots = []
    for person in range(PEOPLE):
        key = jax.random.key(person)
        who = face(key)
        who = who._replace(glasses=who.glasses._replace(worn=jnp.float32(0)))             # they do not move with the skin
        act = play(key, jnp.int32(person), who)
        pose = jnp.array([0.1 - 0.1 * person, 0.05 * person, TURN * (person - 1), -0.1])
        act = act._replace(head=jnp.broadcast_to(pose, act.head.shape), light=jnp.ones_like(act.light),
                           blink=jnp.zeros_like(act.blink), gaze=jnp.zeros_like(act.gaze),
                           strength=jnp.zeros_like(act.strength).at[0].set(3 * VIEW / FULL))
        shots.append(jax.tree.map(np.asarray, shoot(key, who, act)))
    acts = [shot.act for shot in shots]
    return clips_of(
        [("synthme", f"s{row}", "c") for row in range(PEOPLE)], ["negative", "positive", "surprise"],
        ("negative", "positive", "surprise"), frames=np.stack([shot.frames for shot in shots]),
        fps=np.full(PEOPLE, 200, np.float32), true_flow=np.stack([shot.flow for shot in shots]),
        pixel_flow=np.stack([shot.pixel_flow for shot in shots]), landmarks=np.stack([shot.landmarks for shot in shots]),
        flow=np.stack([shot.small_flow for shot in shots]), flow_coding="minmax8",
        **{name: np.array([getattr(act, name) for act in acts], np.int32) for name in ("length", "onset", "apex", "offset")})


@pytest.fixture(scope="module")
def crops(rendered):
    return mer_jax.faces.aligned(rendered, SIZE)


@pytest.mark.slow
def test_the_eyes_of_everyone_lie_in_one_place_and_nothing_else_changes(rendered, crops):
    eyes = np.asarray(anchors(crops.landmarks))[:, :2]
    np.testing.assert_allclose(eyes, np.broadcast_to(template(SIZE)[:2], eyes.shape), atol=1e-3)
    before = np.asarray(anchors(rendered.landmarks))[:, :2]
    assert np.abs(before - before.mean(0)).max() > 2
    assert crops.frames.shape == (PEOPLE, rendered.frames.shape[1], SIZE, SIZE, 3) and crops.frames.dtype == np.uint8
    for name in ("label", "subject", "length", "fps", "onset", "apex", "offset"):
        np.testing.assert_array_equal(getattr(crops, name), getattr(rendered, name))
    assert (crops.ids, crops.classes, crops.subjects) == (rendered.ids, rendered.classes, rendered.subjects)
    assert crops.flow is None and crops.flow_coding is None
    behind = np.arange(crops.frames.shape[1]) >= crops.length[:, None]
    assert behind.any() and (crops.frames[behind] == 0).all() and crops.frames[~behind].any((1, 2, 3)).all()


@pytest.mark.slow
def test_the_pupils_are_seen_where_the_eyes_are_said_to_be(crops):
    for row in range(PEOPLE):
        frame = crops.frames[row, crops.onset[row]].astype(float).mean(-1)
        for x, y in np.round(template(SIZE)[:2]).astype(int):
            cheek = frame[y + 5 : y + 8, x - 2 : x + 3].mean()
            assert frame[y - 1 : y + 2, x - 1 : x + 2].min() < 0.85 * cheek


def explained(clips, row: int, flow: np.ndarray, inside: np.ndarray) -> float:
    """Mean difference of the apex frame, brought back by a flow, from the onset frame."""
    first, second = (jnp.asarray(clips.frames[row, mark[row]], jnp.float32) for mark in (clips.onset, clips.apex))
    back = look_up(second[None], jnp.asarray(flow)[None])[0]
    return float(np.abs(np.asarray(back - first))[inside].mean())


@pytest.mark.slow
def test_the_flow_that_goes_along_is_the_motion_of_the_crops(rendered, crops):
    """The true motion of each pixel, turned and scaled, brings the apex's crop back to the onset's as the untouched one did
    in the frames; the motion as it was, not turned, does not do so well."""
    scale = 0.35 * SIZE / np.linalg.norm(np.diff(np.asarray(anchors(rendered.landmarks))[:, :2], axis=1), axis=-1)[:, 0]
    for row in range(PEOPLE):
        flow = crops.pixel_flow[row]
        inside = np.linalg.norm(flow, axis=-1) > 0.6 * np.linalg.norm(flow, axis=-1).max()
        still, whole = (explained(crops, row, part * flow, inside) for part in (0, 1))
        angle = TURN * (row - 1)
        rotation = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
        wrong = explained(crops, row, (flow @ rotation.T).astype(np.float32), inside)
        assert whole < 0.5 * still and (row == 1 or whole < 0.6 * wrong)
        most = [np.linalg.norm(part, axis=-1).max() for part in (crops.true_flow[row], rendered.true_flow[row])]
        np.testing.assert_allclose(most[0] / most[1], scale[row], rtol=0.1)


@pytest.mark.slow
def test_landmarks_of_every_frame_are_one_transform_or_follow_the_head(rendered, crops):
    length = rendered.frames.shape[1]
    every = np.repeat(rendered.landmarks[:, None], length, 1)
    every[0, 7] = np.nan                                                       # no face found there
    every[:, [0, 9]] += 4                                                      # two frames in which it was found elsewhere
    every[:, rendered.length.max() :] = 900.0                                  # behind the end: nobody looks
    same = mer_jax.faces.aligned(rendered, SIZE, landmarks=every)
    np.testing.assert_array_equal(same.frames, crops.frames)
    drifting = every + 0.05 * np.arange(length)[:, None, None]
    followed = mer_jax.faces.aligned(rendered, SIZE, "smoothed", drifting.astype(np.float32))
    assert followed.true_flow is None and followed.pixel_flow is None
    away = np.abs(followed.frames.astype(int) - crops.frames)[:, 30].mean()
    assert away > 1
    for row, end in enumerate(rendered.length):
        points = np.where(np.arange(length)[:, None, None] < end, drifting[row], np.nan).astype(np.float32)
        direct = align_clip(rendered.frames[row].astype(np.float32), points, SIZE, "smoothed", 0.5 * 200, FINE)
        np.testing.assert_allclose(followed.frames[row, :end], direct[:end], atol=0.51)        # rounded to whole values


@pytest.mark.parametrize("change, options, message", [
    ({"landmarks": None}, {}, "the data have no landmarks to align faces by; wanted Clips.landmarks, or those that .*located"),
    ({"frames": None}, {}, "the data have no frames to cut faces out of .they have: flow"),
    ({"landmarks": np.full((PEOPLE, 68, 2), np.inf, np.float32)}, {}, "synthme/s0/c: 68 of 68 landmarks are not finite"),
    ({"landmarks": np.full((PEOPLE, 68, 2), 9.0, np.float32)}, {}, "synthme/s0/c: the eyes are 0.00 pixels apart"),
    ({}, {"landmarks": np.zeros((2, 68, 2), np.float32)}, r"landmarks of shape \(2, 68, 2\); wanted \(3, 68, 2\), or of every"),
    ({}, {"size": 0}, "size=0: wanted a crop of at least 8 pixels"),
    ({}, {"steady": "frame"}, "steady='frame' is not known; there are: clip, smoothed"),
    ({}, {"steady": "smoothed"}, "steady='smoothed': found the landmarks of one frame"),
    ({"fps": np.full(PEOPLE, np.nan, np.float32)}, {"steady": "smoothed"}, "of 3 of 3 clips the frames a second .fps. are not"),
])
def test_what_cannot_be_aligned_is_said_in_one_line(rendered, change, options, message):
    with pytest.raises(UserMistake, match=message) as said:
        mer_jax.faces.aligned(rendered.replace(**change), **options)
    assert "\n" not in str(said.value)
