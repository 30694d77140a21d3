"""The study of pretraining: where its pictures are cut out, what they show, how it goes on, what the kept network answers."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.evaluation.predictions import Predictions
from mer_jax.mistakes import UserMistake
from mer_jax.models.network import Output
from mer_jax.synthetic.expressions import CLASSES3, label3_of


@pytest.fixture
def study(studies):
    return studies("pretrain_synthme")


@pytest.fixture
def faces(studies):
    return studies("pretrain_faces")


def landmarks_of(left: tuple, right: tuple, mouth: tuple = (-9, -9)) -> jnp.ndarray:
    """68 points of which the eyes' alone, and the mouth's corners ten pixels apart, lie where they should."""
    points = np.full((68, 2), -9, np.float32)
    points[36:42], points[42:48], points[48], points[54] = left, right, np.subtract(mouth, (5, 0)), np.add(mouth, (5, 0))
    return jnp.asarray(points)


def own_places(height: int, width: int) -> jnp.ndarray:
    """A field that holds each pixel's own place (x, y), so a crop of it the places that it was taken from."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return jnp.asarray(np.stack([x, y, 0 * x], -1), jnp.float32)


def assert_places(found: jnp.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """x: (28,) of the columns, y: (28,) of the rows."""
    np.testing.assert_allclose(found[..., 0], np.broadcast_to(x, (28, 28)), atol=1e-3)
    np.testing.assert_allclose(found[..., 1], np.broadcast_to(y[:, None], (28, 28)), atol=1e-3)


STEPS = (np.arange(28) + 0.5) / 28 - 0.5


def test_the_fitted_crop_lies_where_the_eyes_say(faces):
    field = own_places(80, 64)
    found = faces.cropped(field, landmarks_of((24, 20), (40, 20)), "fitted")
    assert_places(found, 32 + 16 * 1.5 * STEPS, 20 + 16 * (0.65 + 2.8 * STEPS))
    nearer = faces.cropped(field, landmarks_of((28, 20), (36, 20)), "fitted")
    np.testing.assert_allclose(np.ptp(nearer[..., 1]), np.ptp(found[..., 1]) / 2, atol=1e-3)


def test_eyes_and_mouth_are_the_middles_of_the_quarters(faces):
    """The crop by eyes and mouth: where the eyes are at a quarter and three quarters across, a quarter down, the mouth three
    quarters down, whatever the face's proportions."""
    field = own_places(80, 64)
    for left, right, mouth in (((24, 24), (40, 24), 44), ((20, 30), (44, 30), 48)):
        found = faces.cropped(field, landmarks_of(left, right, (32, mouth)), "eyes")
        x, y = (np.interp([0.25, 0.75], STEPS + 0.5, places) for places in (found[0, :, 0], found[:, 0, 1]))
        np.testing.assert_allclose(x, [left[0], right[0]], atol=1e-3)
        np.testing.assert_allclose(y, [left[1], mouth], atol=1e-3)


def test_the_whole_picture_is_all_of_it(faces):
    """From edge to edge, whatever the landmarks; at the border itself edges are repeated."""
    found = faces.cropped(own_places(112, 56), landmarks_of((0, 0), (1, 0)), "whole")
    x, y = 27.5 + 56 * STEPS, 55.5 + 112 * STEPS
    assert_places(found, x, y)


def test_classes_come_in_equal_numbers(faces):
    numbers = faces.numbers_of(12)
    classes = np.array([label3_of(name) for name in faces.tier_of("casme2").classes])[np.array(numbers) % 5]
    assert len(set(numbers)) == 12
    assert np.bincount(classes).tolist() == [4, 4, 4] and np.bincount(classes[:6]).tolist() == [2, 2, 2]


@pytest.mark.slow
@pytest.mark.parametrize("units", ["casme2", "rules"])
def test_rendered_pictures_move_as_their_classes_say(units, faces):
    """A smile draws the mouth's corners up and apart, surprise lifts the brows; in every picture each channel is stretched."""
    of_person = faces.picture_painter("true", "eyes", units)
    pictures, label = of_person(3, [0, 1, 5, 6, 10, 11])
    assert pictures.shape == (6, 28, 28, 3) and pictures.dtype == np.uint8 and label.tolist() == [1, 2] * 3
    assert (pictures.min((1, 2)) == 0).all() and (pictures.max((1, 2)) == 255).all()
    smile, surprise = (pictures[label == c].astype(float).mean(0) for c in (1, 2))
    assert smile[16:22, :, 1].mean() < smile[:6, :, 1].mean() and surprise[:6, :, 1].mean() < surprise[16:22, :, 1].mean()
    assert smile[16:22, :12, 0].mean() < smile[16:22, 16:, 0].mean()
    again, _ = of_person(3, [5])
    np.testing.assert_array_equal(again[0], pictures[2])
    assert (of_person(4, [5])[0] != again).any()


@pytest.fixture
def drawn(faces, monkeypatch):
    """The people who were drawn; in the renderer's place, pictures that hold the number of the person."""
    people = []

    def painter(flow, crop, units):
        def of_person(person, numbers):
            people.append(person)
            return np.full((len(numbers), 28, 28, 3), person, np.uint8), np.arange(len(numbers), dtype=np.int32) % 3
        return of_person

    monkeypatch.setattr(faces, "picture_painter", painter)
    return people


def test_what_is_there_is_not_rendered_again(faces, drawn, tmp_path):
    pieces = faces.render_missing(tmp_path, 23, 6, "true", "eyes", "rules")
    assert sorted(drawn) == list(range(23))
    first = faces.rendered_clips(pieces)
    drawn.clear()
    pieces[1].unlink()
    again = faces.rendered_clips(faces.render_missing(tmp_path, 23, 6, "true", "eyes", "rules"))
    assert sorted(drawn) == list(range(10, 20)) and again.ids == first.ids and again.classes == CLASSES3
    np.testing.assert_array_equal(again.flow, first.flow)
    assert len(again) == 138 and len(again.subjects) == 23 and (again.flow[:, 0, 0, 0] == np.asarray(again.subject)).all()


@pytest.mark.parametrize(("words", "said"), [
    ((24, 6, "true", "eyes", "rules"), "people 23 there, 24 here"), ((23, 6, "tvl1", "eyes", "rules"), "flow 'true' there"),
    ((23, 6, "true", "fitted", "rules"), "crop 'eyes' there, 'fitted' here"),
    ((23, 6, "true", "eyes", "casme2"), "units 'rules' there, 'casme2' here")])
def test_pictures_of_other_words_are_not_mixed_in(words, said, faces, drawn, tmp_path):
    faces.render_missing(tmp_path, 23, 6, "true", "eyes", "rules")
    with pytest.raises(UserMistake, match=f"holds other pictures: {said}"):
        faces.render_missing(tmp_path, *words)


def test_a_kept_network_is_asked_for_each_clip_once(study, clips, monkeypatch):
    """A network that reads the class off the clip's number is right everywhere, in whatever order the table has its clips."""
    label, numbered = np.asarray(clips.label), clips.replace(flow=np.arange(24, dtype=np.float32).reshape(24, 1, 1, 1))
    network = SimpleNamespace(apply=lambda _, inputs, train: Output(np.eye(3)[label[inputs["flow"][:, 0, 0, 0].astype(int)]]))
    monkeypatch.setattr(study, "read_network", lambda _: SimpleNamespace(network=network, variables={}))
    order = np.tile(np.random.default_rng(0).permutation(24), 2)
    keys, names = np.array([key.split("/") for key in clips.ids])[order], np.array(clips.classes)
    columns = {"run": np.repeat([0, 1], 24), "dataset": keys[:, 0], "subject": keys[:, 1], "clip": keys[:, 2],
               "label": names[label[order]], "prediction": names[(label[order] + 1) % 3]}
    found = study.as_it_is(Path(), numbered, Predictions(clips.classes, columns, np.zeros((48, 3))))
    assert len(found) == 24 and (found.columns["prediction"] == found.columns["label"]).all()


def test_rows_differ_in_what_they_begin_with_and_in_the_rate_alone(study, tmp_path, monkeypatch):
    """In the rate with its schedule, in what they begin with, or both; whatever folder the program is called in."""
    monkeypatch.chdir(tmp_path)
    rows = study.row_settings(tmp_path / "clips.csv", tmp_path, epochs=3, seeds=2)
    scratch = rows["scratch"]
    assert [list(rows), scratch.recipe.stages[-1].epochs, scratch.seeds] == [
        ["scratch", "faster", "shuffled", "pretrained", "pretrained_faster"], 3, 2]
    network = f"{tmp_path}/network"
    assert [row.weights for row in rows.values()] == ["", "", f"{tmp_path}/network_shuffled", network, network]
    (stage,), (faster,) = scratch.recipe.stages, rows["faster"].recipe.stages
    assert dataclasses.replace(stage, learning_rate=1e-3, schedule="cosine") == faster != stage
    same = {dataclasses.replace(row, name="", weights="", recipe=scratch.recipe) for row in rows.values()}
    assert len(same) == 1 and rows["faster"].recipe == dataclasses.replace(scratch.recipe, stages=(faster,))
    assert rows["shuffled"].recipe == rows["pretrained"].recipe == scratch.recipe
    assert rows["pretrained_faster"].recipe == rows["faster"].recipe


@pytest.mark.parametrize(("crop", "units", "said"), [
    ("eyes", "rules", []), ("whole", "rules", []), ("eyes", "casme2", ["CASME II's coding file"]),
    ("fitted", "casme2", ["all clips of CASME II and SMIC", "CASME II's coding file"])])
def test_what_was_chosen_on_real_clips_is_named(crop, units, said, study):
    found = study.choices_of(SimpleNamespace(crop=crop, units=units))
    assert len(found) == len(said) and all(part in line for part, line in zip(said, found, strict=True))


def test_every_row_is_held_against_one_of_the_same_recipe(study, tmp_path):
    """Of each pretrained row there is a difference that is what it began with alone."""
    rows = study.row_settings(tmp_path / "clips.csv", tmp_path, epochs=3, seeds=2)
    same = {(first, other) for first, others in study.COMPARED.items() for other in others
            if rows[first].recipe == rows[other].recipe}
    assert same == {("pretrained", "scratch"), ("pretrained", "shuffled"), ("pretrained_faster", "faster")}


def test_the_shuffled_network_is_trained_as_much_on_other_labels(study, clips, tmp_path, monkeypatch):
    trained = {}

    def train(settings, on, folder, benchmark):
        trained[folder.name] = (settings.recipe, on)
        folder.mkdir()

    monkeypatch.setattr(study, "train_network", train)
    study.pretrain(clips, tmp_path, {"crop": "whole", "made_on_real_clips": []})
    for name in ("network", "network_shuffled"):
        assert json.loads((tmp_path / name / "choices.json").read_text()) == {"crop": "whole", "made_on_real_clips": []}
    (recipe, true), (other, shuffled) = trained["network"], trained["network_shuffled"]
    assert recipe == other and recipe.stages[-1].learning_rate == 1e-3
    np.testing.assert_array_equal(true.label, clips.label)
    np.testing.assert_array_equal(true.flow, shuffled.flow)
    assert sorted(shuffled.label) == sorted(true.label) and (shuffled.label != true.label).any()
