"""STSTNet's cross-validation in PyTorch, written from the paper for `loso.py`; started by it, see torch_training.py."""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from torch_training import Data, one_by_one, serve


class STSTNet(nn.Module):
    """(N, 3, 28, 28) float32 in the order (strain, v, u) -> logits (N, 3): three streams, joined (Liong et al., FG 2019)."""

    def __init__(self, dropout: float = 0.5):
        super().__init__()
        for stream, width in enumerate((3, 5, 8), 1):
            setattr(self, f"conv{stream}", nn.Conv2d(3, width, 3, padding=2))
            setattr(self, f"bn{stream}", nn.BatchNorm2d(width))
        self.fc, self.dropout = nn.Linear(400, 3), nn.Dropout(dropout)

    def forward(self, images):
        streams = [getattr(self, f"bn{s}")(functional.relu(getattr(self, f"conv{s}")(images))) for s in (1, 2, 3)]
        pooled = [self.dropout(functional.max_pool2d(stream, 3, 3, 1)) for stream in streams]
        return self.fc(functional.avg_pool2d(torch.cat(pooled, 1), 2).flatten(1))


class OneStream(nn.Module):
    """The same function with the three streams as one convolution of 16 kernels: fewer, larger operations."""

    def __init__(self, dropout: float = 0.5):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 16, 3, padding=2), nn.BatchNorm2d(16)
        self.fc, self.dropout = nn.Linear(400, 3), nn.Dropout(dropout)

    def forward(self, images):
        pooled = self.dropout(functional.max_pool2d(self.bn(functional.relu(self.conv(images))), 3, 3, 1))
        return self.fc(functional.avg_pool2d(pooled, 2).flatten(1))


class Flow(Data):
    """Flow images as float32 on the device, in the order (strain, v, u)."""

    def __init__(self, folder: Path, device: str, words: list[str]):
        super().__init__(folder, device, words)
        flow = torch.tensor(self.arrays["flow"][..., ::-1].copy(), dtype=torch.float32).permute(0, 3, 1, 2)
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        self.flow = flow.contiguous(memory_format=layout).to(device)

    def inputs(self, rows: torch.Tensor) -> torch.Tensor:
        return self.flow[rows]


class Graphed:
    """A whole step captured as one CUDA graph, replayed for every batch of every fold."""

    def __init__(self, data: Flow, network: nn.Module):
        self.data, self.network = data, network.train()
        self.optimizer = torch.optim.Adam(network.parameters(), data.learning_rate, capturable=True, fused=True)
        self.rows = data.batches(0)[0].clone()
        fresh = [value.clone() for value in network.state_dict().values()]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        self.start = [*fresh, *(torch.zeros_like(value) for value in self.state()[len(fresh) :])]
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.loss = self.step()

    def step(self) -> torch.Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(self.network(self.data.flow[self.rows]), self.data.label[self.rows])
        loss.backward()
        self.optimizer.step()
        return loss

    def state(self) -> list[torch.Tensor]:
        moments = [value for slot in self.optimizer.state.values() for value in slot.values()]
        return [*self.network.state_dict().values(), *moments]

    def __call__(self, folds: list[int], epochs: int) -> float:
        for fold in folds:
            with torch.no_grad():
                for value, first in zip(self.state(), self.start, strict=True):
                    value.copy_(first)
            for _ in range(epochs):
                for rows in self.data.batches(fold):
                    self.rows.copy_(rows)
                    self.graph.replay()
            with torch.no_grad():
                self.network.eval()(self.data.flow[self.data.test[fold]]).softmax(-1).cpu()
            self.network.train()
        return float(self.loss)


def stacked(data: Flow, folds: list[int], epochs: int, network: nn.Module) -> float:
    """All folds at once: `torch.func` maps the gradient over networks stacked along a first axis."""
    parameters, buffers = torch.func.stack_module_state([network.train()] * len(folds))
    optimizer = torch.optim.Adam(parameters.values(), data.learning_rate, fused=True)

    def objective(weights, statistics, rows):
        logits = torch.func.functional_call(network, (weights, statistics), (data.flow[rows],))
        return functional.cross_entropy(logits, data.label[rows])

    step = torch.func.vmap(torch.func.grad_and_value(objective), randomness="different")
    for _ in range(epochs):
        for rows in torch.stack([data.batches(fold) for fold in folds], 1):
            gradient, loss = step(parameters, buffers, rows)
            for name, parameter in parameters.items():
                parameter.grad = gradient[name]
            optimizer.step()
    with torch.no_grad():
        network.eval()
        predict = torch.func.vmap(lambda w, b, rows: torch.func.functional_call(network, (w, b), (data.flow[rows],)))
        predict(parameters, buffers, data.test[folds]).softmax(-1).cpu()
    return float(loss.mean())


def trainer(data: Flow, words: list[str]):
    """A function (folds, epochs) -> mean last loss, in the arrangement of these words."""
    network = (OneStream if "one_stream" in words else STSTNet)().to(data.device)
    if data.channels_last:
        network = network.to(memory_format=torch.channels_last)
    if "graphed" in words:
        return Graphed(data, network)
    if "stacked" in words:
        at_once = 4 if data.device == "cpu" else len(data.count)
        return lambda folds, epochs: [stacked(data, folds[first : first + at_once], epochs, network)
                                      for first in range(0, len(folds), at_once)][-1]
    compiled = torch.compile(network) if "compiled" in words else network
    return lambda folds, epochs: one_by_one(data, folds, epochs, network, compiled)


if __name__ == "__main__":
    serve(Flow, trainer, lambda data: STSTNet(dropout=0.0))
