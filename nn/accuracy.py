"""The share of examples that a classifier gets right."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygraph as tg


def accuracy(
    logits_or_probabilities: Any, labels: Any, axis: int = -1, *, threshold: float | None = None
) -> float:
    """Mean of [argmax(logits) = label], a Python float; without gradient.

    logits_or_probabilities: scores of the classes along `axis`: (m, classes), or (classes, m) with
        axis=0.
    labels: classes 0, 1, … as integers, of the scores' shape without that axis; or one-hot or
        probabilities of the scores' shape, of which the largest counts.
    threshold: for labels 0 and 1 with one score each, of the labels' shape: the mean of
        [(score > threshold) = label]; 0 for logits, 0.5 for probabilities.
    Raises ShapeError if the shapes do not fit, or there is no example, DTypeError for labels that
    are no classes.

    >>> nn.accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    scores, labels = _as_array(logits_or_probabilities), _as_array(labels)
    if threshold is not None:
        if scores.shape != labels.shape:
            raise tg.ShapeError(
                f"accuracy: labels of shape {labels.shape} for scores of shape {scores.shape}; "
                "with a threshold they need the same shape"
            )
        right = (scores > threshold) == (labels > 0.5)
    else:
        right = _chosen(scores, labels, axis)
    if not right.size:
        raise tg.ShapeError(f"accuracy: scores of shape {scores.shape} have no examples")
    return int(np.count_nonzero(right)) / int(right.size)


def _chosen(scores: Any, labels: Any, axis: int) -> Any:
    """Whether each example's largest score is its label's."""
    if not scores.ndim:
        raise tg.ShapeError("accuracy: a single score came; it needs an axis of classes")
    axis = np.lib.array_utils.normalize_axis_index(axis, scores.ndim)
    classes = scores.shape[axis]
    examples = scores.shape[:axis] + scores.shape[axis + 1 :]
    one_each = "one score per example needs threshold=0 for logits, threshold=0.5 for probabilities"
    if classes < 2:
        raise tg.ShapeError(
            f"accuracy: scores of shape {scores.shape} have {classes} class along axis {axis}; "
            f"{one_each}"
        )
    if labels.shape == scores.shape:
        if not np.allclose(labels.sum(axis), 1, atol=1e-2):
            raise tg.ShapeError(
                f"accuracy: labels of the scores' shape {scores.shape} are one-hot or "
                f"probabilities, and do not add up to 1 along axis {axis}; {one_each}"
            )
        labels = labels.argmax(axis)
    elif labels.shape != examples:
        fix = ""
        if labels.size == np.prod(examples):
            fix = f"; labels.reshape({examples}) makes them classes"
        raise tg.ShapeError(
            f"accuracy: labels of shape {labels.shape} for scores of shape {scores.shape}; they "
            f"need shape {examples} as classes, or {scores.shape} as one-hot{fix}"
        )
    elif labels.dtype.kind not in "biu":
        raise tg.DTypeError(
            f"accuracy: class labels of dtype {labels.dtype}; classes are integers, so pass "
            "labels.astype(int)"
        )
    return scores.argmax(axis) == labels


def _as_array(x: Any) -> Any:
    return x.detach().numpy() if isinstance(x, tg.Tensor) else np.asarray(x)
