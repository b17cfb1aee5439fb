"""Taking arrays apart, and taking parts out of them."""

from typing import Any

import numpy as np

from ..errors import ArgumentError, IndexingError, ShapeError
from ..primitive import Operand, derived
from ..tensor import Tensor, as_tensor
from .axes import Axis, checked_axis
from .indexing import getitem, plain
from .joining import split, split_at
from .shape import reshape


@derived(numpy=np.array_split)
def array_split(ary: Operand, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """As `split`, but sections need not be equal: the first ones are longer by one."""
    ary = as_tensor(ary, "array_split")
    axis = checked_axis(axis, ary.ndim, "array_split")
    cuts = plain(indices_or_sections)
    if np.ndim(cuts) == 0:
        n, sections = ary.shape[axis], int(cuts)
        if sections <= 0:
            raise ArgumentError(f"array_split: {sections} sections; there must be one at least")
        # The i-th of the first n % sections cuts is one further on for each before it.
        cuts = [i * (n // sections) + min(i, n % sections) for i in range(1, sections)]
    return list(split_at(ary, [int(i) for i in cuts], axis))


def _split_along(ary: Operand, cuts: Any, axis: int, operation: str) -> list[Tensor]:
    ary = as_tensor(ary, operation)
    if ary.ndim <= axis:
        raise ShapeError(f"{operation}: shape {ary.shape} has {ary.ndim} axes, not {axis + 1}")
    return split(ary, cuts, axis)


@derived(numpy=np.hsplit)
def hsplit(ary: Operand, indices_or_sections: Any) -> list[Tensor]:
    """Cut along the second axis, a vector along its only one; see `split`."""
    return _split_along(ary, indices_or_sections, int(np.ndim(ary) > 1), "hsplit")


@derived(numpy=np.vsplit)
def vsplit(ary: Operand, indices_or_sections: Any) -> list[Tensor]:
    """Cut along the first axis, of two at least; see `split`."""
    ary = as_tensor(ary, "vsplit")
    if ary.ndim < 2:
        raise ShapeError(f"vsplit: shape {ary.shape} has {ary.ndim} axes; it needs 2, or use split")
    return split(ary, indices_or_sections, 0)


@derived(numpy=np.dsplit)
def dsplit(ary: Operand, indices_or_sections: Any) -> list[Tensor]:
    """Cut along the third axis; see `split`."""
    return _split_along(ary, indices_or_sections, 2, "dsplit")


@derived(numpy=np.delete)
def delete(arr: Operand, obj: Any, axis: int | None = None) -> Tensor:
    """The array without the slices that have these indices along the axis; None: flattened.

    obj: an int, a slice, or a sequence of ints or booleans.
    """
    arr = as_tensor(arr, "delete")
    if axis is None:
        arr, axis = reshape(arr, (-1,)), 0
    axis = checked_axis(axis, arr.ndim, "delete")
    n = arr.shape[axis]
    try:
        kept = np.delete(np.arange(n), plain(obj))
    except (IndexError, ValueError) as error:
        raise IndexingError(
            f"delete: {obj!r} along axis {axis} of shape {arr.shape}: {error}"
        ) from error
    return getitem(arr, (slice(None),) * axis + (kept,))


@derived(numpy=np.trim_zeros)
def trim_zeros(filt: Operand, trim: str = "fb", axis: Axis = None) -> Tensor:
    """The array without the zeros at its ends, along the axes.

    trim: "f" at the front, "b" at the back.  Which elements stay is decided by the values alone:
    a zero that was trimmed has no gradient.
    """
    filt = as_tensor(filt, "trim_zeros")
    ends = trim.lower()
    if ends not in ("fb", "bf", "f", "b"):
        raise ArgumentError(f"trim_zeros: trim={trim!r}; it is 'f', 'b' or 'fb'")
    axes = range(filt.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    index = [slice(None)] * filt.ndim
    places = np.argwhere(filt.value)
    for i in axes:
        i = checked_axis(i, filt.ndim, "trim_zeros")
        if not len(places):
            index[i] = slice(0, 0)
            continue
        index[i] = slice(
            int(places[:, i].min()) if "f" in ends else None,
            int(places[:, i].max()) + 1 if "b" in ends else None,
        )
    return getitem(filt, tuple(index))
