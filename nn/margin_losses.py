"""The hinge loss, of support vector machines."""

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


def _slope(scores: Any, labels: Any, weights: Any, margin: float) -> Any:
    """−y where y s < margin, 0 elsewhere."""
    y = labels.astype(scores.dtype)
    slope = np.where(y * scores < margin, -y, 0)
    if weights is not None:
        slope = slope * weights_for("hinge", weights, scores.shape, scores.dtype)
    return slope


def _divisor(scores: Any, weights: Any, reduction: str) -> float:
    if weights is None:
        return float(scores.size)
    weights = weights_for("hinge", weights, scores.shape, scores.dtype)
    return divisor_of("hinge", weights, reduction)


def _rule(ct: Any, slope: Any, divisor: float, reduction: str) -> Any:
    return slope * scaled(ct, reduction, divisor)


SIGNS = np.array([[1, -1], [-1, 1], [1, 1]])


@tg.primitive(
    scores=_rule,
    labels=None,
    weights=None,
    saves={"slope": _slope, "divisor": _divisor},
    samples=(
        tg.sample((3, 2), SIGNS),
        tg.sample((), np.array(-1.0), reduction="sum"),
        tg.sample((3, 2), SIGNS, margin=0.5, reduction="none"),
        tg.sample((3, 2), SIGNS, weights=np.array([[0.5], [0.0], [2.0]])),
    ),
)
def hinge(
    scores: Any,
    labels: Any,
    *,
    margin: float = 1.0,
    reduction: str = "mean",
    weights: Any = None,
) -> Any:
    """Mean of max(0, margin − y s); its derivative at the corner is taken as 0.

    scores: s, real floating, of any shape.  labels: y, −1 or 1, of exactly that shape.
    reduction: "mean" over all elements, "sum", or "none" for one loss per element.
    weights: of the scores' shape, with 1 for axes along which they are the same; the mean divides
        by their sum.
    Raises ShapeError for labels of another shape, ArgumentError for labels that are not −1 or 1, or
    a margin that is not above 0.  Cortes and Vapnik 1995.
    """
    if not 0 < real(margin) < np.inf:
        raise tg.ArgumentError(f"hinge: margin={margin!r}; it needs a positive number")
    if scores.dtype.kind != "f":
        raise tg.DTypeError(
            f"hinge: scores of dtype {scores.dtype}; they are floating, and the labels come second"
        )
    check_some("hinge", "scores", scores)
    check_reduction("hinge", reduction)
    check_same_shape("hinge", "labels", labels, "scores", scores)
    check_real("hinge", "labels", labels)
    if not (np.abs(labels) == 1).all():
        fix = ""
        if ((labels == 0) | (labels == 1)).all():
            fix = "; 2 * labels - 1 turns 0 and 1 into −1 and 1"
        raise tg.ArgumentError(
            f"hinge: labels from {labels.min()} to {labels.max()}; they need to be −1 or 1{fix}"
        )
    s = wide(scores, "hinge")
    losses = np.maximum(margin - labels.astype(s.dtype) * s, 0)
    divisor = _divisor(s, weights, reduction)
    if weights is not None:
        losses = losses * weights_for("hinge", weights, s.shape, s.dtype)
    if reduction != "none":
        losses = losses.ravel()
    loss = reduced(losses, reduction, scores.dtype, divisor)
    return loss, _slope(s, labels, weights, margin), divisor
