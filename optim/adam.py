"""Adam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import tinygraph as tg

from .optimizer import Optimizer, constant, number

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Adam(Optimizer):
    """w ← w − α m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ).

    m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g², both 0 at first, are the averages of the
    gradient and of its square; m̂ and v̂ are free of the bias towards that beginning.

    params: list of leaves, or `model.parameters()`.  lr: α, above 0.
    betas: β₁ and β₂, each in [0, 1).  eps: ε, of 0 or more.

    Raises as Optimizer does, and ArgumentError for betas or eps outside these.
    Kingma and Ba 2015; Course 2, week 2.
    """

    settings: ClassVar[tuple[str, ...]] = ("lr", "betas", "eps")
    slots: ClassVar[tuple[str, ...]] = ("mean", "square")

    def __init__(
        self,
        params: Iterable[tg.Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params, lr)
        try:
            beta1, beta2 = betas
        except (TypeError, ValueError):
            raise tg.ArgumentError(f"Adam: betas={betas!r}; it needs a pair (β₁, β₂)") from None
        self.betas = number("Adam: β₁", beta1, 0, 1), number("Adam: β₂", beta2, 0, 1)
        self.eps = number("Adam: eps", eps, 0, np.inf)

    def update(
        self,
        value: NDArray[Any],
        gradient: NDArray[Any],
        out: NDArray[Any],
        *state: NDArray[Any],
    ) -> None:
        """W − α m̂ / (√v̂ + ε), with m and v moved on.

        As α √c₂ / c₁ · m / (√v + ε √c₂), with c = 1 − βᵗ: a pass less over the arrays.
        """
        mean, square = state
        dtype = value.dtype
        beta1, beta2 = self.betas
        steps = int(self.steps)
        debias1, debias2 = 1 - beta1**steps, (1 - beta2**steps) ** 0.5
        np.multiply(gradient, constant(1 - beta1, dtype), out)
        mean *= constant(beta1, dtype)
        mean += out
        out *= out
        out *= constant((1 - beta2) / (1 - beta1) ** 2, dtype)
        square *= constant(beta2, dtype)
        square += out
        np.sqrt(square, out)
        out += self.eps * debias2
        np.divide(mean, out, out)
        out *= self.lr * debias2 / debias1
        np.subtract(value, out, out)
