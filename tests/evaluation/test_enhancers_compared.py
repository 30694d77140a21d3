"""Enhancers compared: nothing is chosen on the person it is measured on; the rows mean what they say."""

import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.data.clips import clips_of
from mer_jax.evaluation.enhancers_compared import compare_enhancers, make_scenes
from mer_jax.evaluation.fidelity_table import fidelity_figure, fidelity_table
from mer_jax.evaluation.motion_summary import CEILING, CLEAN, People, best_elsewhere, over_people
from mer_jax.light.fidelity import aligned, moving, nose_box, pupil_distance
from mer_jax.mistakes import UserMistake
from mer_jax.motion.smoothing import blur
from mer_jax.motion.warping import warp
from mer_jax.synthetic.face import mean_landmarks

SIDE, LENGTH = 48, 41


def acted(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """((LENGTH, H, W, 3) uint8, (H, W, 2) pixels): a textured face whose cheek moves by two pixels and comes back."""
    rng, (y, x) = np.random.default_rng(seed), np.mgrid[:SIDE, :SIDE]
    face = sum(share * np.asarray(blur(jnp.asarray(rng.normal(size=(SIDE, SIDE, 3)), jnp.float32), sigma)) * sigma
               for sigma, share in ((1.0, 0.15), (3.0, 0.4)))
    hill = np.exp(-((x - 12 - seed) ** 2 + (y - 34) ** 2) / 40)[..., None] * np.array([1.6, -1.2])
    course = 0.5 - 0.5 * np.cos(np.pi * np.clip(1 - np.abs(np.arange(LENGTH) - 20) / 18, 0, 1))
    frames = [warp(jnp.asarray(0.5 + face, jnp.float32), jnp.asarray(share * hill, jnp.float32)) for share in course]
    return np.round(255 * np.clip(np.stack(frames), 0, 1)).astype(np.uint8), hill.astype(np.float32)


@pytest.fixture(scope="module")
def acting():
    frames, flow = zip(*map(acted, range(4)), strict=True)
    marks = {"length": LENGTH, "onset": 2, "apex": 20, "offset": 38}
    landmarks = (mean_landmarks() * 16 + np.array([24, 20])).astype(np.float32)
    return clips_of([("made", f"s{row // 2}", f"c{row}") for row in range(4)], ["a", "b", "a", "b"], ("a", "b"),
                    frames=np.stack(frames), fps=np.full(4, 200, np.float32),
                    true_flow=np.stack(flow), pixel_flow=np.stack(flow),
                    landmarks=np.stack([landmarks] * 4), **{name: np.full(4, mark, np.int32) for name, mark in marks.items()})


@pytest.fixture(scope="module")
def found(acting):
    return compare_enhancers(acting, ("L1", "L4"), ("gain", "compensated"))


def row_of(found, name, level):
    return next(row for row in found["rows"] if (row["enhancer"], row["level"]) == (name, level))


def test_every_enhancer_has_a_row_at_every_level_beside_its_floor_and_its_ceiling(found):
    names = {(row["enhancer"], row["level"]) for row in found["rows"]}
    each = {(name, level) for name in ("none", "gain", "t5", "compensated", CEILING) for level in ("L1", "L4")}
    assert names == each | {(CLEAN, "L0")}
    assert (found["reference"], found["landmarks"], found["window"]) == ("true flow", "known", 5)
    assert (found["clips"], found["subjects"]) == (4, 2)


@pytest.mark.parametrize("estimator", ["TV-L1", "Farneback"])
def test_the_rows_mean_what_they_say(found, estimator):
    for level in ("L1", "L4"):
        none, base = (row_of(found, name, level)[estimator] for name in ("none", "t5"))
        assert none["preserved"] == (0, [0, 0]) and base["over_baseline"] == (0, [0, 0])
        for row in found["rows"]:
            part = row[estimator]
            if row["level"] == level:
                assert part["preserved"][0] == pytest.approx(1 - part["error"][0] / none["error"][0], abs=1e-6)
                assert part["over_baseline"][0] == pytest.approx(part["error"][0] - base["error"][0], abs=1e-6)
    assert row_of(found, CLEAN, "L0")[estimator]["error"][0] < row_of(found, "none", "L4")[estimator]["error"][0]


def test_the_mean_keeps_more_in_the_dark_and_brightening_alone_does_not(found):
    dim = {name: row_of(found, name, "L1") for name in ("none", "gain", "t5")}
    assert dim["t5"]["TV-L1"]["preserved"][0] > 0.2
    assert abs(dim["gain"]["TV-L1"]["preserved"][0]) < 0.3 * dim["t5"]["TV-L1"]["preserved"][0]
    assert dim["gain"]["psnr"] < dim["t5"]["psnr"]
    assert dim["t5"]["TV-L1"]["error"][0] < row_of(found, "t5", "L4")["TV-L1"]["error"][0]


def test_without_a_true_flow_the_clean_flow_is_the_measure(acting):
    alone = compare_enhancers(acting.replace(true_flow=None, pixel_flow=None, landmarks=None), ("L1",), ("t5",))
    assert (alone["reference"], alone["landmarks"]) == ("clean flow", "assumed")
    for estimator in ("TV-L1", "Farneback"):                            # each by its own flow of the clean pictures
        assert row_of(alone, CLEAN, "L0")[estimator]["fixed"][0] == pytest.approx(0, abs=1e-6)


def test_what_moves_is_the_faces_and_the_error_is_against_what_the_pixels_did(acting):
    """A head that turns moves all pixels: they count as the truth, and yet not as an expression."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    alone = jnp.asarray(acting.true_flow)
    whole = alone + 0.03 * jnp.asarray(np.stack([-y, x], -1), jnp.float32)
    landmarks = jnp.asarray(acting.landmarks)
    pictures = jnp.asarray(acting.frames[:, [2, 20, 38]], jnp.float32) / 255
    scenes = make_scenes(pictures, jnp.stack([alone, whole]), landmarks)
    for row in range(4):
        nose, pupils = nose_box(landmarks[row], SIDE, SIDE), pupil_distance(landmarks[row])
        np.testing.assert_array_equal(scenes.moves[row], moving(aligned(alone[row], nose), pupils))
        for flow in scenes.flow.values():
            np.testing.assert_allclose(flow[row], aligned(whole[row], nose), atol=1e-6)


def test_a_setting_is_best_on_others():
    error = np.array([[0.0, 1.0], [0.0, 1.0], [5.0, 0.5], [5.0, 0.5]])
    assert best_elsewhere(error, np.array([0, 0, 1, 1]), 0).tolist() == [1, 1, 0, 0]
    assert best_elsewhere(error, np.zeros(4, int), 1).tolist() == [1, 1, 1, 1]           # nobody else: the default
    three = np.concatenate([error, [[3.0, 2.5]]])
    assert best_elsewhere(three, np.array([0, 0, 1, 1, 2]), 0).tolist() == [1, 1, 0, 0, 1]


def test_the_mean_over_people_draws_people_within_their_database():
    values, people = np.array([1.0, 3.0, 5.0]), People(np.array([0, 0, 1]), np.array([0, 0]))
    assert over_people(values, people) == (pytest.approx(3), [2.0, 5.0])
    assert over_people(values, people._replace(dataset=np.array([0, 1]))) == (pytest.approx(3), [3.0, 3.0])
    assert over_people(values, People(np.zeros(3, int), np.array([0]))) == (pytest.approx(3), None)
    assert over_people(values, people, 2 * values) == (pytest.approx(0.5), [pytest.approx(0.5), pytest.approx(0.5)])


def test_people_without_a_clip_that_moves_are_not_drawn(acting):
    people = People.of(acting, np.array([False, False, True, True]))
    assert people.subject.tolist() == [0, 0] and people.dataset.tolist() == [0]


def test_clips_in_which_nothing_moves_are_refused(acting):
    nothing = np.zeros_like(acting.true_flow)
    with pytest.raises(UserMistake, match="in none of the 4 clips anything moves"):
        compare_enhancers(acting.replace(true_flow=nothing, pixel_flow=nothing), ("L1",), ("t5",))


def test_a_level_said_twice_counts_once(acting, found):
    again = compare_enhancers(acting, ("L1", "L1"), ("gain", "compensated"))
    assert row_of(again, "gain", "L1")["TV-L1"]["error"][0] == pytest.approx(row_of(found, "gain", "L1")["TV-L1"]["error"][0])


def test_the_table_and_the_figure_hold_every_row(found, tmp_path):
    text = fidelity_table(found)
    for name in ("none", "gain", "t5", "compensated", CEILING):
        assert sum(line.startswith(f"{name} ") for line in text.splitlines()) == 6           # two levels, twice and once
    fidelity_figure(found, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(("levels", "names", "line"), [
    (("L9",), (), "light 'L9' is not known.*; there are: L1, L2, L3, L4"), (("L0",), (), "light 'L0' is not known"),
    ((), (), "no light level; wanted some of L1, L2, L3, L4"),
    (("L1",), ("gian",), "enhancer 'gian' is not known .did you mean 'gain'")])
def test_a_mistyped_word_is_named(acting, levels, names, line):
    with pytest.raises(UserMistake, match=line):
        compare_enhancers(acting, levels, names)


def test_clips_without_frames_are_refused(clips):
    with pytest.raises(UserMistake, match="no frames that could be darkened"):
        compare_enhancers(clips, ("L1",))
