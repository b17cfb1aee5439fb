"""Losses of probabilities: cross-entropies and the Kullback–Leibler divergence.

Nothing is clipped: where what happened had probability 0, the loss is ∞ and NumPy warns of it. The
cross-entropies of logits never get there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygraph as tg

from .labels import (
    Counting,
    by_example,
    check_probabilities,
    divisor_for,
    from_rows,
    masses,
)
from .reduction import (
    check_reduction,
    check_same_shape,
    check_some,
    divisor_of,
    reduced,
    scaled,
    weights_for,
)
from .rows import wide
from .sigmoid_loss import check_binary
from .sigmoid_loss import masses as binary_masses


def _check(operation: str, probabilities: Any, reduction: str) -> None:
    if probabilities.dtype.kind != "f":
        raise tg.DTypeError(
            f"{operation}: probabilities of dtype {probabilities.dtype}; they are floating, and "
            "the labels come second"
        )
    check_some(operation, "probabilities", probabilities)
    check_reduction(operation, reduction)


# Of one class among several


def _slope(
    probabilities: Any,
    labels: Any,
    weights: Any,
    class_weights: Any,
    axis: int,
    label_smoothing: float,
    ignore_index: int | None,
) -> Any:
    """−q / ŷ, and 0 where q is."""
    counting = Counting(label_smoothing, ignore_index, weights, class_weights)
    shape, dtype = probabilities.shape, probabilities.dtype
    q, _ = masses("cross_entropy", probabilities, labels, axis, dtype, counting)
    q = from_rows(q, shape, axis)
    return -q / np.where(q == 0, 1, probabilities)


def _divisor(
    probabilities: Any,
    labels: Any,
    weights: Any,
    class_weights: Any,
    axis: int,
    label_smoothing: float,
    ignore_index: int | None,
    reduction: str,
) -> float:
    counting = Counting(label_smoothing, ignore_index, weights, class_weights)
    _, counts = masses("cross_entropy", probabilities, labels, axis, probabilities.dtype, counting)
    return divisor_for("cross_entropy", counts, reduction, ignore_index)


def _rule(ct: Any, slope: Any, divisor: float, axis: int, reduction: str) -> Any:
    if reduction == "none":
        return np.expand_dims(ct, axis) * slope
    return slope * scaled(ct, reduction, divisor)


SOFT = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])


@tg.primitive(
    name="cross_entropy",
    label="CE",
    probabilities=_rule,
    labels=None,
    weights=None,
    class_weights=None,
    saves={"slope": _slope, "divisor": _divisor},
    domain={"probabilities": (0, 1)},
    samples=(
        tg.sample((4, 3), np.array([0, 2, 1, 1])),
        tg.sample((3, 4), np.array([0, 2, 1, 1]), axis=0, reduction="none"),
        tg.sample((2, 3), SOFT, reduction="sum"),
        tg.sample((3,), np.array(1), label_smoothing=0.1),
        tg.sample((2, 3, 2), np.array([[0, -1], [1, 2]]), axis=1, ignore_index=-1),
        tg.sample((2, 3), SOFT, weights=np.array([0.5, 2.0]),
                  class_weights=np.array([1.0, 0.0, 2.0])),
    ),
)  # fmt: skip
def unchecked_cross_entropy(
    probabilities: Any,
    labels: Any,
    *,
    axis: int = -1,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    weights: Any = None,
    class_weights: Any = None,
) -> Any:
    """−Σⱼ yⱼ log ŷⱼ of any numbers above 0."""
    operation = "cross_entropy"
    rows = wide(by_example(operation, probabilities, axis), operation)
    counting = Counting(label_smoothing, ignore_index, weights, class_weights)
    q, counts = masses(operation, probabilities, labels, axis, rows.dtype, counting)
    divisor = divisor_for(operation, counts, reduction, ignore_index)
    rows = np.where(q == 0, 1, rows)
    losses = -np.vecdot(np.log(rows), q)
    if reduction == "none":
        losses = losses.reshape(np.delete(probabilities.shape, axis))
    loss = reduced(losses, reduction, probabilities.dtype, divisor)
    return loss, from_rows(-q / rows, probabilities.shape, axis), divisor


def cross_entropy(
    probabilities: Any,
    labels: Any,
    *,
    axis: int = -1,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    weights: Any = None,
    class_weights: Any = None,
) -> tg.Tensor:
    """Mean of −Σⱼ yⱼ log ŷⱼ, in nats, of probabilities ŷ.

    probabilities: floating, adding up to 1 along `axis`, as `tg.softmax` returns them.
    labels and settings: those of `nn.softmax_cross_entropy`, which takes logits and should be
        preferred: it is finite where probabilities have been rounded to 0, and faster.
    Where a probability is 0 and its label is not, the loss is ∞, and NumPy warns; where both are,
    they count nothing.
    Raises as `nn.softmax_cross_entropy` does, and ArgumentError for probabilities that do not add
    up to 1, within 1e-4.
    """
    if not isinstance(probabilities, tg.Tensor):
        probabilities = tg.tensor(probabilities)
    _check("cross_entropy", probabilities, reduction)
    if probabilities.ndim and -probabilities.ndim <= axis < probabilities.ndim:
        check_probabilities(
            "cross_entropy", "predictions", probabilities.value, axis,
            "for logits there is softmax_cross_entropy",
        )  # fmt: skip
    return unchecked_cross_entropy(
        probabilities,
        labels,
        axis=axis,
        reduction=reduction,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        weights=weights,
        class_weights=class_weights,
    )


# Of yes or no


def _binary_slope(probabilities: Any, labels: Any, pos_weight: Any, weights: Any) -> Any:
    """(1 − y) / (1 − ŷ) − y / ŷ, and 0 for what has no part in it."""
    shape, dtype = probabilities.shape, probabilities.dtype
    ones, zeros = binary_masses("binary_cross_entropy", shape, dtype, labels, pos_weight, weights)
    return zeros / (1 - np.where(zeros == 0, 0, probabilities)) - ones / np.where(
        ones == 0, 1, probabilities
    )


def _binary_divisor(probabilities: Any, weights: Any, reduction: str) -> float:
    if weights is None:
        return float(probabilities.size)
    operation, shape = "binary_cross_entropy", probabilities.shape
    weights = weights_for(operation, weights, shape, probabilities.dtype)
    return divisor_of(operation, weights, reduction)


def _binary_rule(ct: Any, slope: Any, divisor: float, reduction: str) -> Any:
    return slope * scaled(ct, reduction, divisor)


BINARY = np.array([[0.0, 1.0], [0.25, 1.0], [1.0, 0.0]])


@tg.primitive(
    label="binary CE",
    probabilities=_binary_rule,
    labels=None,
    pos_weight=None,
    weights=None,
    saves={"slope": _binary_slope, "divisor": _binary_divisor},
    domain={"probabilities": (0, 1)},
    samples=(
        tg.sample((4,), np.array([0, 1, 1, 0])),
        tg.sample((3, 2), BINARY, reduction="none"),
        tg.sample((), np.array(1.0), reduction="sum"),
        tg.sample((3, 2), BINARY, pos_weight=np.array([3.0, 0.5]),
                  weights=np.array([[1.0], [0.0], [2.5]])),
    ),
)  # fmt: skip
def binary_cross_entropy(
    probabilities: Any,
    labels: Any,
    *,
    reduction: str = "mean",
    pos_weight: Any = None,
    weights: Any = None,
) -> Any:
    """Mean of −(y log ŷ + (1 − y) log(1 − ŷ)), in nats, of probabilities ŷ.

    probabilities: floating, in [0, 1], as `tg.sigmoid` returns them; of any shape.
    labels and settings: those of `nn.sigmoid_cross_entropy`, which takes logits and should be
        preferred: it is finite where probabilities have been rounded to 0 or 1.
    Where a probability excludes the label, the loss is ∞, and NumPy warns.
    Raises as `nn.sigmoid_cross_entropy` does, and ArgumentError for probabilities outside [0, 1].
    """
    operation = "binary_cross_entropy"
    _check(operation, probabilities, reduction)
    check_same_shape(operation, "labels", labels, "probabilities", probabilities)
    check_binary(operation, labels)
    y = wide(probabilities, operation)
    if not (y.min() >= 0 and y.max() <= 1):
        raise tg.ArgumentError(
            f"{operation}: predictions from {y.min()} to {y.max()}; they are probabilities in "
            "[0, 1], and for logits there is sigmoid_cross_entropy"
        )
    ones, zeros = binary_masses(operation, y.shape, y.dtype, labels, pos_weight, weights)
    no, yes = np.where(zeros == 0, 0, y), np.where(ones == 0, 1, y)
    losses = -ones * np.log(yes) - zeros * np.log1p(-no)
    divisor = _binary_divisor(y, weights, reduction)
    if reduction != "none":
        losses = losses.ravel()
    loss = reduced(losses, reduction, probabilities.dtype, divisor)
    return loss, zeros / (1 - no) - ones / yes, divisor


# Of two distributions


def _kl_divisor(p: Any, weights: Any, axis: int, reduction: str) -> float:
    if weights is None:
        return float(p.size // p.shape[axis])
    return divisor_of("kl_divergence", weights, reduction)


def _kl_rule(
    ct: Any,
    p: Any,
    q: Any,
    divisor: float,
    axis: int,
    log: bool,
    weights: Any,
    reduction: str,
    needs: Any,
) -> Any:
    """Of p and of q: log(p / q) + 1 and −p / q; of their logarithms, p times that and −p."""
    ct = scaled(ct, reduction, divisor)
    if weights is not None:
        ct = ct * weights
    if reduction == "none" or weights is not None:
        ct = np.expand_dims(ct, axis)
    if log:
        share, never = np.exp(p), p == -np.inf
        first = ct * (share * np.where(never, 0, p - q + 1)) if needs[0] else None
        return first, ct * -share if needs[1] else None
    first = ct * (np.log(p) - np.log(q) + 1) if needs[0] else None
    return first, ct * (-p / np.where(p == 0, 1, q)) if needs[1] else None


@tg.primitive(
    name="kl_divergence",
    label="KL",
    joint=(("p", "q"), _kl_rule),
    weights=None,
    saves={"divisor": _kl_divisor},
    domain={"p": (0, 1), "q": (0, 1)},
    samples=(
        tg.sample((4, 3), (4, 3)),
        tg.sample((3,), (3,), log=True),
        tg.sample((3, 2), (3, 2), axis=0, reduction="none", log=True),
        tg.sample((2, 3, 2), (2, 3, 2), axis=1, reduction="sum"),
        tg.sample((2, 3), (2, 3), weights=np.array([0.5, 2.0])),
        tg.sample((2, 3), (2, 3), weights=np.array([0.5, 2.0]), reduction="none"),
    ),
)
def unchecked_kl_divergence(
    p: Any,
    q: Any,
    *,
    axis: int = -1,
    reduction: str = "mean",
    log: bool = False,
    weights: Any = None,
) -> Any:
    """Σ p log(p / q) of any numbers above 0."""
    dtype = q.dtype if q.dtype.kind == "f" else np.result_type(p, q)
    a, b = (wide(x.astype(dtype, copy=False), "kl_divergence") for x in (p, q))
    if log:
        terms = np.exp(a) * np.where(a == -np.inf, 0, a - b)
    else:
        never = a == 0
        terms = a * (np.log(np.where(never, 1, a)) - np.log(np.where(never, 1, b)))
    losses = np.asarray(terms.sum(axis))
    divisor = _kl_divisor(a, weights, axis, reduction)
    if weights is not None:
        losses = losses * weights
    if reduction != "none":
        losses = losses.ravel()
    return reduced(losses, reduction, dtype, divisor), divisor


def kl_divergence(
    p: Any,
    q: Any,
    *,
    axis: int = -1,
    reduction: str = "mean",
    log: bool = False,
    weights: Any = None,
) -> tg.Tensor:
    """Mean of D(p ‖ q) = Σⱼ pⱼ log(pⱼ / qⱼ), in nats.

    p, q: target and prediction, in this order: probabilities along `axis`, of the same shape.
        Gradients flow to both.
    log: True if p and q are given as their logarithms, as `tg.log_softmax` returns them, which
        stays exact where probabilities are rounded to 0.
    reduction: "mean" over the examples, "sum", or "none" for one divergence per example.
    weights: one per example; the mean divides by their sum.
    Returns: () with the dtype of q; with "none" the shape without the axis.
    Where p is 0 nothing counts; where q is 0 and p is not, the divergence is ∞, and NumPy warns.
    Raises ShapeError for other shapes, ArgumentError for what does not add up to 1, within 1e-4.
    Kullback and Leibler 1951. Cross-entropy is D(y ‖ ŷ) plus the entropy of y, a constant.
    """
    operation = "kl_divergence"
    p, q = (x if isinstance(x, tg.Tensor) else tg.tensor(x) for x in (p, q))
    check_same_shape(operation, "q", q, "p", p)
    check_reduction(operation, reduction)
    for name, x in (("p", p), ("q", q)):
        if x.dtype.kind != "f":
            raise tg.DTypeError(f"{operation}: {name} of dtype {x.dtype}; it needs a floating one")
        check_some(operation, name, x)
        if x.ndim and -x.ndim <= axis < x.ndim:
            values = np.exp(x.value) if log else x.value
            what = f"the exponentials of {name}" if log else name
            instead = "of logits tg.log_softmax takes the logarithms, with log=True"
            check_probabilities(operation, what, values, axis, instead)
    if weights is not None:
        examples = np.delete(p.shape, axis)
        weights = weights_for(operation, np.asarray(weights), tuple(examples.tolist()), p.dtype)
    return unchecked_kl_divergence(p, q, axis=axis, reduction=reduction, log=log, weights=weights)
