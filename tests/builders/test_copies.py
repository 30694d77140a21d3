"""What is on disk: junk, doubles, links, archives, cases, missing, unreadable and renumbered frames; never a name made up."""

import dataclasses
import os
import random
from pathlib import Path

import pytest
from fake_copies import CASME2_ROWS, casme2_cells, casme2_copy, picture, write_frames, write_xlsx
from looking import lines, look

from mer_jax.data.from_tfds import clips_from_tfds
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.licensed_copy.frames import numbered
from tfds_builders.licensed_copy.pictures import read_picture
from tfds_builders.licensed_data import build
from tfds_builders.options import Options

CLIP = "CASME2_RAW_selected/sub01/EP19_05f"                       # frames 3 to 12, in row 3


@pytest.fixture
def copy(tmp_path):
    return casme2_copy(tmp_path / "copy")


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return look(casme2_copy(tmp_path_factory.mktemp("usual")))


def test_frames_are_numbered_by_the_last_integer_whatever_the_padding():
    names = ["006_05562.jpg", "006_998.jpg", "img100.jpg", "img99.jpg", "reg_EP01_12-73.jpg", "image402194.bmp", "2.jpg",
             "0003.jpg"]
    found = numbered(names, "x", Findings())
    assert list(found) == [2, 3, 73, 99, 100, 998, 5562, 402194] and found[73] == "reg_EP01_12-73.jpg"


def test_any_padding_gives_the_same_order():
    rng = random.Random(0)
    for _ in range(100):
        numbers = sorted(rng.sample(range(100000), 30))
        names = [f"a{number:0{rng.randint(1, 7)}d}.jpg" for number in numbers]
        rng.shuffle(names)
        assert list(numbered(names, "x", Findings())) == numbers


def test_doubles_give_way_to_the_commoner_kind_and_are_said():
    names = [*(f"img{n}.jpg" for n in range(5)), "reg_img3.jpg", "img2 (1).jpg", "img4 - Copy.jpg", "title.jpg"]
    found = numbered(names, "folder", findings := Findings())
    assert list(found.values()) == [f"img{n}.jpg" for n in range(5)]
    assert [str(finding) for finding in findings] == [
        "problem: folder: 1 images without a frame number in their names, such as 'title.jpg': passed over",
        "repair: folder: 3 frame numbers have several images ('img2 (1).jpg', 'img2.jpg'): 'img2.jpg' and its kind are used"]


def test_junk_is_passed_over(copy, usual):
    for name in ("Thumbs.db", ".DS_Store", "._img3.jpg", "desktop.ini"):
        (copy / CLIP / name).write_bytes(b"junk")
    write_frames(copy / "__MACOSX" / CLIP, ["img3.jpg", "img4.jpg"])
    (copy / "~$CASME2-coding-20140508.xlsx").write_bytes(b"lock")
    assert look(copy) == usual


@pytest.mark.parametrize("before, after", [("EP19_05f", "ep19_05F"), ("sub01", "SUB01"), ("sub01", "s1"), ("sub01", "1")])
def test_folders_are_found_in_any_case(copy, usual, before, after):
    path = copy / (CLIP if before == "EP19_05f" else "CASME2_RAW_selected/sub01")
    path.rename(path.with_name(after))
    assert look(copy)["digest"] == usual["digest"]


def test_of_two_spellings_the_annotations_own_is_taken(copy, usual, tmp_path):
    write_frames(copy / CLIP.replace("EP19_05f", "ep19_05f"), ["img3.jpg", "img4.jpg"])
    found = look(copy)
    assert [one for one in found["problems"] if "a second folder of 1 clips, such as" not in one["text"]] == usual["problems"]
    assert found["digest"] == usual["digest"] and len(found["problems"]) == len(usual["problems"]) + 1


def test_missing_frames_are_counted_and_the_marks_go_to_their_neighbours(copy, tmp_path):
    for number in (3, 8, 9):
        (copy / CLIP / f"img{number}.jpg").unlink()
    found = build("casme2", [str(copy)], tmp_path / "out", Options())
    assert any(f"{CLIP}: 3 of 10 frames are missing (3, 8, 9; CASME2-coding" in line for line in lines(found))
    clips = clips_from_tfds(found["folder"])
    assert (clips.length[1], clips.onset[1], clips.apex[1], clips.offset[1]) == (7, 0, 3, 6)


def test_a_clip_of_which_nothing_is_left_is_left_out(copy):
    for number in range(4, 13):
        (copy / CLIP / f"img{number}.jpg").unlink()
    found = look(copy)
    assert found["clips"] == 8 and any("row 3: 1 of 10 frames, 3 to 12, are in" in line for line in lines(found))


def test_numbers_that_no_film_has_are_none():
    assert list(numbered(["20261122053505123.jpg", "000000000000007.jpg"], "x", Findings())) == [7]


def test_an_absurd_offset_is_cut_to_the_frames_there_are(copy):
    rows = [dataclasses.replace(row, offset=999999999) if row.clip == "EP19_05f" else row for row in CASME2_ROWS]
    write_xlsx(copy / "CASME2-coding-20140508.xlsx", {"Sheet1": casme2_cells(rows)})
    found = look(copy)
    assert found["clips"] == 9 and any("999999987 of 999999997 frames are missing (13, 14, 15 and 999999984 more" in line
                                       for line in lines(found))
    assert any("row 3: 3 to 999999999 are 5000000.0 s, long for a micro-expression" in line for line in lines(found))


def test_a_name_with_a_line_end_is_said_in_one_line(copy):
    write_frames(copy / CLIP, ["title\npage.jpg"])
    assert any("'title\\npage.jpg'" in line for line in lines(look(copy)))
    (copy / "Cropped\nframes.zip").write_bytes(b"PK")
    assert all("\n" not in line for line in lines(look(copy)))


@pytest.mark.parametrize("content", [b"", b"no image", picture(0)[:-40], picture(0)[:30], b"\xff\xd8\xff\xe0" + bytes(100)])
def test_an_unreadable_image_is_left_out_by_name(copy, tmp_path, content):
    (copy / CLIP / "img8.jpg").write_bytes(content)
    found = build("casme2", [str(copy)], tmp_path / "out", Options())
    assert any(line.startswith(f"{CLIP}/img8.jpg: unreadable (") for line in lines(found))
    clips = clips_from_tfds(found["folder"])
    assert (clips.length[1], clips.apex[1]) == (9, 4) and len(clips) == 9
    assert look(copy)["problems"] == found["problems"]


def test_a_clip_without_a_readable_image_is_left_out(copy):
    for image in (copy / CLIP).iterdir():
        image.write_bytes(b"gone")
    found = look(copy)
    assert found["clips"] == 8 and f"{CLIP}: 0 of 10 frames can be read: the clip is left out" in lines(found)


def test_a_frame_of_another_size_is_left_out(copy):
    (copy / CLIP / "img8.jpg").write_bytes(picture(0, size=6))
    assert f"{CLIP}/img8.jpg: is 6 x 6 in colour, most of the clip 4 x 4 in colour: left out" in lines(look(copy))


def test_frames_numbered_anew_are_taken_as_onset_to_offset(copy, usual, tmp_path):
    folder = copy / "CASME2_RAW_selected/sub01/EP02_01f"
    for number in range(46, 87):
        (folder / f"img{number}.jpg").rename(folder / f"frame{number - 45}.jpg")
    found = build("casme2", [str(copy)], tmp_path / "out", Options())
    assert found["digest"] == usual["digest"]
    assert any("its 41 frames begin at 1, the annotation's at 46" in line for line in lines(found))
    clips = clips_from_tfds(found["folder"])
    assert (clips.length[0], clips.apex[0]) == (41, 13)


@pytest.mark.parametrize("change", [lambda folder: write_frames(folder, ["img42.jpg"]),
                                    lambda folder: (folder / "img7.jpg").unlink()], ids=["one more", "a gap"])
def test_a_whole_clip_is_never_taken_for_one_numbered_anew(tmp_path, change):
    """Frames from 1 may be of the whole clip: with one more than from onset to offset, or a gap, nobody knows."""
    copy = casme2_copy(tmp_path)
    folder = copy / "CASME2_RAW_selected/sub01/EP02_01f"
    for number in range(46, 87):
        (folder / f"img{number}.jpg").rename(folder / f"img{number - 45}.jpg")
    change(folder)
    found = look(copy)
    assert found["clips"] == 8 and any("row 2: 0 of 41 frames, 46 to 86, are in" in line for line in lines(found))


def test_links_are_not_followed_and_archives_are_named(copy, usual, tmp_path):
    write_frames(tmp_path / "elsewhere/sub01/EP02_01f", ["img46.jpg"])
    os.symlink(tmp_path / "elsewhere", copy / "linked")
    (copy / "Cropped.zip").write_bytes(b"PK")
    found = look(copy)
    assert found["digest"] == usual["digest"]
    assert "linked: links are not followed: they may lead out of the folder" in lines(found)
    assert "Cropped.zip: archives are not opened: unpack those that hold frames" in lines(found)


def test_folders_named_in_an_older_encoding_and_files_that_are_none(tmp_path, usual):
    root = casme2_copy(Path(os.fsdecode(bytes(tmp_path) + b"/\xb2\xe2/\xca\xd4")))
    os.mkfifo(root / CLIP / "img99.jpg")
    found = build("casme2", [str(tmp_path)], tmp_path / "out", Options())
    assert found["digest"] == usual["digest"]
    assert all(line.isprintable() for kind in ("problems", "notes") for line in lines(found, kind))


def test_palette_images_are_stored_as_what_they_show(tmp_path):
    import io

    import numpy as np
    from PIL import Image

    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5
    for shown, form, color in ((Image.fromarray(pixels).quantize(16), "BMP", True),
                               (Image.fromarray(pixels[..., 0]).convert("P"), "GIF", False)):
        path = tmp_path / "a.bmp"
        shown.save(path, form)
        found = read_picture(path)
        read = np.asarray(Image.open(io.BytesIO(found.content)))
        assert (read.ndim == 3) == found.color == color
        assert (read == np.asarray(Image.open(path).convert("RGB" if color else "L"))).all()


def test_how_large_the_clips_are_in_memory_is_said(copy):
    assert "CASME II: 9 clips of up to 41 frames of 4 x 4: 0.0 GiB as one array" in lines(look(copy), "notes")
    for image in (copy / CLIP).iterdir():
        image.write_bytes(picture(0, size=6))
    assert any("frames of 2 sizes, 4 x 4 to 6 x 6: 0.0 GiB as one array; to be read with --size=8x8" in line
               for line in lines(look(copy), "notes"))


def test_the_order_of_the_records_is_the_annotations(copy, tmp_path):
    found = build("casme2", [str(copy)], tmp_path / "out", Options())
    assert [key.split("/")[2] for key in clips_from_tfds(found["folder"]).ids] == [row.clip for row in CASME2_ROWS]


def test_frames_numbered_anew_of_which_one_is_lost_are_left_out(copy):
    """Nobody can tell which frame is which: 1 to 9 of the 10 frames 3 to 12; with the tenth it is the whole, numbered anew, and
    all of 1 to 12 is a longer clip."""
    for image in (copy / CLIP).iterdir():
        image.unlink()
    write_frames(copy / CLIP, [f"img{number}.jpg" for number in range(1, 10)])
    found = look(copy)
    assert found["clips"] == 8 and any("has 9 frames, 1 to 9, of 10, 3 to 12: they may be numbered anew" in line
                                       for line in lines(found))
    for last in (10, 12):
        write_frames(copy / CLIP, [f"img{number}.jpg" for number in range(10, last + 1)])
        assert look(copy)["clips"] == 9
