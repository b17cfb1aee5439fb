"""Tensors from nothing, or from another's shape: constants all of them."""

from typing import Any

import numpy as np

from ..errors import ArgumentError, DTypeError, IndexingError
from ..primitive import Operand, derived
from ..tensor import Tensor, as_tensor, untracked


def _like(function: Any) -> Any:
    def made(
        a: Operand, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *,
        device: str | None = None,
    ) -> Tensor:  # fmt: skip
        value = as_tensor(a, function.__name__).value
        array = function(value, dtype=dtype, shape=shape)
        return untracked(array if array.ndim else array[()])

    made.__name__ = made.__qualname__ = function.__name__
    made.__doc__ = f"`np.{function.__name__}`: a constant of the same shape and dtype."
    return derived(numpy=function)(made)


zeros_like = _like(np.zeros_like)
ones_like = _like(np.ones_like)
empty_like = _like(np.empty_like)


def one_hot(labels: Operand, classes: int, dtype: Any = np.float64) -> Tensor:
    """1 where the class is the label, 0 elsewhere, with the classes as a new last axis.

    labels: integers in 0 … classes − 1, of any shape.  Returns: (*labels.shape, classes).
    Raises DTypeError for labels that are not integers, IndexingError for one out of range.
    """
    value = np.asarray(as_tensor(labels, "one_hot").value)
    if value.dtype.kind not in "iu":
        raise DTypeError(
            f"one_hot: labels of dtype {value.dtype}; they need to be integers, "
            "for example labels.astype(int)"
        )
    if classes < 1:
        raise ArgumentError(f"one_hot: {classes} classes; there must be at least one")
    if value.size and not (value.min() >= 0 and value.max() < classes):
        raise IndexingError(
            f"one_hot: labels from {value.min()} to {value.max()} do not fit {classes} classes, "
            f"which are 0 … {classes - 1}"
        )
    hot: Any = value[..., np.newaxis] == np.arange(classes)
    return untracked(hot.astype(dtype))
