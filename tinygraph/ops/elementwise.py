"""Arithmetic and what else works element by element, each function with its rule beside it.

Rules are linear in the cotangent and write the derivative as calculus does; for complex operands
that is the holomorphic derivative, and the few functions that are not holomorphic say so.
Corners: ties of maximum and minimum share the cotangent equally; abs has derivative 0 at 0; a
power with exponent 0 has derivative 0 with respect to its base, also at 0.
"""

import functools
import math
from typing import Any

import numpy as np

from ..errors import ArgumentError, NotDifferentiable
from ..primitive import Operand, derived, elementwise, primitive, sample
from ..tensor import Tensor, as_tensor
from .out import refuse_out

INF = math.inf


def zero(ct: Any) -> Any:
    """The rule of a function that is constant between its jumps."""
    return np.zeros_like(ct)


# Arithmetic


@elementwise(np.add, symbol="+", a=lambda ct: ct, b=lambda ct: ct)
def add(a: Operand, b: Operand, /) -> Any:
    """a + b."""


@elementwise(np.subtract, symbol="-", label="−", a=lambda ct: ct, b=lambda ct: -ct)
def subtract(a: Operand, b: Operand, /) -> Any:
    """a − b."""


@elementwise(np.multiply, symbol="*", label="×", a=lambda ct, b: ct * b, b=lambda ct, a: ct * a)
def multiply(a: Operand, b: Operand, /) -> Any:
    """a · b."""


def _quotient(ct: Any, y: Any, b: Any) -> tuple[Any, Any]:
    slope = ct / b
    return slope, -(slope * y)


@elementwise(
    np.divide,
    symbol="/",
    label="÷",
    domain={"b": (0, INF)},
    joint=(("a", "b"), _quotient),
    a=lambda ct, b: ct / b,
    b=lambda ct, y, b: -ct / b * y,
)
def divide(a: Operand, b: Operand, /) -> Any:
    """a / b."""


@elementwise(np.negative, symbol="-", label="−", x=lambda ct: -ct)
def negative(x: Operand, /) -> Any:
    """−x."""


@elementwise(np.positive, symbol="+", label="+", x=lambda ct: ct)
def positive(x: Operand, /) -> Any:
    """x itself."""


@elementwise(np.reciprocal, label="1/x", domain={"x": (0, INF)}, x=lambda ct, y: -ct * y * y)
def reciprocal(x: Operand, /) -> Any:
    """1 / x."""


def _power_base(ct: Any, a: Any, b: Any) -> Any:
    if type(b) in (int, float):  # the usual case, spared the masks
        if b == 2:
            return ct * (2 * a)
        return ct * (b * a ** (b - 1)) if b else np.zeros_like(ct)
    constant = b == 0
    if type(a) is Tensor or type(b) is Tensor:  # d²(a^b)/da db is 1/a there, but for a = 0
        constant = constant & (a == 0)
    return ct * (b * a ** np.where(constant, 1, b - 1))


def _power_exponent(ct: Any, y: Any, a: Any) -> Any:
    # 0^b is 0 for every b > 0, so its derivative is 0 there, not 0·log 0.
    return ct * y * np.log(np.where(a == 0, 1, a))


@elementwise(
    np.power, symbol="**", label="^", domain={"a": (0, INF)}, a=_power_base, b=_power_exponent
)
def power(a: Operand, b: Operand, /) -> Any:
    """a^b. Derivative with respect to a is 0 where b is 0; to b, 0 where a is 0."""


@elementwise(np.float_power, label="^", domain={"a": (0, INF)}, a=_power_base, b=_power_exponent)
def float_power(a: Operand, b: Operand, /) -> Any:
    """a^b, computed in float64 or better."""


@elementwise(np.square, label="x²", x=lambda ct, x: ct * (2 * x))
def square(x: Operand, /) -> Any:
    """x²."""


@elementwise(np.sqrt, label="√", domain={"x": (0, INF)}, x=lambda ct, y: ct * 0.5 / y)
def sqrt(x: Operand, /) -> Any:
    """The square root. Its derivative at 0 is +∞."""


@elementwise(np.cbrt, label="∛", domain={"x": (0, INF)}, x=lambda ct, y: ct / (3 * y * y))
def cbrt(x: Operand, /) -> Any:
    """The cube root. Its derivative at 0 is +∞."""


@elementwise(
    np.remainder,
    symbol="%",
    label="mod",
    domain={"a": (2.1, 2.9), "b": (1, 1.05)},
    a=lambda ct: ct,
    b=lambda ct, a, b: -ct * np.floor_divide(a, b),
)
def remainder(a: Operand, b: Operand, /) -> Any:
    """a − b·⌊a/b⌋, with the sign of b."""


@elementwise(
    np.fmod,
    domain={"a": (2.1, 2.9), "b": (1, 1.05)},
    a=lambda ct: ct,
    b=lambda ct, a, b: -ct * np.trunc(a / b),
)
def fmod(a: Operand, b: Operand, /) -> Any:
    """a − b·trunc(a/b), with the sign of a."""


@elementwise(np.floor_divide, symbol="//", domain={"a": (2.1, 2.9), "b": (1, 1.05)}, a=zero, b=zero)
def floor_divide(a: Operand, b: Operand, /) -> Any:
    """⌊a / b⌋. Derivative 0."""


@elementwise(np.ldexp, label="x·2ⁱ", x=lambda ct, i: np.ldexp(ct, i), i=None)
def ldexp(x: Operand, i: Operand, /) -> Any:
    """x · 2^i, for integers i."""


# Absolute value, sign, extremes


def _absolute(ct: Any, x: Any) -> Any:
    sign = np.sign(x)
    return ct * (np.conjugate(sign) if sign.dtype.kind == "c" else sign)


@elementwise(np.absolute, label="|x|", domain={"x": (0, INF)}, x=_absolute)
def absolute(x: Operand, /) -> Any:
    """|x|. Derivative 0 at 0. Not holomorphic: for complex x the gradient is x/|x|."""


@elementwise(np.fabs, label="|x|", domain={"x": (0, INF)}, x=lambda ct, x: ct * np.sign(x))
def fabs(x: Operand, /) -> Any:
    """|x| of real x. Derivative 0 at 0."""


def _sign(ct: Any, y: Any, x: Any) -> Any:
    if y.dtype.kind != "c":
        return np.zeros_like(ct)
    size = np.abs(x)
    along = np.real(ct * y) * np.conjugate(y)
    return np.where(size == 0, 0, (ct - along) / np.where(size == 0, 1, size))


@elementwise(np.sign, domain={"x": (0, INF)}, x=_sign)
def sign(x: Operand, /) -> Any:
    """−1, 0 or 1, with derivative 0; x/|x| for complex x, which is not holomorphic.

    Derivative 0 at 0.
    """


@elementwise(
    np.copysign,
    domain={"a": (0, INF), "b": (0, INF)},
    a=lambda ct, a, b: ct * np.sign(a) * np.copysign(1, b),
    b=zero,
)
def copysign(a: Operand, b: Operand, /) -> Any:
    """|a| with the sign of b."""


def _won(ct: Any, mine: Any, other: Any) -> Any:
    # A tie is shared: half of the cotangent to each.
    won, ties = ct * (mine > other), mine == other
    if ties.ndim and not np.count_nonzero(ties):
        return won
    return won + ct * ties * 0.5


def _won_over_nan(ct: Any, mine: Any, other: Any) -> Any:
    return _won(ct, mine, other) + ct * (np.isnan(other) & ~np.isnan(mine))


@elementwise(
    np.maximum,
    label="max",
    a=lambda ct, a, b: _won(ct, a, b),
    b=lambda ct, a, b: _won(ct, b, a),
)
def maximum(a: Operand, b: Operand, /) -> Any:
    """The larger of a and b, NaN if either is. Ties share the cotangent equally."""


@elementwise(
    np.minimum,
    label="min",
    a=lambda ct, a, b: _won(ct, b, a),
    b=lambda ct, a, b: _won(ct, a, b),
)
def minimum(a: Operand, b: Operand, /) -> Any:
    """The smaller of a and b, NaN if either is. Ties share the cotangent equally."""


@elementwise(
    np.fmax,
    label="max",
    a=lambda ct, a, b: _won_over_nan(ct, a, b),
    b=lambda ct, a, b: _won_over_nan(ct, b, a),
)
def fmax(a: Operand, b: Operand, /) -> Any:
    """The larger of a and b that is not NaN. Ties share the cotangent equally."""


@elementwise(
    np.fmin,
    label="min",
    a=lambda ct, a, b: _won_over_nan(ct, -a, -b),
    b=lambda ct, a, b: _won_over_nan(ct, -b, -a),
)
def fmin(a: Operand, b: Operand, /) -> Any:
    """The smaller of a and b that is not NaN. Ties share the cotangent equally."""


def _within(ct: Any, a: Any, a_min: Any, a_max: Any) -> Any:
    if a_min is not None:
        ct = ct * (a >= a_min)
    if a_max is not None:
        ct = ct * (a <= a_max)
    return ct


def _below(ct: Any, a: Any, a_min: Any, a_max: Any) -> Any:
    low = ct * (a < a_min)
    return low if a_max is None else low * (a_min <= a_max)


@primitive(
    name="clip",
    elementwise=True,
    a=_within,
    a_min=_below,
    a_max=lambda ct, a, a_min, a_max: ct * ((a if a_min is None else np.maximum(a, a_min)) > a_max),
    samples=(
        sample((3, 4), -0.5, 0.5),
        sample((3, 4), None, 0.5),
        sample((3, 4), -0.5),
        sample((3, 4), (4,), (3, 1)),
        sample((), -0.1, ()),
        sample((4,), (3, 1), (3, 4)),
    ),
)
def clip_between(a: Operand, a_min: Operand = None, a_max: Operand = None) -> Any:
    """min(max(a, a_min), a_max)."""
    if a_min is None and a_max is None:
        return np.array(a)[()]
    return a.clip(a_min, a_max) if type(a) is np.ndarray else np.clip(a, a_min, a_max)


@derived(numpy=np.clip)
def clip(
    a: Operand,
    a_min: Operand = None,
    a_max: Operand = None,
    out: None = None,
    *,
    min: Operand = None,
    max: Operand = None,
    dtype: Any = None,
    where: Any = True,
) -> Tensor:
    """min(max(a, a_min), a_max); None: no bound. Derivative 1 at the bounds, 0 beyond them.

    `min` and `max` are other names of the bounds. Where a_min is above a_max, it is a_max.
    """
    for bound, other, name in ((a_min, min, "min"), (a_max, max, "max")):
        if bound is not None and other is not None:
            raise ArgumentError(f"clip: both a_{name} and {name} came; they are one bound")
    refuse_out("clip", out)
    if where is not True:
        raise NotDifferentiable(
            "clip: where= would leave elements undefined; use tg.where(condition, tg.clip(…), a)"
        )
    operands = [a, min if a_min is None else a_min, max if a_max is None else a_max]
    if dtype is not None:
        operands = [x if x is None else as_tensor(x, "clip").astype(dtype) for x in operands]
    return clip_between(*operands)


def ordered(x: Any) -> None:
    """Refuse complex numbers."""
    if np.iscomplexobj(x):
        raise TypeError("complex numbers have no order; take .real, .imag or abs()")


@functools.lru_cache(maxsize=8)  # of 2 MB at most
def _zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    return np.zeros(shape, dtype)


@elementwise(x=lambda ct, y: ct * (y > 0))
def relu(x: Operand, /) -> Any:
    """max(x, 0). Derivative 0 at 0."""
    ordered(x)
    # NumPy takes the maximum of two arrays four times as fast as that of an array and a number.
    medium = type(x) is np.ndarray and 1000 < x.size <= 1 << 18
    return np.maximum(x, _zeros(x.shape, x.dtype) if medium else 0)


def _leaky(ct: Any, x: Any, slope: float) -> Any:
    if not 0 <= slope <= 1:
        return np.where(x > 0, ct, slope * ct)
    return ct * np.maximum((x > 0).astype(ct.dtype), slope)


@elementwise(label="leaky relu", x=_leaky)
def leaky_relu(x: Operand, slope: float = 0.01) -> Any:
    """x where x > 0, slope·x elsewhere. Derivative `slope` at 0."""
    ordered(x)
    # Not `where`, which is many times slower where it cannot predict the sign.
    return np.maximum(x, slope * x) if slope <= 1 else np.minimum(x, slope * x)


# Complex numbers. With z = a + ib, the cotangent c of z stands for the change Re(c·dz).


@elementwise(np.conjugate, label="x̄", x=lambda ct: np.conjugate(ct))
def conjugate(x: Operand, /) -> Any:
    """a − ib. Not holomorphic."""


@elementwise(np.real, label="Re", val=lambda ct: ct)
def real(val: Operand) -> Any:
    """The real part."""


@elementwise(
    np.imag, label="Im", val=lambda ct, dtype: ct * -1j if dtype.kind == "c" else np.zeros_like(ct)
)
def imag(val: Operand) -> Any:
    """The imaginary part; 0 for real numbers."""


# NumPy's other names for these

abs = absolute
conj = conjugate
mod = remainder
pow = power
true_divide = divide
