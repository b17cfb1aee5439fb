"""Activations: functions by name, and as layers."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import tinygraph as tg
from tinygraph import leaky_relu, relu, sigmoid, softmax, softplus, tanh

from .exponential_units import check_alpha, elu, selu
from .gaussian import check_approximate, gelu
from .module import Module
from .swish import silu
from .validation import index, real

Activation: TypeAlias = str | Callable[..., Any] | None

BY_NAME: dict[str, Callable[..., Any] | None] = {
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "gelu": gelu,
    "silu": silu,
    "swish": silu,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "softmax": softmax,
    "identity": None,
    "linear": None,
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
        return relu(z)


class LeakyReLU(Module):
    """z where z > 0, slope · z elsewhere; its derivative at 0 is taken as the slope.

    Raises ArgumentError for a slope that is not a finite number.  Maas, Hannun and Ng 2013.
    """

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__()
        if not math.isfinite(real(slope)):
            raise tg.ArgumentError(f"LeakyReLU: slope={slope!r}; it needs a finite number")
        self.slope = float(slope)

    def forward(self, z: Any) -> tg.Tensor:
        """Z or slope · z."""
        return leaky_relu(z, self.slope)

    def extra_repr(self) -> str:
        """The slope, if it is not the default."""
        return f"slope={self.slope}" if self.slope != 0.01 else ""


class ELU(Module):
    """z where z > 0, α (e^z − 1) elsewhere; see `nn.elu`."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        check_alpha("ELU", alpha)
        self.alpha = float(alpha)

    def forward(self, z: Any) -> tg.Tensor:
        """Z or α (e^z − 1)."""
        return elu(z, self.alpha)

    def extra_repr(self) -> str:
        """α, if it is not the default."""
        return f"alpha={self.alpha}" if self.alpha != 1 else ""


class SELU(Module):
    """elu with the scales that keep mean 0 and variance 1 from layer to layer; see `nn.selu`."""

    def forward(self, z: Any) -> tg.Tensor:
        """λ z or λ α (e^z − 1)."""
        return selu(z)


class SiLU(Module):
    """z σ(z), also called swish; see `nn.silu`."""

    def forward(self, z: Any) -> tg.Tensor:
        """Z σ(z)."""
        return silu(z)


class Softplus(Module):
    """log(1 + e^z): smooth, above 0, and close to max(z, 0) away from 0."""

    def forward(self, z: Any) -> tg.Tensor:
        """log(1 + e^z)."""
        return softplus(z)


class Softmax(Module):
    """e^z / Σ e^z along an axis: positive numbers that add up to 1.

    axis: of the classes.  Not before `nn.softmax_cross_entropy`, which takes the logits.
    """

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = index("Softmax", "axis", axis)

    def forward(self, z: Any) -> tg.Tensor:
        """e^z / Σ e^z."""
        return softmax(z, self.axis)

    def extra_repr(self) -> str:
        """The axis, if it is not the last."""
        return f"axis={self.axis}" if self.axis != -1 else ""


class Sigmoid(Module):
    """1 / (1 + e^−z)."""

    def forward(self, z: Any) -> tg.Tensor:
        """1 / (1 + e^−z)."""
        return sigmoid(z)


class Tanh(Module):
    """tanh z."""

    def forward(self, z: Any) -> tg.Tensor:
        """Tanh z."""
        return tanh(z)


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
