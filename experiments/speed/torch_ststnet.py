"""STSTNet's cross-validation in PyTorch, written from the paper for `loso.py`: a worker that trains its share of the folds.

Started as: torch_ststnet.py FOLDER ARRANGEMENT WORKER WORKERS THREADS     (loso.py starts it)
FOLDER has data.npz: flow (N, 28, 28, 3) uint8, label (N,), train (folds, rows), count (folds,), test (folds, rows), steps.
It reads a line of JSON from standard input, {"folds": .., "epochs": ..} or {"check": path}, and answers with a line.
The data stay on the device as float32; the steps, batches, optimizer and dropout are those of `mer-jax benchmark`.
"""

import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

LEARNING_RATE = 5e-5


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


class Data:
    """The arrays of data.npz on the device."""

    def __init__(self, folder: Path, device: str, channels_last: bool):
        arrays = np.load(folder / "data.npz")
        flow = torch.tensor(arrays["flow"][..., ::-1].copy(), dtype=torch.float32).permute(0, 3, 1, 2)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.flow = flow.contiguous(memory_format=layout).to(device)
        rows = (torch.tensor(arrays[name]).long().to(device) for name in ("train", "test", "label"))
        self.train, self.test, self.label = rows
        self.count, self.steps, self.device = arrays["count"].tolist(), int(arrays["steps"]), device
        self.batch = math.ceil(self.train.shape[1] / self.steps)

    def batches(self, fold: int) -> torch.Tensor:
        """(steps, batch) rows of one epoch: the fold's training rows in random order, from the start again where they end."""
        order = torch.randperm(self.count[fold], device=self.device)
        slots = torch.arange(self.steps * self.batch, device=self.device) % self.count[fold]
        return self.train[fold][order[slots]].reshape(self.steps, self.batch)


def one_by_one(data: Data, folds: list[int], epochs: int, network: nn.Module, compiled: nn.Module) -> float:
    """Fold after fold, step after step; the mean of the last losses."""
    start, last = {name: value.clone() for name, value in network.state_dict().items()}, []
    for fold in folds:
        network.load_state_dict(start)
        compiled.train()
        optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE, fused=True)
        for _ in range(epochs):
            for rows in data.batches(fold):
                optimizer.zero_grad()
                loss = functional.cross_entropy(compiled(data.flow[rows]), data.label[rows])
                loss.backward()
                optimizer.step()
        last.append(loss.detach())
        with torch.no_grad():
            network.eval()(data.flow[data.test[fold]]).softmax(-1).cpu()
    network.load_state_dict(start)
    return float(torch.stack(last).mean())


class Graphed:
    """A whole step captured as one CUDA graph, replayed for every batch of every fold."""

    def __init__(self, data: Data, network: nn.Module):
        self.data, self.network = data, network.train()
        self.optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE, capturable=True, fused=True)
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


def stacked(data: Data, folds: list[int], epochs: int, network: nn.Module) -> float:
    """All folds at once: `torch.func` maps the gradient over networks stacked along a first axis."""
    parameters, buffers = torch.func.stack_module_state([network.train()] * len(folds))
    optimizer = torch.optim.Adam(parameters.values(), LEARNING_RATE, fused=True)

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


def losses_from(path: str, data: Data) -> list[float]:
    """The losses of some steps without dropout, from the weights and batches in a file: what loso.py compares with ours."""
    given = np.load(path)
    network = STSTNet(dropout=0.0).to(data.device).train()
    network.load_state_dict({name: torch.tensor(given[name]) for name in given.files if "." in name}, strict=False)
    optimizer, losses = torch.optim.Adam(network.parameters(), LEARNING_RATE), []
    for rows in torch.tensor(given["rows"]).long().to(data.device):
        optimizer.zero_grad()
        loss = functional.cross_entropy(network(data.flow[rows]), data.label[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def trainer(data: Data, arrangement: str, channels_last: bool):
    """A function (folds, epochs) -> mean last loss, in the arrangement whose words are joined by "+"."""
    words = arrangement.split("+")
    network = (OneStream if "one_stream" in words else STSTNet)().to(data.device)
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    if "graphed" in words:
        return Graphed(data, network)
    if "stacked" in words:
        at_once = 4 if data.device == "cpu" else len(data.count)
        return lambda folds, epochs: [stacked(data, folds[first : first + at_once], epochs, network)
                                      for first in range(0, len(folds), at_once)][-1]
    compiled = torch.compile(network) if "compiled" in words else network
    return lambda folds, epochs: one_by_one(data, folds, epochs, network, compiled)


def main(folder: str, arrangement: str, worker: str, workers: str, threads: str) -> None:
    torch.set_num_threads(int(threads))
    torch.manual_seed(int(worker))
    torch.backends.cudnn.benchmark = True
    device, channels_last = "cuda" if torch.cuda.is_available() else "cpu", "channels_last" in arrangement
    data = Data(Path(folder), device, channels_last)
    train = trainer(data, arrangement, channels_last)
    print(json.dumps({"torch": torch.__version__, "device": device}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "check" in asked:
            print(json.dumps({"losses": losses_from(asked["check"], data)}), flush=True)
            continue
        start = time.process_time()
        loss = train(list(range(asked["folds"]))[int(worker) :: int(workers)], asked["epochs"])
        print(json.dumps({"loss": loss, "cpu_seconds": time.process_time() - start}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
