"""Reductions and cumulations along axes.

`axis` is None (all), an int or a tuple of ints, as in NumPy. Where max or min is reached more than
once, the cotangent is shared equally.
"""

import math
from typing import Any

import numpy as np

from ..primitive import Operand, primitive, sample
from ..tensor import Tensor
from .axes import Axis, suited
from .elementwise import INF
from .shape import broadcast_to, inverse

SAMPLES = (
    sample((3, 4)),
    sample((3, 4), axis=0),
    sample((2, 3, 4), axis=(0, -1)),
    sample((2, 3, 4), axis=(2, 0), keepdims=True),
    sample((3, 4), keepdims=True),
    sample((2, 1, 3), axis=-2),
    sample((3, 4), axis=()),
    sample(()),
    sample((1,)),
)
EMPTY = (sample((0,)), sample((0, 3), axis=0), sample((2, 0, 3), axis=1, keepdims=True))

# Called with arguments by position (axis, dtype, out, keepdims), past the Python code of ndarray's
# methods. On tensors they are the operations below.
_add: Any = np.add.reduce
_maximum: Any = np.maximum.reduce
_minimum: Any = np.minimum.reduce


def kept(y: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """A reduced array with its axes put back, so that it broadcasts against the whole."""
    if keepdims or not y.shape:  # without axes it broadcasts as it is
        return y
    sizes: Any = list(shape)
    for i in axis if isinstance(axis, tuple) else (axis,):
        sizes[i] = 1
    return y.reshape(sizes)


def spread(ct: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """The cotangent of a sum, given to every element that was summed."""
    if not shape:
        return ct
    if type(ct) is Tensor:
        return broadcast_to(kept(ct, shape, axis, keepdims), shape)
    out = np.empty(shape, ct.dtype)
    out[...] = kept(ct, shape, axis, keepdims)
    return out


def count(shape: tuple[int, ...], axis: Axis) -> int:
    """How many elements go into each result."""
    if axis is None:
        return math.prod(shape)
    if isinstance(axis, tuple):
        return math.prod([shape[i] for i in axis])
    return shape[axis]


@primitive(
    numpy=[np.sum, (np.add, "reduce")],
    label="Σ",
    a=spread,
    samples=(*SAMPLES, *EMPTY),
)
def sum(a: Operand, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    """Σ a over the axes."""
    return _add(a, axis, dtype, None, keepdims)


@primitive(
    numpy=np.mean,
    a=lambda ct, shape, axis, keepdims: spread(ct / count(shape, axis), shape, axis, keepdims),
    samples=SAMPLES,
)
def mean(a: Operand, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    """Σ a / n over the axes."""
    if dtype is None and _sums_in_own_dtype(a):
        return _add(a, axis, None, None, keepdims) / count(a.shape, axis)
    return a.mean(axis=axis, dtype=dtype, keepdims=keepdims)


def _sums_in_own_dtype(a: Any) -> bool:
    """Whether NumPy's mean adds up without a wider dtype, so that one can spare its Python code."""
    return a.dtype.kind in "fc" and a.dtype.itemsize > 2


def _centred(a: Any, axis: Axis) -> Any:
    if _sums_in_own_dtype(a):
        return a - _add(a, axis, None, None, True) / count(a.shape, axis)
    return a - a.mean(axis=axis, keepdims=True)


def _slope(a: Any, shape: Any, axis: Axis, ddof: float) -> Any:
    """Half the derivative of the variance."""
    centred = _centred(a, axis) * (1 / (count(shape, axis) - ddof))
    return np.conjugate(centred) if centred.dtype.kind == "c" else centred


def _var(ct: Any, a: Any, shape: Any, axis: Axis, ddof: float, keepdims: bool) -> Any:
    return kept(ct * 2, shape, axis, keepdims) * _slope(a, shape, axis, ddof)


@primitive(numpy=np.var, a=_var, samples=(*SAMPLES[:6], sample((3, 4), axis=0, ddof=1)))
def var(
    a: Operand, axis: Axis = None, dtype: Any = None, *, ddof: float = 0, keepdims: bool = False
) -> Any:
    """Σ |a − mean(a)|² / (n − ddof) over the axes."""
    if dtype is not None or a.dtype.kind != "f" or not _sums_in_own_dtype(a):
        return a.var(axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims)
    centred = _centred(a, axis)
    n = count(a.shape, axis) - ddof
    if n <= 0:  # NumPy's own warning, and its infinity
        return a.var(axis=axis, ddof=ddof, keepdims=keepdims)
    return _add(centred * centred, axis, None, None, keepdims) / n


def _std(ct: Any, y: Any, a: Any, shape: Any, axis: Axis, ddof: float, keepdims: bool) -> Any:
    ratio = ct / (y + (y == 0))
    return kept(ratio, shape, axis, keepdims) * _slope(a, shape, axis, ddof)


@primitive(numpy=np.std, label="std", a=_std, samples=(*SAMPLES[:5], sample((4, 3), 0, ddof=1)))
def std(
    a: Operand, axis: Axis = None, dtype: Any = None, *, ddof: float = 0, keepdims: bool = False
) -> Any:
    """√var. Derivative 0 where all elements are equal."""
    return np.sqrt(suited(var, a)(a, axis, dtype, ddof=ddof, keepdims=keepdims))


def _others(a: Any) -> Any:
    """For each element, the product of all the others along the first axis; exact with zeros."""
    if type(a) is np.ndarray:
        before, after = np.ones_like(a), np.ones_like(a)
        np.multiply.accumulate(a[:-1], 0, None, before[1:])
        np.multiply.accumulate(a[:0:-1], 0, None, after[-2::-1])
        return before * after
    # To be differentiated again: products themselves, each row without its own element.
    n = len(a)
    own = np.eye(n, dtype=bool).reshape((n, n, *[1] * (a.ndim - 1)))
    return np.prod(np.where(own, 1, a[np.newaxis]), axis=1)


def _prod(ct: Any, a: Any, shape: Any, axis: Axis, keepdims: bool) -> Any:
    if not shape or axis == ():
        return ct
    ct = kept(ct, shape, axis, keepdims)
    if axis is None:
        return ct * _others(a.reshape(-1)).reshape(shape)
    # All reduced axes become one, in front.
    axes = axis if isinstance(axis, tuple) else (axis,)
    order = sorted(i % len(shape) for i in axes)
    reduced = len(order)
    order += [i for i in range(len(shape)) if i not in order]
    moved = a.transpose(order)
    flat = moved.reshape((count(shape, axis), *moved.shape[reduced:]))
    return ct * _others(flat).reshape(moved.shape).transpose(inverse(order))


@primitive(numpy=[np.prod, (np.multiply, "reduce")], label="Π", a=_prod, samples=(*SAMPLES, *EMPTY))
def prod(a: Operand, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    """Π a over the axes. The gradient is exact also where elements are zero."""
    return a.prod(axis=axis, dtype=dtype, keepdims=keepdims)


def _extreme(ct: Any, y: Any, a: Any, shape: Any, axis: Axis, keepdims: bool) -> Any:
    reached = a == kept(y, shape, axis, keepdims)
    ties = kept(_add(reached, axis, None, None, keepdims), shape, axis, keepdims)
    share = kept(ct, shape, axis, keepdims) / (ties + (ties == 0)).astype(ct.dtype)
    return share * reached


@primitive(numpy=[np.max, np.amax, (np.maximum, "reduce")], a=_extreme, samples=SAMPLES)
def max(a: Operand, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """The largest element along the axes. Ties share the cotangent equally."""
    return _maximum(a, axis, None, None, keepdims)


@primitive(numpy=[np.min, np.amin, (np.minimum, "reduce")], a=_extreme, samples=SAMPLES)
def min(a: Operand, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """The smallest element along the axes. Ties share the cotangent equally."""
    return _minimum(a, axis, None, None, keepdims)


def _cumsum(ct: Any, shape: Any, axis: int | None) -> Any:
    along = 0 if axis is None else axis
    back = (slice(None),) * (along % ct.ndim) + (slice(None, None, -1),)
    return ct[back].cumsum(along)[back].reshape(shape)


@primitive(
    numpy=[np.cumsum, (np.add, "accumulate")],
    label="cumsum",
    a=_cumsum,
    samples=(
        sample((4,)),
        sample((3, 4)),
        sample((3, 4), axis=0),
        sample((2, 3, 4), axis=-2),
        sample((0,)),
        sample(()),
    ),
)
def cumsum(a: Operand, axis: int | None = None, dtype: Any = None) -> Any:
    """Sums of all elements up to each, along the axis; None: of the flattened array."""
    return a.cumsum(axis=axis, dtype=dtype)


# Of exponentials


def _logsumexp(ct: Any, y: Any, a: Any, shape: Any, axis: Axis, keepdims: bool) -> Any:
    y = kept(y, shape, axis, keepdims)
    # Of an infinite sum, the elements that are as large share the cotangent equally.
    endless = np.isinf(y)
    reached = np.where(endless, a == y, 1)
    shares = suited(softmax, a)(np.where(endless, 0, a), axis) * reached
    total = np.where(endless, _add(shares, axis, None, None, True), 1)
    return kept(ct, shape, axis, keepdims) * (shares / total)


@primitive(numpy=(np.logaddexp, "reduce"), a=_logsumexp, samples=SAMPLES)
def logsumexp(a: Operand, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """log Σ e^a over the axes, without overflow: the maximum is subtracted first."""
    a = np.asarray(a, np.result_type(a, 0.0))
    top = _maximum(a, axis, None, None, True, -INF)
    top = np.where(np.isinf(top), top.dtype.type(0), top)
    with np.errstate(divide="ignore", over="ignore"):
        y = np.log(_add(np.exp(a - top), axis, None, None, True)) + top
    return y if keepdims or axis == () else _add(y, axis)


def _softmax(ct: Any, y: Any, axis: Axis) -> Any:
    return y * (ct - _add(ct * y, axis, None, None, True))


CLASSES = (sample((3, 4)), sample((3, 4), axis=0), sample((2, 3, 4), axis=1), sample((4,)))


@primitive(x=_softmax, samples=CLASSES)
def softmax(x: Operand, axis: Axis = -1) -> Any:
    """e^x / Σ e^x along the axis, without overflow: the maximum is subtracted first."""
    powers = np.exp(x - _maximum(x, axis, None, None, True))
    return powers / _add(powers, axis, None, None, True)


def _log_softmax(ct: Any, y: Any, axis: Axis) -> Any:
    return ct - np.exp(y) * _add(ct, axis, None, None, True)


@primitive(label="log softmax", x=_log_softmax, samples=CLASSES)
def log_softmax(x: Operand, axis: Axis = -1) -> Any:
    """log softmax(x) along the axis, finite where softmax itself underflows."""
    shifted = x - _maximum(x, axis, None, None, True)
    return shifted - np.log(_add(np.exp(shifted), axis, None, None, True))


# NumPy's other names for these

amax, amin = max, min
