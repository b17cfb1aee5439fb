"""Functions applied along axes: to each vector by itself, or one axis after the other."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..primitive import Operand, derived
from ..tensor import Tensor, as_tensor
from .axes import checked_axis
from .conversion import array
from .joining import stack, unstack
from .shape import expand_dims, moveaxis, reshape, transpose


def lanes(x: Tensor, axis: int) -> list[Tensor]:
    """The vectors along an axis."""
    moved = moveaxis(x, axis, -1)
    return list(unstack(reshape(moved, (moved.size // moved.shape[-1], moved.shape[-1]))))


@derived(numpy=np.apply_along_axis)
def apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: Operand, *args: Any, **kwargs: Any
) -> Tensor:
    """func1d of each vector along the axis; the axes of what it returns stand in place of it.

    func1d is given tensors. It is differentiable as far as it is made of operations.
    """
    x = as_tensor(arr, "apply_along_axis")
    axis = checked_axis(axis, x.ndim, "apply_along_axis")
    if not x.size:
        raise ShapeError(f"apply_along_axis: shape {x.shape} has no vectors along axis {axis}")
    found = [array(func1d(lane, *args, **kwargs), copy=False) for lane in lanes(x, axis)]
    y = stack(found)
    rest = x.shape[:axis] + x.shape[axis + 1 :]
    y = reshape(y, rest + y.shape[1:])
    order = list(range(y.ndim))
    return transpose(y, order[:axis] + order[len(rest) :] + order[axis : len(rest)])


@derived(numpy=np.apply_over_axes)
def apply_over_axes(func: Callable[..., Any], a: Operand, axes: Any) -> Tensor:
    """func(a, axis) for one axis after the other; an axis that it takes away is put back."""
    x = as_tensor(a, "apply_over_axes")
    for axis in (axes,) if np.ndim(axes) == 0 else axes:
        axis = checked_axis(int(axis), x.ndim, "apply_over_axes")
        y = array(func(x, axis), copy=False)
        if y.ndim == x.ndim - 1:
            y = expand_dims(y, axis)
        if y.ndim != x.ndim:
            raise ArgumentError(
                f"apply_over_axes: the function made shape {y.shape} of {x.shape}; it must keep "
                "the number of axes, or take one away"
            )
        x = y
    return x
