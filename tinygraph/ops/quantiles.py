"""Medians, quantiles and percentiles, of all elements or of those that are not NaN.

A quantile is looked up in the sorted elements, at a place that depends on their number and on q
alone; between two of them it is interpolated. So its gradient goes to the one or two elements that
it lies at (of equal elements, to those that stand there when sorted by position), and to q where
the method interpolates: the difference of the two elements times the slope of the place.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import DomainError, DTypeError, IndexingError
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor, untracked
from .arguments import along, named
from .axes import Axis, checked_axes
from .indexing import getitem, take_along_axis
from .joining import where
from .out import refuse_out
from .reduction import mean
from .shape import moveaxis
from .sorting import sort

# Methods by which the place among n elements is (n + 1 − α − β)·q + α − 1, if that is from 0 to
# n − 1, with their α and β (Hyndman and Fan 1996). By the others it moves in jumps.
STEADY: Mapping[str, tuple[float, float]] = {
    "linear": (1, 1),
    "interpolated_inverted_cdf": (0, 1),
    "hazen": (1 / 2, 1 / 2),
    "weibull": (0, 0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
# Those that never stop between two elements.
WHOLE = frozenset({"inverted_cdf", "closest_observation", "lower", "higher", "nearest"})


@primitive(
    elementwise=True,
    a=lambda ct, t: ct * (1 - t),
    b=lambda ct, t: ct * t,
    t=lambda ct, a, b: ct * (b - a),
    samples=(sample((3,), (3,), (3,)), sample((2, 3), (3,), 0.25), sample((2,), (2, 1), ())),
)
def lerp(a: Operand, b: Operand, t: Operand, /) -> Any:
    """a + t·(b − a), which is a at t = 0 and b at t = 1, and never falls as t grows."""
    difference = b - a
    return np.where(t < 0.5, a + difference * t, b - difference * (1 - t))


@primitive(
    label="constant in",
    y=lambda ct: ct,
    x=lambda ct, x_shape: np.zeros_like(ct, shape=x_shape),
    samples=(sample((2,), (3,)), sample((), ())),
    flops=0,
)
def constant_in(y: Operand, x: Operand, /) -> Any:
    """y, which has derivative 0 with respect to x: it changes in jumps."""
    return y


class Lines:
    """The axes of an array that a quantile is taken along, made one and put last.

    rows: the array with these axes as its last.  bad: for each row, whether it has no quantile.
    """

    def __init__(self, a: Operand, axis: Axis, operation: str, *, skip_nan: bool) -> None:
        self.operation, self.skip_nan = operation, skip_nan
        array = as_tensor(a, operation)
        self.shape = array.shape
        self.axes = checked_axes(axis, array.ndim, operation)
        rows = self.of(array)
        self.original = rows.value
        self.rows = sort(rows)
        self.size = self.rows.shape[-1]
        value = self.rows.value
        nan = np.isnan(value) if value.dtype.kind in "fc" else np.zeros(value.shape, bool)
        self.counts = self.size - np.count_nonzero(nan, axis=-1)
        self.bad = self.counts == 0 if skip_nan else self.counts < self.size
        self.uneven = skip_nan and bool((self.counts < self.size).any())

    def of(self, array: Any) -> Any:
        """Another array of the same shape, with its axes in this order."""
        rest = [i for i in range(array.ndim) if i not in self.axes]
        ordered = np.transpose(array, [*rest, *self.axes])
        size = int(np.prod([array.shape[i] for i in self.axes]))
        return ordered.reshape((*(array.shape[i] for i in rest), size))

    def at(self, places: Any) -> Tensor:
        """The elements at these places of every row; as many places for each, or the same."""
        if places.ndim == 1:
            return getitem(self.rows, (..., places))
        return take_along_axis(self.rows, places, -1)

    def result(self, y: Tensor, keepdims: bool, leading: tuple[int, ...] = ()) -> Tensor:
        """What the rows gave, NaN where they could not, in the shape that NumPy gives it."""
        bad = self.bad if not leading else np.broadcast_to(self.bad, y.shape)
        if bad.any() and self.size:
            if self.skip_nan:
                warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=4)
            y = where(bad, y.dtype.type(np.nan), y)
        if keepdims:
            sizes = (1 if i in self.axes else n for i, n in enumerate(self.shape))
            return y.reshape((*leading, *sizes))
        return y.reshape((*leading, *y.shape[len(leading) :]))


def _median(
    operation: str, a: Operand, axis: Axis, out: Any, keepdims: bool, skip_nan: bool
) -> Tensor:
    refuse_out(operation, out)
    lines = Lines(a, axis, operation, skip_nan=skip_nan)
    n = lines.size
    if lines.uneven:
        counts = np.maximum(lines.counts, 1)
        middle = lines.at(np.stack([(counts - 1) // 2, counts // 2], -1))
    else:
        middle = getitem(lines.rows, (..., slice(max(n - 1, 0) // 2, n // 2 + 1)))
    return lines.result(mean(middle, axis=-1), keepdims)


@derived(numpy=np.median)
def median(
    a: Operand,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Tensor:
    """The middle element of the sorted ones, or the mean of the two in the middle.

    NaN where there is a NaN. overwrite_input is taken and has no effect: a tensor is a value.
    """
    return _median("median", a, axis, out, keepdims, skip_nan=False)


@derived(numpy=np.nanmedian)
def nanmedian(
    a: Operand,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Tensor:
    """The median of the elements that are not NaN; those that are get gradient 0."""
    return _median("nanmedian", a, axis, out, keepdims, skip_nan=True)


def _places(lines: Lines, q: Any, method: Any, weights: Any) -> Any:
    """Where the quantiles stand in the sorted rows: (k,), or for each row its own, (…, k).

    NumPy says it: a quantile of the numbers 0 … n − 1 is the place itself.
    """
    if weights is None and not lines.uneven:
        return np.reshape(np.quantile(np.arange(lines.size), q, method=method), -1)
    order = np.argsort(lines.original, axis=-1, kind="stable")
    ranks = np.argsort(order, axis=-1).astype(float)
    ranks[ranks >= lines.counts[..., np.newaxis]] = np.nan
    keywords = {} if weights is None else {"weights": lines.of(weights)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows without a quantile are told later
        function: Any = np.nanquantile if lines.skip_nan else np.quantile
        places = function(ranks, q, axis=-1, method=method, **keywords)
    places = np.nan_to_num(np.reshape(places, (-1, *lines.counts.shape)))
    return np.moveaxis(places, 0, -1)


def _moving(fraction: Any, q: Tensor, lines: Lines, method: str) -> Tensor:
    """How far past the element below the place is, as it changes with q: to the right, at kinks."""
    alpha, beta = STEADY[method]
    n = lines.counts[..., np.newaxis] if lines.uneven else lines.size
    slope = n + 1 - alpha - beta
    place = slope * q.value + alpha - 1
    slope = np.where((place >= 0) & (place < n - 1), slope, 0)
    moving: Tensor = fraction + slope * (q - q.detach())
    return moving


def _quantile(
    operation: str,
    a: Operand,
    q: Operand,
    axis: Axis,
    out: Any,
    method: str,
    keepdims: bool,
    weights: Operand,
    *,
    whole: int,
) -> Tensor:
    """The quantiles, where q = `whole` is the largest element."""
    refuse_out(operation, out)
    number: Any = q / whole if type(q) in (int, float) and whole != 1 else q
    share = as_tensor(q, operation)
    if whole != 1:
        share = share / whole
    if type(q) not in (int, float):
        number = share.value
    if share.ndim > 2 or not np.all((share.value >= 0) & (share.value <= 1)):
        raise DomainError(
            f"{operation}: q = {np.array2string(np.asarray(as_tensor(q, operation).value))}; "
            f"it needs numbers from 0 to {whole}, along at most two axes"
        )
    lines = Lines(a, axis, operation, skip_nan=operation.startswith("nan"))
    if lines.rows.dtype.kind == "c":
        raise DTypeError(f"{operation}: complex numbers have no order; take .real, .imag or abs()")
    given = None
    if weights is not None:
        given = along(as_tensor(weights, operation), lines.shape, axis, operation)
        weights = np.broadcast_to(given.value, lines.shape)
    with named(operation):
        # Of what dtype the result is, and whether NumPy knows the method.
        quantile: Any = np.quantile
        dtype = quantile(np.ones(1, lines.rows.dtype), number, method=method).dtype
        if not lines.size:
            if lines.skip_nan:
                shape = (*share.shape, *lines.counts.shape)
                return lines.result(untracked(np.full(shape, np.nan, dtype)), keepdims, share.shape)
            raise IndexingError(
                f"{operation}: an array of shape {lines.shape} has no elements along axis {axis}"
            )
        places = _places(lines, number, method, weights)
    if method in WHOLE or places.dtype.kind in "iu":
        y = lines.at(places.astype(np.intp))
    else:
        below = np.floor(places).astype(np.intp)
        fraction: Any = np.asarray(places - below, dtype)
        if type(q) is Tensor and method in STEADY:
            fraction = _moving(fraction, share.reshape(-1), lines, method)
        last = np.maximum(lines.counts[..., np.newaxis] - 1, 0) if lines.uneven else lines.size - 1
        y = lerp(lines.at(below), lines.at(np.minimum(below + 1, last)), fraction)
    if type(q) is Tensor and method not in STEADY:
        y = constant_in(y, q)
    if given is not None:
        y = constant_in(y, given)
    y = moveaxis(y, -1, 0).reshape((*share.shape, *lines.counts.shape))
    return lines.result(y, keepdims, share.shape)


@derived(numpy=np.quantile)
def quantile(
    a: Operand,
    q: Operand,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Operand = None,
) -> Tensor:
    """The smallest element for q = 0, the median for ½, the largest for 1; interpolated between.

    q: a number or an array, whose axes come first in the result; differentiable, with derivative 0
        for the methods that jump.  method: as NumPy's.  weights: with method "inverted_cdf".
    NaN where there is a NaN. overwrite_input is taken and has no effect: a tensor is a value.
    """
    return _quantile("quantile", a, q, axis, out, method, keepdims, weights, whole=1)


@derived(numpy=np.percentile)
def percentile(
    a: Operand,
    q: Operand,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Operand = None,
) -> Tensor:
    """The quantile for q/100."""
    return _quantile("percentile", a, q, axis, out, method, keepdims, weights, whole=100)


@derived(numpy=np.nanquantile)
def nanquantile(
    a: Operand,
    q: Operand,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Operand = None,
) -> Tensor:
    """The quantile of the elements that are not NaN; those that are get gradient 0."""
    return _quantile("nanquantile", a, q, axis, out, method, keepdims, weights, whole=1)


@derived(numpy=np.nanpercentile)
def nanpercentile(
    a: Operand,
    q: Operand,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Operand = None,
) -> Tensor:
    """The percentile of the elements that are not NaN; those that are get gradient 0."""
    return _quantile("nanpercentile", a, q, axis, out, method, keepdims, weights, whole=100)
