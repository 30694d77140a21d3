"""Frames brought to one size: clips of several sizes go together, and points and motion move with the pixels."""

import numpy as np
import pytest
from PIL import Image

from mer_jax import loading
from mer_jax.data.from_table import clips_from_table
from mer_jax.data.resizing import resized, scaled_field, scaled_points, size_of
from mer_jax.mistakes import UserMistake


def ramp(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of every pixel's middle."""
    return np.meshgrid(np.arange(width), np.arange(height))


@pytest.mark.parametrize("size", [(20, 30), (37, 53), (80, 60)])
def test_a_point_stays_on_what_it_marks(size):
    """A picture whose grey level is the place along x (or y) says where a place has gone."""
    before = (40, 60)
    x, y = ramp(*before)
    point = np.array([[31.0, 17.0]])
    for place, axis in ((x, 0), (y, 1)):
        picture = np.repeat((place * 4).astype(np.uint8)[..., None], 3, -1)
        moved = scaled_points(point, before, size)[0]
        at = np.round(moved).astype(int)
        found = resized(picture, size)[at[1], at[0], 0] / 4
        assert abs(found - point[0, axis]) <= 0.5 * max(before[0] / size[0], before[1] / size[1]) + 0.5


def test_halving_takes_means_and_not_every_second_pixel():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 1), dtype=np.uint8)
    assert resized(noise, (32, 32)).std() < 0.6 * noise.std() and resized(noise, (64, 64)) is noise
    assert resized(noise, (8, 4)).shape == (8, 4, 1)


def test_motion_is_given_in_the_new_pixels():
    field = np.stack(np.broadcast_arrays(np.float32(3), np.zeros((40, 60), np.float32) - 2), -1)
    found = scaled_field(field, (20, 90))
    np.testing.assert_allclose(found, np.broadcast_to(np.float32([4.5, -1.0]), (20, 90, 2)), rtol=1e-6)


@pytest.fixture
def table(tmp_path):
    """Two clips of different sizes, one larger and one smaller than what is asked for."""
    lines = ["dataset,subject,clip,emotion,frames"]
    for clip, (height, width) in enumerate(((40, 30), (10, 20))):
        (tmp_path / f"c{clip}").mkdir()
        for number in range(3):
            Image.new("RGB", (width, height), (number, 10 * clip, 7)).save(tmp_path / f"c{clip}/{number}.png")
        lines.append(f"d,s{clip},c{clip},{('happy', 'sad')[clip]},c{clip}")
    (tmp_path / "clips.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "clips.csv"


@pytest.mark.parametrize("text", ["112", "0x8", "112x", "9999x9999", "-4x8", "3x8"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(UserMistake, match=r"--size='.*': wanted HEIGHTxWIDTH of 4 to 4096"):
        size_of(text, "--size")
    assert size_of(" 112x96 ", "--size") == size_of((112, 96), "size") == (112, 96)


@pytest.mark.parametrize("size", [8, (0, 0), (8,), 1.5])
def test_a_size_in_python_is_checked_too(size, table):
    with pytest.raises(UserMistake, match="size=.*: wanted HEIGHTxWIDTH"):
        loading.load(table, size=size)


def test_clips_of_several_sizes_go_together(table):
    with pytest.raises(UserMistake, match="wanted one size for all"):
        clips_from_table(table)
    clips = loading.load(table, size="16x24")
    assert clips.frames.shape == (2, 3, 16, 24, 3)
    assert (clips.frames[1, 2] == (2, 10, 7)).all()
