"""Numeric differentiation: central differences, and how far from the truth they may be."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

EPS = np.finfo(np.float64).eps
Function = Callable[..., Sequence[Any]]  # from arrays to a list of arrays


def assert_gradient(
    function: Function, arrays: Sequence[Any], cotangents: Sequence[Any], gradients: Sequence[Any]
) -> None:
    """Each gradient is what central differences of the function give, within their error.

    arrays: float64.  The gradients are those of Σ ct·f.
    D(h) = (f(x+h) − f(x−h)) / 2h = f′ + c·h² + …, so that the truncation error c·h² is a third of
    D(2h) − D(h): the whole of that difference bounds it with room for the higher terms. Rounding
    adds `Rounding.of(…)` / h. The step ε^(1/3) makes the two about equal.
    """
    rounding = Rounding(arrays, cotangents)
    for k, (array, found) in enumerate(zip(arrays, gradients, strict=True)):
        found = np.asarray(found)
        assert found.shape == array.shape, f"argument {k}"
        quotient = _quotients(function, arrays, cotangents, k, rounding)
        steps = EPS ** (1 / 3) * np.maximum(1.0, np.abs(array))
        for i in np.ndindex(array.shape):
            near, bound = quotient(i, steps[i])
            # Mostly rounding alone explains what is between the two, and how large the truncation
            # may be need not be asked.
            if not abs(found[i] - near) <= bound:
                bound += abs(quotient(i, 2 * steps[i])[0] - near)
                assert abs(found[i] - near) <= bound, (
                    f"argument {k}: the gradient is\n{found}\nand central differences are\n"
                    f"{[quotient(j, steps[j])[0] for j in np.ndindex(array.shape)]}\n"
                    f"of which that at {i} may be wrong by {bound}"
                )


class Rounding:
    """A bound on the rounding error of Σ ct·f.

    Every output may be wrong by one rounding of the largest number around for each element that
    goes into it, and by a dozen more for the functions on the way (NumPy's own are right within 4).
    """

    def __init__(self, arrays: Sequence[Any], cotangents: Sequence[Any]) -> None:
        count = 16 + sum(x.size for x in arrays)
        self.factor = count * EPS * sum(np.abs(ct).sum() for ct in cotangents)
        self.largest = _largest(arrays)

    def of(self, values: Sequence[Any]) -> float:
        return float(self.factor * max(self.largest, _largest(values)))


def _largest(arrays: Sequence[Any]) -> float:
    return max([1.0, *(np.abs(x).max() for x in arrays if x.size)])


def _quotients(
    function: Function, arrays: Sequence[Any], cotangents: Sequence[Any], k: int, rounding: Rounding
) -> Callable[[tuple[int, ...], float], tuple[float, float]]:
    """Gives the central difference in an element of array k, and what rounding may add to it."""
    above, below = ([*arrays[:k], np.array(arrays[k]), *arrays[k + 1 :]] for _ in range(2))

    def quotient(i: tuple[int, ...], step: float) -> tuple[float, float]:
        above[k][i] += step
        below[k][i] -= step
        width = above[k][i] - below[k][i]  # the step as it was after rounding
        high, low = ([np.asarray(y) for y in function(*at)] for at in (above, below))
        total = sum(
            float(np.sum(ct * (a - b))) for ct, a, b in zip(cotangents, high, low, strict=True)
        )
        error = 2 * rounding.of(high) / width
        above[k][i] = below[k][i] = arrays[k][i]
        return total / width, error

    return quotient
