"""Gradients kept within bounds, by their norm or by their values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .parameters import checked_parameters
from .settings import positive

if TYPE_CHECKING:
    from numpy.typing import NDArray


def clip_grad_norm(parameters: Iterable[tg.Tensor], max_norm: float) -> float:
    """All gradients · max_norm / ‖g‖ where ‖g‖ > max_norm, with ‖g‖ = √Σ|g|² over all of them.

    Call it between backward and step.
    parameters: leaves, such as `model.parameters()`; those without a gradient count as 0.
    max_norm: above 0; math.inf to measure alone.
    Returns ‖g‖ as it was before.
    Raises DomainError, naming a parameter, if a gradient is not finite: no factor would mend that.
    BackwardError if there is no gradient at all. Then nothing has changed.
    Pascanu, Mikolov and Bengio 2013; Course 2, week 1.
    """
    limit = math.inf if max_norm == math.inf else positive("clip_grad_norm: max_norm", max_norm)
    gradients = _gradients("clip_grad_norm", parameters)
    norm = _norm(gradients)
    if norm > limit:
        for leaf, gradient in gradients:
            # As two factors: for tiny numbers the quotient of the two may be 0.
            leaf.grad = gradient / norm * limit
    return norm


def clip_grad_value(parameters: Iterable[tg.Tensor], limit: float) -> None:
    """Each element of the gradients clipped to −limit … limit; of complex ones, each part.

    Call it between backward and step.
    parameters: leaves, such as `model.parameters()`.  limit: above 0.
    Raises DomainError, naming a parameter, if a gradient has NaNs; BackwardError if there is no
    gradient at all. Then nothing has changed.
    """
    limit = positive("clip_grad_value: limit", limit)
    gradients = _gradients("clip_grad_value", parameters)
    for leaf, gradient in gradients:
        if np.isnan(gradient).any():
            _refuse("clip_grad_value", leaf, gradient)
    for leaf, gradient in gradients:
        parts = np.array(gradient).reshape(-1).view(gradient.real.dtype)
        np.clip(parts, -limit, limit, out=parts)
        leaf.grad = parts.view(gradient.dtype).reshape(gradient.shape)


def _gradients(operation: str, parameters: Any) -> list[tuple[tg.Tensor, NDArray[Any]]]:
    """The leaves that have a gradient, and these."""
    found = []
    for leaf in checked_parameters(operation, parameters, frozen=True):
        grad = leaf.grad
        if grad is not None:
            if grad.requires_grad:
                raise tg.BackwardError(
                    f"{operation}: the gradient of {leaf.described()} was recorded "
                    "(create_graph=True), and clipping would cut its history off; clip what is "
                    "computed from it instead"
                )
            found.append((leaf, grad.numpy()))
    if not found:
        raise tg.BackwardError(
            f"{operation}: no parameter has a gradient; call loss.backward() first, on a loss "
            "computed from these parameters"
        )
    return found


def _norm(gradients: list[tuple[tg.Tensor, NDArray[Any]]]) -> float:
    """√Σ|g|² of them all; squares that are too large or small for the dtype do not matter."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        squares = sum(float(np.vdot(g, g).real) for _, g in gradients)
        if math.isfinite(squares) and squares > 1e-30:
            return math.sqrt(squares)
    most = 0.0
    for leaf, gradient in gradients:
        if not np.isfinite(gradient).all():
            _refuse("clip_grad_norm", leaf, gradient)
        most = max(most, float(np.max(np.abs(gradient), initial=0)))
    if not most:
        return 0.0
    scaled = (np.abs(g).astype(np.float64) / most for _, g in gradients)
    return most * math.sqrt(sum(float(np.vdot(g, g)) for g in scaled))


def _refuse(operation: str, leaf: tg.Tensor, gradient: NDArray[Any]) -> None:
    nans, infinities = np.isnan(gradient).sum(), np.isinf(gradient).sum()
    raise tg.DomainError(
        f"{operation}: the gradient of {leaf.described()} has {nans} NaNs and {infinities} "
        "infinities among its elements; tg.explain_nan(loss), or a backward inside "
        "`with tg.detect_anomaly():`, tells where they come from"
    )
