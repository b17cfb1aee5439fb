"""What operations and their rules share: axes as NumPy numbers them, arrays beside tensors."""

from collections.abc import Callable
from typing import Any, TypeAlias

from ..errors import AxisError
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
