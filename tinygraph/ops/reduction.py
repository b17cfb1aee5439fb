"""Reductions and cumulations along axes.

`axis` is None (all), an int or a tuple of ints, as in NumPy. Where max or min is reached more than
once, the cotangent is shared equally.
"""

from typing import Any

import numpy as np

from ..primitive import Operand, primitive, sample
from .axes import Axis
from .elementwise import INF

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

# Called with arguments by position, past the Python code of ndarray's methods.
_add: Any = np.add.reduce
_maximum: Any = np.maximum.reduce
_minimum: Any = np.minimum.reduce


def kept(y: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """A reduced array with its axes put back, as `keepdims=True` would have left them."""
    if keepdims or not shape:
        return y
    if axis is None:
        return y.reshape((1,) * len(shape))
    sizes = list(shape)
    for i in axis if isinstance(axis, tuple) else (axis,):
        sizes[i] = 1
    return y.reshape(sizes)


def spread(ct: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """The cotangent of a sum, given to every element that was summed."""
    if not shape:
        return ct
    ct = kept(ct, shape, axis, keepdims)
    if isinstance(ct, (np.ndarray, np.generic)):
        out = np.empty(shape, ct.dtype)
        out[...] = ct
        return out
    return np.broadcast_to(ct, shape)


def count(shape: tuple[int, ...], axis: Axis) -> int:
    """How many elements go into each result."""
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    n = 1
    for i in axes:
        n *= shape[i]
    return n


@primitive(
    numpy=[np.sum, (np.add, "reduce")],
    label="Σ",
    a=lambda ct, shape, axis, keepdims: spread(ct, shape, axis, keepdims),
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
    if a.dtype.kind not in "fc" or a.dtype.itemsize <= 2 or dtype is not None:
        return a.mean(axis=axis, dtype=dtype, keepdims=keepdims)
    return _add(a, axis, None, None, keepdims) / count(a.shape, axis)


def _centred(a: Any, axis: Axis) -> Any:
    centred = a - a.mean(axis=axis, keepdims=True)
    return np.conjugate(centred) if centred.dtype.kind == "c" else centred


def _var(ct: Any, a: Any, shape: Any, axis: Axis, ddof: float, keepdims: bool) -> Any:
    return kept(ct, shape, axis, keepdims) * _centred(a, axis) * (2 / (count(shape, axis) - ddof))


@primitive(numpy=np.var, a=_var, samples=(*SAMPLES[:6], sample((3, 4), axis=0, ddof=1)))
def var(
    a: Operand, axis: Axis = None, dtype: Any = None, *, ddof: float = 0, keepdims: bool = False
) -> Any:
    """Σ |a − mean(a)|² / (n − ddof) over the axes."""
    return a.var(axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims)


def _std(ct: Any, y: Any, a: Any, shape: Any, axis: Axis, ddof: float, keepdims: bool) -> Any:
    ratio = ct / np.where(y == 0, 1, y)
    centred = _centred(a, axis) / (count(shape, axis) - ddof)
    return kept(ratio, shape, axis, keepdims) * centred


@primitive(numpy=np.std, label="std", a=_std, samples=(*SAMPLES[:5], sample((4, 3), 0, ddof=1)))
def std(
    a: Operand, axis: Axis = None, dtype: Any = None, *, ddof: float = 0, keepdims: bool = False
) -> Any:
    """√var. Derivative 0 where all elements are equal."""
    return a.std(axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims)


def _others(a: Any, axis: int) -> Any:
    """For each element, the product of all the others along the axis; exact with zeros."""
    a = np.moveaxis(a, axis, -1)
    if isinstance(a, np.ndarray):
        ones = np.ones_like(a[..., :1])
        before = np.cumprod(np.concatenate([ones, a[..., :-1]], -1), -1)
        after = np.cumprod(np.concatenate([ones, a[..., :0:-1]], -1), -1)[..., ::-1]
        return np.moveaxis(before * after, -1, axis)
    # To be differentiated again: products themselves, each row without its own element.
    rows = np.where(np.eye(a.shape[-1], dtype=bool), 1, a[..., np.newaxis, :])
    return np.moveaxis(np.prod(rows, axis=-1), -1, axis)


def _prod(ct: Any, a: Any, shape: Any, axis: Axis, keepdims: bool) -> Any:
    if not shape:
        return ct
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    reduced = sorted(i % len(shape) for i in axes)
    if not reduced:
        return ct
    # All reduced axes become one, in front.
    order = reduced + [i for i in range(len(shape)) if i not in reduced]
    moved = np.transpose(a, order)
    flat = moved.reshape((-1 if a.size else count(shape, axis), *moved.shape[len(reduced) :]))
    others = np.transpose(_others(flat, 0).reshape(moved.shape), np.argsort(order))
    return kept(ct, shape, axis, keepdims) * others


@primitive(numpy=[np.prod, (np.multiply, "reduce")], label="Π", a=_prod, samples=(*SAMPLES, *EMPTY))
def prod(a: Operand, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    """Π a over the axes. The gradient is exact also where elements are zero."""
    return a.prod(axis=axis, dtype=dtype, keepdims=keepdims)


def _extreme(ct: Any, y: Any, a: Any, shape: Any, axis: Axis, keepdims: bool) -> Any:
    reached = a == kept(y, shape, axis, keepdims)
    ties = np.sum(reached, axis=axis, keepdims=True)
    share = kept(ct, shape, axis, keepdims) / np.where(ties == 0, 1, ties)
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
    return np.flip(np.cumsum(np.flip(ct, along), axis=along), along).reshape(shape)


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
    shares = softmax(np.where(endless, 0, a), axis) * reached
    total = np.where(endless, np.sum(shares, axis=axis, keepdims=True), 1)
    return kept(ct, shape, axis, keepdims) * (shares / total)


@primitive(numpy=(np.logaddexp, "reduce"), a=_logsumexp, samples=SAMPLES)
def logsumexp(a: Operand, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """log Σ e^a over the axes, without overflow: the maximum is subtracted first."""
    a = np.asarray(a, np.result_type(a, 0.0))
    top = a.max(axis=axis, keepdims=True, initial=-INF)
    top = np.where(np.isinf(top), top.dtype.type(0), top)
    with np.errstate(divide="ignore", over="ignore"):
        y = np.log(np.exp(a - top).sum(axis=axis, keepdims=True)) + top
    return y if keepdims or axis == () else y.sum(axis=axis)


def _softmax(ct: Any, y: Any, axis: Axis) -> Any:
    return y * (ct - np.sum(ct * y, axis=axis, keepdims=True))


CLASSES = (sample((3, 4)), sample((3, 4), axis=0), sample((2, 3, 4), axis=1), sample((4,)))


@primitive(x=_softmax, samples=CLASSES)
def softmax(x: Operand, axis: Axis = -1) -> Any:
    """e^x / Σ e^x along the axis, without overflow: the maximum is subtracted first."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def _log_softmax(ct: Any, y: Any, axis: Axis) -> Any:
    return ct - np.exp(y) * np.sum(ct, axis=axis, keepdims=True)


@primitive(label="log softmax", x=_log_softmax, samples=CLASSES)
def log_softmax(x: Operand, axis: Axis = -1) -> Any:
    """log softmax(x) along the axis, finite where softmax itself underflows."""
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


# NumPy's other names for these

amax, amin = max, min
