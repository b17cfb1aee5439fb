"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .optimizer import Optimizer
from .settings import Setting, constant, fraction

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Adadelta(Optimizer):
    """w ← w − α Δ, with Δ = g √(u + ε) / √(s + ε), s ← ρ s + (1 − ρ) g², u ← ρ u + (1 − ρ) Δ².

    s and u, 0 at first, are the averages of the squares of the gradient and of the moves: a move
    has the unit of the parameter, whatever that of the cost.

    params, weight_decay, l1_decay: as Optimizer takes them.  lr: α.  rho: ρ, in [0, 1).
    eps: ε, of 0 or more.

    Raises as Optimizer does, and ArgumentError for rho or eps outside these.  Zeiler 2012.
    """

    slots = ("square", "moved")

    rho = Setting(fraction)
    eps = Setting()

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        *,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, rho=rho, eps=eps, weight_decay=weight_decay, l1_decay=l1_decay)

    def update(
        self,
        value: NDArray[Any],
        gradient: NDArray[Any],
        out: NDArray[Any],
        *state: NDArray[Any],
    ) -> None:
        """W − α Δ, with s and u moved on."""
        square, moved = state
        rho, rest = constant(self.rho, value.dtype), constant(1 - self.rho, value.dtype)
        np.multiply(gradient, gradient, out)
        out *= rest
        square *= rho
        square += out
        other = square + self.eps
        np.add(moved, self.eps, out)
        out /= other
        np.sqrt(out, out)
        out *= gradient
        np.multiply(out, out, other)
        other *= rest
        moved *= rho
        moved += other
        out *= self.lr
        np.subtract(value, out, out)
