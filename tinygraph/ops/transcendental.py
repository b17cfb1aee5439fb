"""Exponentials, logarithms, trigonometric and hyperbolic functions, with their rules."""

import math
from typing import Any

import numpy as np

from ..primitive import Operand, elementwise
from ..tensor import Tensor
from .elementwise import INF, ordered

LN2, LN10 = math.log(2), math.log(10)


# Exponentials and logarithms


@elementwise(np.exp, x=lambda ct, y: ct * y)
def exp(x: Operand, /) -> Any:
    """e^x."""


@elementwise(np.exp2, x=lambda ct, y: ct * y * LN2)
def exp2(x: Operand, /) -> Any:
    """2^x."""


@elementwise(np.expm1, x=lambda ct, y: ct * (y + 1))
def expm1(x: Operand, /) -> Any:
    """e^x − 1, exact near 0."""


@elementwise(np.log, domain={"x": (0, INF)}, x=lambda ct, x: ct / x)
def log(x: Operand, /) -> Any:
    """The natural logarithm."""


@elementwise(np.log2, domain={"x": (0, INF)}, x=lambda ct, x: ct / (x * LN2))
def log2(x: Operand, /) -> Any:
    """The logarithm to base 2."""


@elementwise(np.log10, domain={"x": (0, INF)}, x=lambda ct, x: ct / (x * LN10))
def log10(x: Operand, /) -> Any:
    """The logarithm to base 10."""


@elementwise(np.log1p, domain={"x": (-1, INF)}, x=lambda ct, x: ct / (1 + x))
def log1p(x: Operand, /) -> Any:
    """log(1 + x), exact near 0."""


def _share(ct: Any, mine: Any, other: Any, scale: float = 1) -> Any:
    # Of the sum of powers, from the difference of the exponents. Two that are infinite and alike
    # differ by nothing; finite ones do differ as they move, for the second derivative.
    alike = (mine == other) & np.isinf(mine)
    mine, other = np.where(alike, 0, mine), np.where(alike, 0, other)
    difference = (mine - other) * scale
    return ct * (sigmoid(difference) if type(difference) is Tensor else _logistic(difference))


@elementwise(
    np.logaddexp,
    a=lambda ct, a, b: _share(ct, a, b),
    b=lambda ct, a, b: _share(ct, b, a),
)
def logaddexp(a: Operand, b: Operand, /) -> Any:
    """log(e^a + e^b)."""


@elementwise(
    np.logaddexp2,
    a=lambda ct, a, b: _share(ct, a, b, LN2),
    b=lambda ct, a, b: _share(ct, b, a, LN2),
)
def logaddexp2(a: Operand, b: Operand, /) -> Any:
    """log₂(2^a + 2^b)."""


def _logistic(x: Any) -> Any:
    with np.errstate(over="ignore"):  # 1 / (1 + ∞) is the 0 that is wanted
        return 1 / (1 + np.exp(-x))


@elementwise(label="σ", x=lambda ct, y: ct * (y * (1 - y)))
def sigmoid(x: Operand, /) -> Any:
    """1 / (1 + e^−x), finite for any real x."""
    return _logistic(x)


@elementwise(x=lambda ct, x: ct * sigmoid(x))
def softplus(x: Operand, /) -> Any:
    """log(1 + e^x), without overflow for any x."""
    ordered(x)
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


# Trigonometry


@elementwise(np.sin, x=lambda ct, x: ct * np.cos(x))
def sin(x: Operand, /) -> Any:
    """sin x, x in radians."""


@elementwise(np.cos, x=lambda ct, x: -ct * np.sin(x))
def cos(x: Operand, /) -> Any:
    """cos x, x in radians."""


@elementwise(np.tan, domain={"x": (-1.5, 1.5)}, x=lambda ct, y: ct * (1 + y * y))
def tan(x: Operand, /) -> Any:
    """tan x, x in radians."""


# On the branch cuts of complex numbers √(1 − x²) does not know which side of them x is on, because
# 1 − x loses the sign of a zero; the value does.


def _arcsin(ct: Any, x: Any) -> Any:
    return ct / (np.cos(np.arcsin(x)) if x.dtype.kind == "c" else np.sqrt((1 - x) * (1 + x)))


def _arccos(ct: Any, x: Any) -> Any:
    return -ct / (np.sin(np.arccos(x)) if x.dtype.kind == "c" else np.sqrt((1 - x) * (1 + x)))


def _arcsinh(ct: Any, x: Any) -> Any:
    return ct / (np.cosh(np.arcsinh(x)) if x.dtype.kind == "c" else np.sqrt(x * x + 1))


def _arccosh(ct: Any, x: Any) -> Any:
    if x.dtype.kind == "c":
        return ct / np.sinh(np.arccosh(x))
    return ct / (np.sqrt(x - 1) * np.sqrt(x + 1))


@elementwise(np.arcsin, domain={"x": (-1, 1)}, x=_arcsin)
def arcsin(x: Operand, /) -> Any:
    """The angle in [−π/2, π/2] whose sine is x."""


@elementwise(np.arccos, domain={"x": (-1, 1)}, x=_arccos)
def arccos(x: Operand, /) -> Any:
    """The angle in [0, π] whose cosine is x."""


@elementwise(np.arctan, x=lambda ct, x: ct / (1 + x * x))
def arctan(x: Operand, /) -> Any:
    """The angle in (−π/2, π/2) whose tangent is x."""


def _over_square(ct: Any, numerator: Any, a: Any, b: Any) -> Any:
    # Not by a² + b², which is 0 or infinite for numbers that are far from it.
    length = np.hypot(a, b)
    length = np.where(length == 0, 1, length)
    return ct * (numerator / length) / length


@elementwise(
    np.arctan2,
    domain={"a": (0, INF), "b": (0, INF)},
    a=lambda ct, a, b: _over_square(ct, b, a, b),
    b=lambda ct, a, b: _over_square(ct, -a, a, b),
)
def arctan2(a: Operand, b: Operand, /) -> Any:
    """The angle of the point (b, a), in (−π, π]. Derivative 0 at the origin."""


@elementwise(
    np.hypot,
    domain={"a": (0, INF), "b": (0, INF)},
    a=lambda ct, y, a: ct * a / np.where(y == 0, 1, y),
    b=lambda ct, y, b: ct * b / np.where(y == 0, 1, y),
)
def hypot(a: Operand, b: Operand, /) -> Any:
    """√(a² + b²). Derivative 0 at the origin."""


@elementwise(np.degrees, numpy=np.rad2deg, x=lambda ct: ct * (180 / math.pi))
def degrees(x: Operand, /) -> Any:
    """Radians to degrees."""


@elementwise(np.radians, numpy=np.deg2rad, x=lambda ct: ct * (math.pi / 180))
def radians(x: Operand, /) -> Any:
    """Degrees to radians."""


# Hyperbolic functions


@elementwise(np.sinh, x=lambda ct, x: ct * np.cosh(x))
def sinh(x: Operand, /) -> Any:
    """(e^x − e^−x) / 2."""


@elementwise(np.cosh, x=lambda ct, x: ct * np.sinh(x))
def cosh(x: Operand, /) -> Any:
    """(e^x + e^−x) / 2."""


@elementwise(np.tanh, x=lambda ct, y: ct * (1 - y * y))
def tanh(x: Operand, /) -> Any:
    """sinh x / cosh x."""


@elementwise(np.arcsinh, x=_arcsinh)
def arcsinh(x: Operand, /) -> Any:
    """The inverse of sinh."""


@elementwise(np.arccosh, domain={"x": (1, INF)}, x=_arccosh)
def arccosh(x: Operand, /) -> Any:
    """The inverse of cosh, for x ≥ 1."""


@elementwise(np.arctanh, domain={"x": (-1, 1)}, x=lambda ct, x: ct / ((1 - x) * (1 + x)))
def arctanh(x: Operand, /) -> Any:
    """The inverse of tanh."""


# NumPy's other names for these

acos, acosh, asin, asinh = arccos, arccosh, arcsin, arcsinh
atan, atan2, atanh = arctan, arctan2, arctanh
deg2rad, rad2deg = radians, degrees
