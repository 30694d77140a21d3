"""STSTNet against a PyTorch network written from the paper, against the published weights, and against itself."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.models.ststnet import STSTNet
from mer_jax.models.torch_weights import read_tensors, variables_from_torch

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def flow():
    return np.random.default_rng(0).integers(0, 256, (6, 28, 28, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def variables(flow):
    return STSTNet().init(jax.random.key(1), {"flow": flow}, train=False)


def torch_ststnet():
    """The network in PyTorch, from the paper's figure and table; eval mode and the layout of its state dict."""
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Streams(nn.Module):
        def __init__(self):
            super().__init__()
            for s, width in enumerate((3, 5, 8), 1):
                setattr(self, f"conv{s}", nn.Conv2d(3, width, 3, padding=2))
                setattr(self, f"bn{s}", nn.BatchNorm2d(width))
            self.fc = nn.Linear(400, 3)

        def forward(self, x):
            pool = nn.functional.max_pool2d
            streams = [pool(getattr(self, f"bn{s}")(torch.relu(getattr(self, f"conv{s}")(x))), 3, 3, 1) for s in (1, 2, 3)]
            return self.fc(nn.functional.avg_pool2d(torch.cat(streams, 1), 2).flatten(1))

    return torch, Streams()


def state_dict(peer) -> dict[str, np.ndarray]:
    return {name: tensor.detach().numpy().copy() for name, tensor in peer.state_dict().items()}


def test_parameters_are_the_published_ones(variables):
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) == 1683


def test_equals_pytorch_in_evaluation(flow, variables):
    torch, peer = torch_ststnet()
    for s in (1, 2, 3):
        getattr(peer, f"bn{s}").running_mean.normal_()
        getattr(peer, f"bn{s}").running_var.uniform_(0.5, 2)
    ours = variables_from_torch(state_dict(peer), variables)
    with torch.no_grad():
        wanted = peer.eval()(torch.tensor(flow[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32))).numpy()
    found = STSTNet().apply(ours, {"flow": flow}, train=False).logits
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-4)


def test_gradient_and_running_mean_equal_pytorch_in_training(flow, variables):
    torch, peer = torch_ststnet()
    ours, network = variables_from_torch(state_dict(peer), variables), STSTNet(dropout=0.0)
    label = np.array([0, 1, 2, 0, 1, 2])

    def loss(params):
        output, updated = network.apply({**ours, "params": params}, {"flow": flow}, train=True, mutable=["batch_stats"])
        return -jax.nn.log_softmax(output.logits)[jnp.arange(6), label].mean(), updated

    (value, updated), gradient = jax.value_and_grad(loss, has_aux=True)(ours["params"])
    peer.train()
    logits = peer(torch.tensor(flow[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)))
    wanted = torch.nn.functional.cross_entropy(logits, torch.tensor(label))
    wanted.backward()
    assert float(value) == pytest.approx(wanted.item(), rel=1e-4)
    for name in ("conv1", "conv3"):
        found = gradient[name]["kernel"].transpose(3, 2, 0, 1)
        np.testing.assert_allclose(found, getattr(peer, name).weight.grad.numpy(), rtol=2e-2, atol=2e-5)
    np.testing.assert_allclose(gradient["fc"]["kernel"].T, peer.fc.weight.grad.numpy(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(updated["batch_stats"]["bn2"]["mean"], peer.bn2.running_mean.numpy(), rtol=1e-4)


def test_both_forms_agree_in_value_and_gradient(flow, variables):
    def loss(params, form):
        network = STSTNet(form=form, dropout=0.0)
        output, _ = network.apply({**variables, "params": params}, {"flow": flow}, train=True, mutable=["batch_stats"])
        return (output.logits**2).sum()

    patches, conv = (jax.value_and_grad(loss)(variables["params"], form) for form in ("patches", "conv"))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3), patches, conv)


def test_channel_order_matters(flow, variables):
    found, turned = (STSTNet().apply(variables, {"flow": f}, train=False).logits for f in (flow, flow[..., ::-1]))
    assert float(jnp.abs(found - turned).max()) > 0.1


def test_gradient_is_finite_on_a_constant_image(variables):
    still = np.full((4, 28, 28, 3), 128, np.uint8)

    def loss(params):
        output, _ = STSTNet(dropout=0.0).apply({**variables, "params": params}, {"flow": still}, train=True,
                                               mutable=["batch_stats"])
        return output.logits.sum()

    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(jax.grad(loss)(variables["params"])))


def test_weights_of_another_network_are_refused(variables):
    _, peer = torch_ststnet()
    tensors = state_dict(peer)
    with pytest.raises(UserMistake, match="does not know: extra"):
        variables_from_torch({**tensors, "extra": np.zeros(1)}, variables)
    with pytest.raises(UserMistake, match="no tensor 'fc.bias'"):
        variables_from_torch({k: v for k, v in tensors.items() if k != "fc.bias"}, variables)
    with pytest.raises(UserMistake, match=r"fc.weight has shape \(400, 5\)"):
        variables_from_torch({**tensors, "fc.weight": np.zeros((5, 400))}, variables)


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


def test_unknown_network_names_the_nearest():
    with pytest.raises(UserMistake, match="did you mean 'ststnet'"):
        create("stsnet", classes=3)
    assert dataclasses.asdict(create("ststnet", classes=5))["classes"] == 5


def test_published_weights_give_the_published_scores(real_clips_folder):
    done = subprocess.run(
        [sys.executable, REPOSITORY / "experiments" / "ststnet_published_weights.py", "--json",
         f"--table={real_clips_folder / 'clips.csv'}", f"--weights={real_clips_folder / 'ststnet_weights.npz'}"],
        capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    found = {name: (round(values["uf1"], 4), round(values["uar"], 4))
             for name, values in {"both": result["overall"], **result["by_dataset"]}.items()}
    assert found == {"both": (0.7525, 0.7530), "casme2": (0.8304, 0.8304), "smic": (0.6871, 0.6876)}
    assert round(result["overall"]["accuracy"], 4) == 0.7573
