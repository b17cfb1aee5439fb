"""The eight workloads: starting values, data and settings, the same for every engine.

All is drawn from fixed seeds, in single precision. What is timed is one training step; of W6 the
value and five gradients, of W7 one pass forward and backward.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import numpy as np

MANY = 100_000  # operations of W7


@dataclass(frozen=True)
class Workload:
    """What there is to compute, in plain NumPy.

    kind        name of the function that runs it, in every engine
    parameters  their starting values, in the order in which layers hold them
    batches     what the steps are computed from, in turn
    steps       how many are checked against hand-written NumPy in double precision
    tolerance   the error allowed then, relative to the largest element of each array
    """

    kind: str
    title: str
    parameters: dict[str, np.ndarray]
    batches: list[tuple[np.ndarray, ...]] = field(default_factory=lambda: [()])
    settings: SimpleNamespace = field(default_factory=SimpleNamespace)
    steps: int = 4
    tolerance: float = 2e-4

    def in_double_precision(self) -> "Workload":
        """The same with floating arrays as float64."""

        def cast(array):
            return array.astype(np.float64) if array.dtype.kind == "f" else array

        return replace(
            self,
            parameters={name: cast(array) for name, array in self.parameters.items()},
            batches=[tuple(map(cast, batch)) for batch in self.batches],
        )

    def without_chance(self) -> "Workload":
        """The same without dropout, whose masks differ from engine to engine."""
        if not hasattr(self.settings, "dropout"):
            return self
        return replace(self, settings=SimpleNamespace(**{**vars(self.settings), "dropout": 0.0}))


def normal(rng, *shape, std=1.0):
    return (std * rng.standard_normal(shape)).astype(np.float32)


def filled(size, value):
    return np.full(size, value, np.float32)


def classified(rng, classes, examples, *features):
    """Noise with random labels: (X, labels as integers, labels as one-hot rows)."""
    labels = rng.integers(classes, size=examples)
    return normal(rng, *examples, *features), labels, np.eye(classes, dtype=np.float32)[labels]


def descent():
    return Workload(
        "descent",
        "w² − 10w + 25, gradient descent",
        {"w": filled((), 0)},
        settings=SimpleNamespace(lr=0.01),
        steps=200,
    )


def logistic():
    rng = np.random.default_rng(20)
    X = normal(rng, 1000, 20)
    y = (X @ normal(rng, 20, 1) + normal(rng, 1000, 1, std=3) > 0).astype(np.float32)
    return Workload(
        "logistic",
        "logistic regression, 1000 × 20",
        {"w": filled((20, 1), 0), "b": filled(1, 0)},
        [(X, y)],
        SimpleNamespace(lr=0.1),
        steps=50,
    )


SIZES = (784, 128, 64, 10)


def weights(rng):
    """Weights and biases of the network that W3 and W4 train."""
    found = {}
    for i, (inputs, outputs) in enumerate(pairwise(SIZES), 1):
        found[f"W{i}"] = normal(rng, inputs, outputs, std=(2 / inputs) ** 0.5)
        found[f"b{i}"] = filled(outputs, 0)
    return found


def perceptron(batch):
    rng = np.random.default_rng(30)
    return Workload(
        "perceptron",
        f"784-128-64-10, momentum, batch {batch}",
        weights(rng),
        [classified(rng, SIZES[-1], (batch,), SIZES[0]) for _ in range(4)],
        SimpleNamespace(lr=0.01, momentum=0.9),
        tolerance=1e-3,  # rounding decides which side of a relu's kink some units are on
    )


def normalised():
    rng = np.random.default_rng(40)
    parameters = {}
    for name, array in weights(rng).items():
        if name in ("b1", "b2"):  # without effect before batch norm, which has a shift β
            parameters[f"gamma{name[1]}"] = filled(len(array), 1)
            parameters[f"beta{name[1]}"] = filled(len(array), 0)
        else:
            parameters[name] = array
    return Workload(
        "normalised",
        "with batch norm, dropout, Adam, batch 256",
        parameters,
        [classified(rng, SIZES[-1], (256,), SIZES[0]) for _ in range(4)],
        SimpleNamespace(
            lr=0.001, betas=(0.9, 0.999), eps=1e-8, norm_eps=1e-5, averaging=0.9, dropout=0.2
        ),
        tolerance=5e-3,  # Adam divides by the gradient's size, also where that is rounding
    )


def recurrent():
    rng = np.random.default_rng(50)
    time, batch, inputs, hidden, classes = 50, 16, 32, 64, 32
    return Workload(
        "recurrent",
        "tanh RNN, 50 time steps, SGD",
        {
            "Wx": normal(rng, inputs, hidden, std=inputs**-0.5),
            "Wh": normal(rng, hidden, hidden, std=hidden**-0.5),
            "bh": filled(hidden, 0),
            "Wy": normal(rng, hidden, classes, std=hidden**-0.5),
            "by": filled(classes, 0),
        },
        [classified(rng, classes, (time, batch), inputs) for _ in range(2)],
        SimpleNamespace(lr=0.01, time=time),
    )


def chain(rows):
    """Of GELU, layer norm and squared error: 23 operations."""
    rng = np.random.default_rng(60)
    return Workload(
        "chain",
        f"23 elementwise operations, {rows} × {rows}",
        {
            "x": normal(rng, rows, rows),
            "a": 1 + normal(rng, rows, std=0.1),
            "b": normal(rng, rows, std=0.1),
            "gamma": filled(rows, 1),
            "beta": filled(rows, 0),
        },
        [(normal(rng, rows, rows),)],
        steps=1,
        tolerance=1e-3,
    )


def many():
    return Workload(
        "many",
        f"{MANY:,} operations of 4 elements",
        {"x": normal(np.random.default_rng(70), 4), "a": filled(4, 0.99999), "b": filled(4, 1e-6)},
        settings=SimpleNamespace(pairs=MANY // 2),
        steps=1,
        tolerance=2e-2,  # 100,000 roundings in single precision
    )


def convolution():
    rng = np.random.default_rng(80)
    return Workload(
        "convolution",
        "28 × 28: conv 16, conv 32, batch 64, SGD",
        {
            "K1": normal(rng, 16, 1, 3, 3, std=(2 / 9) ** 0.5),
            "b1": filled(16, 0),
            "K2": normal(rng, 32, 16, 3, 3, std=(2 / 144) ** 0.5),
            "b2": filled(32, 0),
            "W": normal(rng, 32 * 7 * 7, 10, std=(2 / 1568) ** 0.5),
            "b": filled(10, 0),
        },
        [classified(rng, 10, (64,), 1, 28, 28) for _ in range(2)],
        SimpleNamespace(lr=0.01),
        steps=3,
        tolerance=2e-3,
    )


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "W1": descent,
    "W2": logistic,
    "W3.32": partial(perceptron, 32),
    "W3.256": partial(perceptron, 256),
    "W3.1024": partial(perceptron, 1024),
    "W4": normalised,
    "W5": recurrent,
    "W6.1e4": partial(chain, 100),
    "W6.1e6": partial(chain, 1000),
    "W7": many,
    "W8": convolution,
}
