"""The size that frames are advised to be read with: what is said fits, and is no smaller than it must be."""

import pytest

from tfds_builders.extent import ROOM, STEP, Extent


@pytest.mark.parametrize(("count", "frames", "sizes"), [
    (255, 141, [(480, 640)]), (442, 101, [(480, 640), (1088, 2040), (170, 140)]), (9, 41, [(4, 4), (7, 9)])])
def test_what_is_advised_fits_and_is_hardly_smaller_than_what_fits(count, frames, sizes):
    extent = Extent([frames] * count, [sizes[row % len(sizes)] for row in range(count)])
    height, width = map(int, extent.advised().split("x"))
    assert height % STEP == width % STEP == 0 and min(height, width) >= STEP
    assert extent.array(height, width) <= ROOM
    middle = sorted(sizes[row % len(sizes)] for row in range(count))[count // 2]
    assert extent.array(height + STEP, width + STEP) > min(ROOM, extent.array(*middle))
    assert f"--size={height}x{width}" in extent.text()


def test_of_one_size_that_fits_nothing_is_advised():
    extent = Extent([20] * 100, [(112, 112)] * 100)
    assert extent.advised() == "" and "--size" not in extent.text() and "112 x 112: 0.1 GiB" in extent.text()
