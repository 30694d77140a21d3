"""AGMENet's cross-validation in PyTorch, written from the description for `agmenet.py`; started by it, see torch_training.py.

The whole network, from the windows of native frames to the mixture of the moments' answers; its names are those of our
parameters, and data.npz says its sizes (JSON under "network").
"""

import json
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from torch_training import Data, one_by_one, serve

LUMA, MEAN, STD = (0.299, 0.587, 0.114), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def luma(images: torch.Tensor) -> torch.Tensor:
    """(..., 3, H, W) -> (..., H, W)"""
    return torch.einsum("...chw,c->...hw", images, torch.tensor(LUMA, device=images.device))


def resized(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return functional.interpolate(images, size, mode="bilinear", antialias=size[0] < images.shape[-2])


class Curve(nn.Module):
    """DCE-Net++: seven separable convolutions, (N, 3, h, w) -> A in (-1, 1)."""

    def __init__(self, width: int = 32):
        super().__init__()
        inputs = [3, width, width, width, 2 * width, 2 * width, 2 * width]
        for layer, wide in enumerate(inputs, 1):
            setattr(self, f"c{layer}_depth", nn.Conv2d(wide, wide, 3, padding=1, groups=wide))
            setattr(self, f"c{layer}_point", nn.Conv2d(wide, width if layer < 7 else 3, 1))

    def forward(self, x):
        def layer(x, number):
            return getattr(self, f"c{number}_point")(getattr(self, f"c{number}_depth")(x))

        c1 = layer(x, 1).relu()
        c2 = layer(c1, 2).relu()
        c3 = layer(c2, 3).relu()
        c4 = layer(c3, 4).relu()
        c5 = layer(torch.cat([c3, c4], 1), 5).relu()
        c6 = layer(torch.cat([c2, c5], 1), 6).relu()
        return layer(torch.cat([c1, c6], 1), 7).tanh()


class Enhancement(nn.Module):
    """(N, T, W, 3, H, W') -> (N, T, 3, H, W'): deflicker, mean of each window, one gated curve for the clip."""

    def __init__(self, window: int):
        super().__init__()
        self.window, self.curve = nn.Parameter(torch.zeros(window)), Curve()

    def forward(self, windows):
        n, size = len(windows), windows.shape[-2:]
        brightness = luma(windows).mean((-1, -2))
        middle = brightness.flatten(1).quantile(0.5, dim=1)[:, None, None]
        factor = (middle / brightness.clamp(min=1e-4)).clamp(0.8, 1.25)
        steady = (windows * factor[..., None, None, None]).clamp(0, 1)
        x = torch.einsum("ntwchx,w->ntchx", steady, self.window.softmax(0))
        small = resized(x.mean(1), tuple(max(length // 8, 4) for length in size))
        gate = torch.sigmoid(20 * (0.5 - luma(small).flatten(1).quantile(0.98, dim=1))).reshape(n, 1, 1, 1, 1)
        curve = gate * resized(self.curve(small), size)[:, None]
        for _ in range(8):
            x = x + curve * x * (1 - x)
        return x


class CBAM(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        hidden = max(channels // 16, 8)
        self.channel = nn.ModuleDict({"hidden": nn.Linear(channels, hidden), "out": nn.Linear(hidden, channels)})
        self.spatial = nn.ModuleDict({"conv": nn.Conv2d(2, 1, 7, padding=3, bias=False)})

    def forward(self, x):
        gate = sum(self.channel["out"](self.channel["hidden"](pooled).relu()) for pooled in (x.mean((2, 3)), x.amax((2, 3))))
        x = x * gate.sigmoid()[..., None, None]
        return x * self.spatial["conv"](torch.stack([x.mean(1), x.amax(1)], 1)).sigmoid()


class DenseLayer(nn.Module):
    def __init__(self, channels: int, growth: int, bottleneck: int, dropout: float):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(channels), nn.Conv2d(channels, bottleneck * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(bottleneck * growth)
        self.conv2, self.dropout = nn.Conv2d(bottleneck * growth, growth, 3, padding=1, bias=False), nn.Dropout(dropout)

    def forward(self, x):
        return self.dropout(self.conv2(self.norm2(self.conv1(self.norm1(x).relu())).relu()))


class DenseBlock(nn.Module):
    def __init__(self, layers: int, channels: int, growth: int, bottleneck: int, dropout: float):
        super().__init__()
        for layer in range(layers):
            self.add_module(f"denselayer{layer + 1}", DenseLayer(channels + layer * growth, growth, bottleneck, dropout))

    def forward(self, x):
        for layer in self.children():
            x = torch.cat([x, layer(x)], 1)
        return x


def trunk(channels: int, size: dict) -> tuple[nn.Sequential, int]:
    """DenseNet with late pooling and gated blocks, and the channels that it gives."""
    kernel, wide, growth = size["stem_kernel"], size["stem"], size["growth"]
    found = nn.Sequential()
    for name, part in (("conv0", nn.Conv2d(channels, wide, kernel, 2, kernel // 2, bias=False)),
                       ("norm0", nn.BatchNorm2d(wide)), ("relu0", nn.ReLU())):
        found.add_module(name, part)
    for number, layers in enumerate(size["blocks"], 1):
        found.add_module(f"denseblock{number}", DenseBlock(layers, wide, growth, size["bottleneck"], size["dropout"]))
        wide += layers * growth
        found.add_module(f"cbam{number}", CBAM(wide))
        if number < len(size["blocks"]):
            halved = nn.Sequential()
            for name, part in (("norm", nn.BatchNorm2d(wide)), ("relu", nn.ReLU()),
                               ("conv", nn.Conv2d(wide, wide // 2, 1, bias=False)), ("pool", nn.AvgPool2d(2))):
                halved.add_module(name, part)
            found.add_module(f"transition{number}", halved)
            wide //= 2
    found.add_module(f"norm{len(size['blocks']) + 1}", nn.BatchNorm2d(wide))
    found.add_module("relu", nn.ReLU())
    return found, wide


class Regions(nn.Module):
    """Tokens (N, P, d) -> (N, d): one learned query, several heads."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads, self.query = heads, nn.Parameter(torch.zeros(1, 1, width))
        self.norm = nn.LayerNorm(width, 1e-6)
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))

    def forward(self, tokens):
        n, places, width = tokens.shape
        heads = self.heads
        q = self.q(self.query).reshape(1, 1, heads, -1)
        k, v = (part.reshape(n, places, heads, -1) for part in (self.k(self.norm(tokens)), self.v(tokens)))
        weights = ((q * k).sum(-1) * (width // heads) ** -0.5).softmax(1)
        return self.o((weights[..., None] * v).sum(1).reshape(n, width))


class SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x):
        n, t, width = x.shape
        q, k, v = (part(x).reshape(n, t, self.heads, -1).transpose(1, 2) for part in (self.q, self.k, self.v))
        return self.o(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, width))


class Encoder(nn.Module):
    """One pre-norm transformer layer over moments, and a last norm."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width, 1e-6) for _ in range(3))
        self.attention = SelfAttention(width, heads)
        self.hidden, self.out = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return self.norm3(x + self.out(functional.gelu(self.hidden(self.norm2(x)))))


class AGMENet(nn.Module):
    """Windows (N, T, W, 3, H, W') in [0, 1] -> log probabilities (N, 3), with the difference to the onset as motion."""

    def __init__(self, size: dict):
        super().__init__()
        width, places, instants = size["width"], (size["frame_size"] // 2 ** len(size["blocks"])) ** 2, size["instants"]
        self.llem = Enhancement(size["window"])
        self.features, channels = trunk(6, size)
        self.project = nn.Linear(channels, width)
        self.place, self.gain = nn.Parameter(torch.zeros(places, width)), nn.Parameter(torch.zeros(places, width))
        self.time = nn.Parameter(torch.zeros(instants, width))
        self.regions, self.encoder = Regions(width, size["heads"]), Encoder(width, size["heads"])
        self.head = nn.Linear(width, 3)
        self.ensemble = nn.ModuleDict({"w": nn.Linear(width, 128), "v": nn.Linear(128, 1, bias=False)})

    def forward(self, windows):
        frames = self.llem(windows.float())
        mean, std = (torch.tensor(value, device=frames.device)[:, None, None] for value in (MEAN, STD))
        change = frames - frames[:, :1]
        deviation = (change.square().mean((1, 2, 3, 4), keepdim=True) + 1e-8).sqrt()
        looks = torch.cat([(frames - mean) / std, change / deviation], 2).flatten(0, 1)
        if not windows.is_contiguous():                                       # channels_last was asked for
            looks = looks.contiguous(memory_format=torch.channels_last)
        tokens = (self.project(self.features(looks).flatten(2).transpose(1, 2)) + self.place) * self.gain
        moments = (tokens.mean(1) + self.regions(tokens)).unflatten(0, windows.shape[:2]) + self.time
        moments = self.encoder(moments)
        answers = self.head(moments).float().log_softmax(-1)
        weights = self.ensemble["v"](self.ensemble["w"](moments).tanh())[..., 0].float().softmax(1)
        return (answers + (weights + 1e-20).log()[..., None]).logsumexp(1)


class Frames(Data):
    """Native frames as bytes on the device, and the frames of each clip that the network reads."""

    def __init__(self, folder: Path, device: str, words: list[str]):
        super().__init__(folder, device, words)
        self.frames = torch.tensor(self.arrays["frames"]).to(device)
        self.at = torch.tensor(self.arrays["at"]).long().to(device)
        self.size = json.loads(str(self.arrays["network"]))

    def inputs(self, rows: torch.Tensor) -> torch.Tensor:
        """In channels_last a view of what was gathered, else a copy with the channels before the places."""
        windows = (self.frames[rows[:, None, None], self.at[rows]].float() / 255).permute(0, 1, 2, 5, 3, 4)
        return windows if self.channels_last else windows.contiguous()


def trainer(data: Frames, words: list[str]):
    """A function (folds, epochs) -> mean last loss, in the arrangement of these words."""
    network = AGMENet(data.size).to(data.device)
    for parameter in (network.place, network.gain, network.regions.query):
        nn.init.normal_(parameter)
    if data.channels_last:
        network = network.to(memory_format=torch.channels_last)
    compiled = torch.compile(network) if "compiled" in words else network
    return lambda folds, epochs: one_by_one(data, folds, epochs, network, compiled)


if __name__ == "__main__":
    serve(Frames, trainer, lambda data: AGMENet({**data.size, "dropout": 0.0}))
