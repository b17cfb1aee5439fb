"""What operations and their rules share: axes as NumPy numbers them, arrays beside tensors."""

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

from ..errors import AxisError, DomainError
from ..tensor import Tensor

Axis: TypeAlias = int | tuple[int, ...] | None


def checked_axis(axis: int, ndim: int, operation: str) -> int:
    """The axis as a number from 0, or AxisError."""
    if not -ndim <= axis < ndim:
        fix = f"an axis is -{ndim}…{ndim - 1} here" if ndim else "a 0-dimensional one has no axes"
        raise AxisError(f"{operation}: axis {axis} is out of bounds for {ndim} dimensions; {fix}")
    return axis % ndim


def in_front(x: Any, axis: int) -> Any:
    """`np.moveaxis(x, axis, 0)` of an array or a tensor, at a tenth of its time."""
    order = list(range(x.ndim))
    order.insert(0, order.pop(axis))
    return x.transpose(order) if order[0] else x


def suited(operation: Any, *operands: Any) -> Callable[..., Any]:
    """An operation, for a rule: itself on tensors; on arrays only what computes it."""
    on_arrays: Callable[..., Any] = operation.__wrapped__
    return operation if Tensor in map(type, operands) else on_arrays


def checked_axes(axis: Axis, ndim: int, operation: str) -> tuple[int, ...]:
    """The axes as numbers from 0; None: all of them. AxisError for one that is not there."""
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(checked_axis(operator.index(i), ndim, operation) for i in given)
    if len(set(axes)) < len(axes):
        raise DomainError(f"{operation}: axis {axis} names one axis twice")
    return axes
