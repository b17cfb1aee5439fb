"""Reductions and cumulations of the elements that are not NaN.

The elements that are NaN, or that `where=` leaves out, get gradient 0.
"""

import warnings
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor
from .axes import Axis
from .cumulative import cumprod
from .elementwise import conjugate, real, sqrt
from .joining import where as choose
from .out import refuse_out
from .reduction import cumsum, given, kept, prod, sum
from .shape import astype


def _left_out(a: Tensor, where: Any) -> Any:
    """Which elements do not count."""
    value = where.value if type(where) is Tensor else where
    nan = np.isnan(a.value)
    return nan if value is True else nan | ~np.asarray(value)


def _with(neutral: int, a: Tensor, left_out: Any) -> Tensor:
    """The array with the neutral element in place of those that do not count."""
    return choose(left_out, neutral, a) if np.any(left_out) else a


def _like(y: Tensor, initial: Operand) -> Tensor:
    """What a reduction begins with, in the dtype of its result."""
    given = as_tensor(initial, "initial")
    return given if given.dtype == y.dtype else astype(given, y.dtype)


def _number(left_out: Any, shape: Any, axis: Axis, keepdims: bool) -> Any:
    """How many elements go into each result."""
    counts: Any = np.broadcast_to(~left_out, shape)
    return counts.sum(axis, keepdims=keepdims)


def _divided(total: Tensor, number: Any) -> Tensor:
    """A sum by the number of its terms, in the dtype of the sum; NaN where there are none."""
    kind = np.real(np.ones(1, total.dtype)).dtype if total.dtype.kind in "fc" else np.dtype(float)
    return total / np.where(number > 0, number, np.nan).astype(kind)


@derived(numpy=np.nansum)
def nansum(
    a: Operand,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Operand = 0,
    where: Any = True,
) -> Tensor:
    """`initial` + Σ of the elements that are not NaN, over the axes."""
    refuse_out("nansum", out)
    array = as_tensor(a, "nansum")
    total = sum(_with(0, array, _left_out(array, where)), axis, dtype, keepdims=keepdims)
    return total if type(initial) is int and initial == 0 else total + _like(total, initial)


@derived(numpy=np.nanprod)
def nanprod(
    a: Operand,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Operand = 1,
    where: Any = True,
) -> Tensor:
    """`initial` · Π of the elements that are not NaN, over the axes."""
    refuse_out("nanprod", out)
    array = as_tensor(a, "nanprod")
    product = prod(_with(1, array, _left_out(array, where)), axis, dtype, keepdims=keepdims)
    return product if type(initial) is int and initial == 1 else product * _like(product, initial)


@derived(numpy=np.nanmean)
def nanmean(
    a: Operand,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: Any = True,
) -> Tensor:
    """The mean of the elements that are not NaN, over the axes; NaN where there are none."""
    refuse_out("nanmean", out)
    array = as_tensor(a, "nanmean")
    left_out = _left_out(array, where)
    number = _number(left_out, array.shape, axis, keepdims)
    if np.any(number == 0):
        warnings.warn("Mean of empty slice", RuntimeWarning, stacklevel=2)
    return _divided(sum(_with(0, array, left_out), axis, dtype, keepdims=keepdims), number)


def _variance(
    operation: str,
    a: Operand,
    axis: Axis,
    dtype: Any,
    out: Any,
    ddof: float,
    keepdims: bool,
    where: Any,
    mean: Operand,
    correction: float | None,
) -> Tensor:
    refuse_out(operation, out)
    if correction is not None:
        if ddof != 0:
            raise ArgumentError(
                f"{operation}: both ddof={ddof} and correction={correction} came; they are one"
            )
        ddof = correction
    array = as_tensor(a, operation)
    left_out = _left_out(array, where)
    array = _with(0, array, left_out)
    number = _number(left_out, array.shape, axis, keepdims=True)
    if mean is None:
        mean = _divided(sum(array, axis, dtype, keepdims=True), number)
    centred = _with(0, array - mean, left_out)
    squares = real(centred * conjugate(centred)) if centred.dtype.kind == "c" else centred * centred
    freedom = _number(left_out, array.shape, axis, keepdims) - ddof
    if np.any(freedom <= 0):
        warnings.warn("Degrees of freedom <= 0 for slice.", RuntimeWarning, stacklevel=3)
    return _divided(sum(squares, axis, dtype, keepdims=keepdims), freedom)


@derived(numpy=np.nanvar)
def nanvar(
    a: Operand,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Operand = None,
    correction: float | None = None,
) -> Tensor:
    """Σ |a − mean|² / (n − ddof) of the n elements that are not NaN, over the axes.

    mean: of these elements, with the axes kept, if it is known.  correction: another name of ddof.
    """
    return _variance("nanvar", a, axis, dtype, out, ddof, keepdims, where, mean, correction)


@derived(numpy=np.nanstd)
def nanstd(
    a: Operand,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Operand = None,
    correction: float | None = None,
) -> Tensor:
    """√nanvar. Derivative 0 where all elements are equal."""
    variance = _variance("nanstd", a, axis, dtype, out, ddof, keepdims, where, mean, correction)
    none = variance.value == 0
    return choose(none, 0, sqrt(choose(none, 1, variance))) if np.any(none) else sqrt(variance)


def _extreme(
    ct: Any, y: Any, a: Any, shape: Any, axis: Axis, keepdims: bool, initial: Any, where: Any
) -> Any:
    y = kept(y, shape, axis, keepdims)
    reached = (a == y) & where
    ties = np.sum(reached, axis=axis, keepdims=True)
    if initial is not None:
        ties = ties + (y == initial)
    share = kept(ct, shape, axis, keepdims) / np.where(ties == 0, 1, ties)
    return np.where(reached, share, 0)


SAMPLES = (
    sample((3, 4)),
    sample((3, 4), axis=0),
    sample((2, 3, 2), axis=(0, -1), keepdims=True),
    sample((3, 4), axis=1, initial=0.1, where=np.array([True, False, True, True])),
    sample(()),
)


@primitive(label="max", a=_extreme, numpy=(np.fmax, "reduce"), samples=SAMPLES)
def fmax_reduce(
    a: Operand, axis: Axis = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    """The largest element that is not NaN, along the axes. Ties share the cotangent equally."""
    return np.fmax.reduce(a, axis, keepdims=keepdims, **given(initial, where))


@primitive(label="min", a=_extreme, numpy=(np.fmin, "reduce"), samples=SAMPLES)
def fmin_reduce(
    a: Operand, axis: Axis = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    """The smallest element that is not NaN, along the axes. Ties share the cotangent equally."""
    return np.fmin.reduce(a, axis, keepdims=keepdims, **given(initial, where))


def _told(y: Tensor) -> Tensor:
    if np.any(np.isnan(y.value)):
        warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=3)
    return y


@derived(numpy=np.nanmax)
def nanmax(
    a: Operand,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Tensor:
    """The largest of `initial` and the elements that are not NaN. Ties share the cotangent."""
    refuse_out("nanmax", out)
    return _told(fmax_reduce(a, axis, keepdims=keepdims, initial=initial, where=where))


@derived(numpy=np.nanmin)
def nanmin(
    a: Operand,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Tensor:
    """The smallest of `initial` and the elements that are not NaN. Ties share the cotangent."""
    refuse_out("nanmin", out)
    return _told(fmin_reduce(a, axis, keepdims=keepdims, initial=initial, where=where))


@derived(numpy=np.nancumsum)
def nancumsum(a: Operand, axis: int | None = None, dtype: Any = None, out: None = None) -> Tensor:
    """Sums of the elements up to each that are not NaN, along the axis; None: flattened."""
    refuse_out("nancumsum", out)
    array = as_tensor(a, "nancumsum")
    return cumsum(_with(0, array, np.isnan(array.value)), axis, dtype)


@derived(numpy=np.nancumprod)
def nancumprod(a: Operand, axis: int | None = None, dtype: Any = None, out: None = None) -> Tensor:
    """Products of the elements up to each that are not NaN, along the axis; None: flattened."""
    refuse_out("nancumprod", out)
    array = as_tensor(a, "nancumprod")
    return cumprod(_with(1, array, np.isnan(array.value)), axis, dtype)
