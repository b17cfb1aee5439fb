"""The normal distribution's Φ, and gelu, the activation that is made of it.

Φ(x) = (1 + erf(x/√2)) / 2. NumPy has neither. For s = |x|, Φ(−s) = e^(−s²/2) · w · p(w − 1) with
w = 2k / (k + s), which takes [0, ∞) to (0, 2], and p smooth enough for a short polynomial. Its
coefficients are those of the least largest error of Φ, found with Lawson's reweighted least squares
in 30 digits; like those of Abramowitz and Stegun 7.1.26, of a higher degree.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygraph as tg

DENSITY = 1 / math.sqrt(2 * math.pi)  # of the standard normal distribution at 0
FAR = 40  # from where on Φ is 0 or 1 in any precision, and squares still fit in half precision

# k, and the coefficients from the highest power down: right within 6e-9 and 2e-18.
SINGLE = (3.6, [
    -0.00171996740863512014, 0.00445815471989738314, 0.0176063210410105859, 0.0460749971587279152,
    0.079845906983828195, 0.103734584479638731,
])  # fmt: skip
DOUBLE = (4.4, [
    -1.40206517963988471e-7, 1.25348393204941446e-6, -3.99922236734889989e-6,
    2.52486194133076971e-6, 0.0000102094244222318475, 0.0000111926795247428461,
    -0.0000835796884324818372, -0.000232017145075245816, 0.000223157562481053244,
    0.00315590866512419569, 0.0114581429269147325, 0.027303650760299666, 0.0494875307042243406,
    0.0720952482942914131, 0.0865709168992372834,
])  # fmt: skip
# By dtype; as 0-d arrays, which are added faster than Python numbers.
TABLES = {
    np.dtype(dtype): (k, [np.array(c, dtype) for c in coefficients])
    for dtype, (k, coefficients) in ((np.float32, SINGLE), (np.float64, DOUBLE))
}
SIGN_BITS = {np.dtype(f"f{n}"): (np.dtype(f"u{n}"), np.array(1 << 8 * n - 1, f"u{n}"))
             for n in (4, 8)}  # fmt: skip


def cumulative_and_bell(x: Any) -> tuple[Any, Any]:
    """Φ(x) and e^(−x²/2) of a real floating array, in its precision or in double."""
    k, (highest, *others) = TABLES.get(x.dtype) or TABLES[np.dtype(np.float64)]
    w = np.abs(x)
    w += k
    np.divide(2 * k, w, out=w)
    u = w - 1
    tail = u * highest
    for c in others[:-1]:
        tail += c
        tail *= u
    tail += others[-1]
    tail *= w
    with np.errstate(over="ignore"):  # e^−∞ is 0, as it should be
        bell = np.multiply(x, x, out=w)
    bell *= -0.5
    np.exp(bell, out=bell)
    tail *= bell
    np.subtract(0.5, tail, out=tail)
    _give_sign(tail, x)
    tail += 0.5
    return tail, bell


def _give_sign(size: Any, x: Any) -> None:
    """Make positive numbers as negative as those of x, in place."""
    if x.dtype not in SIGN_BITS:
        np.copysign(size, x, out=size)
        return
    # Four times as fast as copysign.
    bits, sign = SIGN_BITS[x.dtype]
    view = size.view(bits)
    view |= x.view(bits) & sign


def like(y: Any, x: Any) -> Any:
    """What was computed from `real_floating(x)`, with the shape of x, and its dtype if floating."""
    dtype = x.dtype if x.dtype.kind == "f" else y.dtype
    return y.astype(dtype, copy=False).reshape(x.shape)[()]


def real_floating(x: Any, operation: str) -> Any:
    """The operand as an array of at least one axis and single precision."""
    x = np.asarray(x)
    if x.dtype.kind == "c":
        raise tg.DTypeError(f"{operation}: complex numbers are not ordered; take .real, or abs()")
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    return np.atleast_1d(x if x.dtype.itemsize > 2 else x.astype(np.float32))


def _density(x: Any) -> Any:
    x = np.clip(x, -FAR, FAR)
    return np.exp(x * x * -0.5) * DENSITY


@tg.elementwise(label="Φ", x=lambda ct, x: ct * _density(x))
def normal_cdf(x: Any, /) -> Any:
    """Φ(x), the probability that a standard normal variable is less than x: (1 + erf(x/√2)) / 2."""
    x = np.asarray(x)
    return like(cumulative_and_bell(real_floating(x, "normal_cdf"))[0], x)


# gelu


INNER, CUBIC = math.sqrt(2 / math.pi), 0.044715  # Hendrycks and Gimpel's approximation


def _gelu_slope(x: Any, approximate: Any) -> Any:
    """Its derivative, of tensors."""
    x = np.clip(x, -FAR, FAR)
    if not approximate:
        return normal_cdf(x) + x * _density(x)
    squares = x * x
    doubled = x * (1 + CUBIC * squares) * (2 * INNER)
    share, rest = tg.sigmoid(doubled), tg.sigmoid(-doubled)  # 1 − share would lose its digits
    return share + x * share * rest * (1 + 3 * CUBIC * squares) * (2 * INNER)


def _gelu(x: Any) -> tuple[Any, Any]:
    """x Φ(x) and Φ(x) + x φ(x)."""
    share, slope = cumulative_and_bell(x)
    slope *= x
    slope *= DENSITY
    slope += share
    share *= x
    return share, slope


def _gelu_tanh(x: Any) -> tuple[Any, Any]:
    """x s and s + x s′, with s = (1 + tanh u) / 2, of which the derivative is 2 s (1 − s) u′."""
    with np.errstate(over="ignore"):  # far out s is 0 or 1, as it should be
        slope = x * x
        share = slope * CUBIC
        share += 1
        share *= x
        share *= INNER
        np.tanh(share, out=share)
        share *= 0.5
        share += 0.5
        slope *= 6 * CUBIC * INNER
        slope += 2 * INNER
        y = x * share
        slope *= y
        slope *= 1 - share
        slope += share
    return y, slope


@tg.primitive(
    x=lambda ct, slope: ct * slope,
    saves={"slope": _gelu_slope},
    samples=(
        tg.sample((3, 4)),
        tg.sample(()),
        tg.sample((0,)),
        tg.sample((3, 4), "tanh"),
        tg.sample((), "tanh"),
    ),
)
def gelu(x: Any, approximate: Any = False) -> Any:
    """x Φ(x) with the normal distribution's Φ; ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))) if "tanh".

    x: real floating, of any shape.  approximate: False, or "tanh" for the approximation, which is
    off by up to 5e-4; or True, which is the same.
    Returns the shape and dtype of x. Φ is exact within rounding, in single and double precision.
    Raises ArgumentError for another approximation.  Hendrycks and Gimpel 2016.
    """
    check_approximate("gelu", approximate)
    y, slope = (_gelu_tanh if approximate else _gelu)(real_floating(x, "gelu"))
    return like(y, x), like(slope, x)


def check_approximate(operation: str, approximate: Any) -> None:
    """Raise ArgumentError for an approximation of gelu that there is not."""
    if approximate not in (False, True, "tanh"):
        raise tg.ArgumentError(
            f"{operation}: approximate={approximate!r}; it needs False, for the exact gelu, "
            "or 'tanh'"
        )
