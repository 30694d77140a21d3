"""What every PyTorch peer shares: its data, a fold after another step by step, the same losses, and a worker's answers.

A worker is started as: PEER.py FOLDER ARRANGEMENT WORKER WORKERS THREADS. FOLDER has data.npz: inputs by name, label (N,),
train (folds, rows), count (folds,), test (folds, rows), steps, learning_rate. It reads lines of JSON from standard input,
{"folds": .., "epochs": ..} or {"check": path}, and answers each with a line. The words of an arrangement are joined by "+".
The steps, batches, optimizer and dropout are those of `mer-jax benchmark`.
"""

import contextlib
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class Data:
    """The arrays of data.npz on the device; a peer adds `inputs(rows)`, what its network reads of some rows."""

    def __init__(self, folder: Path, device: str, words: list[str]):
        self.arrays, self.device, self.channels_last = np.load(folder / "data.npz"), device, "channels_last" in words
        self.train, self.test, self.label = (torch.tensor(self.arrays[name]).long().to(device)
                                             for name in ("train", "test", "label"))
        self.count, self.steps = self.arrays["count"].tolist(), int(self.arrays["steps"])
        self.learning_rate = float(self.arrays["learning_rate"])
        self.batch, self.bfloat16 = math.ceil(self.train.shape[1] / self.steps), "bfloat16" in words

    def batches(self, fold: int) -> torch.Tensor:
        """(steps, batch) rows of one epoch: the fold's training rows in random order, from the start again where they end."""
        order = torch.randperm(self.count[fold], device=self.device)
        slots = torch.arange(self.steps * self.batch, device=self.device) % self.count[fold]
        return self.train[fold][order[slots]].reshape(self.steps, self.batch)

    def precision(self):
        """bfloat16 products where the arrangement asks for it."""
        return torch.autocast(self.device, torch.bfloat16) if self.bfloat16 else contextlib.nullcontext()


def loss_of(data: Data, network: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    with data.precision():
        logits = network(data.inputs(rows))
    return functional.cross_entropy(logits.float(), data.label[rows])


def one_by_one(data: Data, folds: list[int], epochs: int, network: nn.Module, compiled: nn.Module) -> float:
    """Fold after fold, step after step; the mean of the last losses."""
    start, last = {name: value.clone() for name, value in network.state_dict().items()}, []
    for fold in folds:
        network.load_state_dict(start)
        compiled.train()
        optimizer = torch.optim.Adam(network.parameters(), data.learning_rate, fused=True)
        for _ in range(epochs):
            for rows in data.batches(fold):
                optimizer.zero_grad()
                loss = loss_of(data, compiled, rows)
                loss.backward()
                optimizer.step()
        last.append(loss.detach())
        with torch.no_grad(), data.precision():
            network.eval()(data.inputs(data.test[fold])).float().softmax(-1).cpu()
    network.load_state_dict(start)
    return float(torch.stack(last).mean())


def losses_from(path: str, data: Data, network: nn.Module) -> list[float]:
    """The losses of some steps without dropout, from the weights and batches in a file: what is compared with ours.

    What a file does not know is a running statistic, which starts as PyTorch starts it. Raises KeyError for a parameter.
    """
    given = np.load(path)
    network, found = network.to(data.device).train(), {name for name in given.files if name not in ("rows", "learning_rate")}
    wanted = {name for name, _ in network.named_parameters()}
    if found != wanted:
        raise KeyError(f"parameters of one side alone: {sorted(found ^ wanted)}")
    network.load_state_dict({name: torch.tensor(given[name]) for name in found}, strict=False)
    optimizer, losses = torch.optim.SGD(network.parameters(), float(given["learning_rate"])), []
    for rows in torch.tensor(given["rows"]).long().to(data.device):
        optimizer.zero_grad()
        loss = functional.cross_entropy(network(data.inputs(rows)), data.label[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def serve(data_of: Callable[..., Data], trainer: Callable, plain: Callable[[Data], nn.Module]) -> None:
    """Answers the orders of one worker.

    data_of(folder, device, words) -> its data; trainer(data, words) -> a function (folds, epochs) -> mean last loss;
    plain(data) -> the network without dropout.
    """
    folder, arrangement, worker, workers, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(int(worker))
    torch.backends.cudnn.benchmark = True
    words = arrangement.split("+")
    data = data_of(Path(folder), "cuda" if torch.cuda.is_available() else "cpu", words)
    train = trainer(data, words)
    print(json.dumps({"torch": torch.__version__, "device": data.device}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "check" in asked:
            print(json.dumps({"losses": losses_from(asked["check"], data, plain(data))}), flush=True)
            continue
        start = time.process_time()
        loss = train(list(range(asked["folds"]))[int(worker) :: int(workers)], asked["epochs"])
        print(json.dumps({"loss": loss, "cpu_seconds": time.process_time() - start}), flush=True)
