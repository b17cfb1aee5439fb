"""Repeated eigenvalues and singular values, and phases: where vectors are not determined.

Equal values leave the basis of their vectors open, and every complex vector its phase. A gradient
exists if the loss does not depend on what LAPACK chose, and then the cotangents show it: with
x = vᴴ·∂L/∂v, rotating a basis changes the loss by the part of x that is not Hermitian.

One thing they do not show. Of v f(w) vᴴ, equal values hide f′: it multiplies the elements of the
basis off the diagonal, and cotangents have it on the diagonal only. It is taken from there, where
the ratio of ∂L/∂w to the diagonal of x is one number for all vectors with this value. Where it is
not, or where the diagonal says nothing (f = 0, or all its elements are equal while others are not
0), there is no telling, and the gradient is refused rather than guessed. Cotangents that are all 0
in a group give 0: the loss then has nothing to do with the group, or it is a single element off the
diagonal of such a function with f = 0, which looks the same.
"""

from typing import Any

import numpy as np

from ..errors import AmbiguousGradient
from .hermitian import adjoint, diagonal, real, rounding, value_of


def equal(values: Any) -> Any:
    """For each pair of values, in order of size, whether they are equal but for rounding."""
    values = value_of(values)
    steps = np.abs(np.diff(values)) > rounding(values, values.dtype)
    group = np.zeros(values.shape, int)
    group[..., 1:] = np.cumsum(steps, axis=-1)
    return group[..., np.newaxis] == group[..., np.newaxis, :]


def shared(g: Any, same: Any) -> Any:
    """Each group of equal values shares what its members get: ties share equally."""
    if same.shape[-1] == 0 or (same.sum(-1) == 1).all():
        return g
    weights = same / np.sum(same, axis=-1, keepdims=True)
    plain = value_of(g)
    # As a constant: where the loss is smooth nothing moves, and its second derivative is g's own.
    return g + ((weights.astype(g.dtype) @ plain[..., np.newaxis])[..., 0] - plain)


def size_of(ct: Any) -> Any:
    """The largest element of each matrix, with two axes of size 1."""
    return np.max(np.abs(value_of(ct)), axis=(-2, -1), keepdims=True, initial=0)


def within_groups(by_values: Any, x: Any, same: Any, size: Any, operation: str) -> Any:
    """The gradient in the basis of the vectors, for pairs of equal values.

    by_values: ∂L/∂w.  x: vᴴ·∂L/∂v; for singular values the sum of that of u and that of v.
    size: how large ∂L/∂v is, to tell what is only rounding.
    Raises AmbiguousGradient where it depends on the basis, or is not determined.
    """
    n = same.shape[-1]
    own = np.eye(n, dtype=bool)
    alone = by_values[..., np.newaxis] * own
    others = same & ~own
    if not others.any():
        return alone
    middle = real(diagonal(x))
    _check_determined(value_of(by_values), value_of(x), same, size, operation)
    square = np.sum(same * (middle * middle)[..., np.newaxis, :], axis=-1)
    product = np.sum(same * (middle * by_values)[..., np.newaxis, :], axis=-1)
    slope = product / np.where(value_of(square) == 0, 1, square)
    return alone + np.where(others, slope[..., np.newaxis] * x, 0)


def _check_determined(by_values: Any, x: Any, same: Any, size: Any, operation: str) -> None:
    """Raise where f′ cannot be read off: see the module's docstring."""
    tiny = np.finfo(by_values.dtype).eps ** 0.5
    middle = real(diagonal(x))
    scale = size[..., 0] * tiny
    scale_values = np.max(np.abs(by_values), axis=-1, keepdims=True, initial=0) * tiny
    count = np.sum(same, axis=-1)

    def largest(of_pairs: Any) -> Any:
        return np.max(np.where(same, np.abs(of_pairs), 0), axis=-1, initial=0)

    square = np.sum(same * (middle * middle)[..., np.newaxis, :], axis=-1)
    product = np.sum(same * (middle * by_values)[..., np.newaxis, :], axis=-1)
    slope = product / np.where(square == 0, 1, square)
    mean = np.sum(same * middle[..., np.newaxis, :], axis=-1) / count
    off = largest(np.where(np.eye(same.shape[-1], dtype=bool), 0, x)) > scale
    on = largest(middle[..., np.newaxis, :]) > scale
    wanted = largest(by_values[..., np.newaxis, :]) > scale_values
    varied = largest((middle - mean)[..., np.newaxis, :]) > scale
    misfit = np.abs(by_values - slope * middle) > scale_values
    unknown = misfit | (wanted & ~on) | (off & ~on) | (off & wanted & ~varied)
    if (unknown & (count > 1)).any():
        raise AmbiguousGradient(
            f"{operation}: there are equal values, and the loss depends on them and on their "
            "vectors, so that its gradient is not determined by theirs; take terms of the values "
            "alone from the function that returns only values, use a function of the matrix "
            "itself (inv, pinv, matrix_power, cholesky), or move the equal values apart"
        )


def check_free(x: Any, same: Any, size: Any, operation: str) -> None:
    """Raise AmbiguousGradient if the loss depends on the basis of equal values, or on a phase.

    x: vᴴ·∂L/∂v, whose part that is not Hermitian is what a rotation of the basis changes.
    size: how large ∂L/∂v is, to tell what is only rounding.
    """
    x = value_of(x)
    if x.dtype.kind != "c" and np.sum(same) == np.prod(same.shape[:-1], dtype=int):
        return
    skew = np.abs(x - adjoint(x))
    bad = same & (skew > np.finfo(x.dtype).eps ** 0.5 * size)
    if not bad.any():
        return
    if bad[..., ~np.eye(same.shape[-1], dtype=bool)].any():
        raise AmbiguousGradient(
            f"{operation}: the loss depends on the choice of vectors of equal values, which is "
            "free, so that it has no gradient; use what is the same for every choice, as v @ vᴴ "
            "of all vectors with this value, or move the equal values apart"
        )
    raise AmbiguousGradient(
        f"{operation}: the loss depends on the phase of complex vectors, which is free, so that "
        "it has no gradient; use what is the same for every phase, as abs(v) or v @ vᴴ, or "
        "multiply each vector by a phase that makes an element of it real"
    )
