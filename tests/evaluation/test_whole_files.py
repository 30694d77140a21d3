"""A file is there whole or not at all, whoever writes it, reads it, or is killed meanwhile."""

import os
import stat
import threading

import pytest

from mer_jax.whole_files import write_whole


def test_two_writers_and_a_reader_never_see_a_part(tmp_path):
    path, texts = tmp_path / "metrics.json", [letter * 200_000 for letter in "ab"]
    write_whole(path, texts[0])
    mistakes, done = [], threading.Event()

    def write(text):
        try:
            for _ in range(40):
                write_whole(path, text)
        except Exception as error:
            mistakes.append(error)

    def read():
        while not done.is_set():
            if path.read_text() not in texts:
                mistakes.append("a part")

    writers, reader = [threading.Thread(target=write, args=(text,)) for text in texts], threading.Thread(target=read)
    reader.start()
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert mistakes == [] and os.listdir(tmp_path) == ["metrics.json"]


def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "metrics.json"
    write_whole(path, "first")

    def stop(*_):
        assert [name for name in os.listdir(tmp_path) if name.endswith(".part")]
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "second")
    assert os.listdir(tmp_path) == ["metrics.json"] and path.read_text() == "first"


def test_the_file_has_the_usual_rights_and_the_rename_reaches_the_disk(tmp_path, monkeypatch):
    usual, synced, fsync = tmp_path / "usual", [], os.fsync
    usual.write_text("")
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(stat.S_ISDIR(os.fstat(handle).st_mode)), fsync(handle)))
    write_whole(tmp_path / "made", b"1")
    assert (tmp_path / "made").stat().st_mode == usual.stat().st_mode
    assert synced == [False, True]
