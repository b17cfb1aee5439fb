"""Polynomials as vectors of coefficients, the highest power first, as in NumPy's `poly…`."""

from typing import Any

import numpy as np

from ..errors import ArgumentError, NotDifferentiable, ShapeError
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor, untracked
from .bilinear import convolve_full
from .conversion import array
from .counting import horner
from .elementwise import add, divide, multiply, negative, power, real, subtract
from .indexing import getitem
from .joining import concatenate
from .ranks import atleast_1d
from .shape import astype, reshape
from .splitting import trim_zeros


def _coefficients(p: Operand, operation: str) -> Tensor:
    """A vector of coefficients; of np.poly1d its own."""
    found: Tensor = array(p.coeffs if isinstance(p, np.poly1d) else p, copy=False)
    if found.ndim > 1:
        raise ShapeError(f"{operation}: coefficients of shape {found.shape}; they form a vector")
    return found if found.ndim else reshape(found, (1,))


def _in_coefficients(ct: Any, x: Any, p_shape: Any) -> Any:
    return np.vander(np.reshape(x, -1), p_shape[0]).T @ np.reshape(ct, -1)


def _in_point(ct: Any, p: Any, x: Any) -> Any:
    return ct * np.polyval(p[:-1] * np.arange(p.shape[0] - 1, 0, -1), x)


@primitive(
    name="polyval",
    p=_in_coefficients,
    x=lambda ct, p, x: _in_point(ct, p, x),
    samples=(sample((4,), (2, 3)), sample((1,), (2,)), sample((3,), ()), sample((2,), (0,))),
    flops=horner,
)
def polynomial(p: Operand, x: Operand) -> Any:
    """Σₖ pₖ·x^(n−1−k)."""
    return np.polyval(p, x)


@derived(numpy=np.polyval)
def polyval(p: Operand, x: Operand) -> Tensor:
    """p₀·x^(n−1) + … + pₙ₋₁, for every x."""
    if isinstance(x, np.poly1d):
        raise ArgumentError("polyval: x is a poly1d; use tg.polymul and tg.polyadd to compose")
    p, x = array(p.coeffs if isinstance(p, np.poly1d) else p, copy=False), array(x, copy=False)
    if p.ndim == 1 and p.size:
        return polynomial(p, x)
    y = untracked(np.zeros_like(x.value))
    for coefficient in p:
        y = add(multiply(y, x), coefficient)
    return y


@derived(numpy=np.vander)
def vander(x: Operand, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of x as columns: xᵢ^(N−1−j), or increasing ones xᵢ^j."""
    x = as_tensor(x, "vander")
    if x.ndim != 1:
        raise ShapeError(f"vander: shape {x.shape}; it needs a vector")
    dtype = np.promote_types(x.dtype, int)
    x = x if x.dtype == dtype else astype(x, dtype)
    exponents = np.arange(len(x) if N is None else N)
    return power(reshape(x, (-1, 1)), exponents if increasing else exponents[::-1])


def _aligned(a1: Operand, a2: Operand, operation: str) -> list[Tensor]:
    """Both as long as the longer one, with zeros for the powers that one has not."""
    polynomials = [_coefficients(a, operation) for a in (a1, a2)]
    n = max(p.size for p in polynomials)
    return [
        p if p.size == n else concatenate([np.zeros(n - p.size, p.dtype), p]) for p in polynomials
    ]


@derived(numpy=np.polyadd)
def polyadd(a1: Operand, a2: Operand) -> Tensor:
    """The sum of two polynomials."""
    return add(*_aligned(a1, a2, "polyadd"))


@derived(numpy=np.polysub)
def polysub(a1: Operand, a2: Operand) -> Tensor:
    """The difference of two polynomials."""
    return subtract(*_aligned(a1, a2, "polysub"))


def _without_leading_zeros(p: Tensor) -> Tensor:
    trimmed = trim_zeros(p, "f")
    return trimmed if trimmed.size else getitem(p, (slice(-1, None),))


@derived(numpy=np.polymul)
def polymul(a1: Operand, a2: Operand) -> Tensor:
    """The product of two polynomials. Leading zeros are dropped first, as in NumPy."""
    polynomials = (_coefficients(a, "polymul") for a in (a1, a2))
    return convolve_full(*map(_without_leading_zeros, polynomials))


@derived(numpy=np.polydiv)
def polydiv(u: Operand, v: Operand) -> tuple[Tensor, Tensor]:
    """Quotient and remainder of two polynomials: u = q·v + r.

    Leading coefficients of the remainder that are nearly 0 are dropped, as in NumPy.
    """
    u, v = (add(_coefficients(a, "polydiv"), 0.0) for a in (u, v))
    dtype = np.result_type(u.dtype, v.dtype)
    r = u if u.dtype == dtype else astype(u, dtype)
    n, places = v.size, u.size - v.size + 1
    scale = divide(1.0, getitem(v, (0,)))
    quotient = []
    for k in range(places):
        d = multiply(scale, getitem(r, (slice(k, k + 1),)))
        quotient.append(d)
        taken = [np.zeros(k, dtype), multiply(d, v), np.zeros(r.size - k - n, dtype)]
        r = subtract(r, concatenate(taken))
    first = 0
    while first < r.size - 1 and np.allclose(r.value[first], 0, rtol=1e-14):
        first += 1
    q = concatenate(quotient) if quotient else untracked(np.zeros(1, dtype))
    return q, getitem(r, (slice(first, None),))


@derived(numpy=np.polyder)
def polyder(p: Operand, m: int = 1) -> Tensor:
    """The m-th derivative of a polynomial."""
    y = _coefficients(p, "polyder")
    if m < 0:
        raise ArgumentError(f"polyder: m={m}; polyint integrates")
    for _ in range(int(m)):
        y = multiply(getitem(y, (slice(None, -1),)), np.arange(y.size - 1, 0, -1))
    return y


@derived(numpy=np.polyint)
def polyint(p: Operand, m: int = 1, k: Operand = None) -> Tensor:
    """The m-th antiderivative of a polynomial; k: constants of integration, 0 if None."""
    y = _coefficients(p, "polyint")
    if m < 0:
        raise ArgumentError(f"polyint: m={m}; polyder differentiates")
    constants = atleast_1d(array(np.zeros(1) if k is None else k, copy=False))
    if constants.size not in (1, *range(m, constants.size + 1)):
        raise ShapeError(f"polyint: {constants.size} constants for m={m}; it needs 1 or {m}")
    for i in range(int(m)):
        constant = getitem(constants, (slice(i, i + 1) if constants.size > 1 else slice(0, 1),))
        y = concatenate([divide(y, np.arange(y.size, 0, -1)), constant])
    return y


@derived(numpy=np.poly)
def poly(seq_of_zeros: Operand) -> Tensor:
    """The coefficients of Π (x − zᵢ)."""
    zeros = atleast_1d(array(seq_of_zeros, copy=False))
    if zeros.ndim != 1:
        raise NotDifferentiable(
            f"poly: of a matrix (shape {zeros.shape}) it is the characteristic polynomial; "
            "give its eigenvalues, np.poly(np.linalg.eigvals(a))"
        )
    if not zeros.size:
        return untracked(np.float64(1.0))
    if zeros.dtype.kind not in "fc":
        zeros = astype(zeros, float)
    p = as_tensor(np.ones(1, zeros.dtype), "poly")
    for i in range(zeros.size):
        factor = concatenate(
            [np.ones(1, zeros.dtype), negative(getitem(zeros, (slice(i, i + 1),)))]
        )
        p = convolve_full(p, factor)
    values = zeros.value
    if p.dtype.kind == "c" and (np.sort(values) == np.sort(values.conj())).all():
        return real(p)  # the zeros come in conjugate pairs
    return p


def _roots(ct: Any, y: Any, p: Any) -> Any:
    # p(y) = 0 stays so, whence dyⱼ = −Σₖ yⱼ^(n−k) dpₖ / p′(yⱼ).
    degree = p.shape[0] - 1
    slopes = np.polyval(p[:-1] * np.arange(degree, 0, -1), y)
    return -np.matmul(ct / slopes, np.vander(y, degree + 1))


@primitive(
    name="roots",
    p=_roots,
    samples=(
        sample((3,)),
        sample((4,)),
        sample((2,)),
        sample((1,)),
    ),
)
def roots_of(p: Operand) -> Any:
    """The roots of a polynomial whose first coefficient is not 0."""
    return np.roots(p)


@derived(numpy=np.roots)
def roots(p: Operand) -> Tensor:
    """The x where p₀ xⁿ + … + pₙ = 0, for p of at least one dimension.

    dxⱼ/dpₖ = −xⱼ^(n−k) / p′(xⱼ): infinite where a root is a multiple one. Coefficients of 0 at the
    beginning are left out, as NumPy does, and get no gradient.
    Raises ShapeError if p is not a vector.
    """
    p = _coefficients(p, "roots")
    (places,) = np.nonzero(p.value)
    return roots_of(p[places[0] :]) if len(places) else untracked(np.array([]))
