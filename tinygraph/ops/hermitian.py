"""Adjoints, and Hermitian matrices of which NumPy reads one triangle.

Rules of decompositions are written for gradients, ∂L/∂Re + i·∂L/∂Im, whose formulas are those of
the literature; `conj` turns the engine's linear cotangents into them and back.

`cholesky`, `eigh` and whatever takes `hermitian=True` read one triangle and take the matrix to be
Hermitian. Where it is, but for rounding, its gradient is too, as in PyTorch and JAX: it is for
changes that leave it so. Where it is not, the gradient is that of what was computed: it stands in
the triangle that was read.
"""

from typing import Any

import numpy as np

from ..primitive import Operand, primitive, sample
from ..tensor import Tensor


def conj(x: Any) -> Any:
    """x̄; x itself if it is real."""
    return np.conjugate(x) if x.dtype.kind == "c" else x


def transposed(x: Any) -> Any:
    """xᵀ of the last two axes."""
    return x.swapaxes(-1, -2)


def adjoint(x: Any) -> Any:
    """xᴴ of the last two axes."""
    return transposed(conj(x))


def diagonal(x: Any) -> Any:
    """The diagonal of the last two axes."""
    return np.diagonal(x, 0, -2, -1)


def real(x: Any) -> Any:
    """Re x; x itself if it is real."""
    return np.real(x) if x.dtype.kind == "c" else x


def value_of(x: Any) -> Any:
    """The plain array of a tensor, or the array itself."""
    return x.value if type(x) is Tensor else x


def rounding(x: Any, dtype: Any) -> Any:
    """What rounding may have made of numbers as large as the largest along the last axis."""
    top = np.max(np.abs(x), axis=-1, keepdims=True, initial=0)
    return 32 * x.shape[-1] * np.finfo(dtype).eps * top


def is_hermitian(a: Any) -> Any:
    """For each matrix, whether it is Hermitian up to rounding; with two axes of size 1."""
    a = value_of(a)
    size = np.max(np.abs(a), axis=(-2, -1), keepdims=True, initial=0)
    allowed = 8 * a.shape[-1] * np.finfo(a.dtype).eps * size if a.dtype.kind in "fc" else 0
    return np.all(np.abs(a - adjoint(a)) <= allowed, axis=(-2, -1), keepdims=True)


def to_triangle(g: Any, a: Any, lower: bool = True) -> Any:
    """The gradient at `a`, of which a triangle was read, from that at a Hermitian matrix.

    It is Hermitian where `a` is. Elsewhere the triangle that was read gets its own gradient and
    that of the elements it was mirrored to.
    """
    g = (g + adjoint(g)) * 0.5
    whole = is_hermitian(a)
    if whole.all():
        return g
    n = a.shape[-1]
    row, column = np.arange(n)[:, np.newaxis], np.arange(n)
    weights = 2 * (row > column if lower else row < column) + (row == column)
    return g * np.where(whole, 1, weights)


@primitive(
    a=lambda ct, a: conj(to_triangle(conj(ct), a)),
    samples=(sample((3, 3)), sample((2, 2, 2))),
    flops=0,
)
def mirrored(a: Operand) -> Any:
    """The Hermitian matrix whose lower triangle is that of a."""
    lower = np.tril(a, -1)
    middle = real(diagonal(a))[..., np.newaxis] * np.eye(a.shape[-1], dtype=bool)
    return lower + adjoint(lower) + middle
