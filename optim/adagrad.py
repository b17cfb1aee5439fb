"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .optimizer import Optimizer
from .settings import Setting, not_negative

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Adagrad(Optimizer):
    """w ← w − α g / (√s + ε), with s ← s + g².

    params, weight_decay, l1_decay: as Optimizer takes them.  lr: α.  eps: ε, of 0 or more.
    initial: what s is at first, of 0 or more.

    Raises as Optimizer does, and ArgumentError for eps or initial below 0.
    Duchi, Hazan and Singer 2011.
    """

    slots = ("square",)

    eps = Setting()

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-2,
        eps: float = 1e-10,
        *,
        initial: float = 0.0,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
    ) -> None:
        initial = not_negative("Adagrad: initial", initial)
        super().__init__(params, lr, eps=eps, weight_decay=weight_decay, l1_decay=l1_decay)
        for flat in self._flats:
            (square,) = flat.state
            # Of a complex number each part has its own.
            square[...] = initial * (1 + 1j) if square.dtype.kind == "c" else initial

    def update(
        self,
        value: NDArray[Any],
        gradient: NDArray[Any],
        out: NDArray[Any],
        *state: NDArray[Any],
    ) -> None:
        """W − α g / (√s + ε), with s moved on."""
        (square,) = state
        np.multiply(gradient, gradient, out)
        square += out
        np.sqrt(square, out)
        out += self.eps
        np.divide(gradient, out, out)
        out *= self.lr
        np.subtract(value, out, out)
