"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .optimizer import Optimizer
from .settings import Setting, betas, constant, flag

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Adam(Optimizer):
    """w ← w − α m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ).

    m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g², both 0 at first, are the averages of the
    gradient and of its square; m̂ and v̂ are free of the bias towards that beginning. t counts the
    steps of each parameter, those in which it had a gradient.

    params, weight_decay, l1_decay: as Optimizer takes them.  lr: α.
    betas: β₁ and β₂, each in [0, 1).  eps: ε, of 0 or more.
    amsgrad: √ of the largest v so far in place of √v, so that no step becomes longer again.

    Raises as Optimizer does, and ArgumentError for betas or eps outside these.
    Kingma and Ba 2015; Course 2, week 2; amsgrad: Reddi, Kale and Kumar 2018.
    """

    slots: tuple[str, ...] = ("mean", "square")
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
        amsgrad: bool = False,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
    ) -> None:
        self.amsgrad = flag(f"{self._name}: amsgrad", amsgrad)
        if amsgrad:
            self.slots = ("mean", "square", "largest")
        super().__init__(
            params, lr, betas=betas, eps=eps, weight_decay=weight_decay, l1_decay=l1_decay
        )

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
        mean, square, *largest = state
        dtype = value.dtype
        beta1, beta2 = self.betas
        debias1, debias2 = 1 - beta1**self.steps, (1 - beta2**self.steps) ** 0.5
        np.multiply(gradient, constant(1 - beta1, dtype), out)
        mean *= constant(beta1, dtype)
        mean += out
        out *= out
        out *= constant((1 - beta2) / (1 - beta1) ** 2, dtype)
        square *= constant(beta2, dtype)
        square += out
        for most in largest:
            square = np.maximum(most, square, out=most)
        np.sqrt(square, out)
        out += self.eps * debias2
        np.divide(mean, out, out)
        out *= self.lr * debias2 / debias1
        np.subtract(value, out, out)


class AdamW(Adam):
    """w ← w − α (λ w + m̂ / (√v̂ + ε)): Adam with decay apart from the gradient.

    Decay then shrinks all parameters alike, where Adam's weight_decay, in the gradient, hardly
    touches those whose gradients are large.

    params, lr, betas, eps, amsgrad: as Adam takes them.
    weight_decay: λ, of 0 or more.  l1_decay: λ₁, adds λ₁ sign w to λ w.

    Raises as Adam does.  Loshchilov and Hutter 2019.
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        amsgrad: bool = False,
        weight_decay: float = 1e-2,
        l1_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            amsgrad=amsgrad,
            weight_decay=weight_decay,
            l1_decay=l1_decay,
        )
