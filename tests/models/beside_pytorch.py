"""Our networks beside PyTorch networks written from public layouts: equal weights, equal clips. Skipped without PyTorch."""

import jax
import numpy as np
import pytest

from mer_jax.models import create
from mer_jax.models.network import example_inputs
from mer_jax.models.torch_weights import variables_from_torch

torch = pytest.importorskip("torch")
nn = torch.nn


def with_parts(module, **parts):
    for name, part in parts.items():
        module.add_module(name, part)
    return module


def in_the_middle_of_training(peer):
    """Statistics, scales and attention far from their first values, so that none can be left out."""
    torch.manual_seed(0)
    for module in peer.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm):
            if not isinstance(module, nn.LayerNorm):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return peer.eval()


def ours_and_theirs(name, fields, peer, train):
    """The two networks' logits for the same weights and clips."""
    network, peer = create(name, 3, **fields), in_the_middle_of_training(peer()).train(train)
    template = jax.eval_shape(lambda: network.init(jax.random.key(1), example_inputs(network), train=False))
    ours = variables_from_torch({key: value.detach().numpy() for key, value in peer.state_dict().items()}, template)
    rng, shape = np.random.default_rng(0), (3, *network.flow_size, 3)
    x = (rng.integers(0, 256, shape) if network.flow_coding == "minmax8" else rng.normal(0, 1, shape)).astype(np.float32)
    with torch.no_grad():
        wanted = peer(torch.tensor(x.transpose(0, 3, 1, 2).copy())).numpy()
    found, _ = jax.jit(lambda v: network.apply(v, {"flow": x}, train=train, mutable=["batch_stats"]))(ours)
    return found.logits, wanted
