"""Rounding, and numbers taken apart: what is constant, or of slope 1, between its jumps."""

from typing import Any

import numpy as np

from ..numpy_version import since
from ..primitive import Operand, derived, elementwise, primitive, sample
from .deprecation import warn_deprecated
from .elementwise import INF, zero
from .out import refuse_out


@elementwise(np.rint, domain={"x": (0.6, 1.4)}, x=zero)
def rint(x: Operand, /) -> Any:
    """x rounded to the nearest integer, halves to even. Derivative 0."""


@elementwise(np.floor, domain={"x": (0.1, 0.9)}, x=zero)
def floor(x: Operand, /) -> Any:
    """⌊x⌋. Derivative 0."""


@elementwise(np.ceil, domain={"x": (0.1, 0.9)}, x=zero)
def ceil(x: Operand, /) -> Any:
    """⌈x⌉. Derivative 0."""


@elementwise(np.trunc, domain={"x": (0.1, 0.9)}, x=zero)
def trunc(x: Operand, /) -> Any:
    """x without its fraction. Derivative 0."""


@derived(numpy=np.fix)
def fix(x: Operand, out: None = None) -> Any:
    """`trunc`, under the name that NumPy deprecates from 2.5 on. Derivative 0."""
    if since("2.5.0"):
        warn_deprecated("fix: deprecated since NumPy 2.5; trunc is the same")
    refuse_out("fix", out)
    return trunc(x)


@elementwise(numpy=[np.round, np.around], domain={"a": (0.6, 1.4)}, a=zero)
def round(a: Operand, decimals: int = 0, out: None = None) -> Any:
    """a rounded to so many decimals, halves to even. Derivative 0."""
    refuse_out("round", out)
    return np.round(a, decimals)


@elementwise(np.spacing, domain={"x": (1.1, 1.9)}, x=zero)
def spacing(x: Operand, /) -> Any:
    """The distance from x to the next larger number of its dtype. Derivative 0."""


@elementwise(np.nextafter, a=lambda ct: ct, b=zero)
def nextafter(a: Operand, b: Operand, /) -> Any:
    """The next number of the dtype after a, towards b. Derivative 1 with respect to a, 0 to b."""


@elementwise(np.heaviside, domain={"a": (0, INF)}, a=zero, b=lambda ct, a: ct * (a == 0))
def heaviside(a: Operand, b: Operand, /) -> Any:
    """0 for a < 0, b for a = 0, 1 for a > 0."""


# With two outputs


@primitive(
    numpy=np.modf,
    several=True,
    x=lambda ct: ct[0],
    domain={"x": (0.1, 0.9)},
    samples=(sample((3, 2)), sample(())),
)
def modf(x: Operand, /) -> Any:
    """Fraction and integer part of x. Derivative 1 and 0."""
    return np.modf(x)


@primitive(
    numpy=np.frexp,
    several=True,
    x=lambda ct, y: np.ldexp(ct[0], -y[1]),
    domain={"x": (1.1, 1.9)},
    samples=(sample((3, 2)), sample(())),
)
def frexp(x: Operand, /) -> Any:
    """Mantissa in [½, 1) and integer exponent of x = m · 2^e."""
    return np.frexp(x)


@primitive(
    numpy=np.divmod,
    several=True,
    broadcasts=True,
    weak=True,
    a=lambda ct: ct[1],
    b=lambda ct, y: -ct[1] * y[0],
    domain={"a": (2.1, 2.9), "b": (1, 1.05)},
    samples=(sample((3, 2), (2,)), sample((2,), (3, 2)), sample((), 1.02)),
)
def divmod(a: Operand, b: Operand, /) -> Any:
    """⌊a / b⌋ and a − b·⌊a / b⌋."""
    return np.divmod(a, b)


# NumPy's other names for these

around = round
