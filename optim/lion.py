"""Lion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .optimizer import Optimizer
from .settings import Setting, betas, constant

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Lion(Optimizer):
    """w ← w − α (λ w + sign(β₁ m + (1 − β₁) g));  m ← β₂ m + (1 − β₂) g, 0 at first.

    All elements move equally far, by α; a third or a tenth of Adam's rate suits it.

    params: as Optimizer takes them.  lr: α.  betas: β₁ and β₂, each in [0, 1).
    weight_decay: λ, of 0 or more.  l1_decay: λ₁, adds λ₁ sign w to λ w.

    Raises as Optimizer does, and ArgumentError for betas outside these.  Chen et al. 2023.
    """

    slots = ("mean",)
    decoupled = True

    betas = Setting(betas)

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        *,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, betas=betas, weight_decay=weight_decay, l1_decay=l1_decay)

    def update(
        self,
        value: NDArray[Any],
        gradient: NDArray[Any],
        out: NDArray[Any],
        *state: NDArray[Any],
    ) -> None:
        """W − α sign(β₁ m + (1 − β₁) g), with m moved on.

        With δ = g − m, what the sign is taken of is the new m, m + (1 − β₂) δ, and (β₂ − β₁) δ.
        """
        (mean,) = state
        dtype = value.dtype
        beta1, beta2 = self.betas
        np.subtract(gradient, mean, out)
        out *= constant(1 - beta2, dtype)
        mean += out
        out *= constant((beta2 - beta1) / (1 - beta2), dtype)
        out += mean
        np.sign(out, out)
        out *= self.lr
        np.subtract(value, out, out)
