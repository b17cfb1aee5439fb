"""Sigmoid and cross-entropy in one, of logits, which is the numerically stable way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygraph as tg

from .logits import from_logits
from .reduction import check_real, check_same_shape, divisor_of, reduced, scaled, weights_for
from .rows import wide, zero_for
from .softmax_loss import check_logits

NAME = "sigmoid_cross_entropy"


LABELS = np.array([[0.0, 1.0], [0.25, 1.0], [1.0, 0.0]])


# Every element counts the same


def _plain_error(logits: Any, labels: Any) -> Any:
    """ŷ − y, of tensors."""
    return tg.sigmoid(logits) - labels


def _plain_rule(ct: Any, error: Any, reduction: str) -> Any:
    # In this order: a NumPy scalar on the left of an array takes twice as long.
    return error * scaled(ct, reduction, error.size)


@tg.primitive(
    name=NAME,
    label="sigmoid CE",
    logits=_plain_rule,
    labels=None,
    saves={"error": _plain_error},
    samples=(
        tg.sample((4,), np.array([0, 1, 1, 0])),
        tg.sample((3, 2), LABELS, reduction="none"),
        tg.sample((), np.array(1.0), reduction="sum"),
    ),
)
def plain_sigmoid_cross_entropy(logits: Any, labels: Any, *, reduction: str = "mean") -> Any:
    """−(y log σ(z) + (1 − y) log(1 − σ(z)))."""
    shape, dtype = logits.shape, logits.dtype
    z, labels = _flat(logits, labels, reduction)
    zero = zero_for(z)
    negative, losses = np.minimum(z, zero), np.maximum(z, zero)
    small = negative - losses  # −|z|
    if small.item(small.argmin()) > -math.inf:
        losses -= z * labels
    else:  # or NaN
        losses = _endless(z, labels, losses)
    np.exp(small, small)
    np.log1p(small, small)
    losses += small
    error = np.subtract(negative, small, negative)  # log ŷ
    np.exp(error, error)
    error -= labels
    if reduction == "none":
        losses = losses.reshape(shape)
    return reduced(losses, reduction, dtype), error.reshape(shape)


def _endless(z: Any, labels: Any, positive: Any) -> Any:
    """max(z, 0) − z y where some z are infinite: what it tends to."""
    far = np.isinf(z)
    losses = positive - np.where(far, 0, z) * labels
    losses[far] = np.where(labels[far] == (z[far] > 0), 0, np.inf)
    return losses


def _flat(logits: Any, labels: Any, reduction: str) -> tuple[Any, Any]:
    """Both as arrays of one axis and one dtype, checked."""
    check_logits(NAME, logits, reduction)
    if labels.shape != logits.shape:
        check_same_shape(NAME, "labels", labels, "logits", logits)
    z, labels = wide(logits, NAME).ravel(), labels.ravel()
    check_binary(NAME, labels)
    return z, labels if labels.dtype == z.dtype else labels.astype(z.dtype)


# With weights


def _error(logits: Any, labels: Any, pos_weight: Any, weights: Any) -> Any:
    """ŷ − y, of each element as often as it counts; of tensors."""
    ones, zeros = masses(NAME, logits.shape, logits.dtype, labels, pos_weight, weights)
    total = ones + zeros
    return total * tg.sigmoid(np.where(total == 0, 0, logits)) - ones


def _divisor(logits: Any, weights: Any, reduction: str) -> float:
    """What the mean divides by."""
    if weights is None:
        return float(logits.size)
    weights = weights_for(NAME, weights, logits.shape, logits.dtype)
    return divisor_of(NAME, weights, reduction)


def _rule(ct: Any, error: Any, divisor: float, reduction: str) -> Any:
    return error * scaled(ct, reduction, divisor)


@from_logits("sigmoid", plain_sigmoid_cross_entropy, frozenset({"reduction"}))
@tg.primitive(
    label="sigmoid CE",
    logits=_rule,
    labels=None,
    pos_weight=None,
    weights=None,
    saves={"error": _error, "divisor": _divisor},
    samples=(
        tg.sample((3, 2), LABELS, pos_weight=np.array([3.0, 0.5])),
        tg.sample((3, 2), LABELS, weights=np.array([[1.0], [0.0], [2.5]])),
        tg.sample((4,), np.array([0, 1, 1, 0]), pos_weight=np.array(2.0), reduction="none",
                  weights=np.array([0.5, 1.0, 0.0, 2.0])),
    ),
)  # fmt: skip
def sigmoid_cross_entropy(
    logits: Any,
    labels: Any,
    *,
    reduction: str = "mean",
    pos_weight: Any = None,
    weights: Any = None,
) -> Any:
    """Mean of −(y log ŷ + (1 − y) log(1 − ŷ)), ŷ = σ(logits), in nats; its gradient is (ŷ − y) / m.

    logits: real floating, of any shape.  labels: 0, 1 or probabilities, of exactly that shape.
    reduction: "mean" over all elements, "sum", or "none" for one loss per element.
    pos_weight: stands before y log ŷ, for positive examples that are rare; a number, or one for
        each place of the last axis.
    weights: of the logits' shape, with 1 for axes along which they are the same; the mean divides
        by their sum.
    Returns: () with the dtype of the logits; with "none" their shape.
    Raises ShapeError for labels of another shape, DTypeError for logits that are not floating,
    ArgumentError for labels outside [0, 1], or logits that sigmoid has already been applied to.
    Stable: computed as max(z, 0) − z y + log(1 + e^−|z|). At z = ±∞ the loss is 0 where the label
    is that certain one, and ∞ where it is not; the gradient is finite.
    """
    shape = logits.shape
    z, labels = _flat(logits, labels, reduction)
    ones, zeros = masses(NAME, shape, z.dtype, labels.reshape(shape), pos_weight, weights)
    losses, error = _weighted(z, ones.ravel(), zeros.ravel())
    divisor = _divisor(logits, weights, reduction)
    if reduction == "none":
        losses = losses.reshape(shape)
    return reduced(losses, reduction, logits.dtype, divisor), error.reshape(shape), divisor


def _parts(z: Any) -> tuple[Any, Any, Any]:
    """min(z, 0), max(z, 0) and log(1 + e^−|z|)."""
    zero = zero_for(z)
    negative, positive = np.minimum(z, zero), np.maximum(z, zero)
    small = negative - positive
    np.exp(small, small)
    np.log1p(small, small)
    return negative, positive, small


def _weighted(z: Any, ones: Any, zeros: Any) -> tuple[Any, Any]:
    """The losses of these masses, and their derivatives; without mass, nothing counts."""
    negative, positive, small = _parts(np.where(ones + zeros == 0, 0, z))
    losses = np.where(ones == 0, 0, small - negative)
    losses *= ones
    others = np.where(zeros == 0, 0, positive + small)
    others *= zeros
    losses += others
    return losses, zeros * np.exp(negative - small) - ones * np.exp(-positive - small)


def masses(
    operation: str, shape: tuple[int, ...], dtype: Any, labels: Any, pos_weight: Any, weights: Any
) -> tuple[Any, Any]:
    """What stands before −log ŷ and −log(1 − ŷ)."""
    labels = labels.astype(dtype, copy=False)
    ones, zeros = labels, 1 - labels
    if pos_weight is not None:
        check_real(operation, "pos_weight", pos_weight)
        if pos_weight.shape not in ((), shape[-1:]):
            raise tg.ShapeError(
                f"{operation}: pos_weight of shape {pos_weight.shape} for predictions of shape "
                f"{shape}; it needs to be a number, or of shape {shape[-1:]}. Weights of examples "
                "are weights="
            )
        if not pos_weight.min() >= 0:
            raise tg.ArgumentError(f"{operation}: pos_weight={pos_weight}; it needs 0 or more")
        ones = ones * pos_weight.astype(dtype)
    if weights is not None:
        weights = weights_for(operation, weights, shape, dtype)
        ones, zeros = ones * weights, zeros * weights
    return np.asarray(ones), np.asarray(zeros)


def check_binary(operation: str, labels: Any) -> None:
    """Raise ArgumentError for labels that are not in [0, 1], DTypeError for complex ones."""
    if labels.dtype.kind not in "biuf":
        check_real(operation, "labels", labels)
    # By argmin and argmax, which are faster than min and max; also NaN is found that way.
    if not (labels.item(labels.argmin()) >= 0 and labels.item(labels.argmax()) <= 1):
        raise tg.ArgumentError(
            f"{operation}: labels from {labels.min()} to {labels.max()}; they are probabilities in "
            "[0, 1]. (labels + 1) / 2 turns −1 and 1 into 0 and 1; for classes 0, 1, 2, … there is "
            "softmax_cross_entropy"
        )
