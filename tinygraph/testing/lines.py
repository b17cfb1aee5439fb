"""Random lines and cotangents, and products along them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .problem import Array


def apart(a: float, b: float) -> float:
    """|a − b|; infinite where one of them is not finite."""
    return abs(a - b) if math.isfinite(a) and math.isfinite(b) else math.inf


def projected(a: Any, b: Any) -> tuple[float, float]:
    """Re Σ ā·b, of arrays or of lists of them, and the same of their sizes."""
    ones, others = (a, b) if isinstance(a, list) else ([a], [b])
    sizes = [[np.abs(x) for x in xs] for xs in (ones, others)]
    return contracted(ones, others), contracted(*sizes)


def contracted(cotangents: Sequence[Array], values: Sequence[Array]) -> float:
    """Re Σ c̄·y. Of an output that does not count even a NaN is nothing."""
    with np.errstate(all="ignore"):
        parts = [
            np.sum(np.real(np.conj(c) * y), dtype=float)
            for c, y in zip(cotangents, values, strict=True)
            if np.any(c)
        ]
        return float(sum(parts))


def magnitude(x: complex) -> float:
    """A power of two near |x|, or 1: what a step in x is a multiple of."""
    size = abs(x)
    return 2.0 ** round(math.log2(size)) if 1 < size < math.inf else 1.0


def usual(y: Array) -> float:
    """The size of the elements of an output, one with another."""
    sizes = np.abs(y).astype(float)
    largest = float(np.max(sizes, initial=0))
    return largest * math.sqrt(float(np.mean((sizes / largest) ** 2))) if largest else 0.0


def cotangent(y: Array, largest: float, rng: np.random.Generator) -> Array:
    """Random, of either sign; it brings outputs to about the same size, but for a factor of 1,000.

    More would make gradients of some vanish beside those of others.
    """
    least = max(usual(y), largest / 2**10)
    scale = np.maximum(np.abs(y).astype(float), least) if least else np.ones(y.shape)
    # Both signs, whatever the seed: a rule may be right for one of them only.
    signs = rng.permutation(np.resize([-1.0, 1.0], y.size)).reshape(y.shape)
    weights = rng.uniform(0.5, 1.5, y.shape) * signs
    if y.dtype.kind == "c":
        weights = weights * np.exp(1j * rng.uniform(0, 2 * np.pi, y.shape))
    return np.asarray(weights / 2.0 ** np.round(np.log2(scale)), dtype=y.dtype)


def direction(x: Array, rng: np.random.Generator) -> Array:
    """Random, of the size of each element or of 1, and of few digits, so that steps are exact."""
    digits = 20 if np.finfo(x.dtype).eps < 1e-10 else 8
    scale = 2.0 ** np.round(np.log2(np.maximum(np.abs(x).astype(float), 1.0)))

    def part() -> Any:
        whole = rng.integers(2 ** (digits - 1), 2**digits, x.shape)
        return whole / 2.0**digits * rng.choice([-1.0, 1.0], x.shape)

    return np.asarray((part() + 1j * part() if x.dtype.kind == "c" else part()) * scale, x.dtype)
