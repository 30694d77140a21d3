"""What a run left in its folder: read whole, or refused in one line that names the file."""

import json
import re

import numpy as np
import pytest

from mer_jax.evaluation.finished_run import read_attention, read_curves, read_run
from mer_jax.mistakes import UserMistake


def test_a_resumed_log_counts_the_last_line_and_passes_over_cut_ones(tmp_path, epoch_line):
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(['{"event": "start"}', epoch_line(1, [3.0, 4.0], [0.1, None]), epoch_line(2, [9.0], [0.9], ["b"]),
                               '{"event": "epoch", "epo' + epoch_line(7, [1.0], [1.0], ["b"]), "[1]",
                               epoch_line(1, [2.0, 5.0], [0.2, None]), '{"event": "ep']))
    epochs, curves = read_curves(path)
    assert epochs.tolist() == [1, 2]
    np.testing.assert_array_equal(curves["loss"], [[np.nan, 2.0, 5.0], [9.0, np.nan, np.nan]])
    np.testing.assert_array_equal(curves["accuracy"], [[np.nan, 0.2, np.nan], [0.9, np.nan, np.nan]])
    assert len(read_curves(tmp_path / "none.jsonl")[0]) == 0


def test_attention_maps_are_multiples_of_the_mean_and_damage_is_named(tmp_path):
    path = tmp_path / "attention.npz"
    np.savez(path, cam=np.stack([np.arange(4.0).reshape(2, 2), np.zeros((2, 2))]), clip=["a", "b"])
    clips, kinds = read_attention(path)
    assert kinds["cam"].mean((1, 2)).tolist() == [1, 1] and kinds["cam"][0, 1, 1] == 2
    assert (clips, list(kinds)) == (["a", "b"], ["cam"]) and read_attention(tmp_path / "none.npz") == ([], {})
    np.savez(path, cam=np.ones((2, 2, 2)), clip=["a"])
    with pytest.raises(UserMistake, match=r"maps of shape \(2, 2, 2\) for 1 clips, wanted \(clips, height, width\)"):
        read_attention(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserMistake, match=r"attention.npz: not readable as attention maps"):
        read_attention(path)


def test_folders_that_are_no_finished_run_are_refused_in_one_line(finished, tmp_path):
    with pytest.raises(UserMistake, match="nowhere is not a finished run: no such folder"):
        read_run(tmp_path / "nowhere")
    for name in ("config.json", "metrics.json", "predictions.csv"):
        folder = finished(f"no {name}")
        (folder / name).unlink()
        with pytest.raises(UserMistake, match=re.escape(f"{folder} is not a finished run: no {name}")):
            read_run(folder)


@pytest.mark.parametrize(("text", "said"), [
    ('{"settings": {', "config.json: not readable as JSON, cut off or damaged: "),
    ("[1, 2]", "config.json: holds a list, wanted a JSON object"),
    ('{"settings": 3}', "config.json: 'settings' is 3, wanted a JSON object"),
    ('{"weights": []}', "config.json: 'weights' is [], wanted a JSON object"),
    ("\x00\ud7ff", "config.json: not readable as JSON"),
])
def test_damaged_json_is_named(finished, text, said):
    folder = finished()
    (folder / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserMistake, match=re.escape(said)):
        read_run(folder)


@pytest.mark.parametrize("keep", [3, 30, -1])
def test_a_table_that_is_cut_off_is_refused(finished, made_up, keep):
    folder = finished(table=made_up(selections=("last", "inner")))
    path = folder / "predictions.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:keep]) + "\n")
    said = r"predictions.csv: (run \d, selection \w+, light L0: no prediction of|\d+ clips, wanted 42)"
    with pytest.raises(UserMistake, match=said):
        read_run(folder)


@pytest.mark.parametrize("part", [{"protocol": "hold_out"}, {"protocol_options": [["subjects", ["casme2/sub01"]]]}])
def test_clips_that_the_config_states_must_be_there_but_in_a_part(part, finished):
    folder = finished()
    config = json.loads((folder / "config.json").read_text())
    config["data"]["clips"] = 43
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserMistake, match=": 42 clips, wanted 43"):
        read_run(folder)
    config["settings"].update(part)
    (folder / "config.json").write_text(json.dumps(config))
    assert read_run(folder).folder == folder


def test_a_prediction_of_an_unknown_class_is_named(finished):
    folder = finished()
    path = folder / "predictions.csv"
    path.write_text(path.read_text().replace(",positive,", ",postive,"))
    with pytest.raises(UserMistake, match="label 'postive' is none of the classes negative, positive, surprise"):
        read_run(folder)
