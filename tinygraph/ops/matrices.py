"""Traces, products of vectors and of several matrices, and the strict versions of `np.linalg`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..primitive import Operand, derived
from ..tensor import Tensor, as_tensor
from .axes import checked_axis
from .elementwise import conjugate, multiply, subtract
from .indexing import getitem
from .joining import stack
from .products import matmul
from .products import outer as outer_of_any
from .reduction import sum
from .shape import diagonal as diagonal_of_axes
from .shape import moveaxis, ravel

derived(numpy=np.linalg.matmul)(matmul)


@derived(numpy=np.trace)
def trace(
    a: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Tensor:
    """Σ of the elements whose indices along two axes differ by `offset`."""
    if out is not None:
        raise ArgumentError("trace: out= is not supported; bind the result to a name instead")
    return sum(diagonal_of_axes(a, offset, axis1, axis2), axis=-1, dtype=dtype)


def matrix_trace(x: Operand, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """Σ of the diagonal of the last two axes."""
    return trace(x, offset, -2, -1, dtype)


def matrix_diagonal(x: Operand, /, *, offset: int = 0) -> Tensor:
    """The diagonal of the last two axes, or that `offset` columns to its right."""
    return diagonal_of_axes(x, offset, -2, -1)


@derived(numpy=np.vdot)
def vdot(a: Operand, b: Operand, /) -> Tensor:
    """Σ āᵢ bᵢ of the flattened operands."""
    a, b = ravel(as_tensor(a, "vdot")), ravel(as_tensor(b, "vdot"))
    if a.shape != b.shape:
        raise ShapeError(f"vdot: {a.size} and {b.size} elements; both need the same number")
    return matmul(conjugate(a) if a.dtype.kind == "c" else a, b)


def vector_outer(x1: Operand, x2: Operand, /) -> Tensor:
    """aᵢ·bⱼ of two vectors."""
    a, b = as_tensor(x1, "outer"), as_tensor(x2, "outer")
    if a.ndim != 1 or b.ndim != 1:
        raise ShapeError(
            f"linalg.outer: shapes {a.shape} and {b.shape}; it takes vectors, of one axis each: "
            "tg.outer flattens what it is given"
        )
    return outer_of_any(a, b)


def cross_in_space(x1: Operand, x2: Operand, /, *, axis: int = -1) -> Tensor:
    """a × b of vectors of three elements along an axis; other axes broadcast."""
    a, b = as_tensor(x1, "cross"), as_tensor(x2, "cross")
    for x in (a, b):
        if x.shape[checked_axis(axis, x.ndim, "linalg.cross")] != 3:
            raise ShapeError(
                f"linalg.cross: shapes {a.shape} and {b.shape}; both need 3 elements along axis "
                f"{axis}"
            )
    p, q = ([getitem(moveaxis(x, axis, -1), (..., i)) for i in range(3)] for x in (a, b))
    parts = [
        subtract(multiply(p[i], q[j]), multiply(p[j], q[i])) for i, j in ((1, 2), (2, 0), (0, 1))
    ]
    return stack(parts, axis if axis < 0 else axis - a.ndim)


@derived(numpy=np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Operand], *, out: Any = None) -> Tensor:
    """The matrix product of them all, in the order with the fewest multiplications.

    The first and the last may be vectors.
    """
    if out is not None:
        raise ArgumentError("multi_dot: out= is not supported; bind the result to a name instead")
    factors = [as_tensor(x, f"multi_dot: operand {i}") for i, x in enumerate(arrays)]
    shapes = [x.shape for x in factors]
    if len(factors) < 2:
        raise ShapeError(f"multi_dot: {len(factors)} arrays; it takes at least two")
    for i, x in enumerate(factors):
        if x.ndim != 2 and not (x.ndim == 1 and i in (0, len(factors) - 1)):
            raise ShapeError(
                f"multi_dot: shapes {shapes}; operand {i} needs two axes, or as the first or last "
                "one axis"
            )
    sizes = [1 if factors[0].ndim == 1 else shapes[0][0], *(shape[-1] for shape in shapes[:-1])]
    sizes.append(1 if factors[-1].ndim == 1 else shapes[-1][1])
    for i, (x, n) in enumerate(zip(factors[1:], sizes[1:], strict=False), 1):
        if x.shape[0] != n:
            raise ShapeError(
                f"multi_dot: shapes {shapes}; operand {i} needs {n} rows, as many as operand "
                f"{i - 1} has columns"
            )
    return _product(factors, _best_splits(sizes), 0, len(factors) - 1)


def _best_splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    """After which matrix to split each run i … j of matrices of sizes[i] × sizes[i+1].

    Dynamic programming over the runs, by length (Cormen et al., Introduction to Algorithms, 15.2).
    """
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    split = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            costs = {
                k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            }
            split[i, j] = min(costs, key=costs.__getitem__)
            cost[i, j] = costs[split[i, j]]
    return split


def _product(factors: list[Tensor], split: dict[tuple[int, int], int], i: int, j: int) -> Tensor:
    if i == j:
        return factors[i]
    k = split[i, j]
    return matmul(_product(factors, split, i, k), _product(factors, split, k + 1, j))


for _function, _target in (
    (matrix_trace, np.linalg.trace),
    (matrix_diagonal, np.linalg.diagonal),
    (vector_outer, np.linalg.outer),
    (cross_in_space, np.linalg.cross),
):
    derived(numpy=_target)(_function)
