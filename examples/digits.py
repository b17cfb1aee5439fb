"""Handwritten digits: a network with batch norm and dropout, trained by Adam.

    python examples/digits.py

Pictures go to out/.
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import trange

import tinygraph as tg
from tinygraph import nn, optim

OUT = Path("out")
SEED = 7
EPOCHS = 60
BATCH = 64


def digits():
    """Train, dev and test sets (60, 20, 20 %), standardised with the training set's statistics."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, random_state=SEED, stratify=y)
    X, X_dev, y, y_dev = train_test_split(X, y, test_size=0.25, random_state=SEED, stratify=y)
    mu, sigma = X.mean(0), X.std(0)
    sigma[sigma == 0] = 1  # pixels that are always blank
    sets = [(X, y), (X_dev, y_dev), (X_test, y_test)]
    return [(((X - mu) / sigma).astype(np.float32), y) for X, y in sets]


def network():
    """64-64-32-10; before a batch norm a bias would have no effect."""
    return nn.Sequential(
        nn.Dense(64, 64, bias=False),
        nn.BatchNorm(64),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Dense(64, 32, bias=False),
        nn.BatchNorm(32),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Dense(32, 10),
    )


def accuracy(model, X, y):
    """The share of examples whose largest logit is their label's."""
    model.eval()
    with tg.no_grad():
        return float(np.mean(model(X).numpy().argmax(1) == y))


def train(model, train_set, dev_set):
    """Loss and dev accuracy of every epoch."""
    X, y = train_set
    shuffled = np.random.default_rng(SEED)
    optimizer = optim.Adam(model.parameters(), lr=0.003)
    losses, accuracies = [], []
    progress = trange(EPOCHS, desc="epochs", unit="epoch", leave=False)
    for _ in progress:
        model.train()
        total = 0.0
        order = shuffled.permutation(len(X))
        for start in range(0, len(X), BATCH):
            batch = order[start : start + BATCH]
            loss = nn.softmax_cross_entropy(model(X[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        losses.append(total / len(X))
        accuracies.append(accuracy(model, *dev_set))
        progress.write(
            f"  epoch {len(losses):2}  loss {losses[-1]:.4f}  dev accuracy {accuracies[-1]:.4f}"
        )
    return losses, accuracies


def draw_curves(losses, accuracies, path):
    """Loss and accuracy over the epochs."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    epochs = np.arange(1, len(losses) + 1)
    left.semilogy(epochs, losses)
    left.set(title="Training loss", xlabel="epoch", ylabel="cross-entropy, nats")
    right.plot(epochs, accuracies, color="C1")
    right.set(title="Dev accuracy", xlabel="epoch", ylim=(min(accuracies) - 0.01, 1))
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(path)
    plt.close(figure)


def draw_step(model, X, y, path):
    """The graph of one training step, with its gradients."""
    model.train()
    for parameter in model.parameters():
        parameter.zero_grad()
    loss = nn.softmax_cross_entropy(model(tg.tensor(X[:BATCH], name="X")), y[:BATCH])
    loss.name = "loss"
    loss.backward()
    return tg.graph(loss).render(path, direction="TB")


def main():
    OUT.mkdir(exist_ok=True)
    nn.seed(SEED)
    train_set, dev_set, test_set = digits()
    model = network()
    print(
        f"Digits: {len(train_set[0])} to train on, {len(dev_set[0])} dev, {len(test_set[0])} test"
    )
    losses, accuracies = train(model, train_set, dev_set)
    print(f"  loss {losses[0]:.3f} → {losses[-1]:.4f}, dev accuracy {accuracies[-1]:.4f}")
    print(f"  test accuracy {accuracy(model, *test_set):.4f}")
    draw_curves(losses, accuracies, OUT / "digits_training.svg")
    print(f"  drawn: {OUT / 'digits_training.svg'}")
    print(f"  drawn: {draw_step(model, *train_set, OUT / 'digits_step.svg')}")


if __name__ == "__main__":
    main()
