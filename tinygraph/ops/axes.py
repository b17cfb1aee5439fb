"""Axes as NumPy numbers them: from 0, or from the end with -1."""

from typing import TypeAlias

from ..errors import AxisError

Axis: TypeAlias = int | tuple[int, ...] | None


def checked_axis(axis: int, ndim: int, operation: str) -> int:
    """The axis as a number from 0, or AxisError."""
    if not -ndim <= axis < ndim:
        fix = f"an axis is -{ndim}…{ndim - 1} here" if ndim else "a 0-dimensional one has no axes"
        raise AxisError(f"{operation}: axis {axis} is out of bounds for {ndim} dimensions; {fix}")
    return axis % ndim
