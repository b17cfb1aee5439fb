"""Checks of gradients: `tg.testing.gradient_check(loss_fn, model.parameters())`."""

from .gradient_check import GradientCheck, NotRepeatable, gradient_check

__all__ = ["GradientCheck", "NotRepeatable", "gradient_check"]
