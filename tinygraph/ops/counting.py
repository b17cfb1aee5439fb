"""How many floating-point operations, in a call's leading order: for `flops=` of declarations.

A multiplication and an addition count as two. Of complex numbers, and of what LAPACK spends on
scaling and pivots, nothing is added. Figures for factorisations: Golub and Van Loan 2013, "Matrix
computations".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

Shape: TypeAlias = tuple[int, ...]


def cubic(factor: float) -> Callable[[Shape], int]:
    """factor · m n², with n the shorter side, for each matrix along the last two axes."""

    def count(a_shape: Shape) -> int:
        short, long = sorted(a_shape[-2:])
        return round(factor * math.prod(a_shape[:-2]) * long * short * short)

    return count


def product(a_shape: Shape, shape: Shape) -> int:
    """2mnk for (m, k) @ (k, n), for each in a batch."""
    return 2 * math.prod(shape) * a_shape[-1]


def sum_of_products(shapes: list[Shape], subscripts: str) -> int:
    """Einstein summation at once: for each combination of indices, a product and an addition."""
    terms = subscripts.partition("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, size in zip(term, shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    return len(terms) * math.prod(sizes.values())


def solution(a_shape: Shape, b_shape: Shape) -> int:
    """2/3 n³ for the LU decomposition of each matrix, 2n² for each right side."""
    n = a_shape[-1]
    sides = math.prod(b_shape) // max(n, 1)
    return round(2 / 3 * math.prod(a_shape[:-2]) * n**3) + 2 * n * n * sides


def fourier(a_shape: Shape, n: int | None, axis: int) -> int:
    """5 n log2 n for each line along the axis."""
    length = a_shape[axis] if n is None else n
    lines = math.prod(a_shape) // max(a_shape[axis], 1)
    return round(5 * lines * length * math.log2(max(length, 1)))


def real_fourier(a_shape: Shape, n: int | None, axis: int) -> int:
    """Half of that, of real numbers."""
    return fourier(a_shape, n, axis) // 2


def inverse_fourier(shape: Shape, axis: int) -> int:
    """The same, by the real numbers that result."""
    length = shape[axis]
    return round(2.5 * math.prod(shape) * math.log2(max(length, 1)))


def convolution(a_shape: Shape, v_shape: Shape) -> int:
    """A product and an addition for each pair of elements."""
    return 2 * math.prod(a_shape) * math.prod(v_shape)


def horner(p_shape: Shape, x_shape: Shape) -> int:
    """A product and an addition for each coefficient at each point."""
    return 2 * math.prod(p_shape) * math.prod(x_shape)
