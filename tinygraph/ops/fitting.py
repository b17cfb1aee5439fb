"""Polynomials through points, by least squares."""

import warnings
from typing import Any

import numpy as np

from ..errors import ArgumentError, DomainError, DTypeError, NotDifferentiable, ShapeError
from ..primitive import Operand, derived
from .conversion import array
from .elementwise import add, divide, multiply, sqrt
from .linear_systems import lstsq, pinv
from .polynomials import vander
from .products import matmul, outer
from .reduction import sum
from .shape import expand_dims, reshape, transpose


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
    scaled, residuals, found, singular = lstsq(lhs, rhs, rcond)
    rank = found.value
    tracked = lhs.node is not None or rhs.node is not None
    if rank != order and tracked:
        raise DomainError(
            f"polyfit: {len(x)} points determine {rank} coefficients, not {order}, which has no "
            "derivative; lower deg, or .detach() the points"
        )
    if rank != order and not full:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    c = divide(scaled, expand_dims(scale, 1))
    c = reshape(c, (order,)) if y.ndim == 1 else c
    if not full and not cov:
        return c
    if full:
        if lhs.node is not None:
            raise NotDifferentiable(
                "polyfit: full=True tells singular values, which have no gradient here; leave "
                "full= out, or .detach() x and w"
            )
        return c, residuals, rank, singular, rcond
    if lhs.dtype.kind == "c":
        raise DTypeError(
            f"polyfit: cov= with x of dtype {x.dtype}; it is defined for real points only"
        )
    inverse = pinv(lhs)
    base = divide(matmul(inverse, transpose(inverse)), outer(scale, scale))  # (AᵀA)⁻¹
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
