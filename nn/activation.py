"""Activations: functions by name, and as layers."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, TypeAlias

import tinygraph as tg

from .gaussian import check_approximate, gelu
from .module import Module

Activation: TypeAlias = str | Callable[..., Any] | None

BY_NAME: dict[str, Callable[..., Any]] = {
    "relu": tg.relu,
    "leaky_relu": tg.leaky_relu,
    "sigmoid": tg.sigmoid,
    "tanh": tg.tanh,
    "gelu": gelu,
    "softplus": tg.softplus,
    "softmax": tg.softmax,
}


def activation_from(given: Activation, operation: str) -> Callable[..., Any] | None:
    """The function given, or the one of that name; None is the identity."""
    if isinstance(given, str):
        if given not in BY_NAME:
            close = difflib.get_close_matches(given, BY_NAME, 1)
            hint = f"did you mean {close[0]!r}? There are" if close else "it needs one of"
            raise tg.ArgumentError(
                f"{operation}: activation={given!r} is not known; {hint} {', '.join(BY_NAME)}, "
                "or any function of a tensor; None for the identity"
            )
        return BY_NAME[given]
    if given is not None and (isinstance(given, type) or not callable(given)):
        name = given.__name__ if isinstance(given, type) else repr(given)
        raise tg.ArgumentError(
            f"{operation}: activation={name}; it needs a name such as 'relu', or a function of "
            "a tensor such as tg.relu"
        )
    return given


class ReLU(Module):
    """max(z, 0); its derivative at 0 is taken as 0."""

    def forward(self, z: Any) -> tg.Tensor:
        """max(z, 0)."""
        return tg.relu(z)


class Sigmoid(Module):
    """1 / (1 + e^−z)."""

    def forward(self, z: Any) -> tg.Tensor:
        """1 / (1 + e^−z)."""
        return tg.sigmoid(z)


class Tanh(Module):
    """tanh z."""

    def forward(self, z: Any) -> tg.Tensor:
        """Tanh z."""
        return tg.tanh(z)


class GELU(Module):
    """x Φ(x): x times the probability that a standard normal variable is less than x.

    approximate: False, or "tanh" for the approximation with tanh; see `nn.gelu`.
    """

    def __init__(self, approximate: Any = False) -> None:
        super().__init__()
        check_approximate("GELU", approximate)
        self.approximate = approximate

    def forward(self, x: Any) -> tg.Tensor:
        """X Φ(x)."""
        return gelu(x, self.approximate)

    def extra_repr(self) -> str:
        """The approximation, if there is one."""
        return f"approximate={self.approximate!r}" if self.approximate else ""
