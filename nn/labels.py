"""Labels of classes: integers, one-hot, or probabilities; checked, and as rows of numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import tinygraph as tg

from .reduction import check_real, divisor_of
from .rows import as_rows, ones, row_starts
from .validation import index, real

TOLERANCE = 1e-4  # by how much the probabilities of an example may miss 1


def by_example(operation: str, x: Any, axis: int) -> Any:
    """The array as (examples, classes)."""
    if x.ndim == 2 and (axis == -1 or axis == 1):
        return x
    if not x.ndim:
        raise tg.ShapeError(f"{operation}: scores of shape () have no classes; they need an axis")
    return as_rows(np.moveaxis(x, axis, -1))


def from_rows(rows: Any, shape: tuple[int, ...], axis: int) -> Any:
    """The inverse of `by_example`."""
    if len(shape) == 2 and (axis == -1 or axis == 1):
        return rows
    axis %= len(shape)
    return np.moveaxis(rows.reshape((*shape[:axis], *shape[axis + 1 :], shape[axis])), -1, axis)


def own_class(
    operation: str, scores: Any, labels: Any, axis: int, ignored: int | None = None
) -> Any:
    """Where each example's own class stands in the flattened (m, n); the labels are checked.

    ignored: a label that may be out of range; such examples get class 0.
    """
    n = scores.shape[axis]
    if labels.ndim != 1 or scores.ndim != 2 or n < 2 or len(labels) != scores.size // n:
        check_shapes(operation, scores, labels, axis)
    if labels.dtype.kind not in "iu":
        raise tg.DTypeError(
            f"{operation}: class labels of dtype {labels.dtype}; classes are integers, so pass "
            "labels.astype(int)"
        )
    labels = labels.astype(np.intp, copy=False).reshape(-1)
    if ignored is not None:
        labels = np.where(labels == ignored, 0, labels)
    positive = labels.view(np.uintp)  # negative ones become huge
    if positive.item(positive.argmax()) >= n:  # argmax is faster than max
        _refuse_class(operation, labels, n, ignored)
    return row_starts(labels.size, n) + labels


def _refuse_class(operation: str, labels: Any, n: int, ignored: int | None) -> None:
    wrong = next(label for label in labels if not 0 <= label < n)
    fix = ""
    if labels.min() == 1 and labels.max() == n:
        fix = ", so subtract 1"
    elif wrong < 0 and ignored is None:
        fix = f", and ignore_index={wrong} leaves such examples out"
    raise tg.IndexingError(
        f"{operation}: label {wrong} among scores for {n} classes; labels are 0 … {n - 1}{fix}"
    )


def probabilities(
    operation: str, scores: Any, labels: Any, axis: int, dtype: Any
) -> tuple[Any, Any]:
    """The labels as (examples, classes) of this dtype, and the sum of each row; checked."""
    if labels.shape != scores.shape or scores.shape[axis] < 2:
        check_shapes(operation, scores, labels, axis)
    check_real(operation, "labels", labels)
    hot = by_example(operation, labels, axis).astype(dtype, copy=False)
    totals = hot.dot(ones(hot.shape[1], dtype))
    off = totals - 1
    # Most often this is enough to know; it is never so where the check would fail.
    if not (off.dot(off) <= TOLERANCE**2 and hot.item(hot.argmin()) >= 0):
        check_probabilities(
            operation, "labels of the logits' shape", labels, axis,
            "for several labels per example there is sigmoid_cross_entropy",
        )  # fmt: skip
    return hot, totals


def check_probabilities(operation: str, what: str, x: Any, axis: int, instead: str) -> None:
    """Raise ArgumentError unless these are probabilities along the axis."""
    totals = x.sum(axis, dtype=np.float64)
    off = np.abs(totals - 1).max(initial=0)
    negative = x.min(initial=0) < 0
    # Half precision rounds each of many probabilities by up to 5e-4 of its size.
    if negative or not off <= (1e-2 if x.dtype == np.float16 else TOLERANCE):
        came = "a negative one" if negative else f"a sum of {np.ravel(totals)[_worst(totals)]:g}"
        raise tg.ArgumentError(
            f"{operation}: {what} are probabilities, which add up to 1 along axis {axis}, and "
            f"{came} came; {instead}, for classes along another axis axis="
        )


def _worst(totals: Any) -> int:
    return int(np.argmax(np.abs(np.ravel(totals) - 1)))


def check_shapes(operation: str, scores: Any, labels: Any, axis: int) -> None:
    """Raise unless the labels have a shape for these scores, and there are classes."""
    axis = np.lib.array_utils.normalize_axis_index(axis, scores.ndim)
    classes = scores.shape[axis]
    examples = scores.shape[:axis] + scores.shape[axis + 1 :]
    if classes < 2:
        raise tg.ShapeError(
            f"{operation}: scores of shape {scores.shape} have {classes} class along axis {axis}; "
            "there need to be two or more, and for one unit there is sigmoid_cross_entropy"
        )
    if labels.shape not in (scores.shape, examples):
        raise tg.ShapeError(
            f"{operation}: labels of shape {labels.shape} for scores of shape {scores.shape}; they "
            f"need shape {examples} as classes, or {scores.shape} as probabilities"
            f"{_shape_fix(labels.shape, scores.shape, examples)}"
        )


def _shape_fix(labels: Any, scores: Any, examples: Any) -> str:
    """What turns labels of a wrong shape into right ones, if that can be guessed."""
    if len(labels) == len(scores) and sorted(labels) == sorted(scores):
        return "; transpose one of them, or name the axis of the classes with axis="
    if np.prod(labels) == np.prod(examples):
        return f"; labels.reshape({examples}) makes them classes"
    return ""


class Counting(NamedTuple):
    """How much each example and each class counts."""

    label_smoothing: Any = 0
    ignore_index: Any = None
    weights: Any = None
    class_weights: Any = None


def masses(
    operation: str, scores: Any, labels: Any, axis: int, dtype: Any, counting: Counting
) -> tuple[Any, Any]:
    """What stands before −log ŷ in the losses, (examples, classes), and what each example counts.

    Of example i and class j: wᵢ cⱼ ((1 − ε) yᵢⱼ + ε / n), 0 for an ignored example, which counts
    wᵢ Σⱼ cⱼ yᵢⱼ.
    """
    smoothing, ignored, weights, class_weights = counting
    if not 0 <= real(smoothing) < 1:
        raise tg.ArgumentError(
            f"{operation}: label_smoothing={smoothing!r}; it needs the part of each label "
            "that is spread over all classes, in [0, 1)"
        )
    if ignored is not None:
        ignored = index(operation, "ignore_index", ignored)
    if labels.ndim < scores.ndim:
        own = own_class(operation, scores, labels, axis, ignored)
        y = np.zeros((labels.size, scores.shape[axis]), dtype)
        y.reshape(-1)[own] = 1
    elif ignored is not None:
        raise tg.ArgumentError(
            f"{operation}: ignore_index={ignored} beside labels of shape {labels.shape}, "
            "which are probabilities; weights= of 0 leave examples out"
        )
    else:
        y = probabilities(operation, scores, labels, axis, dtype)[0]
    factors = np.ones(len(y), dtype)
    if ignored is not None:
        factors[labels.reshape(-1) == ignored] = 0
    if weights is not None:
        factors *= _of_examples(operation, weights, scores.shape, axis, dtype)
    counts = factors
    q = y * (1 - smoothing) + smoothing / y.shape[1]
    if class_weights is not None:
        check_class_weights(operation, class_weights, y.shape[1])
        class_weights = class_weights.astype(dtype)
        q *= class_weights
        counts = factors * y.dot(class_weights)
    q *= factors[:, np.newaxis]
    return q, counts


def divisor_for(operation: str, counts: Any, reduction: str, ignored: Any) -> float:
    """What the mean over examples divides by: the sum of what they count."""
    if reduction == "mean" and ignored is not None and not counts.any():
        raise tg.WeightsError(
            f"{operation}: every label is ignore_index={ignored}, or has weight 0; the mean "
            "needs an example. reduction='sum' gives 0"
        )
    return divisor_of(operation, counts, reduction)


def check_class_weights(operation: str, class_weights: Any, n: int) -> None:
    """Raise unless there is one weight, of 0 or more, for each class."""
    check_real(operation, "class_weights", class_weights)
    if class_weights.shape != (n,):
        raise tg.ShapeError(
            f"{operation}: class_weights of shape {class_weights.shape} for {n} classes; they need "
            f"shape ({n},). Weights of examples are weights="
        )
    if not class_weights.min() >= 0:
        raise tg.ArgumentError(
            f"{operation}: a class weight of {class_weights.min()}; they are 0 or more"
        )


def _of_examples(
    operation: str, weights: Any, shape: tuple[int, ...], axis: int, dtype: Any
) -> Any:
    check_real(operation, "weights", weights)
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape))
    examples = shape[:axis] + shape[axis + 1 :]
    if weights.shape != examples:
        fix = ""
        if weights.size == np.prod(examples):
            fix = f"; weights.reshape({examples}) has that shape"
        elif weights.shape == (shape[axis],):
            fix = "; weights of classes are class_weights="
        raise tg.ShapeError(
            f"{operation}: weights of shape {weights.shape}; they need {examples}, one per "
            f"example{fix}"
        )
    return weights.astype(dtype).reshape(-1)
