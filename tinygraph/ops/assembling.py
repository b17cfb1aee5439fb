"""Putting arrays together in NumPy's many ways: all of them are `concatenate`."""

import builtins
from typing import Any

import numpy as np

from ..errors import ArgumentError, DTypeError, IndexingError, ShapeError
from ..primitive import Operand, derived
from ..tensor import Tensor, as_tensor
from .conversion import array, cast, has_tensors
from .indexing import getitem, plain
from .joining import concatenate
from .ranks import atleast_1d, atleast_2d, atleast_3d
from .shape import reshape


def _each(function: Any, tup: Any, operation: str) -> list[Tensor]:
    if type(tup) is not Tensor and not isinstance(tup, (list, tuple, np.ndarray)):
        raise ArgumentError(
            f"{operation}: it takes a list of arrays, not {type(tup).__name__}; put them in [ ]"
        )
    arrays = [function(x) for x in tup]
    if not arrays:
        raise ShapeError(f"{operation}: an empty list; it needs at least one array")
    return arrays


@derived(numpy=np.hstack)
def hstack(tup: Operand, *, dtype: Any = None, casting: str = "same_kind") -> Tensor:
    """The arrays beside each other: along the second axis, vectors along their only one."""
    arrays = _each(atleast_1d, tup, "hstack")
    return concatenate(arrays, 0 if arrays[0].ndim == 1 else 1, dtype=dtype, casting=casting)


@derived(numpy=np.vstack)
def vstack(tup: Operand, *, dtype: Any = None, casting: str = "same_kind") -> Tensor:
    """The arrays below each other: along the first axis, vectors as rows."""
    return concatenate(_each(atleast_2d, tup, "vstack"), 0, dtype=dtype, casting=casting)


@derived(numpy=np.dstack)
def dstack(tup: Operand) -> Tensor:
    """The arrays behind each other: along the third axis."""
    return concatenate(_each(atleast_3d, tup, "dstack"), 2)


def _column(x: Operand) -> Tensor:
    x = as_tensor(x, "column_stack")
    return x if x.ndim >= 2 else reshape(x, (-1, 1))


@derived(numpy=np.column_stack)
def column_stack(tup: Operand) -> Tensor:
    """Vectors as the columns of a matrix; matrices beside each other."""
    return concatenate(_each(_column, tup, "column_stack"), 1)


@derived(numpy=np.append)
def append(arr: Operand, values: Operand, axis: int | None = None) -> Tensor:
    """The values after the array, along an axis; None: both flattened."""
    return concatenate([as_tensor(arr, "append"), array(values, copy=False)], axis)


@derived(numpy=np.block)
def block(arrays: Operand) -> Tensor:
    """An array from nested lists of blocks: the innermost joined along the last axis, and so on.

    Raises ArgumentError for a tuple, or lists that are not nested equally deep everywhere;
    ShapeError for an empty list and for blocks that do not fit.
    """
    depth, ndim = _depth(arrays, "arrays")
    return _joined(arrays, depth, max(depth, ndim))


def _depth(blocks: Any, place: str) -> tuple[int, int]:
    """How deep the lists are nested, and the most axes that a block has."""
    if isinstance(blocks, tuple):
        raise ArgumentError(f"block: {place} is a tuple; only lists nest, so write [ ] for ( )")
    if not isinstance(blocks, list):
        return 0, np.ndim(blocks)
    if not blocks:
        raise ShapeError(f"block: {place} is an empty list; it needs a block")
    found = [_depth(item, f"{place}[{i}]") for i, item in enumerate(blocks)]
    for i, (depth, _) in enumerate(found):
        if depth != found[0][0]:
            raise ArgumentError(
                f"block: {place}[0] is nested {found[0][0]} deep and {place}[{i}] {depth}; "
                "all blocks need to be equally deep"
            )
    return found[0][0] + 1, max(ndim for _, ndim in found)


def _joined(blocks: Any, depth: int, ndim: int) -> Tensor:
    if not depth:
        return array(blocks, ndmin=ndim)
    return concatenate([_joined(item, depth - 1, ndim) for item in blocks], -depth)


def _numbers(start: int, shape: tuple[int, ...]) -> Any:
    return np.arange(start, start + int(np.prod(shape))).reshape(shape)


@derived(numpy=np.insert)
def insert(arr: Operand, obj: Any, values: Operand, axis: int | None = None) -> Tensor:
    """The array with values put in before these indices; axis None: flattened.

    obj: an int, a slice, or a sequence of ints or booleans.  values: broadcast, and cast to the
    dtype of arr.
    Raises DTypeError for values whose kind the dtype of arr cannot hold, IndexingError for an index
    out of bounds.
    """
    given, new = as_tensor(arr, "insert"), array(values, copy=False)
    if not np.can_cast(new.dtype, given.dtype, "same_kind"):
        raise DTypeError(
            f"insert: values of dtype {new.dtype} do not fit an array of dtype {given.dtype}; "
            f"cast the array with .astype({new.dtype}) first, or the values"
        )
    # NumPy inserts the numbers of the elements; the elements follow.
    where = plain(obj)
    if isinstance(where, np.ndarray) and where.dtype.kind == "b":
        where = np.flatnonzero(where)  # NumPy 2.0 would take them for 0 and 1
    old, its = _numbers(0, given.shape), _numbers(given.size, new.shape)
    try:
        index = np.insert(old, where, its, axis)
    except IndexError as error:
        raise IndexingError(f"insert: {error}") from error
    except ValueError as error:
        raise ShapeError(
            f"insert: values of shape {new.shape} at {obj!r} along axis {axis} of shape "
            f"{given.shape}: {error}"
        ) from error
    return getitem(concatenate([given, cast(new, given.dtype, "insert")], None), (index,))


class _Along:
    """`np.r_` and `np.c_`, which NumPy does not let tensors reach: `tg.r_[t, 1, 0:3]`."""

    def __init__(self, joiner: Any, name: str) -> None:
        self._joiner, self._name = joiner, name

    def __getitem__(self, key: Any) -> Tensor:
        parts = list(key) if isinstance(key, tuple) else [key]
        directive = [parts.pop(0)] if isinstance(parts[0], str) else []
        if directive and directive[0].strip() in ("r", "c"):
            raise ArgumentError(f"{self._name}: {directive[0]!r} asks for a matrix; use tg.block")
        parts = [np.r_[part] if isinstance(part, builtins.slice) else part for part in parts]
        parts = [array(part) if has_tensors(part) else part for part in parts]
        tensors = [as_tensor(part, self._name) for part in parts]
        values = [part.value if type(part) is Tensor else part for part in parts]
        sizes = np.cumsum([0, *(t.size for t in tensors)])
        numbers = [_numbers(int(n), t.shape) for n, t in zip(sizes, tensors, strict=False)]
        try:
            # As in `insert`: NumPy joins numbers, and tells the dtype.
            dtype = self._joiner[(*directive, *values)].dtype
            index = self._joiner[(*directive, *numbers)]
        except ValueError as error:
            raise ShapeError(
                f"{self._name}: shapes {[t.shape for t in tensors]}: {error}"
            ) from error
        return getitem(concatenate([cast(t, dtype, self._name) for t in tensors], None), (index,))

    def __repr__(self) -> str:
        return f"tg.{self._name}"


r_ = _Along(np.r_, "r_")
c_ = _Along(np.c_, "c_")
