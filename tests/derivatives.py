"""Numeric differentiation: central differences, and how far from the truth they may be."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

EPS = np.finfo(np.float64).eps
Function = Callable[..., Sequence[Any]]  # from arrays to a list of arrays


def central_differences(
    function: Function, arrays: Sequence[Any], cotangents: Sequence[Any]
) -> list[tuple[Any, Any]]:
    """The gradient of Σ ct·f with respect to each float64 array, and a bound on its error.

    D(h) = (f(x+h) − f(x−h)) / 2h = f′ + c·h² + …, so that the truncation error c·h² is a third of
    D(2h) − D(h): the whole of that difference bounds it with room for the higher terms. Rounding
    adds `rounding(…)` / h. The step ε^(1/3) makes the two about equal.
    """
    found = []
    for k, array in enumerate(arrays):
        slope, bound = np.zeros(array.shape), np.zeros(array.shape)
        for i in np.ndindex(array.shape):
            step = EPS ** (1 / 3) * max(1.0, abs(array[i]))
            near, error = _quotient(function, arrays, cotangents, k, i, step)
            far, _ = _quotient(function, arrays, cotangents, k, i, 2 * step)
            slope[i], bound[i] = near, abs(far - near) + error
        found.append((slope, bound))
    return found


def assert_gradient(
    function: Function, arrays: Sequence[Any], cotangents: Sequence[Any], gradients: Sequence[Any]
) -> None:
    """Each gradient is what central differences of the function give, within their error."""
    differences = central_differences(function, arrays, cotangents)
    for k, (found, (wanted, bound)) in enumerate(zip(gradients, differences, strict=True)):
        found = np.asarray(found)
        assert found.shape == wanted.shape, f"argument {k}"
        error = np.abs(found - wanted)
        assert (error <= bound).all(), (
            f"argument {k}: the gradient is\n{found}\nand central differences are\n{wanted}\n"
            f"which may be wrong by\n{bound}"
        )


def rounding(arrays: Sequence[Any], values: Sequence[Any], cotangents: Sequence[Any]) -> float:
    """A bound on the rounding error of Σ ct·f.

    Every output may be wrong by one rounding of the largest number around for each element that
    goes into it, and by a dozen more for the functions on the way (NumPy's own are right within 4).
    """
    count = 16 + sum(x.size for x in arrays)
    largest = max([1.0, *(np.abs(x).max() for x in [*arrays, *values] if x.size)])
    weight = sum(np.abs(ct).sum() for ct in cotangents)
    return float(count * EPS * largest * weight)


def _quotient(
    function: Function, arrays: Any, cotangents: Any, k: int, i: tuple[int, ...], step: float
) -> tuple[float, float]:
    """The central difference in one element, and what rounding may add to it."""

    def moved(by: float) -> list[Any]:
        copies = [np.array(x) for x in arrays]
        copies[k][i] += by
        return copies

    above, below = moved(step), moved(-step)
    width = above[k][i] - below[k][i]  # the step as it was after rounding
    high, low = ([np.asarray(y) for y in function(*at)] for at in (above, below))
    total = sum(float(np.sum(ct * (a - b))) for ct, a, b in zip(cotangents, high, low, strict=True))
    return total / width, 2 * rounding(arrays, high, cotangents) / width
