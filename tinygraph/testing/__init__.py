"""Checks of gradients: `tg.testing.check_grads(f, x)`, `tg.testing.gradient_check(loss_fn, ps)`."""

from .check_custom import CheckedOperation, check_custom
from .check_grads import CheckedGradients, check_grads
from .failures import CheckFailed, GradientMismatch, Inconclusive, Kink
from .gradient_check import GradientCheck, NotRepeatable, gradient_check
from .sameness import assert_same_gradients

__all__ = [
    "CheckFailed",
    "CheckedGradients",
    "CheckedOperation",
    "GradientCheck",
    "GradientMismatch",
    "Inconclusive",
    "Kink",
    "NotRepeatable",
    "assert_same_gradients",
    "check_custom",
    "check_grads",
    "gradient_check",
]
