"""RAdam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .optimizer import Optimizer
from .settings import Setting, betas, constant, flag

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RAdam(Optimizer):
    """w ← w − α r m̂ √(1 − β₂ᵗ) / (√v + ε) where ρ > 5, and w ← w − α m̂ before: rectified Adam.

    m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g², both 0 at first, and m̂ = m / (1 − β₁ᵗ).
    ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ), with ρ∞ = 2 / (1 − β₂) − 1, says from how many gradients v is
    known, and r² = (ρ − 4) (ρ − 2) ρ∞ / ((ρ∞ − 4) (ρ∞ − 2) ρ) how far it is to be trusted: a
    warm-up by itself. (The paper has ρ > 4, PyTorch and the authors' code 5.)

    params, weight_decay, l1_decay: as Optimizer takes them.  lr: α.
    betas: β₁ and β₂, each in [0, 1).  eps: ε, of 0 or more.
    decoupled_weight_decay: whether decay is apart from the gradient, as in AdamW.

    Raises as Optimizer does, and ArgumentError for other settings outside these.
    Liu et al. 2020.
    """

    slots = ("mean", "square")
    counts_steps = True

    betas = Setting(betas)
    eps = Setting()

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
    ) -> None:
        self.decoupled = flag("RAdam: decoupled_weight_decay", decoupled_weight_decay)
        super().__init__(
            params, lr, betas=betas, eps=eps, weight_decay=weight_decay, l1_decay=l1_decay
        )

    def _rectification(self) -> float:
        """R √(1 − β₂ᵗ), or 0 where v is known from too few gradients."""
        beta2 = self.betas[1]
        debias2 = 1 - beta2**self.steps
        most = 2 / (1 - beta2) - 1
        known = most - 2 * self.steps * beta2**self.steps / debias2
        if known <= 5:
            return 0.0
        squared = (known - 4) * (known - 2) * most / ((most - 4) * (most - 2) * known)
        return float((squared * debias2) ** 0.5)

    def update(
        self,
        value: NDArray[Any],
        gradient: NDArray[Any],
        out: NDArray[Any],
        *state: NDArray[Any],
    ) -> None:
        """W less its move, with m and v moved on."""
        mean, square = state
        dtype = value.dtype
        beta1, beta2 = self.betas
        rate = self.lr / (1 - beta1**self.steps)
        np.multiply(gradient, gradient, out)
        out *= constant(1 - beta2, dtype)
        square *= constant(beta2, dtype)
        square += out
        np.multiply(gradient, constant(1 - beta1, dtype), out)
        mean *= constant(beta1, dtype)
        mean += out
        rectification = self._rectification()
        if rectification:
            np.sqrt(square, out)
            out += self.eps
            np.divide(mean, out, out)
            out *= rate * rectification
        else:
            np.multiply(mean, rate, out)
        np.subtract(value, out, out)
