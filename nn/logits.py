"""What is easily taken for logits: results of softmax or sigmoid, and models."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

import tinygraph as tg

from .module import Module

P = ParamSpec("P")
T = TypeVar("T")
TOLERANCE = 1e-3  # by how much the sum of probabilities may miss 1


class LogitsWarning(UserWarning):
    """Logits that look like probabilities: all in [0, 1], those of each example adding up to 1."""


def from_logits(
    activation: str, plain: Callable[..., Any], settings: frozenset[str]
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Make a loss refuse what is easily taken for logits, and logits for labels.

    activation: the loss's own first step, whose results are no longer logits.
    plain: the same loss with no other than these settings, which is faster.
    """

    def decorate(loss: Callable[P, T]) -> Callable[P, T]:
        run: Callable[..., T] = loss

        @functools.wraps(loss)
        def checked(logits: Any, labels: Any, **given: Any) -> T:
            values = logits
            if type(logits) is tg.Tensor:
                values = logits.value
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
            # Of most logits, the first or the last tells that they are no probabilities.
            if (
                activation == "softmax"
                and type(values) is np.ndarray
                and values.size
                and values.dtype.kind == "f"
                and 0 <= values.item(0) <= 1
                and 0 <= values.item(values.size - 1) <= 1
                and are_probabilities(values, given.get("axis", -1))
            ):
                _warn(loss.__name__, values.shape, given.get("axis", -1))
            if not given or given.keys() <= settings:
                result: T = plain(logits, labels, **given)
                return result
            return run(logits, labels, **given)

        return cast("Callable[P, T]", checked)

    return decorate


def are_probabilities(x: Any, axis: int) -> bool:
    """Whether all numbers are in [0, 1] and add up to 1 along the axis."""
    if (
        type(axis) is not int
        or not -x.ndim <= axis < x.ndim
        or not 0 <= x.item(x.size - 1) <= 1
        or x.shape[axis] < 2
    ):
        return False
    front = axis % x.ndim
    first = x[(0,) * front + (slice(None),) + (0,) * (x.ndim - front - 1)]
    if abs(sum(first.tolist()) - 1) > TOLERANCE or x.min() < 0 or x.max() > 1:
        return False
    return bool(np.abs(x.sum(axis, dtype=np.float64) - 1).max() <= TOLERANCE)


def _warn(operation: str, shape: tuple[int, ...], axis: int) -> None:
    warnings.warn(
        f"{operation}: logits of shape {shape} that are all in [0, 1] and add up to 1 along axis "
        f"{axis}, as probabilities do; the loss applies softmax itself, so pass the values before "
        "softmax, or probabilities to nn.cross_entropy",
        LogitsWarning,
        stacklevel=3,
    )


def _refuse_activated(operation: str, logits: tg.Tensor, activation: str) -> None:
    instead = "nn.cross_entropy" if activation == "softmax" else "nn.binary_cross_entropy"
    raise tg.ArgumentError(
        f"{operation}: {logits.described()} came, and the loss would apply {activation} a second "
        f"time; pass the logits, the values before {activation}, or these to {instead}"
    )
