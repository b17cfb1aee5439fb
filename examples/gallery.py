"""The pictures of docs/gallery.md, drawn anew.

    python examples/gallery.py [FOLDER]

FOLDER: where to draw, out/gallery if not given.
"""

import sys
from pathlib import Path

import numpy as np
from digits import digits, network

import tinygraph as tg
from tinygraph import nn, optim

SEED = 0


def steps(folder):
    """J = 3(a + bc): forward, then backward, a node at a time."""
    a, b, c = (tg.Variable(x, name=name) for name, x in {"a": 5.0, "b": 3.0, "c": 2.0}.items())
    u = b * c
    v = a + u
    J = 3 * v
    found = tg.graph(J, names={"u": u, "v": v, "J": J}).steps()
    found[-1].render(folder / "last_step.svg")
    return found.render(folder / "steps.svg")


def lecture(folder):
    """J(w) = w² − 10w + 25 at w = 0, with its slope."""
    w = tg.Variable(0.0, name="w")
    J = w**2 - 10 * w + 25
    J.backward()
    return tg.graph(J, names={"J": J}).render(folder / "lecture.svg")


def logistic_regression(folder):
    """The cost of logistic regression, in the course's layout."""
    rng = np.random.default_rng(SEED)
    X, Y = rng.normal(size=(3, 20)), rng.integers(0, 2, size=(1, 20))
    w, b = tg.Variable(np.zeros((3, 1)), name="w"), tg.Variable(0.0, name="b")
    with tg.record():
        A = tg.sigmoid(w.T @ X + b)
        J = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
        J.backward()
    return tg.graph(J, names=locals()).render(folder / "logistic_regression.svg")


def digits_network(folder):
    """A training step of examples/digits.py: closed, open, and coloured."""
    nn.seed(SEED)
    (X, y), *_ = digits()
    model = network()
    optim.Adam(model.parameters(), lr=0.003).minimize(
        lambda: nn.softmax_cross_entropy(model(X[:64]), y[:64])
    )
    with tg.record():
        loss = nn.softmax_cross_entropy(model(tg.tensor(X[64:128], name="X")), y[64:128])
        loss.backward()
    graph = tg.graph(loss, names={"loss": loss})
    graph.render(folder / "digits_depth_1.svg", depth=1)
    graph.render(folder / "digits.svg", direction="TB")
    graph.render(folder / "digits_gradient.svg", overlay="gradient", direction="TB")
    graph.render(folder / "digits_time_dark.svg", overlay="time", theme="dark", direction="TB")
    return folder / "digits*.svg"


def long_short_term_memory(folder):
    """An LSTM over 50 steps, drawn once."""
    nn.seed(SEED)
    lstm, out = nn.LSTM(8, 16), nn.Dense(16, 4)
    x = np.random.default_rng(SEED).normal(size=(2, 50, 8)).astype(np.float32)
    outputs, _ = lstm(x)
    loss = nn.softmax_cross_entropy(out(outputs[:, -1]), np.array([0, 3]))
    return tg.graph(loss, names={"loss": loss}).render(folder / "lstm.svg")


class Transformer(nn.Module):
    def __init__(self, features=16, heads=2, blocks=12):
        super().__init__()
        self.blocks = nn.Sequential(*[nn.TransformerBlock(features, heads) for _ in range(blocks)])
        self.output = nn.Dense(features, 5)

    def forward(self, x):
        return self.output(self.blocks(x))


def transformer(folder):
    """Twelve blocks of a transformer, drawn once."""
    nn.seed(SEED)
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(2, 10, 16)).astype(np.float32)
    loss = nn.softmax_cross_entropy(Transformer()(x), rng.integers(0, 5, (2, 10)))
    loss.backward()
    return tg.graph(loss, names={"loss": loss}).render(folder / "transformer.svg")


def difference(folder):
    """Two runs of a function with a branch."""

    def f(w):
        y = w * w
        y = np.log(y) if y.item() > 1 else 2 * y
        return y + 1

    runs = []
    for start in (3.0, 0.5):
        w = tg.Variable(start, name="w")
        runs.append(tg.graph(f(w)))
    return tg.graph_diff(*runs).render(folder / "difference.svg")


def nan_hunt(folder):
    """Where a NaN comes up, and how far it gets."""
    p = tg.Variable(np.array([0.5, 0.0, 0.25]), name="p")
    q = np.array([0.5, 0.5, 0.0])
    with tg.record(), np.errstate(all="ignore"):
        entropy = -np.sum(p * np.log(p))
        distance = np.sum((p - q) ** 2)
        loss = entropy + distance
        loss.backward()
    return tg.graph(loss, names=locals()).render(folder / "nan_hunt.svg", overlay="nan")


PICTURES = (
    steps,
    lecture,
    logistic_regression,
    digits_network,
    long_short_term_memory,
    transformer,
    difference,
    nan_hunt,
)


def main(folder="out/gallery"):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for draw in PICTURES:
        print(f"{draw.__doc__.strip():60} {draw(folder)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
