"""Ports of public networks against PyTorch networks written from their layouts: equal answers for equal weights."""

import functools
import math

import numpy as np
import pytest
from beside_pytorch import ours_and_theirs, torch, with_parts

from mer_jax.models import table

nn, functional = torch.nn, torch.nn.functional


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
    def __init__(self, attend_lower=False):
        super().__init__()
        self.attend_lower = attend_lower
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
        whole, attended = (spatially_gated(self.cbam.spatial, channel_gated(self.cbam.channel, v)) for v in (whole, puzzled))
        puzzled = attended if self.attend_lower else puzzled
        return self.fc(torch.relu(self.norm(self.hidden(torch.cat([whole, puzzled], 1).flatten(1)))))


class TorchDualInception(nn.Module):
    """Channels last where it is flattened, as Keras has them."""

    def __init__(self, width=1024):
        super().__init__()
        self.hidden, self.head = nn.Linear(6272, width), nn.Linear(width, 3)
        for name, wide, features in (("1", 1, 6), ("2", 24, 16)):
            for direction in "uv":
                self.add_module(direction + name, with_parts(nn.Module(), **{
                    part: nn.Conv2d(channels, features, size, padding="same")
                    for part, channels, size in (("one", wide, 1), ("reduce3", wide, 1), ("three", features, 3),
                                                 ("reduce5", wide, 1), ("five", features, 5), ("pooled", wide, 1))}))

    def module(self, name, x):
        def conv(part, v):
            return torch.relu(self._modules[name]._modules[part](v))

        beside = [conv("one", x), conv("three", conv("reduce3", x)), conv("five", conv("reduce5", x)),
                  conv("pooled", functional.max_pool2d(x, 3, 1, 1))]
        return functional.max_pool2d(torch.cat(beside, 1), 2)

    def forward(self, x):
        x = x / 127.5 - 1
        rows = [self.module(f"{d}2", self.module(f"{d}1", v)).permute(0, 2, 3, 1).flatten(1)
                for d, v in zip("uv", x.split(1, 1), strict=False)]
        return self.head(torch.relu(self.hidden(torch.cat(rows, 1))))


class TorchOffApexNet(nn.Module):
    def __init__(self, activation=nn.Identity):
        super().__init__()
        self.between = activation()
        for direction in "uv":
            self.add_module(f"{direction}1", nn.Conv2d(1, 6, 5, padding=2))
            self.add_module(f"{direction}2", nn.Conv2d(6, 16, 5, padding=2))
        self.dense1, self.dense2, self.fc = nn.Linear(1568, 1024), nn.Linear(1024, 1024), nn.Linear(1024, 3)

    def forward(self, x):
        rows = []
        for direction, v in zip("uv", (x / 127.5 - 1).split(1, 1), strict=False):
            for number in "12":
                v = functional.max_pool2d(self.between(self._modules[direction + number](v)), 2)
            rows.append(v.flatten(1))
        return self.fc(torch.relu(self.dense2(torch.relu(self.dense1(torch.cat(rows, 1))))))


def layer(wide, features, size, **how):
    return with_parts(nn.Module(), conv=nn.Conv2d(wide, features, size, **how), norm=nn.BatchNorm2d(features))


class TorchRCN(nn.Module):
    """Of the variant `kind`, "" being the bare RCN; F sends the picture through its second stream twice."""

    def __init__(self, kind, side=60, features=16, parts=7):
        super().__init__()
        self.kind, self.side, self.parts = kind, side, parts
        self.classifier = nn.Linear(features * parts**2, 3)
        self.recurrence = with_parts(nn.Module(), first=layer(features, features, 1),
                                     again=layer(features, features, 3, padding=1))
        self.dilations = {"w": (1, 2, 3), "c": (1, 2, 3), "f": (1, 2, 2), "p": (1, 3)}.get(kind, ())
        for d in set(self.dilations):
            share = features // 2 if d == 1 or kind == "p" else features // 4
            self.add_module(f"stream{d}", layer(3, share, 3, padding=d, dilation=d, stride=1 if kind == "p" else 3))
        if not self.dilations:
            self.start = layer(3, features, 5)

    def stream(self, x, dilation):
        part = self._modules[f"stream{dilation}"]
        x = part.norm(torch.relu(part.conv(x)))
        return functional.max_pool2d(x, 3, 3, 1) if self.kind == "p" else x

    def seen(self, x, weights):
        """One class after the other: weights times features, the mean over these, from the least to the most."""
        maps = [(kernel * functional.adaptive_avg_pool2d(x, self.parts)).mean(1, keepdim=True) for kernel in weights]
        maps = [each - each.amin((2, 3), keepdim=True) for each in maps]
        return torch.cat([each / each.amax((2, 3), keepdim=True) for each in maps], 1).mean(1, keepdim=True)

    def forward(self, x):
        def unit(part, v):
            return torch.relu(part.norm(part.conv(v)))

        x = functional.interpolate(x / 127.5 - 1, (self.side, self.side), mode="bilinear")
        weights = self.classifier.weight.unflatten(1, (-1, self.parts, self.parts))
        gate = self.seen(x, weights.mean(1, keepdim=True)) if self.kind == "c" else None
        if self.dilations:
            x = torch.cat([self.stream(x, dilation) for dilation in self.dilations], 1)
        else:
            x = functional.max_pool2d(unit(self.start, x), 2)
        if self.kind == "c":
            x = x * functional.interpolate(gate, x.shape[2:])
        elif self.kind in ("a", "p", "f"):
            gate = self.seen(x, weights)
        first = unit(self.recurrence.first, x)
        if self.kind == "f":
            first = first * functional.interpolate(gate, first.shape[2:])
        second = unit(self.recurrence.again, x + first)
        if self.kind in ("", "a", "w"):
            y = unit(self.recurrence.again, x + second)
        else:
            third = unit(self.recurrence.again, x + first + second)
            y = unit(self.recurrence.again, x + first + second + third)
        y = functional.adaptive_avg_pool2d(functional.max_pool2d(y, 2), self.parts)
        return self.classifier((y * gate if self.kind in ("a", "p") else y).flatten(1))


@pytest.mark.parametrize(("name", "fields", "peer"), [
    ("off_tanet", {"variant": "native"}, TorchOffTANet),
    ("cabm_fmer", {"variant": "native", "width": 32, "depth": 2}, TorchConvMixer), ("dual_atme", {}, TorchDualATME),
    ("dual_atme", {"attend_lower": True}, functools.partial(TorchDualATME, True)),
    ("dual_inception", {}, TorchDualInception), ("off_apexnet", {}, TorchOffApexNet),
    ("off_apexnet", {"variant": "rectified"}, lambda: TorchOffApexNet(nn.ReLU)),
    *(("rcn", {"variant": kind, "features": 16}, functools.partial(TorchRCN, kind)) for kind in "aswpcf"),
    ("rcn", {"variant": "a", "off": ("attention_unit",), "features": 16}, functools.partial(TorchRCN, ""))])
def test_equals_pytorch_in_evaluation(name, fields, peer):
    found, wanted = ours_and_theirs(name, fields, peer, train=False)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())


def test_operations_are_those_that_pytorch_counts():
    """But for the places, a product by themselves in theirs."""
    flop_counter = pytest.importorskip("torch.utils.flop_counter")
    with flop_counter.FlopCounterMode(display=False) as counter, torch.no_grad():
        TorchOffTANet().eval()(torch.zeros(1, 3, 112, 112))
    (ours,) = (row["mflops"] for row in table() if (row["name"], row["variant"]) == ("off_tanet", "native"))
    assert 1e6 * ours == pytest.approx(counter.get_total_flops() - 2 * 28 * 14**3, rel=1e-4)


@pytest.mark.parametrize("kind", "apf")
def test_rcn_normalises_each_round_as_pytorch_does_in_training(kind):
    found, wanted = ours_and_theirs("rcn", {"variant": kind, "features": 16, "dropout": 0.0}, functools.partial(TorchRCN, kind),
                                    train=True)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
