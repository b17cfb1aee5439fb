"""NumPy's ufuncs that have a derivative, each with its rule beside it.

Conventions at corners: ties of maximum and minimum share the cotangent equally; abs has derivative
0 at 0; a power with exponent 0 has derivative 0 with respect to its base, also at 0.
"""

from typing import Any

import numpy as np

from ..primitive import Operand, elementwise

INF = np.inf
POSITIVE = {"x": (0.0, INF)}


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


@elementwise(
    np.divide,
    symbol="/",
    label="÷",
    domain={"b": (0.0, INF)},
    a=lambda ct, b: ct / b,
    b=lambda ct, a, b: -ct * (a / b) / b,
)
def divide(a: Operand, b: Operand, /) -> Any:
    """a / b."""


@elementwise(np.negative, label="−", x=lambda ct: -ct)
def negative(x: Operand, /) -> Any:
    """−x."""


@elementwise(np.positive, x=lambda ct: ct)
def positive(x: Operand, /) -> Any:
    """+x: x itself."""
