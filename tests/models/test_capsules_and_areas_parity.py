"""CapsuleNet, HTNet and the linear classifier against PyTorch networks written from the public layouts."""

import numpy as np
import pytest
from beside_pytorch import ours_and_theirs, torch, with_parts

nn, functional = torch.nn, torch.nn.functional


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


@pytest.mark.parametrize(("name", "fields", "peer"), [
    ("capsulenet", {"variant": "enlarged", "widths": (8, 12, 16), "features": 16, "types": 2}, TorchCapsuleNet),
    ("htnet", {"width": 16, "depths": (1, 2, 1)}, lambda: TorchHTNet((1, 2, 1))),
    ("htnet", {"width": 16, "depths": (2, 1)}, lambda: TorchHTNet((2, 1))), ("linear", {}, TorchLinear)])
def test_equals_pytorch_in_evaluation(name, fields, peer):
    found, wanted = ours_and_theirs(name, fields, peer, train=False)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())
