"""Where the paths of a table start from, and that none leaves that folder."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mer_jax import load
from mer_jax.mistakes import UserMistake

CLIPS = ["d,1,x,positive,flow/0.png", "d,1,y,negative,flow/1.png", "d,2,x,positive,flow/2.png"]


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "flow").mkdir()
    for number in range(3):
        Image.new("RGB", (5, 4), (10 * number, 0, 0)).save(tmp_path / f"flow/{number}.png")
    return tmp_path


def table(folder: Path, *lines: str, column: str = "flow") -> Path:
    path = folder / "clips.csv"
    path.write_text("\n".join([f"dataset,subject,clip,emotion,{column}", *lines]) + "\n")
    return path


def test_a_table_may_lie_elsewhere_than_its_images(folder, tmp_path_factory, monkeypatch):
    elsewhere, wanted = tmp_path_factory.mktemp("tables"), load(table(folder, *CLIPS))
    relative = load(table(elsewhere, *CLIPS), root=folder)
    absolute = table(elsewhere, *(line.replace("flow/", f"{folder}/flow/") for line in CLIPS))
    monkeypatch.chdir(folder.parent)
    for clips in (relative, load(absolute, root=str(folder)), load(absolute, root=folder.name)):
        assert clips.ids == wanted.ids
        np.testing.assert_array_equal(clips.flow, wanted.flow)
    frames = table(elsewhere, f"d,1,x,p,{folder}/flow", f"d,1,y,q,{folder}/flow/[12].png", column="frames")
    assert load(frames, root=folder.name).length.tolist() == [3, 2]


def test_no_path_leaves_the_root(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("tables")
    path = table(elsewhere, *(line.replace("flow/", f"{folder}/flow/") for line in CLIPS))
    for root in (None, elsewhere, folder / "flow" / ".." / ".." / elsewhere.name):
        with pytest.raises(UserMistake, match=r"clips.csv, row 2: .*leads out of .*--config.data.root=|no such folder"):
            load(path, root=root)
    with pytest.raises(UserMistake, match="no such folder"):
        load(path, root=folder / "none")


def test_links_that_stay_in_the_root_are_followed(folder, tmp_path_factory):
    (folder / "flow/link.png").symlink_to(folder / "flow/2.png")
    linked = tmp_path_factory.mktemp("linked") / "folder"
    linked.symlink_to(folder)
    path = table(folder, *CLIPS, f"d,8,x,positive,{folder}/flow/1.png", "d,9,x,positive,flow/link.png")
    assert load(linked / path.name).flow[3:, 0, 0, 0].tolist() == [10, 20]


def test_options_of_the_other_kind_of_source_are_refused(folder):
    for options in ({"label": "emotion"}, {"split": "clips"}):
        with pytest.raises(UserMistake, match="does not go with a table"):
            load(table(folder, *CLIPS), **options)
    with pytest.raises(UserMistake, match="root='.*' does not go with a TFDS folder"):
        load(folder, root=folder)
