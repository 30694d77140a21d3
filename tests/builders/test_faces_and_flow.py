"""Faces cut out and flow found while a data set is built: what is stored is what the library makes of the stored frames."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from fake_copies import CASME2_ROWS, SAMM_ROWS, casme2_copy, samm_copy
from PIL import Image

import mer_jax
from mer_jax.data.from_tfds import clips_from_tfds
from mer_jax.faces import landmarker
from mer_jax.faces.alignment import PROPORTIONS
from mer_jax.mistakes import UserMistake
from mer_jax.stored_flow import store_flow
from tfds_builders.casme2.casme2_dataset_builder import CASME2
from tfds_builders.licensed_data import build
from tfds_builders.options import Options
from tfds_builders.own_landmarks import OwnLandmarks

HEIGHT, WIDTH, APART = 48, 64, 12.0                             # of the pictures, and between the eyes
NAMES = [f"{axis}_{point}" for point in range(68) for axis in "xy"]


def paint(root: Path) -> Path:
    """Pictures in place of a copy's: a pattern that drifts with the frame's number, another in every folder."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for number, path in enumerate(sorted(root.rglob("*.jpg"))):
        phase = number * 0.3 + np.array([0, 1, 2]) + sum(map(ord, path.parent.name))
        waves = np.sin(x[..., None] / 3 + phase) + np.cos(y[..., None] / 4 - phase)
        Image.fromarray((127 + 60 * waves).astype(np.uint8)).save(path, quality=95)
    return root


def face(x: float, y: float, degrees: float = 0.0) -> np.ndarray:
    """68 points of a face with the middle of its eyes at (x, y)."""
    eyes, nose, mouth = PROPORTIONS[:2], PROPORTIONS[2], PROPORTIONS[3:]
    points = np.tile(nose, (68, 1))
    points[36:48] = np.repeat(eyes, 6, 0)
    points[[48, 54]] = mouth
    turn = np.radians(degrees)
    return APART * points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + [x, y]


def landmark_table(path: Path, faces: dict[tuple[str, ...], np.ndarray], keys=("subject", "clip")) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*keys, *NAMES])
        writer.writerows([*key, *points.ravel().round(3)] for key, points in faces.items())
    return path


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return paint(casme2_copy(tmp_path_factory.mktemp("copy")))


@pytest.fixture(scope="module")
def places():
    """Where the face of each clip lies, of all but the last."""
    return {(row.subject, row.clip): face(28 + number, 16 + number / 2, 3 * number - 9)
            for number, row in enumerate(CASME2_ROWS[:-1])}


@pytest.fixture(scope="module")
def table(places, tmp_path_factory):
    return landmark_table(tmp_path_factory.mktemp("table") / "landmarks.csv", places)


@pytest.fixture(scope="module")
def whole(copy, tmp_path_factory):
    return clips_from_tfds(build("casme2", [str(copy)], tmp_path_factory.mktemp("whole"), Options())["folder"])


def only(clips, rows):
    arrays = {name: getattr(clips, name)[rows] for name in ("frames", "length", "fps", "onset", "apex", "offset", "label")}
    return clips.replace(**arrays, ids=tuple(clips.ids[row] for row in rows), subject=clips.subject[rows],
                         dataset=clips.dataset[rows])


def test_faces_cut_out_while_building_are_those_cut_out_afterwards(copy, table, places, whole, tmp_path):
    found = build("casme2", [str(copy)], tmp_path, Options(faces=str(table), size=(32, 32)))
    assert (found["clips"], found["size"]) == (8, "")
    assert [one["text"] == "landmarks.csv has no row of sub26/EP06_02_01: the clip is left out"
            for one in found["problems"] if one["kind"] == "problem"] == [True]
    crops, rows = clips_from_tfds(found["folder"]), list(range(8))
    points = np.stack(list(places.values())).astype(np.float32)
    wanted = mer_jax.faces.aligned(only(whole, rows), 32, landmarks=points)
    assert crops.ids == wanted.ids and crops.frames.shape == (*wanted.frames.shape[:2], 32, 32, 3)
    assert np.abs(crops.frames.astype(int) - wanted.frames.astype(int)).max() <= 1
    np.testing.assert_allclose(crops.landmarks, wanted.landmarks, atol=2e-3)
    for mark in ("length", "onset", "apex", "offset", "fps", "label"):
        np.testing.assert_array_equal(getattr(crops, mark), getattr(wanted, mark))


def test_the_model_is_asked_about_the_onset_and_then_about_later_frames(copy, whole, tmp_path, monkeypatch):
    asked = []

    def find(frame):
        asked.append(frame)
        return face(30, 18).astype(np.float32) if len(asked) % 3 == 0 else np.full((68, 2), np.nan, np.float32)

    monkeypatch.setattr(landmarker, "opened", lambda path: find)
    (tmp_path / "model.task").write_bytes(b"model")
    found = build("casme2", [str(copy)], tmp_path, Options(faces=str(tmp_path / "model.task")))
    assert found["clips"] == 9 and len(asked) == 27 and Path(found["folder"]).parent.name.startswith("frames_faces_")
    for row in range(9):
        onset = int(whole.onset[row])
        np.testing.assert_array_equal(np.stack(asked[3 * row : 3 * row + 3]), whole.frames[row, onset : onset + 3])
    assert sum("no face was found in its onset" in one["text"] for one in found["problems"]) == 9
    assert clips_from_tfds(found["folder"]).frames.shape[2:] == (112, 112, 3)
    monkeypatch.setattr(landmarker, "opened", lambda path: lambda frame: np.full((68, 2), np.nan, np.float32))
    with pytest.raises(UserMistake, match="none of 9 clips can be used; of the first, .*: no face was found"):
        build("casme2", [str(copy)], tmp_path / "none", Options(faces=str(tmp_path / "model.task")))


@pytest.mark.slow
def test_flow_is_what_the_flow_command_makes_of_the_frames(copy, whole, tmp_path, mer_jax):
    """Of all but the clip whose apex is its onset, which has no motion."""
    words = (f"--source={copy}", f"--out={tmp_path}", "--store=flow", "--size=48x64")
    status, out, err = mer_jax("data", "build", "casme2", *words)
    assert (status, err) == (0, "") and "onset and apex are one frame, 69: without motion, left out" in out
    assert "flow of whole pictures" in out and "next: mer-jax benchmark" in out and "GiB as one array" not in out
    folder = tmp_path / "casme2/flow_48x64/1.0.0"
    flow = clips_from_tfds(folder)
    rows = [row for row in range(9) if row != 3]
    store_flow(only(whole, rows), tmp_path / "flow")
    assert len(flow) == 8 and flow.frames is None and flow.flow_coding == "minmax8"
    for row, clip in enumerate(flow.ids):
        wanted = np.asarray(Image.open(tmp_path / "flow/pictures" / f"{clip}.png"))
        assert np.abs(flow.flow[row].astype(int) - wanted.astype(int)).max() <= 1
    assert [clip for number, clip in enumerate(whole.ids) if number != 3] == list(flow.ids)


@pytest.mark.slow
def test_flow_of_faces_is_that_of_the_crops(copy, table, tmp_path):
    """The crops are whole numbers, so it is the same to a grey value or two."""
    options = {"faces": str(table), "size": (32, 32)}
    crops = clips_from_tfds(build("casme2", [str(copy)], tmp_path, Options(**options))["folder"])
    found = build("casme2", [str(copy)], tmp_path, Options(store="flow", **options))
    assert found["notes"] == [one for one in found["notes"] if "whole pictures" not in one["text"]]
    flow, rows = clips_from_tfds(found["folder"]), [row for row in range(8) if row != 3]
    store_flow(only(crops, rows), tmp_path / "flow")
    for row, clip in enumerate(flow.ids):
        wanted = np.asarray(Image.open(tmp_path / "flow/pictures" / f"{clip}.png"))
        assert np.abs(flow.flow[row].astype(int) - wanted.astype(int)).max() <= 2


def test_landmarks_of_a_composite_go_to_their_databases(copy, tmp_path):
    samm = paint(samm_copy(tmp_path / "samm"))
    faces = {("casme2", row.subject, row.clip): face(30, 18) for row in CASME2_ROWS}
    faces |= {("samm", row.subject, row.clip): face(34, 20, 5) for row in SAMM_ROWS}
    table = landmark_table(tmp_path / "both.csv", faces, ("dataset", "subject", "clip"))
    found = build("megc2018", [f"casme2={copy}", f"samm={samm}"], tmp_path, Options(faces=str(table), size=(16, 16)))
    crops = clips_from_tfds(found["folder"])
    assert found["clips"] == 10 and set(crops.datasets) == {"casme2", "samm"} and crops.frames.shape[2:4] == (16, 16)


@pytest.mark.parametrize("points, text", [
    (face(-20, 18), "an eye at (-26.0, 18.0) lies outside of the picture"),
    (face(30, 18) / 50, "the eyes are 0.24 pixels apart"),
    (face(30, 18, 180) * [-1, 1] + [60, 0], "the wrong way round")])
def test_landmarks_that_cannot_be_a_faces_leave_their_clip_out(points, text, copy, places, tmp_path):
    first = next(iter(places))
    table = landmark_table(tmp_path / "own.csv", {**places, first: points})
    found = build("casme2", [str(copy)], tmp_path, Options(faces=str(table), size=(16, 16)))
    said = [one for one in found["problems"] if text in one["text"]]
    assert found["clips"] == 7 and len(said) == 1 and first[1] in said[0]["place"] and said[0]["text"].endswith("left out")


def test_landmarks_that_may_be_of_smaller_pictures_are_said(copy, tmp_path, places, monkeypatch):
    monkeypatch.setattr("tfds_builders.preparing.SMALL", 0.25)                      # a picture of 64 pixels cannot show it
    first = next(iter(places))
    table = landmark_table(tmp_path / "own.csv", {first: face(30, 18), **{key: 2 * face(15, 9) for key in list(places)[1:]}})
    found = build("casme2", [str(copy)], tmp_path, Options(faces=str(table), size=(16, 16)))
    said = [one for one in found["problems"] if "its eyes are 12 pixels apart in a picture of 64" in one["text"]]
    assert found["clips"] == 8 and len(said) == 1 and first[1] in said[0]["place"]


def test_a_row_with_an_onset_is_of_that_expression_alone(copy, places, tmp_path):
    row = CASME2_ROWS[0]
    faces = {(*key, ""): points for key, points in places.items()} | {(row.subject, row.clip, row.onset): face(40, 25)}
    keys = ("subject", "clip", "onset")
    first, second = (build("casme2", [str(copy)], tmp_path, Options(faces=str(landmark_table(
        tmp_path / f"{number}.csv", some, keys)), size=(16, 16))) for number, some in enumerate((faces, {
            **faces, (row.subject, row.clip, row.onset): face(40, 25), (row.subject, row.clip, ""): face(30, 18)})))
    one, other = (clips_from_tfds(found["folder"]) for found in (first, second))
    np.testing.assert_array_equal(one.frames, other.frames)


@pytest.mark.parametrize("change, wanted", [
    (lambda lines: [lines[0].replace("x_67", "x_68"), *lines[1:]], "lacks x_67"),
    (lambda lines: [*lines[:2], lines[2].rpartition(",")[0] + ",left\n"], "row 3: y_67 is 'left'; wanted a number of pixels"),
    (lambda lines: [*lines, lines[1]], "row 10: landmarks of sub01/EP02_01f, which row 2 has too"),
    (lambda lines: [*lines, "006,006_1_2," + lines[1].split(",", 2)[2]], "row 10: wanted subject and clip of CASME II"),
    (lambda lines: [",".join(["onset", lines[0]]), *(f"46 or so,{line}" for line in lines[1:])], "row 2: wanted subject and"),
    (lambda lines: [",".join(["dataset", lines[0]]), *(f"samm,{line}" for line in lines[1:])], "row 2: wanted subject and")])
def test_a_table_of_landmarks_that_cannot_be_read_is_one_line(change, wanted, copy, table, tmp_path, mer_jax):
    lines = table.read_text().splitlines(keepends=True)
    (tmp_path / "own.csv").write_text("".join(change(lines)))
    status, out, err = mer_jax("data", "build", "casme2", f"--source={copy}", f"--out={tmp_path}",
                               f"--faces={tmp_path / 'own.csv'}")
    assert (status, out) == (2, "") and err.count("\n") == 1 and wanted in err, err
    assert not list(tmp_path.rglob("*1.0.0*"))


@pytest.mark.parametrize("words, wanted", [
    (["build", "--faces=."], "--faces=.: no file; wanted a landmarker's model, or a table"),
    (["build", "--faces=own.txt"], "--faces=own.txt: wanted a landmarker's model (.task), or a table (.xlsx, "),
    (["build", "--faces=own.csv", "--size=4x4"], "--size=4x4: wanted 8 pixels or more each way"),
    (["build", "--faces=none.task"], "--faces=none.task: no such file; wanted a landmarker's model, or a table"),
    (["build", "--size=112x112"], "--size=112x112: frames are stored as on disk"),
    (["build", "--store=flow", "--size=big"], "--size='big': wanted HEIGHTxWIDTH"),
    (["build", "--faces=own.csv", "--size=112x100"], "crops of faces are square; wanted one such as 112x112"),
    (["check", "--faces=own.csv"], "option --faces belongs to data build"),
    (["check", "--size=112x112"], "option --size belongs to data build")])
def test_mistakes_in_the_words_of_faces_and_sizes(words, wanted, tmp_path, monkeypatch, mer_jax):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    Path("own.csv").write_text("subject,clip\n")
    Path("own.txt").write_text("subject,clip\n")
    status, out, err = mer_jax("data", words[0], "casme2", "--source=.", *words[1:])
    assert (status, out) == (2, "") and err.count("\n") == 1 and wanted in err, err


def test_what_is_built_of_faces_tells_so(copy, table, tmp_path):
    found = build("casme2", [str(copy)], tmp_path, Options(faces=str(table)))
    info = json.loads(Path(found["folder"], "dataset_info.json").read_text())
    assert info["configDescription"] == "Frames from onset to offset, the best kind that the copy has, faces of 112 x 112."


def test_points_in_space_beside_those_in_the_picture_do_not_matter(table, tmp_path):
    lines = table.read_text().splitlines()
    lines = [f"{lines[0]},X_0,Y_0,Z_0", *(f"{line},1,2,3" for line in lines[1:])]
    (tmp_path / "space.csv").write_text("\n".join(lines))
    plain, space = (OwnLandmarks(path, [CASME2]) for path in (table, tmp_path / "space.csv"))
    np.testing.assert_array_equal(plain._points, space._points)


def test_rows_of_no_clip_are_said(copy, places, tmp_path):
    table = landmark_table(tmp_path / "own.csv", {**places, ("02", "EP01_01"): face(30, 18), ("02", "EP01_02"): face(30, 18)})
    found = build("casme2", [str(copy)], tmp_path, Options(faces=str(table), size=(16, 16)))
    assert {"kind": "problem", "place": "own.csv, row 10 and 1 more",
            "text": "landmarks of no clip that is built: not used"} in found["problems"]


@pytest.mark.slow
def test_where_a_marked_frame_is_missing_the_nearest_is_named_or_the_flow_left_out(tmp_path):
    """Apex 59 of 46 to 86: with 58 to 60 gone 57 is near; with 50 to 70 gone nothing is. Key frames are kept."""
    def built(gone, store):
        root = casme2_copy(tmp_path / f"{store}{len(gone)}", CASME2_ROWS[:2])
        for number in gone:
            (root / f"CASME2_RAW_selected/sub01/EP02_01f/img{number}.jpg").unlink()
        return build("casme2", [str(root)], root / "out", Options(store=store))

    near = built(range(58, 61), "flow")
    assert near["clips"] == 2 and any("its apex 59 is not there" in one["text"] and "frame 57 in its place" in one["text"]
                                      for one in near["problems"])
    far = built(range(50, 71), "flow")
    assert far["clips"] == 1 and any("onset 46 and apex 59, or frames up to 2 from them, are not both in" in one["text"]
                                     for one in far["problems"])
    kept = built(range(50, 71), "keyframes")
    assert kept["clips"] == 2 and any("its apex 59 is not there" in one["text"] for one in kept["problems"])


@pytest.mark.parametrize("store", ["keyframes", "flow"])
def test_a_clip_whose_apex_cannot_be_read_is_left_out_where_the_apex_is_wanted(store, tmp_path):
    root = casme2_copy(tmp_path / "copy", CASME2_ROWS[:2])
    (root / "CASME2_RAW_selected/sub01/EP02_01f/img59.jpg").write_bytes(b"gone")
    found = build("casme2", [str(root)], tmp_path, Options(store=store))
    assert found["clips"] == 1 and any("frames can be read: the clip is left out" in one["text"] for one in found["problems"])


def test_where_nothing_moves_no_flow_can_be_built(tmp_path):
    root = casme2_copy(tmp_path / "copy", CASME2_ROWS[3:4])
    with pytest.raises(UserMistake, match="none of 1 clips of CASME II has an onset and an apex that are two frames"):
        build("casme2", [str(root)], tmp_path, Options(store="flow"))


def test_flow_of_cropped_frames_is_not_said_to_be_of_whole_pictures(tmp_path):
    root = casme2_copy(tmp_path / "copy", CASME2_ROWS[:2], tree="Cropped", prefix="reg_img")
    found = build("casme2", [str(root)], tmp_path, Options(store="flow"))
    assert found["clips"] == 2 and not any("whole pictures" in one["text"] for one in found["notes"])
