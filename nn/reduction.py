"""Mean, sum or each of the losses, and the weights they are given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygraph as tg

from .rows import ones

FEW = 1 << 12  # numbers that are added up in one go


def check_reduction(operation: str, reduction: str) -> None:
    """Raise ArgumentError for what is no reduction."""
    if reduction not in ("mean", "sum", "none"):
        raise tg.ArgumentError(
            f"{operation}: reduction={reduction!r}; it needs 'mean', 'sum' or 'none'"
        )


def check_some(operation: str, name: str, x: Any) -> None:
    """Raise ShapeError for an empty array, which has no mean."""
    if not x.size:
        raise tg.ShapeError(f"{operation}: {name} of shape {x.shape}; the mean needs an example")


def check_same_shape(operation: str, name: str, x: Any, other_name: str, other: Any) -> None:
    """Raise ShapeError rather than broadcast."""
    if x.shape != other.shape:
        fix = ""
        if x.size == other.size:
            fix = f"; {name}.reshape({other.shape}) has that shape"
        raise tg.ShapeError(
            f"{operation}: {name} of shape {x.shape} for {other_name} of shape {other.shape}; "
            f"they need the same shape{fix}"
        )


def check_real(operation: str, name: str, x: Any) -> None:
    """Raise DTypeError for what is not made of real numbers."""
    if x.dtype.kind not in "biuf":
        raise tg.DTypeError(f"{operation}: {name} of dtype {x.dtype}; they are real numbers")


def reduced(losses: Any, reduction: str, dtype: np.dtype[Any], divisor: float = 0) -> Any:
    """The losses as the reduction has it; the mean divides by their number, unless told otherwise.

    losses: of one axis, or for "none" of any shape.
    """
    if reduction == "none":
        return losses.astype(dtype, copy=False)[()]
    n = losses.size
    total = ones(n, losses.dtype).dot(losses) if n <= FEW else total_of(losses)
    if reduction == "mean":
        total /= divisor or n
    return total if type(total) is dtype.type else dtype.type(total)


def total_of(losses: Any) -> Any:
    """Σ of an array of one axis; many in pieces, whose sums do not drift."""
    n = losses.size
    if n <= FEW:
        return ones(n, losses.dtype).dot(losses)
    return sum(total_of(losses[i : i + FEW]).item() for i in range(0, n, FEW))


def scaled(ct: Any, reduction: str, divisor: float) -> Any:
    """The cotangent of each loss."""
    return ct / divisor if reduction == "mean" else ct


def weights_for(operation: str, weights: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """The weights of losses of this shape, broadcast to it.

    They have that shape, or size 1 along some of its axes. Fewer axes would leave open which ones.
    """
    check_real(operation, "weights", weights)
    fits = weights.ndim == len(shape) and all(
        size in (1, wanted) for size, wanted in zip(weights.shape, shape, strict=True)
    )
    if not fits and weights.ndim:
        fix = ""
        if weights.shape == shape[: weights.ndim]:
            more = ", np.newaxis" * (len(shape) - weights.ndim)
            fix = f"; weights[...{more}] weights each example"
        elif weights.size == math.prod(shape):
            fix = f"; weights.reshape({shape}) has that shape"
        raise tg.ShapeError(
            f"{operation}: weights of shape {weights.shape} for losses of shape {shape}; they need "
            f"that shape, with 1 for axes along which they are the same{fix}"
        )
    return np.broadcast_to(weights.astype(dtype, copy=False), shape)


def divisor_of(operation: str, weights: Any, reduction: str) -> float:
    """What the weighted mean divides by: the sum of the weights."""
    if reduction != "mean":
        return 1.0
    total = float(np.sum(weights, dtype=np.float64))
    if total <= 0:
        raise tg.WeightsError(
            f"{operation}: weights that add up to {total:g}; the mean divides by their sum, which "
            "needs to be above 0. reduction='sum' and a divisor of your own take any weights"
        )
    return total
