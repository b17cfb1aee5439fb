"""Fashion-MNIST in tinygraph and PyTorch eager, in turns: seconds per epoch, test accuracy.

    python benchmarks/fashion_mnist.py --data FOLDER [--network convolutional] [--threads 1]

Both run the same explicit loop over the same batches, from the same initial weights. Where the
data comes from: `examples/fashion_mnist.py`.
"""

import argparse
import os
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
parser.add_argument("--network", choices=["dense", "convolutional"], default="dense")
parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--threads", type=int, default=1)
chosen = parser.parse_args()
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(chosen.threads)  # before any library is loaded
sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from fashion_mnist import BATCH, NETWORKS, SEED, fashion_mnist  # noqa: E402

import tinygraph as tg  # noqa: E402
from tinygraph import nn, optim  # noqa: E402

torch.set_num_threads(chosen.threads)
RATE = 2e-3


def in_torch(model):
    """The same network in PyTorch, with the same parameters."""
    layers = []
    for layer in model:
        name = type(layer).__name__
        if name == "Flatten":
            new = torch.nn.Flatten()
        elif name == "ReLU":
            new = torch.nn.ReLU()
        elif name == "MaxPool2D":
            new = torch.nn.MaxPool2d(2)
        elif name == "BatchNorm":
            kind = torch.nn.BatchNorm2d if layer.axis == 1 else torch.nn.BatchNorm1d
            new = kind(layer.features, eps=layer.eps, momentum=1 - layer.momentum)
        elif name == "Conv2D":
            out, channels, *_ = layer.kernel.shape
            new = torch.nn.Conv2d(channels, out, 3, padding=1, bias=layer.bias is not None)
            new.weight.data = torch.tensor(layer.kernel.numpy())
        else:
            new = torch.nn.Linear(*layer.weight.shape, bias=layer.bias is not None)
            new.weight.data = torch.tensor(layer.weight.numpy().T.copy())
        if getattr(layer, "bias", None) is not None:
            new.bias.data = torch.tensor(layer.bias.numpy())
        layers.append(new)
        if getattr(layer, "activation", None) is not None:
            layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers)


class Tinygraph:
    def __init__(self, model):
        self.model = model
        self.optimizer = optim.Adam(model.parameters(), lr=RATE)

    def epoch(self, batches):
        self.model.train()
        for X, y in batches:
            loss = nn.softmax_cross_entropy(self.model(X), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def accuracy(self, X, y):
        return nn.accuracy(nn.predict(self.model, X), y)


class PyTorch:
    def __init__(self, model):
        self.model = in_torch(model)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE)

    def epoch(self, batches):
        self.model.train()
        for X, y in batches:
            loss = torch.nn.functional.cross_entropy(
                self.model(torch.from_numpy(X)), torch.from_numpy(y)
            )
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def accuracy(self, X, y):
        self.model.eval()
        with torch.no_grad():
            right = [
                (self.model(torch.from_numpy(a)).argmax(1).numpy() == b).sum()
                for a, b in nn.minibatches(X, y, 256, shuffle=False)
            ]
        return sum(right) / len(y)


def main():
    (X, y), (X_test, y_test) = fashion_mnist(chosen.data)
    nn.seed(SEED)
    tg.keep_freed_memory()  # for both: they live in one process
    model = NETWORKS[chosen.network]()
    engines = {"PyTorch": PyTorch(model), "tinygraph": Tinygraph(model)}
    seconds = {name: [] for name in engines}
    rng = np.random.default_rng(SEED)
    for _ in range(chosen.epochs):
        batches = list(nn.minibatches(X, y, BATCH, rng))
        for name, engine in engines.items():
            start = time.perf_counter()
            engine.epoch(batches)
            seconds[name].append(time.perf_counter() - start)
    print(f"{chosen.network}, {chosen.epochs} epochs, {chosen.threads} thread(s)")
    for name, engine in engines.items():
        print(
            f"{name:10} {np.median(seconds[name]):7.2f} s per epoch (median), "
            f"test accuracy {engine.accuracy(X_test, y_test):.4f}"
        )


if __name__ == "__main__":
    main()
