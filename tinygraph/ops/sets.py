"""Distinct elements, and arrays as sets.

Elements that are equal share the cotangent of the one that stands for them equally.
"""

from typing import Any

import numpy as np

from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor, untracked
from .arguments import named
from .indexing import getitem, scatter
from .joining import concatenate
from .shape import moveaxis


def _shared(ct: Any, group: Any, first: Any, chosen: Any) -> Any:
    of_group = scatter(ct, (chosen,), (len(first), *ct.shape[1:]))
    count = np.bincount(group, minlength=len(first)).reshape((-1,) + (1,) * (ct.ndim - 1))
    return np.take(of_group / count.astype(ct.dtype), group, axis=0)


@primitive(
    a=_shared,
    samples=(
        sample((3,), np.array([1, 2, 0]), np.array([2, 0, 1]), np.array([0, 1, 2])),
        sample((3, 2), np.array([2, 0, 1]), np.array([1, 2, 0]), np.array([2, 0, 2])),
        sample((0,), np.zeros(0, int), np.zeros(0, int), np.zeros(0, int)),
    ),
)
def distinct(a: Operand, first: Any, group: Any, chosen: Any) -> Any:
    """For each chosen group of equal elements, the first of them; all share its cotangent.

    first: for each group, where its first element stands.  group: of each element.
    """
    return a[first[chosen]]


def _chosen(elements: Tensor, values: Any) -> Tensor:
    """These values, as what they are among the elements of a vector."""
    known, first, group = np.unique(elements.value, return_index=True, return_inverse=True)
    return distinct(elements, first, group.reshape(-1), np.searchsorted(known, values))


def _flat(*arrays: Tensor) -> Tensor:
    return concatenate(arrays, axis=None)


@derived(numpy=np.unique)
def unique(
    ar: Operand,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    **keywords: Any,
) -> Any:
    """The distinct elements in ascending order; along an axis, the distinct slices.

    return_index, return_inverse, return_counts: also, as integers, where each first stands, which
        of them each element is, how often each occurs.  sorted: as NumPy has it from 2.3 on.
    Elements that are equal share the cotangent equally.
    """
    array = as_tensor(ar, "unique")
    value = np.asarray(array.value)
    numpy_unique: Any = np.unique
    with named("unique"):
        found = numpy_unique(
            value,
            return_index,
            return_inverse,
            return_counts,
            axis,
            equal_nan=equal_nan,
            **keywords,
        )
    many = isinstance(found, tuple)
    values, *integers = found if many else (found,)
    if axis is None:
        elements = _chosen(array.reshape(-1), values)
    else:
        _, first, group = np.unique(value, True, True, axis=axis, equal_nan=equal_nan)
        slices = moveaxis(array, axis, 0)
        own = distinct(slices, first, group.reshape(-1), np.arange(len(first)))
        elements = moveaxis(own, 0, axis)
    return (elements, *map(untracked, integers)) if many else elements


def _array_api(function: Any) -> Any:
    """One of `unique_all`, `unique_counts`, `unique_inverse`, `unique_values`."""
    name = function.__name__

    def unique_(x: Operand, /) -> Any:
        array = as_tensor(x, name)
        found = function(np.asarray(array.value))
        if not isinstance(found, tuple):
            return _chosen(array.reshape(-1), found)
        values, *integers = found
        return type(found)(_chosen(array.reshape(-1), values), *map(untracked, integers))

    unique_.__name__ = unique_.__qualname__ = name
    unique_.__doc__ = f"As `np.{name}`. Elements that are equal share the cotangent equally."
    return derived(numpy=function)(unique_)


unique_all = _array_api(np.unique_all)
unique_counts = _array_api(np.unique_counts)
unique_inverse = _array_api(np.unique_inverse)
unique_values = _array_api(np.unique_values)


@derived(numpy=np.union1d)
def union1d(ar1: Operand, ar2: Operand) -> Tensor:
    """The distinct elements of both arrays, ascending. Equal ones share the cotangent."""
    return unique(_flat(as_tensor(ar1, "union1d"), as_tensor(ar2, "union1d")))  # type: ignore[no-any-return]


@derived(numpy=np.intersect1d)
def intersect1d(
    ar1: Operand, ar2: Operand, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """The distinct elements that both arrays have, ascending. Equal ones share the cotangent.

    return_indices: also, as integers, where they first stand in the one and in the other.
    """
    a, b = as_tensor(ar1, "intersect1d"), as_tensor(ar2, "intersect1d")
    if not return_indices:
        return _chosen(_flat(a, b), np.intersect1d(a.value, b.value, assume_unique))
    values, *indices = np.intersect1d(a.value, b.value, assume_unique, return_indices=True)
    return (_chosen(_flat(a, b), values), *map(untracked, indices))


@derived(numpy=np.setxor1d)
def setxor1d(ar1: Operand, ar2: Operand, assume_unique: bool = False) -> Tensor:
    """The distinct elements that one array has and the other has not, ascending."""
    a, b = as_tensor(ar1, "setxor1d"), as_tensor(ar2, "setxor1d")
    return _chosen(_flat(a, b), np.setxor1d(a.value, b.value, assume_unique))


@derived(numpy=np.setdiff1d)
def setdiff1d(ar1: Operand, ar2: Operand, assume_unique: bool = False) -> Tensor:
    """The distinct elements of the first array that the second has not, ascending."""
    array = as_tensor(ar1, "setdiff1d").reshape(-1)
    others = as_tensor(ar2, "setdiff1d").value
    if assume_unique:
        return getitem(array, np.isin(array.value, others, assume_unique=True, invert=True))
    return _chosen(array, np.setdiff1d(array.value, others))
