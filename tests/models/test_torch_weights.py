"""Published weights: what is read, what is refused in one line, and the published scores that they give."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from mer_jax.mistakes import UserMistake
from mer_jax.models.ststnet import STSTNet
from mer_jax.models.torch_weights import read_tensors, variables_from_torch

SCRIPT = Path(__file__).parents[2] / "experiments" / "ststnet_published_weights.py"


def published(rng: np.random.Generator, *folds: int) -> dict[str, np.ndarray]:
    """Random tensors of the names and shapes that the authors' PyTorch network has, with leading axes."""
    shapes = {"fc.weight": (3, 400), "fc.bias": (3,)}
    for s, width in enumerate((3, 5, 8), 1):
        shapes |= {f"conv{s}.weight": (width, 3, 3, 3), f"conv{s}.bias": (width,), f"bn{s}.num_batches_tracked": ()}
        shapes |= {f"bn{s}.{name}": (width,) for name in ("weight", "bias", "running_mean", "running_var")}
    return {name: rng.uniform(0.5, 1, (*folds, *shape)).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def template():
    flow = np.zeros((1, 28, 28, 3), np.uint8)
    return jax.eval_shape(lambda: STSTNet().init(jax.random.key(1), {"flow": flow}, train=False))


def test_every_tensor_arrives_and_kernels_turn(template):
    tensors = published(np.random.default_rng(0))
    found = variables_from_torch(tensors, template)
    np.testing.assert_array_equal(found["params"]["fc"]["kernel"], tensors["fc.weight"].T)
    np.testing.assert_array_equal(found["params"]["conv3"]["kernel"][2, 1, 0, 7], tensors["conv3.weight"][7, 0, 2, 1])
    np.testing.assert_array_equal(found["batch_stats"]["bn2"]["var"], tensors["bn2.running_var"])


def test_weights_of_another_network_are_refused(template):
    tensors = published(np.random.default_rng(0))
    with pytest.raises(UserMistake, match="does not know: extra"):
        variables_from_torch({**tensors, "extra": np.zeros(1)}, template)
    with pytest.raises(UserMistake, match="no tensor 'fc.bias'"):
        variables_from_torch({k: v for k, v in tensors.items() if k != "fc.bias"}, template)
    with pytest.raises(UserMistake, match=r"fc.weight has shape \(400, 5\)"):
        variables_from_torch({**tensors, "fc.weight": np.zeros((5, 400))}, template)


@pytest.mark.parametrize(("name", "content", "words"), [
    ("w.pth", b"", "read from .npz or .safetensors"), ("w.npz", b"PK\x03\x04 cut", "not readable as weights"),
    ("w.safetensors", b"\x00" * 20, "not readable as weights")])
def test_files_that_are_no_weights_are_refused(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserMistake, match=words):
        read_tensors(tmp_path / name)


def test_a_pickle_inside_npz_is_not_opened(tmp_path):
    np.savez(tmp_path / "w.npz", w=np.array([print], dtype=object))
    with pytest.raises(UserMistake, match="not readable as weights"):
        read_tensors(tmp_path / "w.npz")


def test_safetensors_and_npz_hold_the_same(tmp_path):
    from safetensors.numpy import save_file

    tensors = {"conv1.weight": np.random.default_rng(0).normal(size=(3, 3, 3, 3)).astype(np.float32)}
    save_file(tensors, tmp_path / "w.safetensors")
    np.savez(tmp_path / "w.npz", **tensors)
    np.testing.assert_array_equal(read_tensors(tmp_path / "w.safetensors")["conv1.weight"],
                                  read_tensors(tmp_path / "w.npz")["conv1.weight"])


def call(table: Path, weights: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, SCRIPT, "--json", f"--table={table}", f"--weights={weights}"],
                          capture_output=True, text=True, check=False)


def write_table(folder: Path, size: int = 28, kind: str = "flow") -> Path:
    lines = [f"dataset,subject,clip,emotion,{kind}"]
    for s, emotion in enumerate(("negative", "positive", "surprise")):
        name = f"{s}.npy" if kind == "flow" and not size else f"{s}.png"
        if not size:
            np.save(folder / name, np.zeros((28, 28, 3)))
        else:
            (folder / str(s)).mkdir()
            Image.new("RGB", (size, size), (s, s, s)).save(folder / (name if kind == "flow" else f"{s}/{name}"))
        lines.append(f"d,s{s},c,{emotion},{name if kind == 'flow' else s}")
    path = folder / "clips.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(("of_table", "folds", "subjects", "words"), [
    ({"size": 32}, [3], ["s0", "s1", "s2"], "reads flow of 28x28 pixels, the data's flow is 32x32"),
    ({"size": 0}, [3], ["s0", "s1", "s2"], "reads flow coded 'minmax8', the data's flow is coded 'pixels'"),
    ({"kind": "frames"}, [3], ["s0", "s1", "s2"], "the data have no flow"),
    ({}, [], ["s0", "s1", "s2"], "wanted a first axis of 3 folds"),
    ({}, [3], "s0", "no list 'subjects'"),
    ({}, [3], None, "no list 'subjects'"),
    ({}, [3], ["s0", "s1", "s1"], "2 folds left out subject d/s1, wanted one"),
])
def test_input_that_the_published_weights_do_not_fit_is_one_line(of_table, folds, subjects, words, tmp_path):
    named = {} if subjects is None else {"subjects": np.array(subjects)}
    np.savez(tmp_path / "w.npz", **published(np.random.default_rng(0), *folds), **named)
    done = call(write_table(tmp_path, **of_table), tmp_path / "w.npz")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert words in done.stderr


def test_published_weights_give_the_published_scores(real_clips_folder):
    done = call(real_clips_folder / "clips.csv", real_clips_folder / "ststnet_weights.npz")
    result = json.loads(done.stdout)
    found = {name: (round(values["uf1"], 4), round(values["uar"], 4))
             for name, values in {"both": result["overall"], **result["by_dataset"]}.items()}
    assert found == {"both": (0.7525, 0.7530), "casme2": (0.8304, 0.8304), "smic": (0.6871, 0.6876)}
    assert round(result["overall"]["accuracy"], 4) == 0.7573
