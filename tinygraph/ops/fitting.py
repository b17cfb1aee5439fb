"""Polynomials through points, by least squares.

With G = AᴴA, the solution of min |Ac − b| is c = G⁻¹Aᴴb. Its derivative needs G⁻¹ once more, which
is an operation of its own here: so derivatives of every order are made of the two.
"""

import warnings
from typing import Any

import numpy as np

from ..errors import ArgumentError, DomainError, DTypeError, NotDifferentiable, ShapeError
from ..primitive import Operand, derived, primitive, sample
from ..tensor import as_tensor, untracked
from .conversion import array
from .elementwise import absolute, add, divide, multiply, sqrt, square, subtract
from .polynomials import vander
from .products import matmul, outer
from .reduction import sum
from .shape import expand_dims, reshape


def _fit(ct: Any, y: Any, a: Any, b: Any, needs: Any) -> Any:
    t = normal_solve(a, np.conjugate(ct))
    moved = np.conjugate(a @ t)
    left_over = np.conjugate(b - a @ y)
    return left_over @ np.transpose(t) - moved @ np.transpose(y), moved


@primitive(
    joint=(("a", "b"), _fit),
    samples=(sample((4, 2), (4, 1)), sample((5, 3), (5, 2)), sample((3, 3), (3, 1))),
)
def least_squares_fit(a: Operand, b: Operand, rcond: float | None = None) -> Any:
    """The c of least Σ |a·c − b|², for each column of b. The columns of a are independent."""
    return np.linalg.lstsq(a, b, rcond)[0]


def _normal(ct: Any, y: Any, a: Any, needs: Any) -> Any:
    t = normal_solve(a, np.conjugate(ct))
    back = np.conjugate(a @ t) @ np.transpose(y) + np.conjugate(a @ y) @ np.transpose(t)
    return -back, np.conjugate(t)


@primitive(
    joint=(("a", "u"), _normal),
    samples=(sample((4, 2), (2, 1)), sample((5, 3), (3, 2))),
)
def normal_solve(a: Operand, u: Operand) -> Any:
    """(aᴴa)⁻¹·u, by a QR decomposition, which does not square the condition of a."""
    r: Any = np.linalg.qr(a, mode="r")
    return np.linalg.solve(r, np.linalg.solve(r.conj().T, u))


def _vectors(x: Operand, y: Operand, w: Operand, deg: int) -> list[Any]:
    """What is to be fitted, checked."""
    x, y = add(array(x, copy=False), 0.0), add(array(y, copy=False), 0.0)
    w = None if w is None else add(array(w, copy=False), 0.0)
    if deg < 0:
        raise ArgumentError(f"polyfit: deg={deg}; a polynomial has degree 0 at least")
    if x.ndim != 1 or not x.size or y.ndim not in (1, 2) or len(y) != len(x):
        raise ShapeError(
            f"polyfit: points of shapes {x.shape} and {y.shape}; x needs to be a vector, and y one "
            "as long, or as many columns as there are curves"
        )
    if w is not None and w.shape != x.shape:
        raise ShapeError(f"polyfit: weights of shape {w.shape} for x of shape {x.shape}")
    return [x, y, w]


@derived(numpy=np.polyfit)
def polyfit(
    x: Operand, y: Operand, deg: int, rcond: float | None = None, full: bool = False,
    w: Operand = None, cov: bool | str = False,
) -> Any:  # fmt: skip
    """The coefficients of the polynomial p of this degree with the least Σ (wᵢ·(p(xᵢ) − yᵢ))².

    y: of shape (n,), or (n, k) for k curves at once.  cov: with it, the covariance of the
    coefficients.  full: with them residuals, rank, singular values and rcond, as in NumPy.
    Differentiable in x, y and w, but not where the points do not determine the polynomial.
    """
    x, y, w = _vectors(x, y, w, deg)
    order = int(deg) + 1
    rcond = len(x) * np.finfo(x.dtype).eps if rcond is None else rcond
    lhs = vander(x, order)
    rhs = expand_dims(y, 1) if y.ndim == 1 else y
    if w is not None:
        lhs, rhs = (multiply(side, expand_dims(w, 1)) for side in (lhs, rhs))
    scale = sqrt(sum(multiply(lhs, lhs), 0))
    lhs = divide(lhs, scale)
    _, residuals, rank, singular = np.linalg.lstsq(lhs.value, rhs.value, rcond)
    tracked = lhs.node is not None or rhs.node is not None
    if rank != order and tracked:
        raise DomainError(
            f"polyfit: {len(x)} points determine {rank} coefficients, not {order}, which has no "
            "derivative; lower deg, or .detach() the points"
        )
    if rank != order and not full:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    scaled = least_squares_fit(lhs, rhs, rcond)
    c = divide(scaled, expand_dims(scale, 1))
    c = reshape(c, (order,)) if y.ndim == 1 else c
    if not full and not cov:
        return c
    if residuals.size:
        squares = square(absolute(subtract(matmul(lhs, scaled), rhs)))
        residuals = sum(squares, 0)
    if full:
        if lhs.node is not None:
            raise NotDifferentiable(
                "polyfit: full=True tells singular values, which have no gradient here; leave "
                "full= out, or .detach() x and w"
            )
        return c, as_tensor(residuals, "polyfit"), rank, untracked(singular), rcond
    if lhs.dtype.kind == "c":
        raise DTypeError(
            f"polyfit: cov= with x of dtype {x.dtype}; it is defined for real points only"
        )
    base = normal_solve(lhs, np.eye(order, dtype=lhs.dtype))
    base = divide(base, outer(scale, scale))
    if cov == "unscaled":
        factor: Any = np.ones(1 if y.ndim == 1 else ())
    elif len(x) <= order:
        raise DomainError(
            f"polyfit: {len(x)} points and {order} coefficients leave nothing to estimate the "
            "covariance by; give more points, or cov='unscaled'"
        )
    else:
        factor = divide(residuals, len(x) - order)
    return c, multiply(base if y.ndim == 1 else expand_dims(base, 2), factor)
