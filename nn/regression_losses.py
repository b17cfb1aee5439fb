"""Losses of real numbers, each a function of the difference of prediction and target."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygraph as tg

from .reduction import (
    check_real,
    check_reduction,
    check_same_shape,
    check_some,
    divisor_of,
    reduced,
    scaled,
    weights_for,
)
from .rows import wide
from .validation import real


def _difference(
    operation: str, predictions: Any, targets: Any, reduction: str
) -> tuple[Any, np.dtype[Any]]:
    """ŷ − y, in the precision of the predictions, and their dtype."""
    check_reduction(operation, reduction)
    check_same_shape(operation, "targets", targets, "predictions", predictions)
    check_some(operation, "predictions", predictions)
    check_real(operation, "predictions", predictions)
    check_real(operation, "targets", targets)
    if predictions.dtype.kind != "f":
        predictions = predictions.astype(np.float64)
    y = wide(predictions, operation)
    return y - targets.astype(y.dtype, copy=False), predictions.dtype


def _reduced(
    operation: str, losses: Any, weights: Any, reduction: str, dtype: Any
) -> tuple[Any, Any, float]:
    """The loss; the weights, broadcast; and what the mean divides by."""
    divisor = losses.size
    if weights is not None:
        weights = weights_for(operation, weights, losses.shape, losses.dtype)
        losses = losses * weights
        divisor = divisor_of(operation, weights, reduction)
    if reduction != "none":
        losses = losses.ravel()
    return reduced(losses, reduction, dtype, divisor), weights, divisor


def _divisor(operation: str) -> Any:
    def divisor(predictions: Any, weights: Any, reduction: str) -> float:
        if weights is None:
            return float(predictions.size)
        weights = weights_for(operation, weights, predictions.shape, np.float64)
        return divisor_of(operation, weights, reduction)

    return divisor


def _both(slope: Any, ct: Any, divisor: float, weights: Any, reduction: str, needs: Any) -> Any:
    """Cotangents of predictions and targets."""
    ct = scaled(ct, reduction, divisor)
    if weights is not None:
        slope = slope * weights.astype(slope.dtype, copy=False)
    slope = slope * ct
    return slope if needs[0] else None, -slope if needs[1] else None


def _minus(predictions: Any, targets: Any) -> Any:
    return predictions - targets


SHAPES = (
    tg.sample((3, 2), (3, 2)),
    tg.sample((), (), reduction="sum"),
    tg.sample((3, 2), (3, 2), reduction="none"),
    tg.sample((3, 2), (3, 2), weights=np.array([[0.5, 1.0], [0.0, 2.0], [1.0, 1.0]])),
    tg.sample((3, 2), (3, 2), reduction="none", weights=np.array([[0.5], [0.0], [2.0]])),
)


def _squared(
    ct: Any, difference: Any, divisor: float, weights: Any, reduction: str, needs: Any
) -> Any:
    return _both(difference, 2 * ct, divisor, weights, reduction, needs)


@tg.primitive(
    label="MSE",
    joint=(("predictions", "targets"), _squared),
    weights=None,
    saves={"difference": _minus, "divisor": _divisor("mean_squared_error")},
    samples=SHAPES,
)
def mean_squared_error(
    predictions: Any, targets: Any, *, reduction: str = "mean", weights: Any = None
) -> Any:
    """Mean of (ŷ − y)² over all elements.

    predictions, targets: real, of the same shape; gradients flow to both.
    reduction: "mean", "sum", or "none" for the squares themselves.
    weights: of that shape, with 1 for axes along which they are the same; the mean divides by
        their sum.
    Returns the dtype of the predictions; float64 if they are integers.
    Raises ShapeError if the shapes differ: broadcast, (m,) and (m, 1) would make (m, m).
    """
    operation = "mean_squared_error"
    difference, dtype = _difference(operation, predictions, targets, reduction)
    squares = difference * difference
    loss, weights, divisor = _reduced(operation, squares, weights, reduction, dtype)
    return loss, difference, divisor


def _absolute(
    ct: Any, difference: Any, divisor: float, weights: Any, reduction: str, needs: Any
) -> Any:
    return _both(np.sign(difference), ct, divisor, weights, reduction, needs)


@tg.primitive(
    label="MAE",
    joint=(("predictions", "targets"), _absolute),
    weights=None,
    saves={"difference": _minus, "divisor": _divisor("mean_absolute_error")},
    samples=SHAPES,
)
def mean_absolute_error(
    predictions: Any, targets: Any, *, reduction: str = "mean", weights: Any = None
) -> Any:
    """Mean of |ŷ − y| over all elements; its derivative where they are equal is taken as 0.

    Arguments, result and errors: those of `nn.mean_squared_error`. Its minimum is the median.
    """
    operation = "mean_absolute_error"
    difference, dtype = _difference(operation, predictions, targets, reduction)
    loss, weights, divisor = _reduced(operation, np.abs(difference), weights, reduction, dtype)
    return loss, difference, divisor


def _huber(
    ct: Any, difference: Any, delta: float, divisor: float, weights: Any, reduction: str, needs: Any
) -> Any:
    slope = np.clip(difference, -delta, delta)
    return _both(slope, ct, divisor, weights, reduction, needs)


@tg.primitive(
    joint=(("predictions", "targets"), _huber),
    weights=None,
    saves={"difference": _minus, "divisor": _divisor("huber")},
    samples=(
        *SHAPES,
        tg.sample((3, 2), (3, 2), delta=0.5),
        tg.sample((4,), (4,), 0.25, reduction="none"),
    ),
)
def huber(
    predictions: Any,
    targets: Any,
    delta: float = 1.0,
    *,
    reduction: str = "mean",
    weights: Any = None,
) -> Any:
    """Mean of d² / 2 where |d| ≤ δ, δ (|d| − δ / 2) elsewhere, d = ŷ − y.

    Squared near the target, and linear far from it, where a few wrong targets would rule a square.
    delta: δ, above 0.  Other arguments, result and errors: those of `nn.mean_squared_error`.
    Raises ArgumentError for another delta.  Huber 1964.
    """
    if not 0 < real(delta) < np.inf:
        raise tg.ArgumentError(
            f"huber: delta={delta!r}; it needs the positive size of a difference, from which on "
            "the loss is linear"
        )
    difference, dtype = _difference("huber", predictions, targets, reduction)
    near = np.clip(difference, -delta, delta)
    losses = near * (difference - near / 2)
    loss, weights, divisor = _reduced("huber", losses, weights, reduction, dtype)
    return loss, difference, divisor
