"""NAdam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .optimizer import Optimizer
from .settings import Setting, betas, constant, flag

if TYPE_CHECKING:
    from numpy.typing import NDArray


class NAdam(Optimizer):
    """w ← w − α (μ′ m / (1 − Πμ μ′) + (1 − μ) g / (1 − Πμ)) / (√v̂ + ε): Adam, looking ahead.

    m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g², both 0 at first, and v̂ = v / (1 − β₂ᵗ).
    μ = β₁ (1 − 0.96^(t ψ) / 2) is the momentum of step t, μ′ that of the next step, Πμ the product
    up to step t.

    params, weight_decay, l1_decay: as Optimizer takes them.  lr: α.
    betas: β₁ and β₂, each in [0, 1).  eps: ε, of 0 or more.  momentum_decay: ψ, of 0 or more.
    decoupled_weight_decay: whether decay is apart from the gradient, as in AdamW.

    Raises as Optimizer does, and ArgumentError for other settings outside these.  Dozat 2016.
    """

    slots = ("mean", "square")
    counts_steps = True

    betas = Setting(betas)
    eps = Setting()
    momentum_decay = Setting()

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        momentum_decay: float = 4e-3,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
    ) -> None:
        self.decoupled = flag("NAdam: decoupled_weight_decay", decoupled_weight_decay)
        self._products: dict[tuple[int, float, float], float] = {}
        super().__init__(
            params,
            lr,
            betas=betas,
            eps=eps,
            momentum_decay=momentum_decay,
            weight_decay=weight_decay,
            l1_decay=l1_decay,
        )

    def _momentum(self, t: int) -> float:
        """μ of step t."""
        momentum: float = self.betas[0] * (1 - 0.96 ** (t * self.momentum_decay) / 2)
        return momentum

    def _product(self, t: int) -> float:
        """Πμ up to step t, from left to right, so that it is to the bit the same however it came.

        That of the last step is kept; without it, as after loading a state, it is multiplied anew.
        """
        settings = (self.betas[0], self.momentum_decay)
        product = self._products.get((t, *settings))
        if product is None:
            product = self._products.get((t - 1, *settings))
            if product is None:
                product = 1.0
                for earlier in range(1, t):
                    product *= self._momentum(earlier)
                    if not product:
                        break
            product *= self._momentum(t)
            if len(self._products) > 64:
                self._products.clear()
            self._products[t, *settings] = product
        return product

    def update(
        self,
        value: NDArray[Any],
        gradient: NDArray[Any],
        out: NDArray[Any],
        *state: NDArray[Any],
    ) -> None:
        """W less its move, with m and v moved on.

        With √c₂, where c₂ = 1 − β₂ᵗ, multiplied into the numerator and into ε.
        """
        mean, square = state
        dtype = value.dtype
        beta1, beta2 = self.betas
        now, following = self._momentum(self.steps), self._momentum(self.steps + 1)
        product = self._product(self.steps)
        debias2 = (1 - beta2**self.steps) ** 0.5
        rate = self.lr * debias2
        np.multiply(gradient, gradient, out)
        out *= constant(1 - beta2, dtype)
        square *= constant(beta2, dtype)
        square += out
        np.multiply(gradient, constant(1 - beta1, dtype), out)
        mean *= constant(beta1, dtype)
        mean += out
        out *= rate * (1 - now) / (1 - product) / (1 - beta1)
        other = mean * (rate * following / (1 - product * following))
        out += other
        np.sqrt(square, other)
        other += self.eps * debias2
        out /= other
        np.subtract(value, out, out)
