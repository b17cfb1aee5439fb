"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .optimizer import Optimizer
from .settings import Setting, constant, flag, fraction

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RMSprop(Optimizer):
    """w ← w − α g / (√s + ε), with s ← β s + (1 − β) g², 0 at first.

    params, weight_decay, l1_decay: as Optimizer takes them.  lr: α.  beta: β, in [0, 1).
    eps: ε, of 0 or more.
    momentum: μ, in [0, 1): w ← w − α v, with v ← μ v + g / (√s + ε).
    centered: √(s − m²) in place of √s, with m ← β m + (1 − β) g: the gradient's variance.

    Raises as Optimizer does, and ArgumentError for other settings outside these.
    Tieleman and Hinton 2012; Course 2, week 2; centred: Graves 2013.
    """

    beta = Setting(fraction)
    eps = Setting()
    momentum = Setting(fraction)

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-2,
        beta: float = 0.99,
        eps: float = 1e-8,
        *,
        momentum: float = 0.0,
        centered: bool = False,
        weight_decay: float = 0.0,
        l1_decay: float = 0.0,
    ) -> None:
        self.centered = flag("RMSprop: centered", centered)
        self.slots = ("square", "velocity", "mean") if centered else ("square", "velocity")
        super().__init__(
            params,
            lr,
            beta=beta,
            eps=eps,
            momentum=momentum,
            weight_decay=weight_decay,
            l1_decay=l1_decay,
        )

    def update(
        self,
        value: NDArray[Any],
        gradient: NDArray[Any],
        out: NDArray[Any],
        *state: NDArray[Any],
    ) -> None:
        """W − α g / (√s + ε), with s, m and v moved on."""
        square, velocity, *means = state
        dtype = value.dtype
        beta, rest = constant(self.beta, dtype), constant(1 - self.beta, dtype)
        np.multiply(gradient, gradient, out)
        out *= rest
        square *= beta
        square += out
        for mean in means:
            np.multiply(gradient, rest, out)
            mean *= beta
            mean += out
            np.multiply(mean, mean, out)
            np.subtract(square, out, out)
            np.maximum(out, 0, out=out)  # rounding may leave a variance of 0 below it
        np.sqrt(out if means else square, out)
        out += self.eps
        np.divide(gradient, out, out)
        if self.momentum:
            velocity *= constant(self.momentum, dtype)
            velocity += out
            np.multiply(velocity, self.lr, out)
        else:
            out *= self.lr
        np.subtract(value, out, out)
