"""Gradient descent, with or without momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .optimizer import Optimizer
from .settings import Setting, constant, flag, fraction

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SGD(Optimizer):
    """v ← β v + g;  w ← w − α v, with v = 0 at first; without momentum, w ← w − α g.

    averaged: v ← β v + (1 − β) g, the course's exponentially weighted average of the gradients,
        with v = 0 at first. The same as without, at the rate α · (1 − β).
    dampening: d: v ← β v + (1 − d) g, but v = g at a parameter's first step, as PyTorch has it.
    nesterov: w moves by g + β v in place of v, as v will be; averaged, by (1 − β) g + β v.

    params, weight_decay, l1_decay: as Optimizer takes them.  lr: α.  momentum: β, in [0, 1).

    Raises as Optimizer does, and ArgumentError for a momentum or dampening outside [0, 1), for
    nesterov without momentum, and for dampening together with nesterov or averaged.
    Course 2, week 2; Sutskever et al. 2013.
    """

    slots = ("velocity",)

    momentum = Setting(fraction)
    dampening = Setting(fraction)
    nesterov = Setting(flag)
    averaged = Setting(flag)

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any,
        momentum: float = 0.0,
        *,
        averaged: bool = False,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params,
            lr,
            momentum=momentum,
            averaged=averaged,
            dampening=dampening,
            nesterov=nesterov,
            weight_decay=weight_decay,
            l1_decay=l1_decay,
        )
        for group in self.groups:
            if group.nesterov and not group.momentum:
                raise tg.ArgumentError("SGD: nesterov=True needs a momentum above 0")
            if group.dampening and (group.nesterov or group.averaged):
                other = "nesterov" if group.nesterov else "averaged"
                raise tg.ArgumentError(
                    f"SGD: dampening={group.dampening} and {other}=True exclude each other"
                )

    @property
    def counts_steps(self) -> bool:  # type: ignore[override]
        """With dampening, where the first step of each parameter is another."""
        return bool(self.dampening) or any(group.dampening for group in self.groups)

    def update(
        self,
        value: NDArray[Any],
        gradient: NDArray[Any],
        out: NDArray[Any],
        *state: NDArray[Any],
    ) -> None:
        """W − α v, with v moved on."""
        dtype, lr, beta = value.dtype, self.lr, self.momentum
        if beta:
            (velocity,) = state
            share = 1 - (beta if self.averaged else self.dampening)
            velocity *= constant(beta, dtype)
            if share == 1:
                velocity += gradient
            elif self.steps == 1 and not self.averaged:
                velocity[...] = gradient
            else:
                velocity += np.multiply(gradient, constant(share, dtype), out)
            if self.nesterov:
                np.multiply(velocity, constant(beta / share, dtype), out)
                out += gradient
                gradient, lr = out, lr * share
            else:
                gradient = velocity
        np.multiply(gradient, constant(lr, dtype), out)
        np.subtract(value, out, out)

    def step(self) -> None:
        """Move each parameter that has a gradient; the others stay where they are.

        Raises BackwardError if none has one, or if a parameter is no longer a leaf.
        """
        if (
            len(self.parameters) == 1
            and self._plain
            and not self.momentum
            and getattr(self.update, "__func__", None) is SGD.update
            and self._flats[0].leaves.descend(self._lr)
        ):
            self.steps += 1
        else:
            super().step()
