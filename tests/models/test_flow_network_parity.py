"""Ports of public networks against PyTorch networks written from their layouts: equal answers for equal weights."""

import math

import jax
import numpy as np
import pytest

from mer_jax.models import create
from mer_jax.models.network import example_inputs
from mer_jax.models.torch_weights import variables_from_torch

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional


def with_parts(module, **parts):
    for name, part in parts.items():
        module.add_module(name, part)
    return module


def gates_of(kind: str, channels: int, hidden: int, size: int, bias: bool):
    """The parameters of a channel gate or a spatial gate, in modules of our names."""
    if kind == "channel":
        return with_parts(nn.Module(), hidden=nn.Linear(channels, hidden, bias), out=nn.Linear(hidden, channels, bias))
    return with_parts(nn.Module(), conv=nn.Conv2d(2, 1, size, padding=size // 2, bias=False))


def channel_gated(gate, x):
    def mlp(v):
        return gate.out(torch.relu(gate.hidden(v)))

    return x * torch.sigmoid(mlp(x.mean((2, 3))) + mlp(x.amax((2, 3))))[:, :, None, None]


def spatially_gated(gate, x):
    logit = gate.conv(torch.stack([x.mean(1), x.amax(1)], 1))
    return x * torch.sigmoid(gate.norm(logit) if hasattr(gate, "norm") else logit)


class TorchOffTANet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv0, self.norm0 = nn.Conv2d(3, 8, 7, 2, 3), nn.BatchNorm2d(8)
        for number, (wide, middle, out) in enumerate(((8, 18, 18), (18, 28, 28), (28, 28, 8)), 1):
            self.add_module(f"block{number}", with_parts(
                nn.Module(), conv1=nn.Conv2d(wide, middle, 3, 1, 1), norm1=nn.BatchNorm2d(middle),
                conv2=nn.Conv2d(middle, out, 3, 1, 1), norm2=nn.BatchNorm2d(out), shortcut=nn.Conv2d(wide, out, 1)))
        with_parts(self.block3, channel=gates_of("channel", 28, 1, 0, False), spatial=gates_of("spatial", 28, 0, 3, False),
                   self=with_parts(nn.Module(), **{name: nn.Conv2d(28, 28, 1) for name in "qkv"}))
        self.dense1, self.dense2, self.dense3 = nn.Linear(392, 64), nn.Linear(64, 64), nn.Linear(64, 3)

    def self_attention(self, x):
        """Four heads of seven channels, one after the other."""
        side, parts, heads = x.shape[-1], self.block3._modules["self"], []
        p = torch.tensor([(math.cos if i % 2 else math.sin)(math.pow(10000, -(i // 2) / side)) for i in range(side)])
        places = p[:, None] + p[None, :]
        for q, k, v in zip(*(part(x).split(7, 1) for part in (parts.q, parts.k, parts.v)), strict=True):
            scores = q @ k.transpose(2, 3) + q @ places.T
            heads.append(torch.softmax(scores.flatten(2), -1).view_as(scores) * v)
        return torch.cat(heads, 1)

    def forward(self, x):
        x = self.norm0(torch.relu(self.conv0(x)))
        for block in (self.block1, self.block2, self.block3):
            y = torch.relu(block.norm1(block.conv1(x)))
            if block is self.block3:
                y = self.self_attention(spatially_gated(block.spatial, channel_gated(block.channel, y)))
            x = functional.max_pool2d(torch.relu(block.norm2(block.conv2(y))) + block.shortcut(x), 2)
        return self.dense3(torch.relu(self.dense2(torch.relu(self.dense1(x.flatten(1))))))


class TorchConvMixer(nn.Module):
    """ConvMixer, and CBAM between its depthwise convolution and the addition."""

    def __init__(self, width=32, depth=2, kernel=9, patch=7):
        super().__init__()
        self.patches, self.norm, self.head = nn.Conv2d(3, width, patch, patch), nn.BatchNorm2d(width), nn.Linear(width, 3)
        self.blocks = [with_parts(
            nn.Module(), depthwise=nn.Conv2d(width, width, kernel, groups=width, padding="same"), norm1=nn.BatchNorm2d(width),
            pointwise=nn.Conv2d(width, width, 1), norm2=nn.BatchNorm2d(width), cbam=with_parts(
                nn.Module(), channel=gates_of("channel", width, 8, 0, False),
                spatial=with_parts(gates_of("spatial", width, 0, 7, False), norm=nn.BatchNorm2d(1)))) for _ in range(depth)]
        with_parts(self, **{f"block{number}": block for number, block in enumerate(self.blocks, 1)})

    def forward(self, x):
        x = (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), keepdim=True, correction=0)
        x = self.norm(functional.gelu(self.patches(x)))
        for block in self.blocks:
            y = channel_gated(block.cbam.channel, block.norm1(functional.gelu(block.depthwise(x))))
            x = x + spatially_gated(block.cbam.spatial, y)
            x = block.norm2(functional.gelu(block.pointwise(x)))
        return self.head(x.mean((2, 3)))


class TorchInception(nn.Module):
    def __init__(self, wide, features):
        super().__init__()
        for name, channels, out, size in (("one", wide, features, 1), ("reduce3", wide, 6, 1), ("three", 6, features, 3),
                                          ("reduce5", wide, 6, 1), ("five", 6, features, 5), ("pooled", wide, features, 1)):
            with_parts(self, **{name: nn.Conv2d(channels, out, size, padding=size // 2), f"{name}_norm": nn.BatchNorm2d(out)})

    def forward(self, x):
        def step(name, v):
            return torch.relu(self._modules[f"{name}_norm"](self._modules[name](v)))

        return torch.cat([step("one", x), step("three", step("reduce3", x)), step("five", step("reduce5", x)),
                          step("pooled", functional.max_pool2d(x, 3, 1, 1))], 1)


class TorchDualATME(nn.Module):
    def __init__(self):
        super().__init__()
        for name in ("upper", "lower"):
            self.add_module(name, with_parts(nn.Module(), inception1=TorchInception(3, 6), inception2=TorchInception(24, 12)))
        self.cbam = with_parts(nn.Module(), channel=gates_of("channel", 48, 3, 0, True),
                               spatial=with_parts(nn.Module(), conv=nn.Conv2d(2, 1, 3, padding=1)))
        self.hidden, self.norm, self.fc = nn.Linear(4704, 1024), nn.BatchNorm1d(1024), nn.Linear(1024, 3)

    def forward(self, x):
        x, inside = x / 127.5 - 1, (torch.arange(14) + 0.5) / 14
        rows = torch.cat([0.14 + (0.54 - 0.14) * inside, 0.61 + (0.96 - 0.61) * inside])
        places = torch.stack(torch.meshgrid((torch.arange(28) + 0.5) / 28, rows, indexing="xy"), -1).expand(len(x), -1, -1, -1)
        puzzle = functional.grid_sample(x, 2 * places - 1, padding_mode="border", align_corners=False)
        whole, puzzled = (functional.max_pool2d(part.inception2(functional.max_pool2d(part.inception1(v), 2)), 2)
                          for part, v in ((self.upper, x), (self.lower, puzzle)))
        whole = spatially_gated(self.cbam.spatial, channel_gated(self.cbam.channel, whole))
        return self.fc(torch.relu(self.norm(self.hidden(torch.cat([whole, puzzled], 1).flatten(1)))))


class TorchCapsuleNet(nn.Module):
    """What is given are the log odds of the classes' lengths."""

    def __init__(self, widths=(8, 12, 16), features=16, types=2):
        super().__init__()
        self.trunk = with_parts(nn.Module(), conv1=nn.Conv2d(3, widths[0], 7, 2, 3, bias=False), bn1=nn.BatchNorm2d(widths[0]))
        self.blocks, wide = [], widths[0]
        for stage, width in enumerate(widths, 1):
            for number in (0, 1):
                stride = 2 if stage > 1 and number == 0 else 1
                block = with_parts(
                    nn.Module(), conv1=nn.Conv2d(wide, width, 3, stride, 1, bias=False), bn1=nn.BatchNorm2d(width),
                    conv2=nn.Conv2d(width, width, 3, 1, 1, bias=False), bn2=nn.BatchNorm2d(width))
                if stride == 2:
                    with_parts(block, downsample0=nn.Conv2d(wide, width, 1, 2, bias=False), downsample1=nn.BatchNorm2d(width))
                self.trunk.add_module(f"layer{stage}_{number}", block)
                self.blocks, wide = [*self.blocks, block], width
        self.conv1, self.primary = nn.Conv2d(wide, features, 9), nn.Conv2d(features, types * 8, 9, 2)
        self.routing = nn.Module()
        self.routing.weight = nn.Parameter(0.5 * torch.randn(3, types * 36, 16, 8))

    def forward(self, x):
        x = functional.interpolate(x / 127.5 - 1, size=224, mode="bilinear", align_corners=False)
        x = torch.relu(self.trunk.bn1(self.trunk.conv1(x)))
        for block in self.blocks:
            y = block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(x)))))
            x = torch.relu(y + (block.downsample1(block.downsample0(x)) if hasattr(block, "downsample0") else x))
        x = self.primary(torch.relu(self.conv1(x))).permute(0, 2, 3, 1).reshape(len(x), -1, 8)
        proposals = torch.einsum("cidk,nik->ncid", self.routing.weight, torch_squashed(x))
        agreement = torch.zeros(proposals.shape[:3])
        for _ in range(3):
            votes = (torch.softmax(agreement, 1)[..., None] * proposals).sum(2)
            agreement = agreement + (torch_squashed(votes)[:, :, None] * proposals).sum(-1)
        return torch.logit(torch_squashed(votes).norm(dim=-1))


def torch_squashed(x):
    length = x.norm(dim=-1, keepdim=True)
    return length**2 / (1 + length**2) * x / length


class TorchHTNet(nn.Module):
    """Heads of 5 numbers: of 16, 32 and 64 features 15, 30 and 60 are read. Channels last."""

    def __init__(self, depths):
        super().__init__()
        self.depths, self.patches = depths, nn.Linear(147, 16)
        for number, depth in enumerate(depths, 1):
            d, heads, level = 8 * 2**number, 3 * 2 ** (number - 1), nn.Module()
            level.place, level.heads = nn.Parameter(torch.randn((4 // 2 ** (len(depths) - 1)) ** 2)), heads
            for layer in range(1, depth + 1):
                attention = with_parts(nn.Module(), **{name: nn.Linear(d, 5 * heads, bias=False) for name in "qkv"},
                                       o=nn.Linear(5 * heads, d))
                level.add_module(f"layer{layer}", with_parts(
                    nn.Module(), norm1=nn.LayerNorm(d), attention=attention, norm2=nn.LayerNorm(d),
                    hidden=nn.Linear(d, 4 * d), out=nn.Linear(4 * d, d)))
            with_parts(self, **{f"level{number}": level})
            if number < len(depths):
                with_parts(self, **{f"together{number}": nn.Conv2d(d, 2 * d, 3, padding=1),
                                    f"norm{number}": nn.LayerNorm(2 * d)})
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, 3)

    def layer(self, layer, heads, x):
        """One layer in one area, (n, places, d)."""
        part, y = layer.attention, layer.norm1(x)
        q, k, v = (part._modules[name](y).reshape(*x.shape[:2], heads, 5) for name in "qkv")
        weights = torch.softmax(torch.einsum("nihd,njhd->nhij", q, k) / 5**0.5, -1)
        x = x + part.o(torch.einsum("nhij,njhd->nihd", weights, v).flatten(2))
        return x + layer.out(functional.gelu(layer.hidden(layer.norm2(x))))

    def forward(self, x):
        x = x / 127.5 - 1
        x = torch.cat([torch.cat([x[:, :, 2:16, 2:16], x[:, :, 2:16, 12:26]], 3),
                       torch.cat([x[:, :, 13:27, 3:17], x[:, :, 13:27, 11:25]], 3)], 2)
        x = functional.unfold(x, 7, stride=7).reshape(len(x), 3, 49, 16).permute(0, 3, 2, 1).reshape(len(x), 4, 4, 147)
        x = self.patches(x)
        for number, depth in enumerate(self.depths, 1):
            level, areas = self._modules[f"level{number}"], 2 ** (len(self.depths) - number)
            s, whole = x.shape[1] // areas, torch.zeros_like(x)
            for i in range(areas):
                for j in range(areas):
                    at = slice(None), slice(i * s, (i + 1) * s), slice(j * s, (j + 1) * s)
                    part = x[at].flatten(1, 2) + level.place[:, None]
                    for n in range(1, depth + 1):
                        part = self.layer(level._modules[f"layer{n}"], level.heads, part)
                    whole[at] = part.reshape(whole[at].shape)
            x = whole
            if number < len(self.depths):
                x = self._modules[f"together{number}"](x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
                x = self._modules[f"norm{number}"](x).permute(0, 3, 1, 2)
                x = functional.max_pool2d(x, 3, 2, 1).permute(0, 2, 3, 1)
        return self.head(self.norm(x).mean((1, 2)))


class TorchLinear(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(2352, 3)

    def forward(self, x):
        return self.head((x / 127.5 - 1).permute(0, 2, 3, 1).flatten(1))


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


@pytest.mark.parametrize(("name", "fields", "peer"), [
    ("off_tanet", {"variant": "native"}, TorchOffTANet),
    ("cabm_fmer", {"variant": "native", "width": 32, "depth": 2}, TorchConvMixer), ("dual_atme", {}, TorchDualATME),
    ("capsulenet", {"variant": "enlarged", "widths": (8, 12, 16), "features": 16, "types": 2}, TorchCapsuleNet),
    ("htnet", {"width": 16, "depths": (1, 2, 1)}, lambda: TorchHTNet((1, 2, 1))),
    ("htnet", {"width": 16, "depths": (2, 1)}, lambda: TorchHTNet((2, 1))), ("linear", {}, TorchLinear)])
def test_equals_pytorch_in_evaluation(name, fields, peer):
    network, peer = create(name, 3, **fields), in_the_middle_of_training(peer())
    template = jax.eval_shape(lambda: network.init(jax.random.key(1), example_inputs(network), train=False))
    ours = variables_from_torch({key: value.detach().numpy() for key, value in peer.state_dict().items()}, template)
    rng, shape = np.random.default_rng(0), (3, *network.flow_size, 3)
    x = (rng.integers(0, 256, shape) if network.flow_coding == "minmax8" else rng.normal(0, 1, shape)).astype(np.float32)
    with torch.no_grad():
        wanted = peer(torch.tensor(x.transpose(0, 3, 1, 2).copy())).numpy()
    found = jax.jit(lambda v: network.apply(v, {"flow": x}, train=False).logits)(ours)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())
