"""Sorting along an axis. The gradient goes back to where each element came from.

Equal elements count as ordered by their position: each gets the cotangent of one place.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor
from . import ordering
from .shape import astype


def _ranks(a: Any, axis: int, descending: bool | None = None) -> Any:
    """For each element, how many of its line come before it, of equal ones those to the left."""
    value = a.value if type(a) is Tensor else a
    return _inverse(ordering.argsort(value, axis, stable=True, descending=descending), axis)


def _inverse(order: Any, axis: int) -> Any:
    """The inverse of each line's permutation."""
    sizes = [1] * order.ndim
    sizes[axis] = -1
    numbers = np.arange(order.shape[axis]).reshape(sizes)
    inverse = np.empty_like(order)
    np.put_along_axis(inverse, order, numbers, axis)
    return inverse


def _unsorted(ct: Any, a: Any, shape: Any, axis: int | None, descending: bool | None) -> Any:
    if axis is None:
        return _unsorted(ct, a.reshape(-1), ct.shape, 0, descending).reshape(shape)
    return np.take_along_axis(ct, _ranks(a, axis, descending), axis)


def _unpartitioned(ct: Any, y: Any, a: Any, shape: Any, axis: int | None) -> Any:
    if axis is None:
        return _unpartitioned(ct, y, a.reshape(-1), ct.shape, 0).reshape(shape)
    value = y.value if type(y) is Tensor else y
    # The place in y of the element that is k-th in order, for the rank k of each element of a.
    places = np.argsort(value, axis=axis, kind="stable")
    return np.take_along_axis(ct, np.take_along_axis(places, _ranks(a, axis), axis), axis)


LINES = (
    sample((5,)),
    sample((3, 4)),
    sample((3, 4), axis=0),
    sample((2, 3, 2), axis=-2),
    sample((2, 3), axis=None),
    sample((0,)),
    sample((2, 0), axis=0),
)


@primitive(
    numpy=np.sort,
    a=_unsorted,
    samples=(
        *LINES,
        sample((4,), kind="stable"),
        sample((4,), stable=True),
        sample((3, 4), descending=True),
        sample((3, 4), 0, stable=True, descending=True),
        sample((2, 3), axis=None, descending=True),
        sample((0,), descending=True),
    ),
)
def sort(
    a: Operand,
    axis: int | None = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: bool | None = None,
    descending: bool | None = None,
) -> Any:
    """The elements in ascending order along the axis; None: of the flattened array. NaN is last.

    descending: from the largest to the smallest, and NaN nonetheless last.
    Of equal elements, each gets the cotangent of one place, in the order of their positions.
    """
    return ordering.sort(a, axis, kind, order, stable=stable, descending=descending)


@primitive(
    numpy=np.partition,
    a=_unpartitioned,
    samples=(
        sample((6,), 2),
        sample((6,), (1, 4)),
        sample((3, 4), 1, axis=0),
        sample((2, 3), -2, axis=None),
    ),
)
def partition(
    a: Operand,
    kth: int | Sequence[int],
    axis: int | None = -1,
    kind: Any = "introselect",
    order: Any = None,
) -> Any:
    """The elements with the k-th smallest in its sorted place, smaller ones before, others after.

    Of equal elements, each gets the cotangent of one place, in the order of their positions.
    """
    return np.partition(a, kth, axis, kind, order)


@derived(numpy=np.sort_complex)
def sort_complex(a: Operand) -> Tensor:
    """The elements as complex numbers, ascending by real part, then by imaginary part."""
    array = as_tensor(a, "sort_complex")
    return astype(sort(array), np.sort_complex(array.value[..., :0]).dtype)
