"""Axes added, or put into another order: what is a reshape or a transpose under another name."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, AxisError, ShapeError
from ..primitive import Operand, derived
from ..tensor import Tensor, as_tensor
from .axes import checked_axis
from .shape import flip, reshape, transpose


def _at_least(x: Operand, ndim: int, operation: str) -> Tensor:
    given = as_tensor(x, operation)
    if given.ndim >= ndim:
        return given
    # A vector is a row of a matrix, and of a stack of matrices its middle axis.
    shapes = {0: (1,) * ndim, 1: (1, *given.shape, 1)[:ndim], 2: (*given.shape, 1)}
    return reshape(given, shapes[given.ndim])


@derived(numpy=np.atleast_1d)
def atleast_1d(*arys: Operand) -> Any:
    """The array with one axis at least; of several arrays a tuple."""
    found = tuple([_at_least(x, 1, "atleast_1d") for x in arys])
    return found[0] if len(found) == 1 else found


@derived(numpy=np.atleast_2d)
def atleast_2d(*arys: Operand) -> Any:
    """The array with two axes at least, a vector as a row; of several arrays a tuple."""
    found = tuple([_at_least(x, 2, "atleast_2d") for x in arys])
    return found[0] if len(found) == 1 else found


@derived(numpy=np.atleast_3d)
def atleast_3d(*arys: Operand) -> Any:
    """The array with three axes at least: (n,) is (1, n, 1), (m, n) is (m, n, 1)."""
    found = tuple([_at_least(x, 3, "atleast_3d") for x in arys])
    return found[0] if len(found) == 1 else found


@derived(numpy=np.rollaxis)
def rollaxis(a: Operand, axis: int, start: int = 0) -> Tensor:
    """An axis moved to before where `start` is. (`moveaxis` is easier to read.)"""
    a = as_tensor(a, "rollaxis")
    axis = checked_axis(axis, a.ndim, "rollaxis")
    if not -a.ndim <= start <= a.ndim:
        raise AxisError(
            f"rollaxis: start={start} for {a.ndim} dimensions; it is -{a.ndim}…{a.ndim} here"
        )
    place = start + a.ndim if start < 0 else start
    order = [i for i in range(a.ndim) if i != axis]
    order.insert(place - (axis < place), axis)
    return transpose(a, order)


@derived(numpy=np.fliplr)
def fliplr(m: Operand) -> Tensor:
    """Elements in reverse order along the second axis."""
    return _flipped(m, 1, "fliplr")


@derived(numpy=np.flipud)
def flipud(m: Operand) -> Tensor:
    """Elements in reverse order along the first axis."""
    return _flipped(m, 0, "flipud")


def _flipped(m: Operand, axis: int, operation: str) -> Tensor:
    m = as_tensor(m, operation)
    if m.ndim <= axis:
        raise ShapeError(f"{operation}: shape {m.shape} has {m.ndim} axes; it needs {axis + 1}")
    return flip(m, axis)


@derived(numpy=np.rot90)
def rot90(m: Operand, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """The plane of two axes turned k times by 90°, from the first axis towards the second."""
    given = as_tensor(m, "rot90")
    if len(axes) != 2:
        raise ArgumentError(f"rot90: axes {tuple(axes)}; a plane has two")
    first, second = (checked_axis(axis, given.ndim, "rot90") for axis in axes)
    if first == second:
        raise ShapeError(f"rot90: axes {tuple(axes)} of shape {given.shape} are the same one")
    exchanged = list(range(given.ndim))
    exchanged[first], exchanged[second] = second, first
    if k % 4 == 0:
        return given
    if k % 4 == 1:
        return transpose(flip(given, second), exchanged)
    if k % 4 == 2:
        return flip(given, (first, second))
    return flip(transpose(given, exchanged), second)
