"""STSTNet against a PyTorch network written from the paper, and against itself."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax import models
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.models.network import Output
from mer_jax.models.ststnet import STSTNet
from mer_jax.models.torch_weights import variables_from_torch


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
        torch.nn.init.normal_(getattr(peer, f"bn{s}").weight)
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


def with_scales_of_both_signs(variables):
    """A negative scale of batch norm turns the pooling after it from a maximum into a minimum."""
    turned = jax.tree.map_with_path(lambda path, leaf: leaf * (-1.0) ** jnp.arange(len(leaf))
                                    if path[-1].key == "scale" else leaf, variables["params"])
    return {**variables, "params": turned}


def test_both_forms_agree_in_value_and_gradient(variables):
    """70 images are three blocks of the one form, the last one not full, and one of the other."""
    variables = with_scales_of_both_signs(variables)
    many = np.random.default_rng(2).integers(0, 256, (70, 28, 28, 3), dtype=np.uint8)

    def loss(params, form):
        network = STSTNet(form=form, dropout=0.0)
        output, updated = network.apply({**variables, "params": params}, {"flow": many}, train=True, mutable=["batch_stats"])
        return (output.logits**2).sum(), updated

    patches, conv = (jax.value_and_grad(loss, has_aux=True)(variables["params"], form) for form in ("patches", "conv"))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=4e-3), patches, conv)


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


def test_unknown_network_names_the_nearest():
    for name in ("stsnet", "STSTNet"):
        with pytest.raises(UserMistake, match="did you mean 'ststnet'"):
            create(name, classes=3)
    assert dataclasses.asdict(create("ststnet", classes=5))["classes"] == 5


def test_a_network_that_reads_frames_has_a_row_in_the_table(monkeypatch):
    class Means(nn.Module):
        classes: int
        inputs = ("frames", "flow", "fps")
        frames_shape, flow_size, flow_coding = (5, 8, 9, 1), (4, 6), "pixels"

        @nn.compact
        def __call__(self, inputs, *, train):
            means = [value.reshape(len(value), -1).mean(-1) for value in inputs.values()]
            return Output(nn.Dense(self.classes)(jnp.stack(means, -1)))

    monkeypatch.setitem(models.MODELS, "means", models.Entry(Means, "none", "a test"))
    rows = {row["name"]: row for row in models.table()}
    assert rows["ststnet"]["input"] == "flow 28x28x3 minmax8" and rows["ststnet"]["parameters"] == 1683
    assert rows["ststnet"]["mflops"] == round((2 * 27 * 16 * 30**2 + 2 * 400 * 3) / 1e6, 2)
    assert rows["means"]["input"] == "frames 5x8x9x1 + flow 4x6x3 pixels + fps" and rows["means"]["parameters"] == 12


@pytest.mark.parametrize("shape", [(2, 32, 32, 3), (2, 28, 28, 1), (28, 28, 3)])
def test_flow_of_another_size_is_refused(shape, variables):
    with pytest.raises(UserMistake, match=rf"\(N, 28, 28, 3\), found \({shape[0]}, "):
        STSTNet().apply(variables, {"flow": np.zeros(shape, np.uint8)}, train=False)
