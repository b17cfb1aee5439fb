"""Random programs: expressions of many operations, for tinygraph and for PyTorch alike."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from counterparts import TORCH

import tinygraph as tg

# Sizes of a program's operands, and what all results are brought to between its steps.
SHAPE = (3, 4)


class Program:
    """Steps of a seeded random expression; called with NumPy's names or with PyTorch's.

    Each step takes one or two of the tensors so far, and makes one of the same shape. Arguments are
    kept where functions are smooth and moderate: log of 1 + x², exp of a tanh.
    """

    def __init__(self, seed: int, length: int) -> None:
        rng = np.random.default_rng(seed)
        self.operands = [rng.uniform(-1.5, 1.5, SHAPE) for _ in range(3)]
        self.vector = rng.uniform(-1.5, 1.5, SHAPE[1:])
        self.matrix = rng.uniform(-1, 1, (SHAPE[1], SHAPE[1]))
        self.steps: list[tuple[str, list[int], Any]] = []
        for i in range(length):
            name = [*STEPS][rng.integers(len(STEPS))]
            # Mostly what came last, so that programs are deep.
            recent = [max(0, i + 3 - int(rng.geometric(0.4))) for _ in range(2)]
            self.steps.append((name, recent, int(rng.integers(1 << 30))))

    @property
    def arrays(self) -> list[Any]:
        """What it is differentiated with respect to."""
        return [*self.operands, self.vector, self.matrix]

    def run(self, f: Any, *arrays: Any) -> list[Any]:
        """Its result, as a list of one. f: a space of functions with NumPy's names."""
        *operands, vector, matrix = arrays
        values = list(operands)
        for name, chosen, seed in self.steps:
            a, b = (values[i] for i in chosen)
            values.append(STEPS[name](f, a, b, vector, matrix, np.random.default_rng(seed)))
        return [(values[-1] * values[-2]).sum()]

    def __repr__(self) -> str:
        return " ".join(name for name, *_ in self.steps)


def _order(rng: np.random.Generator, n: int) -> list[int]:
    return rng.permutation(n).tolist()


def _wide(y: Any) -> Any:
    """A reduced result, of the whole shape again."""
    return y * np.ones(SHAPE) if isinstance(y, tg.Tensor) else y + torch.zeros(SHAPE)


# What a step does with two tensors, a vector, a matrix and random numbers.
STEPS: dict[str, Any] = {
    # Element by element
    "add": lambda f, a, b, v, m, r: a + 0.5 * b,
    "subtract": lambda f, a, b, v, m, r: a - b * 0.7,
    "multiply": lambda f, a, b, v, m, r: a * f.tanh(b),
    "divide": lambda f, a, b, v, m, r: a / (1 + b * b),
    "power": lambda f, a, b, v, m, r: (1 + a * a) ** (0.3 * f.tanh(b)),
    "square": lambda f, a, b, v, m, r: f.square(f.tanh(a)),
    "sqrt": lambda f, a, b, v, m, r: f.sqrt(1 + a * a),
    "exp": lambda f, a, b, v, m, r: f.exp(f.tanh(a)),
    "expm1": lambda f, a, b, v, m, r: f.expm1(f.sin(a)),
    "log": lambda f, a, b, v, m, r: f.log(1.5 + a * a),
    "log1p": lambda f, a, b, v, m, r: f.log1p(b * b),
    "sin": lambda f, a, b, v, m, r: f.sin(a),
    "cos": lambda f, a, b, v, m, r: f.cos(a + b),
    "tanh": lambda f, a, b, v, m, r: f.tanh(a),
    "arctan": lambda f, a, b, v, m, r: f.arctan(a),
    "arcsinh": lambda f, a, b, v, m, r: f.arcsinh(a),
    "arctan2": lambda f, a, b, v, m, r: f.arctan2(a, 1 + b * b),
    "hypot": lambda f, a, b, v, m, r: f.hypot(a, 1.5 + b * b),
    "logaddexp": lambda f, a, b, v, m, r: f.logaddexp(a, b),
    "maximum": lambda f, a, b, v, m, r: f.maximum(a, b),
    "minimum": lambda f, a, b, v, m, r: f.minimum(a, v),
    "absolute": lambda f, a, b, v, m, r: f.absolute(a),
    "sigmoid": lambda f, a, b, v, m, r: f.sigmoid(a),
    "softplus": lambda f, a, b, v, m, r: f.softplus(a),
    "relu": lambda f, a, b, v, m, r: f.relu(a) + 0.1 * b,
    "where": lambda f, a, b, v, m, r: f.where(f.mask(r.random(SHAPE) < 0.5), a, b),
    "clip": lambda f, a, b, v, m, r: f.clip(a, -1.0, 1.0) + b * 0.1,
    "broadcast": lambda f, a, b, v, m, r: a * v,
    # Reductions, spread again
    "sum": lambda f, a, b, v, m, r: _wide(f.sum(f.tanh(a), axis=int(r.integers(2)), keepdims=True)),
    "mean": lambda f, a, b, v, m, r: a - f.mean(b, axis=1, keepdims=True),
    "prod": lambda f, a, b, v, m, r: _wide(f.prod(1 + 0.3 * f.tanh(a), axis=0)),
    "var": lambda f, a, b, v, m, r: a / f.sqrt(1 + f.var(b, axis=1, keepdims=True)),
    "max": lambda f, a, b, v, m, r: a - f.max(b, axis=1, keepdims=True),
    "logsumexp": lambda f, a, b, v, m, r: a - f.logsumexp(a, axis=1, keepdims=True),
    "softmax": lambda f, a, b, v, m, r: b * f.softmax(a, axis=1),
    "cumsum": lambda f, a, b, v, m, r: 0.4 * f.cumsum(a, axis=int(r.integers(2))),
    "norm": lambda f, a, b, v, m, r: a / (1 + f.norm(b)),
    # Shapes
    "reshape": lambda f, a, b, v, m, r: f.reshape(f.transpose(a), SHAPE),
    "flip": lambda f, a, b, v, m, r: f.flip(a, axis=int(r.integers(2))) + b,
    "roll": lambda f, a, b, v, m, r: f.roll(a, int(r.integers(1, 4)), axis=1),
    "take": lambda f, a, b, v, m, r: a[_order(r, 3)] * 0.9,
    "slice": lambda f, a, b, v, m, r: f.concatenate([a[1:], b[:1]], axis=0),
    "stack": lambda f, a, b, v, m, r: f.sum(f.stack([a, b, a * b]), axis=0) * 0.5,
    "tril": lambda f, a, b, v, m, r: f.tril(a) + b,
    "sort": lambda f, a, b, v, m, r: f.sort(a, axis=1) - b,
    # Products
    "matmul": lambda f, a, b, v, m, r: f.tanh(a) @ m,
    "matvec": lambda f, a, b, v, m, r: a + f.reshape(f.tanh(b) @ v, (3, 1)),
    "gram": lambda f, a, b, v, m, r: 0.2 * (f.tanh(a) @ f.transpose(f.tanh(b)) @ a),
    "einsum": lambda f, a, b, v, m, r: f.einsum("ij,kj,kl->il", f.tanh(a), f.tanh(b), f.tanh(b)),
    "outer": lambda f, a, b, v, m, r: f.outer(f.sum(f.tanh(a), axis=1), v),
    "solve": lambda f, a, b, v, m, r: f.transpose(f.solve(m + 5 * f.eye(4), f.transpose(a))),
}

TINYGRAPH = SimpleNamespace(
    **{
        **{name: getattr(tg, name) for name in tg.__all__},
        "mask": np.asarray,
        "eye": np.eye,
        "norm": tg.linalg.norm,
        "solve": tg.linalg.solve,
    }
)
PYTORCH = SimpleNamespace(
    **{
        **{name.removeprefix("np."): f for name, f in TORCH.items()},
        "mask": torch.as_tensor,
        "eye": lambda n: torch.eye(n, dtype=torch.float64),
        "norm": torch.linalg.norm,
    }
)
