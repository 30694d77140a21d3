"""Stored flow: what TV-L1 finds, in files that a benchmark reads; killed, it goes on with the same bytes."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import mer_jax
from mer_jax.mistakes import UserMistake
from mer_jax.motion.flow_features import strain
from mer_jax.motion.luma import luma
from mer_jax.motion.tvl1 import FAST, tvl1
from mer_jax.stored_flow import files_of, is_stored, store_flow


@pytest.fixture(scope="module")
def few(moving_clips):
    """Seven clips in two sizes of call; of the last the apex is not known, and a key is no good file name."""
    few = moving_clips.take([0, 1, 2, 6, 7, 8, 12])
    return few.replace(apex=np.array([7, 7, 7, 7, 7, 7, -1]), ids=(*few.ids[:6], "made/s2/..:c0"))


@pytest.fixture(scope="module")
def stored(few, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored") / "flow"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mer_jax.stored_flow.PIXELS_AT_ONCE", 3 * 16 * 16)
        return folder, store_flow(few, folder, "fast")


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != ".lock"}


def test_the_flow_is_tvl1s_of_onset_and_apex_with_its_strain(few, stored):
    folder, _ = stored
    first, second = (luma(jnp.asarray(few.frames[6, index], jnp.float32) / 255) for index in (0, 7))
    wanted = tvl1(first, second, FAST)
    found = np.load(folder / "flow/made/s2/%2E%2E%3Ac0.npy")
    assert found.shape == (16, 16, 3) and found.dtype == np.float32
    np.testing.assert_allclose(found[..., :2], wanted, atol=1e-3)
    np.testing.assert_allclose(found[..., 2], strain(jnp.asarray(found[..., :2])), atol=1e-5)


def test_the_table_is_read_as_clips_whose_pictures_are_the_flow_stretched(few, stored):
    folder, made = stored
    clips = mer_jax.load(made["table"], few.classes)
    assert clips.ids == few.ids and clips.flow_coding == "minmax8" and clips.flow.shape == (7, 28, 28, 3)
    np.testing.assert_array_equal(clips.label, few.label)
    assert (clips.flow.min((1, 2)) == 0).all() and (clips.flow.max((1, 2)) == 255).all()
    field = np.load(folder / "flow" / f"{few.ids[0]}.npy")
    small = np.stack([np.asarray(Image.fromarray(channel).resize((28, 28), Image.Resampling.BILINEAR))
                      for channel in np.moveaxis(field, -1, 0)], -1)
    low, high = small.min((0, 1)), small.max((0, 1))
    np.testing.assert_allclose(clips.flow[0], 255 * (small - low) / (high - low), atol=1)


def test_an_estimated_apex_is_said(stored):
    folder, made = stored
    assert made["estimated"] == 1
    lines = (folder / "clips.csv").read_text().splitlines()
    assert [line.rsplit(",", 1)[1] for line in lines[1:]] == ["data"] * 6 + ["middle"]


def test_what_is_there_stays_and_what_is_missing_or_damaged_is_made_again(few, stored):
    folder, made = stored
    assert made["made"] == 7
    before = contents(folder)
    files = sorted((folder / "flow").rglob("*.npy"))
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-20])
    picture = folder / "pictures" / files[2].relative_to(folder / "flow").with_suffix(".png")
    picture.write_bytes(picture.read_bytes()[:60])
    (files[0].parent / ".c0.npy.0123456789abcdef.part").write_bytes(b"half")             # of a start that was killed
    assert store_flow(few, folder, "fast")["made"] == 3
    assert contents(folder) == before
    assert store_flow(few, folder, "fast")["made"] == 0


def flipped(path, byte):
    content = bytearray(path.read_bytes())
    content[byte] ^= 1 << byte % 8
    path.write_bytes(content)


def test_a_flipped_bit_is_noticed_and_the_file_made_again_with_the_same_bytes(few, stored):
    folder, _ = stored
    before = contents(folder)
    flow, picture = sorted((folder / "flow").rglob("*.npy"))[3], sorted((folder / "pictures").rglob("*.png"))[5]
    flipped(flow, 1000)                                             # the lowest bit of a number: no picture shows it
    flipped(picture, len(picture.read_bytes()) // 2)
    assert store_flow(few, folder, "fast")["made"] == 2
    assert contents(folder) == before


def test_no_part_of_either_file_is_without_its_sum(few, stored, tmp_path):
    folder, clip = stored[0], few.ids[0]
    for path in files_of(folder, clip):
        (tmp_path / path.relative_to(folder)).parent.mkdir(parents=True)
        (tmp_path / path.relative_to(folder)).write_bytes(path.read_bytes())
    assert is_stored(tmp_path, clip)
    for path, step in zip(files_of(tmp_path, clip), (97, 5), strict=True):
        for byte in range(len(path.read_bytes()) - 1, 0, -step):
            flipped(path, byte)
            assert not is_stored(tmp_path, clip), f"byte {byte} of {path.name}"
            flipped(path, byte)
    assert is_stored(tmp_path, clip)


def test_flow_of_another_kind_and_strange_folders_are_refused(few, stored, tmp_path):
    folder, _ = stored
    before = contents(folder)
    with pytest.raises(UserMistake, match="its flow is of another kind: flow was 'fast', now it is 'faithful'"):
        store_flow(few, folder, "faithful")
    with pytest.raises(UserMistake, match="its flow is of other clips, or of these with another label"):
        store_flow(few.take([0, 1]), folder, "fast")
    assert contents(folder) == before
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UserMistake, match="no folder of flow: it has 'thesis.tex'"):
        store_flow(few, tmp_path)
    with pytest.raises(UserMistake, match="wanted a folder for the flow, found a file"):
        store_flow(few, tmp_path / "thesis.tex")


@pytest.mark.parametrize(("words", "line"), [
    ({"form": "fats"}, "flow 'fats' is not known .did you mean 'fast'.*; there are: faithful, fast"),
    ({"channels": "strain"}, "channels 'strain' is not known.*; there are: ststnet, softnet"),
    ({"apex": "midle"}, "apex 'midle' is not known .did you mean 'middle'.*")])
def test_a_mistyped_word_is_named(few, tmp_path, words, line):
    with pytest.raises(UserMistake, match=line):
        store_flow(few, tmp_path / "out", **words)
    assert not (tmp_path / "out").exists()


def test_clips_without_frames_are_refused(clips, tmp_path):
    with pytest.raises(UserMistake, match="no frames to find motion in .they have: flow."):
        store_flow(clips, tmp_path / "out")
