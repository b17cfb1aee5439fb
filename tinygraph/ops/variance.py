"""Variance and standard deviation along axes, of all elements or of those that `where` says."""

import math
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..primitive import Operand, primitive, sample
from .axes import Axis, suited
from .reduction import MASK, SAMPLES, count, counted, kept, sums_in_own_dtype

# Called with arguments by position (axis, dtype, out, keepdims), as in `reduction`.
_add: Any = np.add.reduce


def _centred(a: Any, axis: Axis) -> Any:
    if sums_in_own_dtype(a):
        return a - _add(a, axis, None, None, True) / count(a.shape, axis)
    return a - a.mean(axis=axis, keepdims=True)


def _slope(
    a: Any, mean: Any, shape: Any, axis: Axis, ddof: float, correction: Any, where: Any
) -> Any:
    """Half the derivative of the variance."""
    if where is True and mean is None:
        n = count(shape, axis) - (ddof if correction is None else correction)
        centred = _centred(a, axis) * (1 / n if n > 0 else math.nan)  # as the value is
        return np.conjugate(centred) if centred.dtype.kind == "c" else centred
    if where is not True:
        a = np.where(where, a, 0)
    n = counted(shape, axis, where)
    if mean is None:
        mean = np.sum(a, axis=axis, keepdims=True) / np.maximum(n, 1).astype(a.dtype)
    freedom = n - (ddof if correction is None else correction)
    centred = a - mean
    centred = centred / np.asarray(freedom).astype(centred.dtype)  # where a is whole, it may not be
    if where is not True:
        centred = np.where(where, centred, 0)
    return np.conjugate(centred) if centred.dtype.kind == "c" else centred


def _var(
    ct: Any,
    a: Any,
    shape: Any,
    axis: Axis,
    ddof: float,
    keepdims: bool,
    where: Any,
    mean: Any,
    correction: Any,
) -> Any:
    slope = _slope(a, mean, shape, axis, ddof, correction, where)
    return kept(ct * 2, shape, axis, keepdims) * slope


def _var_mean(
    ct: Any,
    a: Any,
    shape: Any,
    axis: Axis,
    ddof: float,
    keepdims: bool,
    where: Any,
    mean: Any,
    correction: Any,
) -> Any:
    whole = _var(ct, a, a.shape, axis, ddof, keepdims, where, mean, correction)
    return -np.sum(whole, axis=axis, keepdims=True).reshape(shape)


KNOWN_MEAN = (
    sample((4, 3), axis=0, correction=1),
    sample((2, 3), axis=1, where=MASK),
    sample((2, 3), where=MASK, keepdims=True, correction=0.5),
    sample((2, 3), axis=1, mean=(2, 1)),
    sample((2, 3), axis=1, mean=(2, 1), keepdims=True, correction=0.5),
    sample((2, 3), mean=(1, 1), where=MASK, ddof=1),
    sample((2, 3, 2), axis=1, mean=(2, 1, 2)),
    sample((2, 3), mean=(1, 1), keepdims=True),
)


@primitive(
    numpy=np.var,
    a=_var,
    mean=_var_mean,
    samples=(*SAMPLES[:6], sample((3, 4), axis=0, ddof=1), *KNOWN_MEAN),
)
def var(
    a: Operand,
    axis: Axis = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Operand = None,
    correction: float | None = None,
) -> Any:
    """Σ |a − mean(a)|² / (n − ddof) over the axes.

    mean: with the axes kept, if it is known; differentiable.  correction: another name of ddof.
    """
    if correction is not None:
        ddof = _one_of("var", ddof, correction)
    plain = where is True and mean is None and dtype is None
    if not plain or a.dtype.kind != "f" or not sums_in_own_dtype(a):
        keywords: Any = {} if mean is None else {"mean": mean}
        return a.var(axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, where=where, **keywords)
    centred = _centred(a, axis)
    n = count(a.shape, axis) - ddof
    if n <= 0:  # NumPy's own warning, and its infinity
        return a.var(axis=axis, ddof=ddof, keepdims=keepdims)
    return _add(centred * centred, axis, None, None, keepdims) / n


def _one_of(operation: str, ddof: float, correction: float) -> float:
    if ddof != 0:
        raise ArgumentError(
            f"{operation}: both ddof={ddof} and correction={correction} came; they are one"
        )
    return correction


def _std(
    ct: Any,
    y: Any,
    a: Any,
    shape: Any,
    axis: Axis,
    ddof: float,
    keepdims: bool,
    where: Any,
    mean: Any,
    correction: Any,
) -> Any:
    ratio = ct / (y + (y == 0))
    slope = _slope(a, mean, shape, axis, ddof, correction, where)
    return kept(ratio, shape, axis, keepdims) * slope


def _std_mean(
    ct: Any,
    y: Any,
    a: Any,
    shape: Any,
    axis: Axis,
    ddof: float,
    keepdims: bool,
    where: Any,
    mean: Any,
    correction: Any,
) -> Any:
    whole = _std(ct, y, a, a.shape, axis, ddof, keepdims, where, mean, correction)
    return -np.sum(whole, axis=axis, keepdims=True).reshape(shape)


@primitive(
    numpy=np.std,
    label="std",
    a=_std,
    mean=_std_mean,
    samples=(*SAMPLES[:5], sample((4, 3), axis=0, ddof=1), *KNOWN_MEAN),
)
def std(
    a: Operand,
    axis: Axis = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Operand = None,
    correction: float | None = None,
) -> Any:
    """√var. Derivative 0 where all elements are equal."""
    if correction is not None:
        ddof = _one_of("std", ddof, correction)
    variance = suited(var, a)
    return np.sqrt(variance(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=where, mean=mean))
