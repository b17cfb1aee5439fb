"""sinc and the modified Bessel functions, with their derivatives of every order."""

import math
from typing import Any

import numpy as np

from ..primitive import Operand, elementwise


def _sinc(ct: Any, x: Any) -> Any:
    return ct * (math.pi * spherical(math.pi * x, 1))


@elementwise(numpy=np.sinc, x=_sinc)
def sinc(x: Operand, /) -> Any:
    """sin(πx) / (πx), and 1 at 0."""
    return np.sinc(x)


def _spherical_series(u: Any, order: int) -> Any:
    """Σ_j cos((n+j)π/2) u^j / (j! (n+j+1)), for |u| up to about n."""
    signs = (1, 0, -1, 0)
    total = np.zeros_like(u)
    for j in range(24 + 2 * order, -1, -1):
        total = total * u / (j + 1) + signs[(order + j) % 4] / (order + j + 1)
    return total


def _spherical(ct: Any, u: Any, order: int) -> Any:
    return ct * spherical(u, order + 1)


@elementwise(u=_spherical)
def spherical(u: Operand, order: int = 0) -> Any:
    """The derivative of sin(u) / u of this order: ∫ tⁿ cos(ut + nπ/2) dt over [0, 1].

    u·fₙ = sin(u + nπ/2) − n·fₙ₋₁ where u is large enough for that to lose no digits, elsewhere the
    power series.
    """
    u = np.asarray(u, np.result_type(u, 0.0))
    wide = np.asarray(u, np.result_type(u, np.float32))  # float16 has too small a range
    small = np.abs(wide) < 1 + order / 2
    far = np.where(small, 1, wide)
    waves = (np.sin(far), np.cos(far))
    f = waves[0] / far
    for n in range(1, order + 1):
        wave = waves[n % 2] if n % 4 < 2 else -waves[n % 2]
        f = (wave - n * f) / far
    near = _spherical_series(np.where(small, wide, 0), order)
    return np.where(small, near, f).astype(u.dtype)[()]


def _i0(ct: Any, x: Any) -> Any:
    return ct * bessel(x, 1)


@elementwise(numpy=np.i0, x=_i0)
def i0(x: Operand, /) -> Any:
    """The modified Bessel function I₀ = Σ_k (x/2)^2k / k!², for real x."""
    return np.i0(x)


# Where the power series ends and the asymptotic one begins, which is exact to e^−2x.
FAR = 30.0


def _bessel_series(x: Any, order: int) -> Any:
    """Σ_k (x/2)^(2k+n) / (k! (k+n)!): all terms of one sign, so that nothing is lost."""
    square = (x / 2) ** 2
    terms = 64
    total = np.ones_like(x)
    for k in range(terms, 0, -1):
        total = 1 + total * square / (k * (k + order))
    return total * (x / 2) ** order / math.factorial(order)


def _bessel_asymptotic(x: Any, order: int) -> Any:
    """e^x / √(2πx) · Σ_k (−1)^k (4n²−1²)(4n²−3²)…(4n²−(2k−1)²) / (k! (8x)^k)."""
    total = np.ones_like(x)
    for k in range(24 + order, 0, -1):
        total = 1 - total * (4 * order**2 - (2 * k - 1) ** 2) / (k * 8 * x)
    # Half of e^x at a time: it overflows later than its quotient by √x does.
    half = np.exp(x / 2)
    return half * (total / np.sqrt(2 * math.pi * x)) * half


def _bessel(ct: Any, x: Any, order: int) -> Any:
    if order == 0:
        return ct * bessel(x, 1)
    return ct * (0.5 * (bessel(x, order - 1) + bessel(x, order + 1)))


@elementwise(x=_bessel)
def bessel(x: Operand, order: int = 0) -> Any:
    """The modified Bessel function Iₙ of whole order, for real x.

    Abramowitz and Stegun 1964, 9.6.10 and 9.7.1.
    """
    if np.iscomplexobj(x):
        raise TypeError("complex numbers; it is for real ones")
    x = np.asarray(x, np.result_type(x, 0.0))
    wide = np.asarray(x, np.result_type(x, np.float64))
    far = np.abs(wide) > FAR
    with np.errstate(over="ignore"):  # ∞ is what NumPy's i0 gives there, silently
        large = _bessel_asymptotic(np.where(far, np.abs(wide), FAR), order)
        large = np.where(wide < 0, (-1) ** order, 1) * large
        y = np.where(far, large, _bessel_series(np.where(far, 0, wide), order))
        return y.astype(x.dtype)[()]
