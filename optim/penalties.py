"""Penalties on parameters, as terms of the cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

import tinygraph as tg

from .parameters import listed
from .settings import not_negative

SAMPLES = (
    tg.sample([(2, 3)], 0.5),
    tg.sample([(2, 3), (), (4,)], 3.0),
    tg.sample([(0,), (2,)], 1.0),
    tg.sample([(3, 2), (2,)], 0.0),
)


@tg.primitive(
    sequence="weights",
    weights=lambda ct, weights, strength: [ct * (strength * w) for w in weights],
    samples=SAMPLES,
)
def half_squares(weights: Any, strength: float) -> Any:
    """λ/2 Σ w² of real arrays."""
    total = sum(np.vdot(w, w) for w in weights)
    return np.result_type(*weights).type(total * (strength / 2))


@tg.primitive(
    sequence="weights",
    weights=lambda ct, weights, strength: [ct * (strength * np.sign(w)) for w in weights],
    samples=SAMPLES,
)
def absolute_values(weights: Any, strength: float) -> Any:
    """λ Σ |w| of real arrays."""
    total = sum(np.abs(w).sum() for w in weights)
    return np.result_type(*weights).type(total * strength)


def l2_penalty(parameters: Iterable[tg.Tensor], strength: float) -> tg.Tensor:
    """(λ/2) Σ w², over all elements of all parameters; its gradient is λ w.

    The course's λ/(2m) · ‖W‖² over m examples is that with strength λ/m. As there, give it the
    weights alone: `[w for name, w in model.named_parameters() if name.endswith("weight")]`.

    parameters: tensors, floating or complex; of complex ones both parts count.
    strength: λ, of 0 or more.
    Returns () with the parameters' dtype, to be added to the cost.
    Raises ArgumentError for no parameters, what is not a tensor, or a negative strength.
    Course 2, week 1. As decay in the optimiser: `weight_decay`.
    """
    strength = not_negative("l2_penalty: strength", strength)
    return half_squares(_real("l2_penalty", parameters), strength)


def l1_penalty(parameters: Iterable[tg.Tensor], strength: float) -> tg.Tensor:
    """λ Σ |w|, over all elements of all parameters; its gradient is λ sign w, 0 at 0.

    parameters: tensors, floating or complex; of complex ones both parts count.
    strength: λ, of 0 or more; the course's λ/m over m examples.
    Returns () with the parameters' dtype, to be added to the cost.
    Raises ArgumentError for no parameters, what is not a tensor, or a negative strength.
    Course 2, week 1. As decay in the optimiser: `l1_decay`.
    """
    strength = not_negative("l1_penalty: strength", strength)
    return absolute_values(_real("l1_penalty", parameters), strength)


def _real(operation: str, parameters: Any) -> list[tg.Tensor]:
    """The parameters, with the parts of complex ones in their place."""
    found: list[tg.Tensor] = []
    for i, w in enumerate(listed(operation, parameters)):
        if not isinstance(w, tg.Tensor) or w.dtype.kind not in "fc":
            came = w.dtype if isinstance(w, tg.Tensor) else type(w).__name__
            fix = "pass the parameters without their names" if isinstance(w, tuple) else ""
            raise tg.ArgumentError(
                f"{operation}: parameter {i} is {came}; "
                f"{fix or 'it needs floating tensors, such as model.parameters()'}"
            )
        found += [tg.real(w), tg.imag(w)] if w.dtype.kind == "c" else [w]
    return found
