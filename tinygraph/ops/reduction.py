"""Reductions and cumulations along axes.

`axis` is None (all), an int or a tuple of ints, as in NumPy. Where max or min is reached more than
once, the cotangent is shared equally. `where` says which elements count; the others get gradient 0.
`initial` is what a reduction begins with: a constant.
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

MASK = np.array([[True, False, True], [True, True, False]])

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


def given(initial: Any, where: Any) -> dict[str, Any]:
    """The keywords of a ufunc's reduction that are not its defaults."""
    keywords = {} if initial is None else {"initial": initial}
    return keywords if where is True else keywords | {"where": where}


def spread(ct: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool, where: Any = True) -> Any:
    """The cotangent of a sum, given to every element that was summed."""
    if where is not True:
        return np.where(where, broadcast_to(kept(ct, shape, axis, keepdims), shape), 0)
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


def counted(shape: tuple[int, ...], axis: Axis, where: Any, keepdims: bool = True) -> Any:
    """How many elements go into each result, where `where` says which."""
    if where is True:
        return count(shape, axis)
    return np.count_nonzero(np.broadcast_to(where, shape), axis=axis, keepdims=keepdims)


@primitive(
    numpy=[np.sum, (np.add, "reduce")],
    label="Σ",
    a=spread,
    samples=(
        *SAMPLES,
        *EMPTY,
        sample((2, 3), axis=0, initial=2, where=MASK),
        sample((2, 3), where=MASK[:1], keepdims=True),
    ),
)
def sum(
    a: Operand,
    axis: Axis = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Σ a over the axes."""
    if where is True and initial is None:
        return _add(a, axis, dtype, None, keepdims)
    return _add(a, axis, dtype, None, keepdims, **given(initial, where))


def _mean(ct: Any, shape: Any, axis: Axis, keepdims: bool, where: Any) -> Any:
    if where is True:
        return spread(ct / count(shape, axis), shape, axis, keepdims)
    n = np.maximum(counted(shape, axis, where, keepdims), 1).astype(ct.dtype)
    return spread(ct / n, shape, axis, keepdims, where)


@primitive(
    numpy=np.mean,
    a=_mean,
    samples=(*SAMPLES, sample((2, 3), axis=1, where=MASK), sample((2, 3), where=MASK)),
)
def mean(
    a: Operand,
    axis: Axis = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    where: Any = True,
) -> Any:
    """Σ a / n over the axes."""
    if dtype is None and where is True and sums_in_own_dtype(a):
        return _add(a, axis, None, None, keepdims) / count(a.shape, axis)
    return a.mean(axis=axis, dtype=dtype, keepdims=keepdims, where=where)


def sums_in_own_dtype(a: Any) -> bool:
    """Whether NumPy's mean adds up without a wider dtype, so that one can spare its Python code."""
    return a.dtype.kind in "fc" and a.dtype.itemsize > 2


def _others(a: Any) -> Any:
    """For each element, the product of all the others along the first axis; exact with zeros."""
    if type(a) is np.ndarray:
        before, after = np.ones_like(a), np.ones_like(a)
        np.multiply.accumulate(a[:-1], 0, None, before[1:])
        np.multiply.accumulate(a[:0:-1], 0, None, after[-2::-1])
        return before * after
    # To be differentiated again: cumprod is exact with zeros at every order.
    ones = np.ones_like(a[:1])
    before = np.cumprod(np.concatenate([ones, a[:-1]]), axis=0)
    return before * np.cumprod(np.concatenate([ones, a[:0:-1]]), axis=0)[::-1]


def _prod(ct: Any, a: Any, shape: Any, axis: Axis, keepdims: bool, initial: Any, where: Any) -> Any:
    if initial is not None:
        ct = ct * initial
    if where is not True:
        every = _prod(ct, np.where(where, a, 1), shape, axis, keepdims, None, True)
        return np.where(where, every, 0)
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


@primitive(
    numpy=[np.prod, (np.multiply, "reduce")],
    label="Π",
    a=_prod,
    samples=(
        *SAMPLES,
        *EMPTY,
        sample((2, 3), axis=0, initial=2, where=MASK),
        sample((2, 3), where=MASK, keepdims=True),
    ),
)
def prod(
    a: Operand,
    axis: Axis = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Π a over the axes. The gradient is exact also where elements are zero."""
    if where is True and initial is None:
        return a.prod(axis=axis, dtype=dtype, keepdims=keepdims)
    return a.prod(axis=axis, dtype=dtype, keepdims=keepdims, **given(initial, where))


def _extreme(
    ct: Any, y: Any, a: Any, shape: Any, axis: Axis, keepdims: bool, initial: Any, where: Any
) -> Any:
    y = kept(y, shape, axis, keepdims)
    reached = a == y
    if where is not True:
        reached = reached & where
    ties = kept(_add(reached, axis, None, None, keepdims), shape, axis, keepdims)
    if initial is not None:  # it may be reached as well
        ties = ties + (y == initial)
    share = kept(ct, shape, axis, keepdims) / (ties + (ties == 0)).astype(ct.dtype)
    return share * reached


EXTREMES = (
    *SAMPLES,
    sample((2, 3), axis=1, initial=0.1),
    sample((2, 3), axis=0, initial=0, where=MASK, keepdims=True),
)


@primitive(numpy=[np.max, np.amax, (np.maximum, "reduce")], a=_extreme, samples=EXTREMES)
def max(
    a: Operand, axis: Axis = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    """The largest element along the axes. Ties share the cotangent equally."""
    if where is True and initial is None:
        return _maximum(a, axis, None, None, keepdims)
    return _maximum(a, axis, None, None, keepdims, **given(initial, where))


@primitive(numpy=[np.min, np.amin, (np.minimum, "reduce")], a=_extreme, samples=EXTREMES)
def min(
    a: Operand, axis: Axis = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    """The smallest element along the axes. Ties share the cotangent equally."""
    if where is True and initial is None:
        return _minimum(a, axis, None, None, keepdims)
    return _minimum(a, axis, None, None, keepdims, **given(initial, where))


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
    total = _add(shares, axis, None, None, True)
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
