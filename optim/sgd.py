"""Gradient descent, with or without momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import tinygraph as tg

from .optimizer import Optimizer, constant, number

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SGD(Optimizer):
    """v ← β v + g;  w ← w − α v, with v = 0 at first; without momentum, w ← w − α g.

    params: list of leaves, or `model.parameters()`.  lr: α, above 0.
    momentum: β, in [0, 1). The course's v ← β v + (1 − β) g is the same with lr=α·(1 − β).

    Raises as Optimizer does, and ArgumentError for a momentum outside [0, 1).
    Course 2, week 2; Sutskever et al. 2013.
    """

    settings: ClassVar[tuple[str, ...]] = ("lr", "momentum")
    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def __init__(self, params: Iterable[tg.Tensor], lr: float, momentum: float = 0.0) -> None:
        super().__init__(params, lr)
        self.momentum = number("SGD: momentum", momentum, 0, 1)

    def update(
        self,
        value: NDArray[Any],
        gradient: NDArray[Any],
        out: NDArray[Any],
        *state: NDArray[Any],
    ) -> None:
        """W − α v, with v moved on."""
        lr = constant(self._lr, value.dtype)
        if self.momentum:
            (velocity,) = state
            velocity *= constant(self.momentum, value.dtype)
            velocity += gradient
            gradient = velocity
        np.multiply(gradient, lr, out)
        np.subtract(value, out, out)

    def step(self) -> None:
        """Move each parameter that has a gradient; the others stay where they are.

        Raises BackwardError if none has one, or if a parameter is no longer a leaf.
        """
        if (
            len(self.parameters) == 1
            and not self.momentum
            and getattr(self.update, "__func__", None) is SGD.update
            and self._groups[0].leaves.descend(self._lr)
        ):
            self.steps += 1
        else:
            super().step()
