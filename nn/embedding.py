"""Embedding: a table of vectors, looked up by integers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .generator import Seed, generator_from
from .initialisers import Initializer, initial, normal
from .module import Module
from .validation import floating, positive

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

UNIT = normal(1.0)


def embedding(indices: Any, table: Any) -> tg.Tensor:
    """table[indices]: for each integer the row of that number.

    indices: any shape, integers from 0 to count − 1.  table: (count, features).
    Returns (*indices.shape, features), with the dtype of the table. A row's gradient is the sum
    over all places where it was looked up; for a row that was not, 0.
    Raises DTypeError for indices that are not integers, IndexingError for one below 0 or too
    large, ShapeError for a table that has not two axes.
    """
    shape: tuple[int, ...] = table.shape if hasattr(table, "shape") else np.shape(table)
    if len(shape) != 2:
        raise tg.ShapeError(
            f"embedding: a table of shape {shape}; it needs (count, features), one row per index"
            + (", and the order is (indices, table)" if len(shape) < 2 else "")
        )
    return tg.take(table, checked_indices("embedding", indices, shape[0]), axis=0)


def checked_indices(operation: str, indices: Any, count: int) -> NDArray[Any]:
    """The indices as an array of integers in 0 … count − 1; an error tells the first that is not.

    Negative ones are refused too: what a list counts from its end is a mistake in a vocabulary.
    """
    array = indices.numpy() if isinstance(indices, tg.Tensor) else np.asarray(indices)
    if not array.size and not isinstance(indices, (tg.Tensor, np.ndarray)):
        array = array.astype(np.intp)  # an empty list
    if array.dtype.kind not in "iu":
        fix = "cast them with .astype(int)" if array.dtype.kind in "fb" else "number them first"
        raise tg.DTypeError(
            f"{operation}: indices of dtype {array.dtype}; it needs integers in 0 … {count - 1}; "
            f"{fix}"
        )
    if array.size and (array.min() < 0 or array.max() >= count):
        place = np.unravel_index(np.argmax((array < 0) | (array >= count)), array.shape)
        where = f" at {tuple(map(int, place))}" if array.ndim else ""
        raise tg.IndexingError(
            f"{operation}: index {array[place]}{where}, but the table has {count} rows; "
            f"it needs integers in 0 … {count - 1}"
        )
    return array


class Embedding(Module):
    """table[indices]: a vector that is learned for each of `count` things, such as characters.

    indices: any shape, integers from 0 to count − 1.  The table, `weight`: (count, features).
    Returns (*indices.shape, features).

    initializer: of the table, a name or a function of (shape, generator). By default numbers of
        variance 1, which is what the layers that follow are begun for.
    dtype: of the table, and so of the result.
    generator: an integer seed or NumPy generator to draw from; else that of `nn.seed`.

    >>> nn.Embedding(65, 32)(np.zeros((16, 50), int)).shape
    (16, 50, 32)

    Raises ArgumentError for settings that make no sense; when called, DTypeError for indices that
    are not integers, IndexingError for one below 0 or not below `count`.
    """

    weight: tg.Tensor

    def __init__(
        self,
        count: int,
        features: int,
        *,
        initializer: str | Initializer = UNIT,
        dtype: DTypeLike = np.float32,
        generator: Seed = None,
    ) -> None:
        super().__init__()
        self.count = positive("Embedding", "count", count)
        self.features = positive("Embedding", "features", features)
        dtype = floating("Embedding", dtype)
        shape = (self.count, self.features)
        table = initial(initializer, shape, generator_from(generator, "Embedding"), "Embedding")
        self.weight = tg.tensor(table, dtype, requires_grad=True)

    def forward(self, indices: Any) -> tg.Tensor:
        """The rows of the table with these numbers."""
        return tg.take(self.weight, checked_indices("Embedding", indices, self.count), axis=0)

    def extra_repr(self) -> str:
        """The sizes, and what is not the default."""
        words = [str(self.count), str(self.features)]
        if self.weight.dtype != np.float32:
            words.append(f"dtype={self.weight.dtype}")
        return ", ".join(words)
