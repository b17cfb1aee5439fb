"""Mini-batches: the examples in a new order, some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import tinygraph as tg

from .examples import as_examples, count, taken
from .generator import Seed, generator_from
from .validation import positive

if TYPE_CHECKING:
    from numpy.typing import NDArray


def minibatches(
    X: Any,
    y: Any,
    size: int,
    rng: Seed = None,
    *,
    shuffle: bool = True,
    drop_last: bool = False,
) -> Iterator[tuple[Any, Any]]:
    """(X, y) in batches of `size` examples: one epoch, in an order drawn anew at each call.

    X, y: arrays or tensors with one example per row; or tuples or dicts of such, of which every
        batch is one too.
    size: of a batch; from the number of examples on, there is one batch.
    rng: an integer seed or NumPy generator for the order; else that of `nn.seed`. An integer gives
        the same order at each call: for several epochs pass a generator.
    shuffle: False leaves the examples in their order; the batches are then views.
    drop_last: leave out a last batch that is shorter than the others.

    >>> X, y = np.arange(10.0).reshape(5, 2), np.arange(5)
    >>> [len(y_batch) for X_batch, y_batch in nn.minibatches(X, y, 2, rng=0)]
    [2, 2, 1]

    Raises ShapeError for arrays of different lengths or none, ArgumentError for a size below 1,
    or if drop_last would leave nothing; all at the call.  Course 2, week 2.
    """
    operation = "minibatches"
    if y is None:
        raise tg.ArgumentError(f"{operation}: y=None; if X is also the target, pass X, X")
    X, y = as_examples(operation, "X", X), as_examples(operation, "y", y)
    m = count(operation, X=X, y=y)
    size = positive(operation, "size", size)
    if drop_last and m < size:
        raise tg.ArgumentError(
            f"{operation}: drop_last=True would leave nothing of {m} examples, with size={size}"
        )
    order = generator_from(rng, operation).permutation(m) if shuffle else None
    return _batches((X, y), order, m - m % size if drop_last else m, size)


def _batches(
    pair: tuple[Any, Any], order: NDArray[Any] | None, stop: int, size: int
) -> Iterator[tuple[Any, Any]]:
    for start in range(0, stop, size):
        end = min(start + size, stop)
        yield taken(pair, slice(start, end) if order is None else order[start:end])
