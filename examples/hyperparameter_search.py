"""Hyperparameters at random, on the right scales, from coarse to fine; and a model looked after.

    python examples/hyperparameter_search.py [--trials 24]

"Caviar": many models trained side by side, one process for each core. "Panda": one model, whose
learning rate is changed by hand as it trains.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tinygraph as tg
from tinygraph import nn, optim

SEED = 0
EPOCHS = 8


def sets():
    """Training and dev set of handwritten digits, normalised by the first."""
    X, y = load_digits(return_X_y=True)
    split = train_test_split(X.astype(np.float32), y, test_size=0.3, random_state=SEED, stratify=y)
    X, X_dev, y, y_dev = split
    normalize = nn.normalize(X)
    return (normalize(X), y), (normalize(X_dev), y_dev)


# Where the first round looks: α and 1 − β on a log scale, sizes on a linear one.
COARSE = {
    "alpha": (1e-4, 1.0, "log"),
    "one_minus_beta": (1e-3, 1e-1, "log"),
    "hidden": (10, 100, "integer"),
    "layers": (1, 3, "integer"),
}


def drawn(space, rng):
    """A point of the space: a random one, as a grid would try few values of what matters."""
    point = {}
    for name, (low, high, scale) in space.items():
        if scale == "log":
            point[name] = float(10 ** rng.uniform(np.log10(low), np.log10(high)))
        else:
            point[name] = int(rng.integers(low, high, endpoint=True))
    return point


def around(best, space):
    """The same space, a third as wide about the best point; on a log scale its third root."""
    finer = {}
    for name, (low, high, scale) in space.items():
        if scale == "log":
            reach = (high / low) ** (1 / 6)
            finer[name] = (max(low, best[name] / reach), min(high, best[name] * reach), scale)
        else:
            reach = max(1, (high - low) // 6)
            finer[name] = (max(low, best[name] - reach), min(high, best[name] + reach), scale)
    return finer


def network(hidden, layers):
    sizes = [64, *[hidden] * layers]
    hiddens = [nn.Dense(n, units, "relu") for n, units in pairwise(sizes)]
    return nn.Sequential(*hiddens, nn.Dense(hidden, 10))


def dev_accuracy(point):
    """How well a model with these hyperparameters does; 0 where its cost explodes."""
    train_set, dev_set = sets()
    nn.seed(SEED)
    model = network(point["hidden"], point["layers"])
    optimizer = optim.SGD(
        model.parameters(), lr=point["alpha"], momentum=1 - point["one_minus_beta"], averaged=True
    )
    try:
        nn.fit(
            model,
            nn.softmax_cross_entropy,
            train_set,
            optimizer,
            epochs=EPOCHS,
            batch_size=64,
            rng=SEED,
            progress=False,
        )
    except tg.AnomalyError:
        return 0.0
    return nn.accuracy(nn.predict(model, dev_set[0]), dev_set[1])


def search(workers, space, trials, rng, title):
    """The best of so many points, all tried side by side."""
    points = [drawn(space, rng) for _ in range(trials)]
    accuracies = list(workers.map(dev_accuracy, points))
    ranked = sorted(zip(accuracies, points, strict=True), key=lambda pair: -pair[0])
    print(title)
    for accuracy, point in ranked[:3]:
        words = ", ".join(f"{name} {value:.4g}" for name, value in point.items())
        print(f"  dev accuracy {accuracy:.4f}  {words}")
    return ranked[0]


def look_after(point, rounds=4):
    """One model: train a while, look at the dev set, and halve α when it no longer helps."""
    train_set, dev_set = sets()
    nn.seed(SEED)
    model = network(point["hidden"], point["layers"])
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    history, rng = None, np.random.default_rng(SEED)
    print("Panda: Adam, begun at 0.01")
    for day in range(1, rounds + 1):
        history = nn.fit(
            model,
            nn.softmax_cross_entropy,
            train_set,
            optimizer,
            epochs=3,
            batch_size=64,
            validation=dev_set,
            metrics={"accuracy": nn.accuracy},
            rng=rng,
            progress=False,
            history=history,
        )
        loss, accuracy = history["val_loss"], history["val_accuracy"][-1]
        print(f"  day {day}: dev loss {loss[-1]:.4f}, accuracy {accuracy:.4f}, α {optimizer.lr:g}")
        if loss[-1] > min(loss) or day == 2:
            optimizer.lr = optimizer.lr / 2
    return history["val_accuracy"][-1]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=24, help="how many models a round trains")
    trials = parser.parse_args(arguments).trials
    rng = np.random.default_rng(SEED)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
        coarse, best = search(workers, COARSE, trials, rng, f"Caviar, coarse: {trials} at random")
        finer = around(best, COARSE)
        fine, point = search(workers, finer, trials, rng, "Caviar, fine: around the best of these")
    if fine > coarse:
        best = point
    fine = max(coarse, fine)
    print(f"from {coarse:.4f} to {fine:.4f}")
    look_after(best)


if __name__ == "__main__":
    main()
