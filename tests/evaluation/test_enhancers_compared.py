"""Enhancers compared: nothing is chosen on the person it is measured on; the rows mean what they say."""

import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.evaluation.enhancers_compared import compare_enhancers, make_scenes, shown_by
from mer_jax.evaluation.fidelity_table import fidelity_table
from mer_jax.evaluation.motion_summary import (
    BASELINE,
    CEILING,
    CLEAN,
    Measured,
    People,
    best_elsewhere,
    mean_of_known,
    over_people,
    typical_clip,
)
from mer_jax.light.fidelity import MotionKept, aligned, moving, nose_box, pupil_distance
from mer_jax.mistakes import UserMistake
from mer_jax.motion.smoothing import blur

SIDE = 48


def row_of(found, name, level):
    return next(row for row in found["rows"] if (row["enhancer"], row["level"]) == (name, level))


@pytest.mark.slow
def test_every_enhancer_has_a_row_at_every_level_beside_its_floor_and_its_ceiling(found):
    names = {(row["enhancer"], row["level"]) for row in found["rows"]}
    each = {(name, level) for name in ("none", "gain", "t5", "compensated", CEILING) for level in ("L1", "L4")}
    assert names == each | {(CLEAN, "L0")}
    assert (found["reference"], found["landmarks"], found["window"]) == ("true flow", "known", 5)
    assert (found["clips"], found["subjects"]) == (4, 2)


@pytest.mark.parametrize("estimator", ["TV-L1", "Farneback"])
@pytest.mark.slow
def test_the_rows_mean_what_they_say(found, estimator):
    for level in ("L1", "L4"):
        none, base = (row_of(found, name, level)[estimator] for name in ("none", "t5"))
        assert none["preserved"] == (0, [0, 0]) and base["over_baseline"] == (0, [0, 0])
        for row in found["rows"]:
            part = row[estimator]
            if row["level"] == level:
                assert part["preserved"][0] == pytest.approx(1 - part["error"][0] / none["error"][0], abs=1e-6)
                assert part["over_baseline"][0] == pytest.approx(part["error"][0] - base["error"][0], abs=1e-6)
                full = part["full"]
                assert full["over_baseline"][0] == pytest.approx(full["error"][0] - base["full"]["error"][0], abs=1e-6)
    assert row_of(found, CLEAN, "L0")[estimator]["error"][0] < row_of(found, "none", "L4")[estimator]["error"][0]


@pytest.mark.slow
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


def test_noise_where_nothing_moves_is_no_warping_error_of_the_motion(acting):
    pictures = jnp.asarray(acting.frames[:, [2, 20, 38]], jnp.float32) / 255
    scenes = make_scenes(pictures, jnp.stack([acting.true_flow, acting.pixel_flow]), jnp.asarray(acting.landmarks))
    near = np.asarray(blur(jnp.asarray(scenes.moves, jnp.float32)[..., None], 2.0)) > 1e-3         # what look-ups reach
    noise = np.random.default_rng(0).normal(0, 0.05, pictures.shape)
    away, there = (pictures + jnp.asarray(where[:, None] * noise, jnp.float32) for where in (~near, near))
    still, spoilt, moved = ({name: value[:3] for name, value in shown_by(shown, scenes).items()}    # the last's nose moves too,
                            for shown in (pictures, away, there))                                  # so all of it does
    assert (spoilt["warping"] > 1.5 * still["warping"]).all()
    np.testing.assert_allclose(spoilt["warping_moving"], still["warping_moving"], rtol=0.1)
    assert (moved["warping_moving"] > 5 * spoilt["warping_moving"]).all()


def test_a_mean_is_of_what_is_known():
    assert mean_of_known(np.array([1.0, np.nan, 3.0])) == 2 and mean_of_known(np.array([np.nan])) is None


def test_the_typical_clip_is_the_middle_one_of_those_that_move(acting):
    error = np.repeat(np.array([[3.0], [1.0], [2.0], [9.0]]), 8, 1)

    def typical(moves, *levels):
        whole = {(BASELINE, f"L{number}"): Measured({"TV-L1": MotionKept(*[values[..., None]] * 5)}, {}, np.array(moves))
                 for number, values in enumerate(levels)}
        return acting.ids.index(typical_clip(whole, acting))

    assert typical([True, True, True, False], error) == 2
    assert typical([True, False, False, True], error) == 0
    assert typical([True, True, True, False], error, np.array([0.0, 5.0, 0.0, 0.0])[:, None] + 0 * error) == 0    # 3, 6, 2


def test_a_setting_is_best_on_others():
    error = np.array([[0.0, 1.0], [0.0, 1.0], [5.0, 0.5], [5.0, 0.5]])
    assert best_elsewhere(error, np.array([0, 0, 1, 1]), 0).tolist() == [1, 1, 0, 0]
    assert best_elsewhere(error, np.zeros(4, int), 1).tolist() == [1, 1, 1, 1]           # nobody else: the default
    gain = np.array([[0.4, 1.3], [0.6, 1.5], [0.9, 1.4], [0.9, 1.2]])                 # none shows the whole: the nearest
    assert best_elsewhere(error, np.array([0, 0, 1, 1]), 0, gain).tolist() == [0, 0, 1, 1]
    gain = np.array([[0.99, 1.0], [0.99, 1.0], [1.03, 1.02], [1.01, 1.02]])           # all do: the least error
    assert best_elsewhere(error, np.array([0, 0, 1, 1]), 0, gain).tolist() == [1, 1, 0, 0]
    gain = np.array([[0.99, 0.5], [0.99, 0.5], [0.7, 1.0], [0.7, 1.0]])               # one does, at whatever error
    assert best_elsewhere(error, np.array([0, 0, 1, 1]), 0, gain).tolist() == [1, 1, 0, 0]
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


@pytest.mark.slow
def test_a_level_said_twice_counts_once(acting, found):
    again = compare_enhancers(acting, ("L1", "L1"), ("gain", "compensated"))
    assert row_of(again, "gain", "L1")["TV-L1"]["error"][0] == pytest.approx(row_of(found, "gain", "L1")["TV-L1"]["error"][0])


@pytest.mark.slow
def test_the_table_holds_every_row_and_is_no_wider_than_a_terminal(found):
    text = fidelity_table(found)
    for name in ("none", "gain", "t5", "compensated", CEILING):
        assert sum(line.startswith(f"{name} ") for line in text.splitlines()) == 6           # two levels, twice and once
    assert max(map(len, text.splitlines())) <= 140


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
