"""Tensors from nothing, or from another's shape: constants all of them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError, DTypeError, IndexingError
from ..primitive import Operand, derived
from ..tensor import Tensor, array_of, as_tensor, untracked
from .arguments import on_device
from .shape import copy as copied


def _like(function: Callable[..., Any]) -> Callable[..., Tensor]:
    name = function.__name__

    def made(
        a: Operand, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *,
        device: str | None = None,
    ) -> Tensor:  # fmt: skip
        on_device(name, device)
        value = as_tensor(a, name).value
        return untracked(array_of(function(value, dtype=dtype, shape=shape), name))

    made.__name__ = made.__qualname__ = name
    made.__doc__ = f"`np.{name}`: a constant of the same shape and dtype."
    return derived(numpy=function)(made)


def _of_shape(function: Callable[..., Any], content: str) -> Callable[..., Tensor]:
    name = function.__name__

    def made(
        shape: Any, dtype: Any = None, order: str = "C", *, device: str | None = None,
        like: Any = None,
    ) -> Tensor:  # fmt: skip
        on_device(name, device)
        return untracked(array_of(function(shape, dtype), name))

    made.__name__ = made.__qualname__ = name
    made.__doc__ = f"A constant of this shape, {content}; float64 if dtype is None."
    return made


zeros_like = _like(np.zeros_like)
ones_like = _like(np.ones_like)
empty_like = _like(np.empty_like)
zeros = _of_shape(np.zeros, "all 0")
ones = _of_shape(np.ones, "all 1")
empty = _of_shape(np.empty, "whose elements may be anything")


def eye(
    N: int, M: int | None = None, k: int = 0, dtype: Any = float, order: str = "C", *,
    device: str | None = None, like: Any = None,
) -> Tensor:  # fmt: skip
    """The (N, M) matrix that is 1 where column − row = k, and 0 elsewhere. M None: N."""
    on_device("eye", device)
    return untracked(array_of(np.eye(N, M, k, dtype), "eye"))


def identity(n: int, dtype: Any = None, *, like: Any = None) -> Tensor:
    """The (n, n) matrix that is 1 on the diagonal, and 0 elsewhere."""
    return eye(n, dtype=dtype)


def tri(
    N: int, M: int | None = None, k: int = 0, dtype: Any = float, *, like: Any = None
) -> Tensor:
    """The (N, M) matrix that is 1 where column − row ≤ k, and 0 elsewhere. M None: N."""
    return untracked(array_of(np.tri(N, M, k, dtype), "tri"))


def from_dlpack(x: Any, /, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """A constant that shares memory with what another library holds, by the DLPack protocol.

    copy: if True, with memory of its own.  A tensor comes back as it is, tracked or not.
    """
    on_device("from_dlpack", device)
    if type(x) is Tensor:
        return copied(x) if copy else x
    array = np.from_dlpack(x) if copy is not False else np.from_dlpack(x, copy=False)
    return untracked(array_of(array, "from_dlpack", copy=bool(copy)))


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
