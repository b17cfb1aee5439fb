"""Reading and writing elements by index: every form that NumPy knows.

An index is an int, a slice, an ellipsis, None, an integer or boolean array, or a tuple of these.
"""

from types import EllipsisType
from typing import Any

import numpy as np

from ..errors import ArgumentError, DTypeError, IndexingError
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, array_of, as_tensor
from .axes import checked_axis, suited

BASIC = (int, slice, np.integer, EllipsisType, type(None))


def plain(index: Any) -> Any:
    """An index without tensors or lists in it: their arrays instead."""
    kind = type(index)
    if kind is int:
        return index
    if kind is slice:
        bounds = index.start, index.stop, index.step
        return slice(*map(_bound, bounds)) if Tensor in map(type, bounds) else index
    if kind is tuple:
        return tuple([plain(part) for part in index])
    if isinstance(index, BASIC) and kind is not bool:
        return index
    array = index.value if type(index) is Tensor else array_of(index, "indexing: an index")
    if array.dtype.kind not in "biu":
        if array.size == 0 and not isinstance(index, (Tensor, np.ndarray)):
            return array.astype(np.intp)  # an empty list
        raise IndexingError(
            f"indexing: an index is of dtype {array.dtype}; integers, booleans, slices, None and "
            "... are indices; cast it with .astype(int)"
        )
    return array


def _bound(bound: Any) -> Any:
    return bound.__index__() if type(bound) is Tensor else bound


def _is_basic(index: Any) -> bool:
    parts = index if type(index) is tuple else (index,)
    return all(isinstance(part, BASIC) for part in parts)


MANY = 500  # elements, which it takes a while to add one by one


def _has_integers(index: Any) -> bool:
    """Whether the same element may be meant twice."""
    for part in index if type(index) is tuple else (index,):
        if isinstance(part, np.ndarray) and part.dtype.kind in "iu":
            return True
    return False


INDICES: tuple[Any, ...] = (
    (0,),
    (-1,),
    (slice(1, None),),
    (slice(None, None, -2),),
    (Ellipsis, 1),
    (None, 1, slice(None)),
    (slice(None), None),
    (np.array([0, 2, 0]),),
    (slice(None), np.array([1, 1, 3])),
    (np.array([[0, 2], [2, 2]]), np.array([1, 0])),
    (np.array([2, 0]), None, slice(1, 3)),
    (np.array([True, False, True]),),
    (Ellipsis, np.array([True, False, True, True])),
    (np.array([], dtype=int),),
    (slice(2, 2),),
    (),
)


def _getitem(ct: Any, shape: Any, index: Any) -> Any:
    return suited(scatter, ct)(ct, index, shape)


@primitive(
    label="[ ]",
    a=_getitem,
    samples=(*(sample((3, 4), index) for index in INDICES), sample((), ()), sample((), (None,))),
    flops=0,
)
def getitem(a: Operand, index: Any) -> Any:
    """a[index]."""
    return a[index]


@primitive(
    part=lambda ct, index: ct[index],
    samples=(
        sample((3,), (slice(None), 1), (3, 4)),
        sample((), (1, -1), (3, 4)),
        sample((3, 4), (np.array([0, 2, 0]),), (3, 4)),
        sample((2, 4), (np.array([True, False, True]),), (3, 4)),
    ),
)
def scatter(part: Operand, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of this shape, with `part` added at the index: what is meant twice gets the sum."""
    out = np.zeros(shape, part.dtype)
    if type(index) is tuple and len(index) == 1:
        index = index[0]
    if not _has_integers(index):
        out[index] = part
    elif type(index) is np.ndarray and part.size > max(MANY, index.size):
        # Rows, element by element: `add.at` is many times faster along one axis than along more.
        width = part.size // index.size
        places = index.astype(np.intp).reshape(-1, 1) * width + np.arange(width)
        np.add.at(out.reshape(-1), places.reshape(-1), part.reshape(-1))
    else:
        np.add.at(out, index, part)
    return out if shape else out[()]


def _last_writers(index: Any, shape: tuple[int, ...]) -> Any:
    """For each element of a[index], whether a value written there stays: the last one does."""
    written = np.empty(shape, np.intp)
    numbers = np.arange(written[index].size).reshape(written[index].shape)
    written[index] = numbers
    return written[index] == numbers


def _setitem_value(ct: Any, index: Any, shape: Any) -> Any:
    part = ct[index]
    if _has_integers(index):
        part = part * _last_writers(index, ct.shape)
    return part.reshape((1,) * (len(shape) - part.ndim) + part.shape)


def _setitem_rest(ct: Any, index: Any) -> Any:
    return suited(setitem, ct)(ct, index, 0)


def _explain_setitem(error: Exception, a: Any, index: Any, value: Any) -> str | None:
    if isinstance(error, IndexError):
        return None
    return (
        f"x[index] = value: x has shape {np.shape(a)}, so x[index] "
        f"{np.shape(np.asarray(a)[index])}; a value of shape {np.shape(value)} does not fit"
    )


@primitive(
    label="[ ]=",
    broadcasts=True,
    weak=True,
    selects=True,
    a=_setitem_rest,
    value=_setitem_value,
    samples=(
        *(sample((3, 4), index, ()) for index in INDICES),
        sample((3, 4), (0,), (4,)),
        sample((3, 4), (slice(None), 1), (1, 3)),
        sample((3, 4), (0,), (1, 1, 4)),
        sample((3, 4), (np.array([0, 2, 0]),), (3, 4)),
        sample((3, 4), (np.array([0, 2, 0]),), (4,)),
        sample((3, 4), (np.array([True, False, True]),), (2, 4)),
        sample((), (), ()),
    ),
    explain=_explain_setitem,
    flops=0,
)
def setitem(a: Operand, index: Any, value: Operand) -> Any:
    """A copy of a with a[index] = value. Where an index occurs twice, the last value stays."""
    out = np.array(a)
    dtype = np.asarray(value).dtype
    if not np.can_cast(dtype, out.dtype, "same_kind"):
        raise DTypeError(
            f"x[index] = value: x has dtype {out.dtype}, the value {dtype}; "
            f"cast x with .astype({dtype.name}) first, or the value"
        )
    out[index] = value
    return out if out.ndim else out[()]


@derived(numpy=np.take)
def take(a: Operand, indices: Operand, axis: int | None = None, mode: str = "raise") -> Tensor:
    """The elements, or along an axis the slices, with these indices.

    mode: "raise" for indices out of bounds, "wrap" to count on from the other end, "clip".
    """
    array = as_tensor(a, "take")
    if axis is None:
        array, axis = array.reshape(-1), 0
    axis = checked_axis(axis, array.ndim, "take")
    index = plain(indices)
    n = array.shape[axis]
    if mode == "wrap":
        index = index % n
    elif mode == "clip":
        index = np.clip(index, 0, n - 1)
    elif mode != "raise":
        raise ArgumentError(f"take: mode {mode!r}; it knows 'raise', 'wrap' and 'clip'")
    return getitem(array, (slice(None),) * axis + (index,))


@derived(numpy=np.take_along_axis)
def take_along_axis(arr: Operand, indices: Operand, axis: int | None = -1) -> Tensor:
    """For each line along the axis, its elements with the indices that stand there."""
    array = as_tensor(arr, "take_along_axis")
    index = plain(indices)
    if axis is None:
        array, axis = array.reshape(-1), 0
    axis = checked_axis(axis, array.ndim, "take_along_axis")
    sides = zip(array.shape, index.shape)
    if index.ndim != array.ndim or any(
        n != m and 1 not in (n, m) for k, (n, m) in enumerate(sides) if k != axis
    ):
        raise IndexingError(
            f"take_along_axis: indices of shape {index.shape} for an array of shape {array.shape}; "
            f"both need the same number of axes, and the same lengths but along axis {axis}"
        )
    grid = list(np.ix_(*map(np.arange, np.broadcast_shapes(
        array.shape[:axis] + (1,) + array.shape[axis + 1 :],
        index.shape[:axis] + (1,) + index.shape[axis + 1 :],
    ))))  # fmt: skip
    grid[axis] = index
    return getitem(array, tuple(grid))
