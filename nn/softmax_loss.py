"""Softmax and cross-entropy in one, of logits, which is the numerically stable way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygraph as tg

from .labels import (
    Counting,
    by_example,
    divisor_for,
    from_rows,
    masses,
    own_class,
    probabilities,
)
from .logits import from_logits
from .reduction import check_reduction, check_some, reduced, scaled
from .rows import ones, row_starts, wide

NAME = "softmax_cross_entropy"
SHORT = 32  # rows of fewer classes are transposed for their maximum


def _rule(ct: Any, error: Any, divisor: float, axis: int, reduction: str) -> Any:
    if reduction == "none":
        return np.expand_dims(ct, axis) * error
    return error * scaled(ct, reduction, divisor)


# Every example and every class counts the same


def _plain_error(logits: Any, labels: Any, axis: int) -> Any:
    """ŷ − y, of tensors."""
    if labels.ndim < logits.ndim:
        hot = tg.one_hot(labels, logits.shape[axis], dtype=logits.dtype)
        labels = tg.moveaxis(hot, -1, axis)
    return tg.softmax(logits, axis=axis) - labels


def _plain_rule(ct: Any, error: Any, axis: int, reduction: str) -> Any:
    return _rule(ct, error, error.size // error.shape[axis], axis, reduction)


SOFT = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])


@tg.primitive(
    name=NAME,
    label="softmax CE",
    logits=_plain_rule,
    labels=None,
    saves={"error": _plain_error},
    samples=(
        tg.sample((4, 3), np.array([0, 2, 1, 1])),
        tg.sample((3, 4), np.array([0, 2, 1, 1]), axis=0),
        tg.sample((2, 3, 4), np.array([[0, 2, 1, 1], [1, 1, 0, 2]]), axis=1, reduction="none"),
        tg.sample((2, 3), SOFT, reduction="sum"),
        tg.sample((3,), np.array(1)),
    ),
)
def plain_softmax_cross_entropy(
    logits: Any, labels: Any, *, axis: int = -1, reduction: str = "mean"
) -> Any:
    """−Σⱼ yⱼ log softmax(logits)ⱼ."""
    check_logits(NAME, logits, reduction)
    rows = wide(by_example(NAME, logits, axis), NAME)
    classes = labels.ndim < logits.ndim
    if classes:
        own = own_class(NAME, logits, labels, axis)
    else:
        hot, totals = probabilities(NAME, logits, labels, axis, rows.dtype)
    error = np.subtract(rows, _largest(rows), order="C")
    losses = error.take(own) if classes else _products(error, hot)
    np.exp(error, out=error)
    total = error.dot(ones(error.shape[1], error.dtype))
    error /= total[:, np.newaxis]
    total = np.log(total, out=total)
    if classes:
        error.reshape(-1)[own] -= 1
    else:
        error -= hot
        total *= totals
    losses = np.subtract(total, losses, out=total)
    if reduction == "none":
        losses = losses.reshape(np.delete(logits.shape, axis))
    return reduced(losses, reduction, logits.dtype), from_rows(error, logits.shape, axis)


def _products(shifted: Any, hot: Any) -> Any:
    """Σ y z of each row; where y is 0, also a logit of −∞ counts nothing."""
    if shifted.item(shifted.argmin()) > -math.inf:
        return np.vecdot(shifted, hot)
    return np.vecdot(np.where(hot == 0, 0, shifted), hot)


# With weights


def _error(
    logits: Any,
    labels: Any,
    weights: Any,
    class_weights: Any,
    axis: int,
    label_smoothing: float,
    ignore_index: int | None,
) -> Any:
    """ŷ − y, of each example as often as it counts; of tensors."""
    counting = Counting(label_smoothing, ignore_index, weights, class_weights)
    q, _ = masses(NAME, logits, labels, axis, logits.dtype, counting)
    q = from_rows(q, logits.shape, axis)
    total = q.sum(axis, keepdims=True)
    return tg.softmax(np.where(total == 0, 0, logits), axis=axis) * total - q


def _divisor(
    logits: Any,
    labels: Any,
    weights: Any,
    class_weights: Any,
    axis: int,
    label_smoothing: float,
    ignore_index: int | None,
    reduction: str,
) -> float:
    """What the mean divides by."""
    counting = Counting(label_smoothing, ignore_index, weights, class_weights)
    _, counts = masses(NAME, logits, labels, axis, logits.dtype, counting)
    return divisor_for(NAME, counts, reduction, ignore_index)


WEIGHTS, CLASS_WEIGHTS = np.array([1.0, 0.0, 2.5, 0.5]), np.array([0.5, 2.0, 1.0])


@from_logits("softmax", plain_softmax_cross_entropy, frozenset({"axis", "reduction"}))
@tg.primitive(
    label="softmax CE",
    logits=_rule,
    labels=None,
    weights=None,
    class_weights=None,
    saves={"error": _error, "divisor": _divisor},
    samples=(
        tg.sample((2, 3), SOFT, label_smoothing=0.25),
        tg.sample((4, 3), np.array([0, -1, 1, 1]), ignore_index=-1),
        tg.sample((3, 4), np.array([0, 2, 1, 1]), axis=0, ignore_index=1, reduction="none"),
        tg.sample((4, 3), np.array([0, 2, 1, 1]), weights=WEIGHTS, class_weights=CLASS_WEIGHTS),
        tg.sample((2, 3), SOFT, class_weights=CLASS_WEIGHTS, reduction="sum"),
        tg.sample((3,), np.array(1), class_weights=CLASS_WEIGHTS, label_smoothing=0.1),
    ),
)
def softmax_cross_entropy(
    logits: Any,
    labels: Any,
    *,
    axis: int = -1,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    weights: Any = None,
    class_weights: Any = None,
) -> Any:
    """Mean of −Σⱼ yⱼ log ŷⱼ with ŷ = softmax(logits), in nats; its gradient is (ŷ − y) / m.

    logits: real floating, classes along `axis`: (m, classes), or (classes, m) with axis=0.
    labels: classes 0, 1, … as integers, of the logits' shape without that axis; or one-hot or
        probabilities, of the logits' shape.
    reduction: "mean" over the examples, "sum", or "none" for one loss per example.
    label_smoothing: ε in [0, 1); y becomes (1 − ε) y + ε / classes (Szegedy et al. 2016).
    ignore_index: an integer label, in range or not, of examples that do not count at all.
    weights: one for each example, of the shape of integer labels.
    class_weights: (classes,), 0 or more; cⱼ stands before each −yⱼ log ŷⱼ.
        With either, the mean divides by the sum of the weights, Σᵢ wᵢ Σⱼ cⱼ yᵢⱼ.
    Returns: () with the dtype of the logits; with "none" the shape without the axis.
    Raises ShapeError if the shapes do not fit, DTypeError for logits that are not floating or class
    labels that are not integers, IndexingError for a label that is not a class, ArgumentError for
    probabilities that do not add up to 1, or logits that softmax has already been applied to,
    WeightsError for a mean where all examples are ignored or the weights add up to nothing.
    Warns with LogitsWarning where logits look like probabilities.
    Stable: the maximum is subtracted first (Goodfellow et al. 2016, section 4.1).
    """
    check_logits(NAME, logits, reduction)
    rows = wide(by_example(NAME, logits, axis), NAME)
    counting = Counting(label_smoothing, ignore_index, weights, class_weights)
    q, counts = masses(NAME, logits, labels, axis, rows.dtype, counting)
    divisor = divisor_for(NAME, counts, reduction, ignore_index)
    losses, error = _weighted(rows, q)
    if reduction == "none":
        losses = losses.reshape(np.delete(logits.shape, axis))
    loss = reduced(losses, reduction, logits.dtype, divisor)
    return loss, from_rows(error, logits.shape, axis), divisor


def _weighted(rows: Any, q: Any) -> tuple[Any, Any]:
    """The losses −Σ q log ŷ, and their derivatives (Σ q) ŷ − q."""
    total = q.dot(ones(q.shape[1], q.dtype))
    # An example without any weight counts nothing, whatever its logits are.
    rows = np.where((total == 0)[:, np.newaxis], 0, rows)
    error = rows - _largest(rows)
    losses = _products(error, q)
    np.exp(error, out=error)
    sums = error.dot(ones(q.shape[1], error.dtype))
    error *= (total / sums)[:, np.newaxis]
    error -= q
    return total * np.log(sums) - losses, error


def _largest(rows: Any) -> Any:
    """The maximum of each row, as a column."""
    m, n = rows.shape
    if n < SHORT:
        # For short rows the maximum of rows is slow, that of columns is not.
        return np.maximum.reduce(np.ascontiguousarray(rows.T), axis=0)[:, np.newaxis]
    # Where it stands is found four times as fast as what it is. NaN is found too.
    return rows.take(row_starts(m, n) + rows.argmax(1))[:, np.newaxis]


def check_logits(operation: str, logits: Any, reduction: str) -> None:
    """Raise unless these are floating, and there are some."""
    if logits.dtype.kind != "f":
        raise tg.DTypeError(
            f"{operation}: logits of dtype {logits.dtype}; they are real scores, "
            "so pass floating ones, and the labels second"
        )
    if not logits.size:
        check_some(operation, "logits", logits)
    if reduction != "mean":
        check_reduction(operation, reduction)
