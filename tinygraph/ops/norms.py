"""Norms of vectors and matrices, and condition numbers.

Norms have a kink at 0: derivative 0 there. Where several elements, lines or singular values are the
largest or smallest, they share the cotangent equally.
"""

from typing import Any

import numpy as np

from ..errors import ArgumentError, AxisError, ShapeError
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor
from .axes import Axis, checked_axis
from .elementwise import INF, absolute, divide, multiply
from .hermitian import value_of
from .indexing import getitem
from .joining import where
from .linear_systems import inv
from .reduction import count, kept, max, min, sum
from .shape import expand_dims, moveaxis
from .singular_values import singular_values


def _p_norm(ct: Any, y: Any, x: Any, shape: Any, ord: float, axis: Axis, keepdims: bool) -> Any:
    ct, y = kept(ct, shape, axis, keepdims), kept(y, shape, axis, keepdims)
    ratio = ct / np.where(value_of(y) == 0, 1, y)
    if ord == 2:
        return ratio * (np.conjugate(x) if x.dtype.kind == "c" else x)
    # d‖x‖ = Σ (|x|/‖x‖)^(p−1) d|x|, with 0 for elements that are 0, also if p < 2.
    nothing = value_of(x) == 0
    size = np.where(nothing, 1, np.abs(x) / np.where(value_of(y) == 0, 1, y))
    sign = np.sign(x)
    sign = np.conjugate(sign) if sign.dtype.kind == "c" else sign
    return ct * (sign * size ** (ord - 1))


@primitive(
    name="norm",
    label="‖x‖",
    x=_p_norm,
    samples=(
        sample((3, 4)),
        sample((3, 4), 2, 1),
        sample((2, 3, 2), 2, (0, -1), True),
        sample((3, 4), 3, 0),
        sample((4,), 1.5),
        sample((4,), -1),
        sample((2, 3), 0.5, 1, True),
        sample((2, 3), 3, None, True),
        sample((0,)),
        sample(()),
    ),
)
def p_norm(x: Operand, ord: float = 2, axis: Axis = None, keepdims: bool = False) -> Any:
    """(Σ |x|^p)^(1/p) over the axes. Derivative 0 at 0, and for elements that are 0."""
    if x.dtype.kind not in "fc":
        x = x.astype(float)
    if ord != 2:
        return np.power((np.abs(x) ** ord).sum(axis, keepdims=keepdims), _inverse(ord, x))
    if axis is None and not keepdims:
        x = x.ravel(order="K")
        square = np.vdot(x, x).real
    else:
        square = (x.conj() * x).real.sum(axis, keepdims=keepdims)
    return np.sqrt(square)


def _inverse(ord: float, x: Any) -> Any:
    return np.reciprocal(ord, dtype=x.real.dtype)


@derived(numpy=np.linalg.vector_norm)
def vector_norm(
    x: Operand, /, *, axis: Axis = None, keepdims: bool = False, ord: float = 2
) -> Tensor:
    """(Σ |x|^p)^(1/p), p = ord, over the axes, None: of all elements.

    ord: any number; inf and −inf for the largest and smallest |x|, 0 for how many are not 0.
    """
    return _vector_norm(as_tensor(x, "vector_norm"), ord, axis, keepdims, "vector_norm")


def _vector_norm(x: Tensor, ord: Any, axis: Axis, keepdims: bool, operation: str) -> Tensor:
    if isinstance(ord, str) or (ord is not None and np.ndim(ord)):
        raise ArgumentError(f"{operation}: ord={ord!r} of a vector; it needs a number, or None")
    if x.dtype.kind not in "fc":
        x = x.astype(float)
    axes = _axes(axis, x.ndim, operation)
    over = axes if len(axes) != x.ndim else None
    result: Any
    if ord in (None, 2):
        result = p_norm(x, 2, over, keepdims)
    elif ord == INF and count(x.shape, axes) == 0:
        result = sum(absolute(x), axis=over, keepdims=keepdims)  # nothing is as large as 0
    elif abs(ord) == INF:
        result = (max if ord > 0 else min)(absolute(x), axis=over, keepdims=keepdims)
    elif ord == 0:
        ones = np.asarray(x.value != 0).astype(x.value.real.dtype)
        # Counted, and of derivative 0.
        result = sum(where(np.True_, ones, absolute(x)), axis=over, keepdims=keepdims)
    elif ord == 1:
        result = sum(absolute(x), axis=over, keepdims=keepdims)
    else:
        result = p_norm(x, ord, over, keepdims)
    return result  # type: ignore[no-any-return]


def _axes(axis: Axis, ndim: int, operation: str) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    try:
        given = tuple(axis) if isinstance(axis, (tuple, list)) else (int(axis),)
    except TypeError:
        raise ArgumentError(f"{operation}: axis={axis!r}; it needs an int or a tuple") from None
    axes = tuple([checked_axis(int(i), ndim, operation) for i in given])
    if len(set(axes)) != len(axes):
        raise AxisError(f"{operation}: axis={axis!r} names one axis twice")
    return axes


@derived(numpy=np.linalg.matrix_norm)
def matrix_norm(x: Operand, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """The norm of the matrices of the last two axes; `ord` as for `norm`."""
    x = as_tensor(x, "matrix_norm")
    if x.ndim < 2:
        raise ShapeError(f"matrix_norm: shape {x.shape} has fewer than two axes, it is no matrix")
    return _matrix_norm(x, ord, (x.ndim - 2, x.ndim - 1), keepdims, "matrix_norm")


def _matrix_norm(
    x: Tensor, ord: Any, axes: tuple[int, ...], keepdims: bool, operation: str
) -> Tensor:
    if ord in (None, "fro", "f"):
        return _vector_norm(x, None, axes, keepdims, operation)
    if x.dtype.kind not in "fc":
        x = x.astype(float)
    x = moveaxis(x, axes, (-2, -1))
    result: Any
    if ord in (2, -2, "nuc"):
        values = singular_values(x)
        if not values.shape[-1] and ord != -2:
            result = sum(values, axis=-1)
        else:
            result = {2: max, -2: min, "nuc": sum}[ord](values, axis=-1)
    elif ord in (1, -1, INF, -INF):
        lines = sum(absolute(x), axis=-2 if abs(ord) == 1 else -1)
        if not lines.shape[-1] and ord > 0:
            result = sum(lines, axis=-1)
        else:
            result = (max if ord > 0 else min)(lines, axis=-1)
    else:
        raise ArgumentError(
            f"{operation}: ord={ord!r} of a matrix; it knows None, 'fro', 'nuc', 1, -1, 2, -2, "
            "inf and -inf"
        )
    return expand_dims(result, tuple(sorted(axes))) if keepdims else result


@derived(numpy=np.linalg.norm)
def norm(x: Operand, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """‖x‖ of a vector, if it has one axis or `axis` is an int; of a matrix, if it is two.

    ord of a vector: None or 2 for √Σ|x|², any p for (Σ |x|^p)^(1/p), inf and −inf for the largest
        and smallest |x|, 0 for how many are not 0 (derivative 0).
    ord of a matrix: None or "fro" for √Σ|x|², "nuc" for Σ s of its singular values s, 2 and −2 for
        the largest and smallest s, 1 and −1 for the largest and smallest Σ|x| of a column, inf and
        −inf of a row.
    Without ord and axis, √Σ|x|² of all elements, whatever the shape.
    """
    x = as_tensor(x, "norm")
    if axis is None and ord is None:
        return _vector_norm(x, None, None, keepdims, "norm")
    axes = _axes(axis, x.ndim, "norm")
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, keepdims, "norm")
    if len(axes) == 2:
        return _matrix_norm(x, ord, axes, keepdims, "norm")
    raise ShapeError(
        f"norm: ord={ord!r} over {len(axes)} axes of shape {x.shape}; a vector norm needs one, a "
        "matrix norm two: give axis, or use linalg.vector_norm for all elements"
    )


@derived(numpy=np.linalg.cond)
def cond(x: Operand, p: Any = None) -> Tensor:
    """‖x‖·‖x⁻¹‖ in the matrix norm of `ord` p; ∞ for singular matrices, with derivative 0.

    None and 2: the largest over the smallest singular value, also of matrices that are not square;
    −2: the reverse.
    """
    x = as_tensor(x, "cond")
    if x.ndim < 2 or not x.size:
        raise ShapeError(f"cond: shape {x.shape}; it takes matrices that are not empty")
    if p in (None, 2, -2):
        values = singular_values(x)
        large, small = getitem(values, (..., 0)), getitem(values, (..., -1))
        return _quotient(small, large) if p == -2 else _quotient(large, small)
    if x.shape[-1] != x.shape[-2]:
        raise ShapeError(
            f"cond: shape {x.shape} with p={p!r}; only 2 and -2 take others than square"
        )
    if x.dtype.kind not in "fc":
        x = x.astype(float)
    known = np.asarray(np.linalg.cond(x.value, p))
    endless = ~np.isfinite(known)
    unit = np.eye(x.shape[-1], dtype=x.dtype)
    regular = where(endless[..., np.newaxis, np.newaxis], unit, x) if endless.any() else x
    product = multiply(matrix_norm(regular, ord=p), matrix_norm(inv(regular), ord=p))
    return where(endless, known, product) if endless.any() else product


def _quotient(a: Tensor, b: Tensor) -> Tensor:
    """a / b, where that is finite; of 0 / 0, as of a matrix of zeros, ∞."""
    with np.errstate(all="ignore"):
        whole = np.asarray(a.value / b.value)
    endless = np.isinf(whole) | (np.isnan(whole) & ~np.isnan(a.value + b.value))
    if not endless.any():
        return divide(a, b)
    ratio: Tensor = where(endless, np.inf, divide(where(endless, 1, a), where(endless, 1, b)))
    return ratio
