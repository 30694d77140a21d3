"""Tables of one's own: what is read, and that every wrong table is answered by one line that says where and what."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mer_jax.data.from_table import clips_from_table
from mer_jax.mistakes import UserMistake

HEADER = "dataset,subject,clip,emotion,flow"
GOOD = ["d,006,c1,positive,flow/0.png", "d,006,c2,negative,flow/1.png", "d,007,c1,positive,flow/2.png"]


def _image(path: Path, value: int, mode: str = "RGB", size: tuple[int, int] = (5, 4)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value + 1, value + 2)).convert(mode).save(path)


def _table(folder: Path, *lines: str, text: str | None = None) -> Path:
    path = folder / "clips.csv"
    path.write_bytes(("\n".join(lines) + "\n" if text is None else text).encode())
    return path


def _png(width: int, height: int, depth: int, pixels: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        _image(tmp_path / f"flow/{number}.png", 10 * number)
    for number in (8, 9, 10, 11):
        _image(tmp_path / f"a/img{number}.png", number)
        _image(tmp_path / f"grey/x1_{number:04d}.png", number, "L")
    for number in (1, 2):
        _image(tmp_path / f"b/img{number}.png", number)
    (tmp_path / "a/Thumbs.db").write_bytes(b"no image")
    (tmp_path / "a/._img8.png").write_bytes(b"no image")
    return tmp_path


def test_flow_table_keeps_strings_order_and_pixels(folder):
    clips = clips_from_table(_table(folder, HEADER, *GOOD))
    assert clips.ids == ("d/006/c1", "d/006/c2", "d/007/c1")
    assert clips.subjects == ("d/006", "d/007") and clips.classes == ("negative", "positive")
    assert clips.label.tolist() == [1, 0, 1] and clips.flow_coding == "minmax8"
    assert clips.flow.shape == (3, 4, 5, 3) and clips.flow.dtype == np.uint8
    assert clips.flow[:, 0, 0].tolist() == [[0, 1, 2], [10, 11, 12], [20, 21, 22]]
    assert clips.frames is clips.length is clips.onset is clips.apex is clips.offset is clips.fps is None


def test_given_classes_keep_their_order(folder):
    clips = clips_from_table(str(_table(folder, HEADER, *GOOD)), ("surprise", "positive", "negative"))
    assert clips.classes == ("surprise", "positive", "negative") and clips.label.tolist() == [1, 2, 1]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_bom_blank_lines_case_and_space_are_read(folder, separator):
    lines = [line.replace(",", f" {separator}") for line in (HEADER.title(), *GOOD)]
    clips = clips_from_table(_table(folder, text="\ufeff" + "\r\n\r\n".join(lines) + "\r\n\r\n"))
    assert clips.ids == ("d/006/c1", "d/006/c2", "d/007/c1") and clips.label.tolist() == [1, 0, 1]


def test_frames_are_sorted_by_number_padded_and_marked(folder):
    clips = clips_from_table(_table(
        folder, "dataset,subject,clip,emotion,frames,onset,apex,offset,fps,aus,note",
        "d,1,x,p,a,9,10.0,11,200,4+L10,hm", "d,1,y,q,b/img*.png,,,,,,"))
    assert clips.frames.shape == (2, 4, 4, 5, 3) and clips.flow is clips.flow_coding is None
    assert clips.frames[:, :, 0, 0, 0].tolist() == [[8, 9, 10, 11], [1, 2, 0, 0]]
    assert clips.length.tolist() == [4, 2] and clips.fps[0] == 200 and np.isnan(clips.fps[1])
    assert (clips.onset.tolist(), clips.apex.tolist(), clips.offset.tolist()) == ([1, 0], [2, -1], [3, 1])


def test_grey_frames_have_one_channel(folder):
    clips = clips_from_table(_table(folder, "dataset,subject,clip,emotion,frames", "d,1,x,p,grey", "d,1,y,q,grey"))
    assert clips.frames.shape == (2, 4, 4, 5, 1) and (np.diff(clips.frames[:, :, 0, 0, 0].astype(int)) == 1).all()


def test_float_flow_is_read_as_pixels(folder):
    flow = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype(np.float32)
    for row in range(2):
        np.save(folder / f"{row}.npy", flow[row].astype(np.float64))
    clips = clips_from_table(_table(folder, HEADER + ",flow_coding", "d,1,x,p,0.npy,pixels", "d,1,y,q,1.npy,"))
    assert clips.flow_coding == "pixels" and clips.flow.dtype == np.float32
    np.testing.assert_array_equal(clips.flow, flow)


# each: the table's lines, the row of the mistake (None for the file as a whole), and words of the message
WRONG_TABLES = {
    "empty": ([""], None, ["empty"]),
    "two datasets": ([HEADER, *GOOD, "D,9,x,positive,flow/0.png"], 5, ["dataset 'D'", "'d' in", "row 2"]),
    "two emotions": ([HEADER, *GOOD, "d,9,x,Negative,flow/0.png"], 5, ["'Negative'", "'negative' in", "row 3"]),
    "header only": ([HEADER], None, ["no rows"]),
    "no emotion column": (["dataset,subject,clip,emotions,flow", GOOD[0]], 1, ["'emotion'", "did you mean 'emotions'"]),
    "no input column": (["dataset,subject,clip,emotion", "d,1,x,p"], 1, ["flow", "frames"]),
    "duplicate column": ([HEADER + ",flow", *GOOD], 1, ["duplicate column 'flow'"]),
    "misspelt column": ([HEADER + ",apexx", *GOOD], 1, ["'apexx'", "did you mean 'apex'"]),
    "unnamed column": ([HEADER + ",", *GOOD], 1, ["column 6"]),
    "duplicate clip": ([HEADER, *GOOD, "", GOOD[0]], 6, ["duplicate", "'d/006/c1'", "row 2"]),
    "empty dataset": ([HEADER, GOOD[0], " ,1,x,p,flow/0.png"], 3, ["empty dataset"]),
    "empty subject": ([HEADER, GOOD[0], "d,,x,p,flow/0.png"], 3, ["empty subject"]),
    "empty clip": ([HEADER, GOOD[0], "d,1,,p,flow/0.png"], 3, ["empty clip"]),
    "empty emotion": ([HEADER, GOOD[0], "d,1,x,,flow/0.png"], 3, ["empty emotion"]),
    "no paths": ([HEADER, "d,1,x,p,", "d,1,y,q,"], None, ["flow", "every row"]),
    "empty flow": ([HEADER, GOOD[0], "d,1,x,p,"], 3, ["empty flow"]),
    "slash in subject": ([HEADER, GOOD[0], "d,1/2,x,p,flow/0.png"], 3, ["subject '1/2'"]),
    "too few cells": ([HEADER, *GOOD, "d,1,x,p"], 5, ["4 cells", "5"]),
    "too many cells": ([HEADER, *GOOD, "d,1,x,p,flow/0.png,"], 5, ["6 cells", "5"]),
    "open quote": ([HEADER, *GOOD, 'd,1,"x,p,flow/0.png'], 5, ["not CSV"]),
    "one class": ([HEADER, GOOD[0], GOOD[2]], None, ["one class", "'positive'", "two"]),
    "fps nan": ([HEADER + ",fps", GOOD[0] + ",200", GOOD[1] + ",nan"], 3, ["fps 'nan'"]),
    "fps inf": ([HEADER + ",fps", GOOD[0] + ",inf", GOOD[1] + ","], 2, ["fps 'inf'"]),
    "fps zero": ([HEADER + ",fps", GOOD[0] + ",0", GOOD[1] + ","], 2, ["fps '0'"]),
    "onset slash": ([HEADER + ",onset", GOOD[0] + ",1", GOOD[1] + ",/"], 3, ["onset '/'", "frame number"]),
    "apex half": ([HEADER + ",apex", GOOD[0] + ",1.5", GOOD[1] + ","], 2, ["apex '1.5'"]),
    "missing image": ([HEADER, *GOOD, "d,9,x,p,flow/9.png"], 5, ["flow/9.png", "no file"]),
    "image is a folder": ([HEADER, *GOOD, "d,9,x,p,flow"], 5, ["no file"]),
    "parent": ([HEADER, *GOOD, "d,9,x,p,a/../../x.png"], 5, ["'a/../../x.png'", "leads out of the folder"]),
    "absolute": ([HEADER, *GOOD, "d,9,x,p,/etc/passwd"], 5, ["'/etc/passwd'", "leads out of", "--config.data.root="]),
    "absolute elsewhere": ([HEADER, *GOOD, r"d,9,x,p,C:\x.png"], 5, ["leads out of the folder"]),
    "name too long": ([HEADER, *GOOD, "d,9,x,p," + "x" * 5000], 5, ["no usable path"]),
    "unknown coding": ([HEADER + ",flow_coding", GOOD[0] + ",pixel", GOOD[1] + ","], 2, ["did you mean 'pixels'"]),
    "coding against file": ([HEADER + ",flow_coding", GOOD[0] + ",pixels", GOOD[1] + ","], 2, ["'pixels'", ".npy"]),
}


@pytest.mark.parametrize(("lines", "row", "words"), WRONG_TABLES.values(), ids=WRONG_TABLES)
def test_wrong_table_is_one_line(folder, lines, row, words):
    _assert_mistake(_table(folder, *lines), row, words)


def _assert_mistake(path: Path, row: int | None, words: list[str], classes: tuple[str, ...] | None = None) -> None:
    with pytest.raises(UserMistake) as caught:
        clips_from_table(path, classes)
    message = str(caught.value)
    assert "\n" not in message
    for word in [f"{path.name}:" if row is None else f"{path.name}, row {row}:", *words]:
        assert word in message, message


MARKED = "dataset,subject,clip,emotion,frames,onset,apex,offset"
WRONG_FRAMES = {
    "no such folder": (["d,1,x,p,nowhere,,,"], ["'nowhere'", "no folder"]),
    "no images": (["d,1,x,p,texts,,,"], ["'texts'", "no images"]),
    "pattern without match": (["d,1,x,p,a/*.jpg,,,"], ["'a/*.jpg'", "matches no images"]),
    "wrong pattern": (["d,1,x,p,a/**x/*.png,,,"], ["cannot be listed"]),
    "no number": (["d,1,x,p,nameless,,,"], ["'face.png'", "number"]),
    "number twice": (["d,1,x,p,twice,,,"], ["same number"]),
    "onset not there": (["d,1,x,p,a,7,,"], ["onset 7", "8 to 11"]),
    "offset not there": (["d,1,x,p,a,,,12"], ["offset 12"]),
    "apex outside": (["d,1,x,p,a,9,8,11"], ["apex 8", "[9, 11]"]),
    "onset behind offset": (["d,1,x,p,a,11,,9"], ["onset 11", "offset 9"]),
    "grey among colour": (["d,1,x,p,mixed,,,"], ["mixed/2.png", "8-bit grey", "wanted 8-bit RGB"]),
    "two sizes": (["d,1,x,p,sizes,,,"], ["2.png", "6 x 5 x 3", "4 x 5 x 3"]),
    "linked out": (["d,1,x,p,links,,,"], ["links/1.png", "leads out of", "through a link to", "--config.data.root="]),
}


@pytest.mark.parametrize(("lines", "words"), WRONG_FRAMES.values(), ids=WRONG_FRAMES)
def test_wrong_frames_are_one_line(folder, tmp_path_factory, lines, words):
    (folder / "texts").mkdir()
    (folder / "texts/1.txt").write_text("no image")
    for file in ("nameless/face.png", "twice/a1.png", "twice/b01.png", "mixed/1.png", "sizes/1.png"):
        _image(folder / file, 3)
    _image(folder / "mixed/2.png", 3, "L")
    _image(folder / "sizes/2.png", 3, size=(5, 6))
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "1.png"
    _image(elsewhere, 1)
    (folder / "links").mkdir()
    (folder / "links/1.png").symlink_to(elsewhere)
    _assert_mistake(_table(folder, MARKED, *lines, "d,1,last,q,b,,,"), 2, words)


def _bytes(mode: str, form: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (5, 4)).save(file, form, **options)
    return file.getvalue()


WRONG_IMAGES = {
    "text": (lambda: b"no image at all", "unreadable"),
    "nothing": (lambda: b"", "unreadable"),
    "truncated": (lambda: (lambda raw: raw[:len(raw) // 2])(_bytes("RGB", "BMP")), "unreadable"),
    "half a png": (lambda: _bytes("RGB")[:45], "unreadable"),
    "grey": (lambda: _bytes("L"), "8-bit grey"),
    "alpha": (lambda: _bytes("RGBA"), "alpha"),
    "transparent colour": (lambda: _bytes("RGB", transparency=(0, 0, 0)), "alpha"),
    "palette": (lambda: _bytes("P"), "palette"),
    "16-bit grey": (lambda: _bytes("I;16"), "16-bit"),
    "16-bit colour": (lambda: _png(5, 4, 16, (b"\0" + b"\1\2" * 15) * 4), "16-bit"),
    "two images": (lambda: _bytes("RGB", "TIFF", save_all=True, append_images=[Image.new("RGB", (5, 4))]), "several"),
    "bomb": (lambda: _png(60_000, 60_000, 8, b""), "pixels"),
    "small bomb": (lambda: _png(10_000, 10_000, 8, b""), "pixels"),
    "size": (lambda: _png(6, 4, 8, (b"\0" + b"\1" * 18) * 4), "4 x 6 x 3"),
}


@pytest.mark.parametrize(("make", "word"), WRONG_IMAGES.values(), ids=WRONG_IMAGES)
def test_wrong_image_is_one_line(folder, make, word):
    (folder / "flow/wrong.png").write_bytes(make())
    _assert_mistake(_table(folder, HEADER, *GOOD, "d,9,x,p,flow/wrong.png"), 5, [word, "wanted"])


@pytest.mark.parametrize(("array", "word"), [
    (np.zeros((4, 5)), "(4, 5)"), (np.zeros((4, 5, 3), np.int64), "int64"), (np.full((4, 5, 3), np.nan), "nan"),
    (np.full((4, 5, 3), 1e300), "inf"), (np.array([{}]), "unreadable"), (None, "unreadable")])
def test_wrong_array_is_one_line(folder, array, word):
    if array is None:
        (folder / "x.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False")
    else:
        np.save(folder / "x.npy", array)
    _assert_mistake(_table(folder, HEADER, "d,9,x,p,x.npy", "d,9,y,q,x.npy"), 2, [word, "x.npy"])


def test_two_codings_are_one_line(folder):
    np.save(folder / "x.npy", np.zeros((4, 5, 3)))
    _assert_mistake(_table(folder, HEADER, *GOOD, "d,9,x,p,x.npy"), 5, ["'pixels'", "'minmax8'", "row 2"])


def test_unknown_emotion_names_the_nearest(folder):
    _assert_mistake(_table(folder, HEADER, *GOOD), 2, ["'positive'", "did you mean 'positiv'"], ("positiv", "negative"))


def test_wrong_files_are_one_line(folder):
    _assert_mistake(folder / "nowhere.csv", None, ["does not exist"])
    _assert_mistake(folder / "flow", None, ["is a folder"])
    path = folder / "latin.csv"
    path.write_bytes(f"{HEADER}\r\n{GOOD[0]}\r\nd,Ren\u00e9,x,p,flow/0.png".encode("latin-1"))
    _assert_mistake(path, 3, ["not UTF-8", "0xe9"])


@pytest.mark.parametrize(("one", "other"), [("s1", "S1"), ("01", "1"), ("s2", "s２"), ("p007", "p07")])
def test_one_person_in_two_spellings_is_refused(one, other, tmp_path):
    """Else the same face is held out and trained on."""
    _write_flow(tmp_path)
    rows = [f"d,{one},a,happy,f.png", f"d,{other},b,sad,f.png"]
    (tmp_path / "clips.csv").write_text("\n".join(["dataset,subject,clip,emotion,flow", *rows]) + "\n")
    with pytest.raises(UserMistake, match=f"row 3: subject '{other}', but '{one}' in .*row 2; wanted one spelling of a person"):
        clips_from_table(tmp_path / "clips.csv")


def test_people_of_two_databases_may_share_a_name(tmp_path):
    _write_flow(tmp_path)
    rows = ["d,1,a,happy,f.png", "e,01,b,sad,f.png", "d,10,c,sad,f.png"]
    (tmp_path / "clips.csv").write_text("\n".join(["dataset,subject,clip,emotion,flow", *rows]) + "\n")
    assert len(clips_from_table(tmp_path / "clips.csv").subjects) == 3


def _write_flow(folder: Path) -> None:
    Image.new("RGB", (28, 28), (1, 2, 3)).save(folder / "f.png")
