"""Checks of gradients: `tg.testing.check_grads(f, x)`, `tg.testing.gradient_check(loss_fn, ps)`."""

from .check_grads import CheckedGradients, check_grads
from .failures import CheckFailed, GradientMismatch, Inconclusive, Kink
from .gradient_check import GradientCheck, NotRepeatable, gradient_check

__all__ = [
    "CheckFailed",
    "CheckedGradients",
    "GradientCheck",
    "GradientMismatch",
    "Inconclusive",
    "Kink",
    "NotRepeatable",
    "check_grads",
    "gradient_check",
]
