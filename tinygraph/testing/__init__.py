"""Checks of gradients: `tg.testing.check_grads(f, x)`, `tg.testing.gradient_check(loss_fn, ps)`."""

import typing as _typing
from importlib import import_module as _import_module
from importlib.util import find_spec as _find_spec

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

# What needs Hypothesis comes at first use. It is not in __all__: a star would import it too.
if _typing.TYPE_CHECKING:
    from . import strategies as strategies
    from .given import given_gradients as given_gradients


def __getattr__(name: str) -> _typing.Any:
    if name not in ("strategies", "given_gradients"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    # These first, as they say what to install where Hypothesis is missing.
    strategies = _import_module(".strategies", __name__)
    if name == "strategies":
        return strategies
    return _import_module(".given", __name__).given_gradients


def __dir__() -> list[str]:
    needing = ["given_gradients", "strategies"] if _find_spec("hypothesis") else []
    return sorted({*globals(), *needing})
