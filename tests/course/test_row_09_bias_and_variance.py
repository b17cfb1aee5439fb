"""Train, dev and test sets from one distribution, and what their errors say.

A teacher's labels, a tenth of them wrong: the error that cannot be avoided is 0.1.
"""

import numpy as np
from sklearn.model_selection import train_test_split

import tinygraph as tg
from tinygraph import nn, optim

rng = np.random.default_rng(1)


def problem(m):
    X = rng.normal(size=(m, 10)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    wrong = rng.random(m) < 0.1
    return X, np.where(wrong, 1 - y, y)


def splits(m):
    X, y = problem(m)
    X, X_dev, y, y_dev = train_test_split(X, y, test_size=0.5, random_state=0, stratify=y)
    return (X, y), (X_dev, y_dev)


def errors(model, train_set, dev_set, steps):
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        X, y = train_set
        optimizer.minimize(lambda X=X, y=y: nn.softmax_cross_entropy(model(X), y))
    model.eval()
    with tg.no_grad():
        return [np.mean(model(X).numpy().argmax(1) != y) for X, y in (train_set, dev_set)]


def test_high_bias_high_variance_and_neither():
    nn.seed(0)
    line = nn.Dense(10, 2)
    train, dev = errors(line, *splits(2000), steps=100)
    assert train > 0.35  # a line cannot learn it: high bias,
    assert abs(dev - train) < 0.1  # low variance

    large = nn.Sequential(nn.Dense(10, 100, "relu"), nn.Dense(100, 2))
    train, dev = errors(large, *splits(200), steps=300)
    assert train < 0.02  # below what can be avoided: learned by heart,
    assert dev - train > 0.2  # high variance

    fitting = nn.Sequential(nn.Dense(10, 30, "relu"), nn.Dense(30, 2))
    train, dev = errors(fitting, *splits(8000), steps=150)  # more data
    assert train < 0.2
    assert dev - train < 0.06
