"""elu and selu: linear above 0, an exponential below."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygraph as tg

from .gaussian import like, real_floating
from .validation import real

# Of selu: activations with mean 0 and variance 1 keep both through layers of lecun-normal weights.
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805

SAMPLES = (tg.sample((3, 4)), tg.sample(()), tg.sample((0,)))


def _below(x: Any) -> Any:
    """e^x − 1 where x < 0, 0 elsewhere; without overflow for any x."""
    return np.expm1(np.minimum(x, 0))


def _elu(ct: Any, y: Any, alpha: float) -> Any:
    if type(y) is not np.ndarray:
        return ct * np.where(y > 0, 1, y + alpha)
    slope = np.minimum(y, 0)
    slope += alpha
    if alpha != 1:
        slope[y > 0] = 1
    slope *= ct
    return slope


@tg.primitive(x=_elu, samples=(*SAMPLES, tg.sample((3, 4), 0.5), tg.sample((), alpha=2.0)))
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where x > 0, α (e^x − 1) elsewhere. Derivative α at 0: that of the negative side.

    x: real floating, of any shape.  alpha: above 0; with 1 the derivative has no jump.
    Returns the shape and dtype of x.
    Raises ArgumentError for another alpha.  Clevert, Unterthiner and Hochreiter 2016.
    """
    check_alpha("elu", alpha)
    z = real_floating(x, "elu")
    y = _below(z)
    y *= alpha
    y += np.maximum(z, 0)
    return like(y, x)


def check_alpha(operation: str, alpha: Any) -> None:
    """Raise ArgumentError unless alpha is a positive number."""
    if not 0 < real(alpha) < np.inf:
        raise tg.ArgumentError(
            f"{operation}: alpha={alpha!r}; it needs a positive number, e^x − 1 times which is "
            "the negative side"
        )


def _selu(ct: Any, y: Any) -> Any:
    if type(y) is not np.ndarray:
        return ct * np.where(y > 0, SCALE, y + SCALE * ALPHA)
    slope = y + SCALE * ALPHA
    slope[y > 0] = SCALE
    slope *= ct
    return slope


@tg.primitive(x=_selu, samples=SAMPLES)
def selu(x: Any, /) -> Any:
    """λ x where x > 0, λ α (e^x − 1) elsewhere, λ ≈ 1.0507 and α ≈ 1.6733. Derivative λ α at 0.

    x: real floating, of any shape.  Returns its shape and dtype.
    Self-normalising: with weights begun by `nn.lecun`, activations tend to mean 0 and variance 1.
    Klambauer, Unterthiner, Mayr and Hochreiter 2017.
    """
    z = real_floating(x, "selu")
    y = _below(z)
    y *= ALPHA
    y += np.maximum(z, 0)
    y *= SCALE
    return like(y, x)
