"""Losses. The cross-entropies take logits, which is the numerically stable way."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

import tinygraph as tg

from .module import Module
from .rows import as_rows, ones, row_starts, wide, zero_for

SHORT = 32  # rows of fewer classes are transposed for their maximum
DOUBLE = np.dtype(np.float64)
FEW = 1 << 12  # numbers that are added up in their own precision
TOLERANCE = 1e-4  # by how much the probabilities of an example may miss 1

P = ParamSpec("P")
T = TypeVar("T")


def from_logits(activation: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Make a loss refuse what is easily taken for logits, and logits for labels.

    activation: the loss's own first step, whose results are no longer logits.
    """

    def decorate(loss: Callable[P, T]) -> Callable[P, T]:
        run: Callable[..., T] = loss

        @functools.wraps(loss)
        def checked(logits: Any, labels: Any, **settings: Any) -> T:
            if type(logits) is tg.Tensor:
                node = logits.node
                if node is not None and node.pullback is not None:
                    name = node.pullback.primitive.name
                    if name == "activated_dense":
                        name = node.params[0]  # its activation
                    if name == activation:
                        _refuse_activated(loss.__name__, logits, activation)
            elif isinstance(logits, Module):
                raise tg.ArgumentError(
                    f"{loss.__name__}: the module {type(logits).__name__} came as logits; pass "
                    "what it returns, model(x)"
                )
            if type(labels) is tg.Tensor and labels.node is not None and tg.is_grad_enabled():
                raise tg.NotDifferentiable(
                    f"{loss.__name__}: {labels.described()}, which requires grad, came as labels, "
                    "for which there is no gradient; the order is (logits, labels), and labels "
                    "that were computed need .detach()"
                )
            return run(logits, labels, **settings)

        return cast("Callable[P, T]", checked)

    return decorate


def _refuse_activated(operation: str, logits: tg.Tensor, activation: str) -> None:
    raise tg.ArgumentError(
        f"{operation}: {logits.described()} came, and the loss would apply {activation} a second "
        f"time; pass the logits, the values before {activation}"
    )


# Softmax cross-entropy


def _softmax_error(logits: Any, labels: Any, axis: int) -> Any:
    """ŷ − y."""
    if labels.ndim < logits.ndim:
        hot = tg.one_hot(labels, logits.shape[axis], dtype=logits.dtype)
        labels = tg.moveaxis(hot, -1, axis)
    return tg.softmax(logits, axis=axis) - labels


def _softmax_rule(ct: Any, error: Any, axis: int, reduction: str) -> Any:
    if reduction == "none":
        return np.expand_dims(ct, axis) * error
    if reduction == "mean":
        ct = ct / (error.size // error.shape[axis])
    return error * ct


@from_logits("softmax")
@tg.primitive(
    label="softmax CE",
    logits=_softmax_rule,
    labels=None,
    saves={"error": _softmax_error},
    samples=(
        tg.sample((4, 3), np.array([0, 2, 1, 1])),
        tg.sample((3, 4), np.array([0, 2, 1, 1]), axis=0),
        tg.sample((2, 3, 4), np.array([[0, 2, 1, 1], [1, 1, 0, 2]]), axis=1, reduction="none"),
        tg.sample((2, 3), np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]), reduction="sum"),
        tg.sample((3,), np.array(1)),
    ),
)
def softmax_cross_entropy(
    logits: Any, labels: Any, *, axis: int = -1, reduction: str = "mean"
) -> Any:
    """Mean of −Σⱼ yⱼ log ŷⱼ with ŷ = softmax(logits), in nats; its gradient is (ŷ − y) / m.

    logits: real floating, classes along `axis`: (m, classes), or (classes, m) with axis=0.
    labels: classes 0, 1, … as integers, of the logits' shape without that axis; or one-hot or
        probabilities, of the logits' shape.
    reduction: "mean" over the examples, "sum", or "none" for one loss per example.
    Returns: () with the dtype of the logits; with "none" the shape without the axis.
    Raises ShapeError if the shapes do not fit, DTypeError for logits that are not floating or class
    labels that are not integers, IndexingError for a label that is not a class, ArgumentError for
    probabilities that do not add up to 1, or logits that softmax has already been applied to.
    Stable: the maximum is subtracted first (Goodfellow et al. 2016, section 4.1).
    """
    _check_logits("softmax_cross_entropy", logits, reduction)
    rows = wide(_by_example(logits, axis), "softmax_cross_entropy")
    m, n = rows.shape
    classes = labels.ndim < logits.ndim
    if classes:
        own = _own_class(logits, labels, axis, m, n)
    else:
        hot, totals = _probabilities(logits, labels, axis, rows.dtype)
    error = np.subtract(rows, _largest(rows), order="C")
    losses = error.take(own) if classes else np.vecdot(error, hot)
    np.exp(error, out=error)
    total = error.dot(ones(n, error.dtype))
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
    return _reduced(losses, reduction, logits.dtype), _from_rows(error, logits.shape, axis)


def _by_example(x: Any, axis: int) -> Any:
    """The array as (examples, classes)."""
    if x.ndim == 2 and (axis == -1 or axis == 1):
        return x
    if not x.ndim:
        raise tg.ShapeError(
            "softmax_cross_entropy: logits of shape () have no classes; they need an axis"
        )
    return as_rows(np.moveaxis(x, axis, -1))


def _from_rows(rows: Any, shape: tuple[int, ...], axis: int) -> Any:
    """The inverse of `_by_example`."""
    if len(shape) == 2 and (axis == -1 or axis == 1):
        return rows
    axis %= len(shape)
    return np.moveaxis(rows.reshape((*shape[:axis], *shape[axis + 1 :], shape[axis])), -1, axis)


def _largest(rows: Any) -> Any:
    """The maximum of each row, as a column."""
    m, n = rows.shape
    if n < SHORT:
        # For short rows the maximum of rows is slow, that of columns is not.
        return np.maximum.reduce(np.ascontiguousarray(rows.T), axis=0)[:, np.newaxis]
    # Where it stands is found four times as fast as what it is. NaN is found too.
    return rows.take(row_starts(m, n) + rows.argmax(1))[:, np.newaxis]


def _own_class(logits: Any, labels: Any, axis: int, m: int, n: int) -> Any:
    """Where each example's own class stands in the flattened (m, n); the labels are checked."""
    operation = "softmax_cross_entropy"
    if labels.shape != (m,) or logits.ndim != 2 or n < 2:
        _check_shapes(logits, labels, axis)
    if labels.dtype.kind not in "iu":
        raise tg.DTypeError(
            f"{operation}: class labels of dtype {labels.dtype}; classes are integers, so pass "
            "labels.astype(int)"
        )
    labels = labels.astype(np.intp, copy=False).reshape(-1)
    positive = labels.view(np.uintp)  # negative ones become huge
    if positive.item(positive.argmax()) >= n:  # argmax is faster than max
        wrong = next(label for label in labels if not 0 <= label < n)
        begun_at_1 = labels.min() == 1 and labels.max() == n
        raise tg.IndexingError(
            f"{operation}: label {wrong} among logits for {n} classes; "
            f"labels are 0 … {n - 1}{', so subtract 1' if begun_at_1 else ''}"
        )
    return row_starts(m, n) + labels


def _probabilities(logits: Any, labels: Any, axis: int, dtype: Any) -> tuple[Any, Any]:
    """The labels as (examples, classes) of this dtype, and the sum of each row; checked."""
    if labels.shape != logits.shape or logits.shape[axis] < 2:
        _check_shapes(logits, labels, axis)
    if labels.dtype.kind not in "biuf":
        raise tg.DTypeError(
            f"softmax_cross_entropy: labels of dtype {labels.dtype}; probabilities are real numbers"
        )
    hot = _by_example(labels, axis).astype(dtype, copy=False)
    totals = hot.dot(ones(hot.shape[1], dtype))
    off = totals - 1
    # Most often this is enough to know; it is never so where the check would fail.
    if not (off.dot(off) <= TOLERANCE**2 and hot.item(hot.argmin()) >= 0):
        _check_probabilities(labels, axis)
    return hot, totals


def _check_shapes(logits: Any, labels: Any, axis: int) -> None:
    """Raise unless the labels have a shape for these logits, and there are classes."""
    operation = "softmax_cross_entropy"
    axis = np.lib.array_utils.normalize_axis_index(axis, logits.ndim)
    classes = logits.shape[axis]
    examples = logits.shape[:axis] + logits.shape[axis + 1 :]
    if classes < 2:
        raise tg.ShapeError(
            f"{operation}: logits of shape {logits.shape} have {classes} class along axis {axis}; "
            "softmax needs two or more, and for one unit there is sigmoid_cross_entropy"
        )
    if labels.shape not in (logits.shape, examples):
        raise tg.ShapeError(
            f"{operation}: labels of shape {labels.shape} for logits of shape {logits.shape}; they "
            f"need shape {examples} as classes, or {logits.shape} as probabilities"
            f"{_shape_fix(labels.shape, logits.shape, examples)}"
        )


def _check_probabilities(labels: Any, axis: int) -> None:
    totals = labels.sum(axis, dtype=np.float64)
    off = np.abs(totals - 1).max(initial=0)
    negative = labels.min(initial=0) < 0
    # Half precision rounds each of many probabilities by up to 5e-4 of its size.
    if negative or not off <= (1e-2 if labels.dtype == np.float16 else TOLERANCE):
        came = "a negative one" if negative else f"a sum of {np.ravel(totals)[_worst(totals)]:g}"
        raise tg.ArgumentError(
            "softmax_cross_entropy: labels of the logits' shape are probabilities, which add up to "
            f"1 along axis {axis}, and {came} came; for several labels per example there is "
            "sigmoid_cross_entropy, for classes along another axis axis="
        )


def _worst(totals: Any) -> int:
    return int(np.argmax(np.abs(np.ravel(totals) - 1)))


def _shape_fix(labels: Any, logits: Any, examples: Any) -> str:
    """What turns labels of a wrong shape into right ones, if that can be guessed."""
    if len(labels) == len(logits) and sorted(labels) == sorted(logits):
        return "; transpose one of them, or name the axis of the classes with axis="
    if np.prod(labels) == np.prod(examples):
        return f"; labels.reshape({examples}) makes them classes"
    return ""


# Sigmoid cross-entropy


def _sigmoid_error(logits: Any, labels: Any) -> Any:
    """ŷ − y."""
    return tg.sigmoid(logits) - labels


def _sigmoid_rule(ct: Any, error: Any, reduction: str) -> Any:
    # In this order: a NumPy scalar on the left of an array takes twice as long.
    return error * (ct / error.size) if reduction == "mean" else error * ct


@from_logits("sigmoid")
@tg.primitive(
    label="sigmoid CE",
    logits=_sigmoid_rule,
    labels=None,
    saves={"error": _sigmoid_error},
    samples=(
        tg.sample((4,), np.array([0, 1, 1, 0])),
        tg.sample((3, 2), np.array([[0.0, 1.0], [0.25, 1.0], [1.0, 0.0]]), reduction="none"),
        tg.sample((), np.array(1.0), reduction="sum"),
    ),
)
def sigmoid_cross_entropy(logits: Any, labels: Any, *, reduction: str = "mean") -> Any:
    """Mean of −(y log ŷ + (1 − y) log(1 − ŷ)), ŷ = σ(logits), in nats; its gradient is (ŷ − y) / m.

    logits: real floating, of any shape.  labels: 0, 1 or probabilities, of exactly that shape.
    reduction: "mean" over all elements, "sum", or "none" for one loss per element.
    Returns: () with the dtype of the logits; with "none" their shape.
    Raises ShapeError for labels of another shape, DTypeError for logits that are not floating,
    ArgumentError for labels outside [0, 1], or logits that sigmoid has already been applied to.
    Stable: computed as max(z, 0) − z y + log(1 + e^−|z|).
    """
    operation = "sigmoid_cross_entropy"
    shape, dtype = logits.shape, logits.dtype
    _check_logits(operation, logits, reduction)
    if labels.shape != shape:
        _check_same_shape(operation, "labels", labels, "logits", logits)
    if labels.dtype.kind not in "biuf":
        raise tg.DTypeError(f"{operation}: labels of dtype {labels.dtype}; they are real numbers")
    z, labels = wide(logits, operation).ravel(), labels.ravel()
    # By argmin and argmax, which are faster than min and max; also NaN is found that way.
    if not (labels.item(labels.argmin()) >= 0 and labels.item(labels.argmax()) <= 1):
        raise tg.ArgumentError(
            f"{operation}: labels from {labels.min()} to {labels.max()}; they are probabilities in "
            "[0, 1]. (labels + 1) / 2 turns −1 and 1 into 0 and 1; for classes 0, 1, 2, … there is "
            "softmax_cross_entropy"
        )
    if labels.dtype != z.dtype:
        labels = labels.astype(z.dtype)
    negative = np.minimum(z, zero_for(z))
    losses = z - negative  # max(z, 0)
    small = negative - losses  # −|z|
    np.exp(small, small)
    np.log1p(small, small)
    losses -= z * labels
    losses += small
    error = np.subtract(negative, small, negative)  # log ŷ
    np.exp(error, error)
    error -= labels
    if reduction == "none":
        losses = losses.reshape(shape)
    return _reduced(losses, reduction, dtype), error.reshape(shape)


# Squared error


def mean_squared_error(predictions: Any, targets: Any, *, reduction: str = "mean") -> tg.Tensor:
    """Mean of (ŷ − y)² over all elements.

    predictions, targets: real, of the same shape; gradients flow to both.
    reduction: "mean", "sum", or "none" for the squares themselves.
    Raises ShapeError if the shapes differ: broadcast, (m,) and (m, 1) would make (m, m).
    """
    operation = "mean_squared_error"
    _check_reduction(operation, reduction)
    predictions, targets = _with_shape(predictions), _with_shape(targets)
    _check_same_shape(operation, "targets", targets, "predictions", predictions)
    difference = tg.subtract(predictions, targets)
    squares = difference * difference
    if reduction == "none":
        return squares
    return tg.sum(squares) if reduction == "sum" else tg.mean(squares)


def _with_shape(x: Any) -> Any:
    return x if isinstance(x, (tg.Tensor, np.ndarray)) else tg.tensor(x)


def _check_logits(operation: str, logits: Any, reduction: str) -> None:
    if logits.dtype.kind != "f":
        raise tg.DTypeError(
            f"{operation}: logits of dtype {logits.dtype}; they are real scores, "
            "so pass floating ones, and the labels second"
        )
    if not logits.size:
        raise tg.ShapeError(
            f"{operation}: logits of shape {logits.shape}; the mean needs an example"
        )
    if reduction != "mean":
        _check_reduction(operation, reduction)


def _check_reduction(operation: str, reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise tg.ArgumentError(
            f"{operation}: reduction={reduction!r}; it needs 'mean', 'sum' or 'none'"
        )


def _check_same_shape(operation: str, name: str, x: Any, other_name: str, other: Any) -> None:
    """Raise ShapeError rather than broadcast."""
    if x.shape != other.shape:
        fix = ""
        if x.size == other.size:
            fix = f"; {name}.reshape({other.shape}) has that shape"
        raise tg.ShapeError(
            f"{operation}: {name} of shape {x.shape} for {other_name} of shape {other.shape}; "
            f"they need the same shape{fix}"
        )


def _reduced(losses: Any, reduction: str, dtype: np.dtype[Any]) -> Any:
    if reduction == "none":
        return losses.astype(dtype, copy=False)[()]
    # Many in double precision, in which nothing drifts.
    precision = losses.dtype if losses.size <= FEW else DOUBLE
    total = ones(losses.size, precision).dot(losses)
    if reduction == "mean":
        total /= losses.size
    return total if total.dtype == dtype else dtype.type(total)
