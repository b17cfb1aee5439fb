"""Counting elements in bins. Sums of weights are differentiable in the weights.

How many elements fall into a bin changes in jumps, so that counts are untracked. Edges that come
from the smallest and the largest element are differentiable in these.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor, untracked
from .arguments import named
from .indexing import scatter
from .reduction import max, min, sum
from .shape import astype


@primitive(
    numpy=np.bincount,
    x=None,
    weights=lambda ct, x: np.take(ct, x),
    samples=(
        sample(np.array([0, 2, 2, 5]), (4,)),
        sample(np.array([1, 0, 1]), (3,), 4),
    ),
)
def bincount(x: Operand, /, weights: Operand = None, minlength: int = 0) -> Any:
    """For each integer how often it occurs in x; with weights, the sum of those that stand there.

    Computed in float64.
    """
    return np.bincount(x, weights, minlength)


@primitive(
    start=lambda ct, num: np.sum(ct * np.linspace(1, 0, num)),
    stop=lambda ct, num: np.sum(ct * np.linspace(0, 1, num)),
    samples=(sample((), (), 5, np.float64), sample((), (), 2, np.float64)),
)
def evenly_spaced(start: Operand, stop: Operand, num: int, dtype: Any) -> Any:
    """So many numbers from start to stop."""
    return np.linspace(start, stop, num, dtype=dtype)


def _value(x: Any) -> Any:
    """What NumPy is given in place of tensors: their arrays."""
    if type(x) is Tensor:
        return x.value
    return [_value(item) for item in x] if isinstance(x, (list, tuple)) else x


def _edges(array: Tensor, bins: Any, range: Any, values: Any) -> Tensor:
    """The edges, known by their values, as they depend on what they come from."""
    if not isinstance(bins, str) and np.ndim(_value(bins)) == 1:
        return bins if type(bins) is Tensor else untracked(values)
    if range is not None:
        low, high = (as_tensor(end, "histogram: range") for end in range)
    elif not array.size:
        return untracked(values)
    else:
        low, high = min(array), max(array)
    if low.value == high.value:
        low, high = low - 0.5, high + 0.5
    return evenly_spaced(low, high, len(values), values.dtype)


@derived(numpy=np.histogram_bin_edges)
def histogram_bin_edges(
    a: Operand, bins: Any = 10, range: Any = None, weights: Operand = None
) -> Tensor:
    """The edges of the bins, as `histogram` has them."""
    array = as_tensor(a, "histogram_bin_edges").reshape(-1)
    with named("histogram_bin_edges"):
        values = np.histogram_bin_edges(array.value, _value(bins), _value(range), _value(weights))
    return _edges(array, bins, range, values)


def _bins(values: Any, edges: Any) -> Any:
    """The bin of each value, −1 for none. Bins hold their left edge, the last one both edges."""
    index = np.searchsorted(edges, values, side="right") - 1
    index[values == edges[-1]] = len(edges) - 2
    return np.where((values >= edges[0]) & (values <= edges[-1]), index, -1)


def _density(counts: Tensor, edges: Sequence[Tensor]) -> Tensor:
    """Counts by the sizes of the bins and by their sum."""
    density = counts
    for axis, edge in enumerate(edges):
        width = astype(edge[1:] - edge[:-1], np.result_type(edge.dtype, float))
        density = density / width.reshape((-1,) + (1,) * (counts.ndim - 1 - axis))
    return density / sum(counts)


@derived(numpy=np.histogram)
def histogram(
    a: Operand,
    bins: Any = 10,
    range: Any = None,
    density: bool | None = None,
    weights: Operand = None,
) -> tuple[Tensor, Tensor]:
    """How many elements fall into each bin, or the sum of their weights; and the bins' edges.

    bins: how many, the edges, or the name of a rule.  range: where they begin and end, if not at
        the smallest and the largest element.  density: divide by width and sum.
    """
    given = as_tensor(a, "histogram")
    array = given.reshape(-1)
    own = None if weights is None else as_tensor(weights, "histogram")
    with named("histogram"):
        found, values = np.histogram(
            given.value,
            _value(bins),
            _value(range),
            weights=None if own is None else own.value,
        )
    edges = _edges(array, bins, range, values)
    counts = untracked(found)
    if own is not None and own.node is not None:
        index = _bins(array.value, values)
        counts = _weighed(own.reshape(-1), (index,), found.shape)
    return (_density(counts, [edges]) if density else counts), edges


def _weighed(weights: Tensor, index: tuple[Any, ...], shape: tuple[int, ...]) -> Tensor:
    """The sum of the weights of what lies in each bin; −1 is in none."""
    inside = np.all([i >= 0 for i in index], axis=0)
    return scatter(weights[inside], tuple(i[inside] for i in index), shape)


@derived(numpy=np.histogramdd)
def histogramdd(
    sample: Operand,
    bins: Any = 10,
    range: Any = None,
    density: bool | None = None,
    weights: Operand = None,
) -> tuple[Tensor, list[Tensor]]:
    """As `histogram`, of points: counts with an axis for each coordinate, and the edges of each.

    sample: (points, coordinates), or a list of the arrays of each coordinate.
    """
    if isinstance(sample, (list, tuple)):
        columns = [as_tensor(x, "histogramdd").reshape(-1) for x in sample]
    else:
        points = as_tensor(sample, "histogramdd")
        if points.ndim > 2:
            raise ShapeError(
                f"histogramdd: a sample of shape {points.shape}; it needs (points, coordinates)"
            )
        columns = list(points.T) if points.ndim == 2 else [points.reshape(-1)]
    n = len(columns)
    own = None if weights is None else as_tensor(weights, "histogramdd")
    with named("histogramdd"):
        found, values = np.histogramdd(
            np.stack([x.value for x in columns], -1),
            _value(bins),
            _value(range),
            weights=None if own is None else own.value,
        )
    each = [bins] * n if np.isscalar(bins) else list(bins)
    ranges = [None] * n if range is None else range
    edges = [_edges(*of_axis) for of_axis in zip(columns, each, ranges, values, strict=True)]
    counts = untracked(found)
    if own is not None and own.node is not None:
        index = tuple(_bins(x.value, v) for x, v in zip(columns, values, strict=True))
        counts = _weighed(astype(own.reshape(-1), float), index, found.shape)
    return (_density(counts, edges) if density else counts), edges


@derived(numpy=np.histogram2d)
def histogram2d(
    x: Operand,
    y: Operand,
    bins: Any = 10,
    range: Any = None,
    density: bool | None = None,
    weights: Operand = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """As `histogram`, of points with the coordinates x and y: counts, edges of x, edges of y."""
    first, second = as_tensor(x, "histogram2d"), as_tensor(y, "histogram2d")
    if first.shape != second.shape:
        raise ShapeError(
            f"histogram2d: x of shape {first.shape} and y of shape {second.shape}; "
            "each point needs both"
        )
    if not np.isscalar(bins) and len(bins) not in (1, 2):
        bins = [bins, bins]  # the edges of both
    counts, (of_x, of_y) = histogramdd([first, second], bins, range, density, weights)
    return counts, of_x, of_y
