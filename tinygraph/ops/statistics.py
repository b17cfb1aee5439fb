"""Statistics made of sums and products: the range, weighted means, covariance and correlation."""

import warnings
from typing import Any

import numpy as np

from ..errors import DomainError, DTypeError, ShapeError, WeightsError
from ..primitive import Operand, derived
from ..tensor import Tensor, as_tensor
from .arguments import along
from .axes import Axis, checked_axes
from .elementwise import clip, conjugate, imag, real, sqrt
from .joining import concatenate
from .out import refuse_out
from .products import dot
from .reduction import count, max, mean, min, sum
from .shape import astype, broadcast_to, diagonal


@derived(numpy=np.ptp)
def ptp(a: Operand, axis: Axis = None, out: None = None, keepdims: bool = False) -> Tensor:
    """max a − min a along the axes. Ties share the cotangent equally."""
    refuse_out("ptp", out)
    return max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims)


@derived(numpy=np.average)
def average(
    a: Operand,
    axis: Axis = None,
    weights: Operand = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """Σ w·a / Σ w over the axes; without weights the mean.

    weights: of the shape of a, or of its axes; differentiable.  returned: also Σ w.
    Raises WeightsError if weights sum to zero.
    """
    array = as_tensor(a, "average")
    if axis is not None:
        axis = checked_axes(axis, array.ndim, "average")
    if weights is None:
        y: Tensor = mean(array, axis, keepdims=keepdims)
        total = np.full(y.shape, count(array.shape, axis), y.dtype)
        return (y, as_tensor(total[()], "average")) if returned else y
    own = along(as_tensor(weights, "average"), array.shape, axis, "average")
    dtype = np.result_type(array.dtype, own.dtype, *([float] * (array.dtype.kind in "biu")))
    own = broadcast_to(own, array.shape)
    scale = sum(own, axis, dtype, keepdims=keepdims)
    if np.any(scale.value == 0):
        raise WeightsError(
            "average: the weights sum to zero, so that nothing can be divided by their sum"
        )
    y = sum(astype(array, dtype) * own, axis, keepdims=keepdims) / scale
    return (y, scale) if returned else y


def _sample_weights(weights: Operand, name: str, n: int) -> Tensor:
    """One weight for each of the n observations."""
    given = astype(as_tensor(weights, f"cov: {name}"), float)
    if given.ndim != 1 or given.shape[0] != n:
        raise ShapeError(
            f"cov: {name} of shape {given.shape} for {n} observations; they need shape ({n},)"
        )
    if np.any(given.value < 0):
        raise DomainError(f"cov: {name} are negative; weights need to be at least 0")
    return given


def _observations(x: Operand, rowvar: bool, dtype: Any) -> Tensor:
    """A matrix with a row for each variable."""
    array = as_tensor(x, "cov")
    if array.ndim > 2:
        raise ShapeError(f"cov: an array of shape {array.shape}; it needs one or two dimensions")
    matrix = astype(array, dtype)
    if matrix.ndim < 2:
        return matrix.reshape((1, -1))
    return matrix if rowvar else matrix.T


@derived(numpy=np.cov)
def cov(
    m: Operand,
    y: Operand = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Operand = None,
    aweights: Operand = None,
    *,
    dtype: Any = None,
) -> Tensor:
    """Σ w (x − x̄)(x − x̄)* / (Σ w − ddof) over the observations: the matrix of covariances.

    m: a row for each variable, or with rowvar=False a column.  y: more variables.
    ddof: by default 1, and 0 with `bias`.  fweights: how often each observation was made.
    aweights: how much each counts; differentiable.  dtype: at least float64 by default.
    """
    if ddof is not None and ddof != int(ddof):
        raise DomainError(f"cov: ddof={ddof}; it needs to be an integer")
    given = [as_tensor(x, "cov") for x in (m, y) if x is not None]
    if dtype is None:
        dtype = np.result_type(*(x.dtype for x in given), np.float64)
    rows = [_observations(x, rowvar, dtype) for x in given]
    x = concatenate(rows, axis=0) if y is not None else rows[0]
    if not x.shape[0]:
        return x.reshape((0, 0))
    if ddof is None:
        ddof = 0 if bias else 1
    n = x.shape[1]
    w: Any = None
    if fweights is not None:
        w = _sample_weights(fweights, "fweights", n)
        if np.any(w.value != np.around(w.value)):
            raise DTypeError("cov: fweights count observations and need to be integers")
    own = None
    if aweights is not None:
        own = _sample_weights(aweights, "aweights", n)
        w = own if w is None else w * own
    centre, total = average(x, axis=1, weights=w, returned=True)
    degrees: Any = n - ddof
    if w is not None:
        degrees = total[0] - (
            0 if not ddof else ddof if own is None else ddof * sum(w * own) / total[0]
        )
    if degrees <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=2)
        degrees = 0.0
    x = x - centre[:, np.newaxis]
    weighted = x if w is None else x * w
    c: Tensor = dot(x, conjugate(weighted).T) * np.true_divide(1, degrees)
    return c.squeeze()


@derived(numpy=np.corrcoef)
def corrcoef(x: Operand, y: Operand = None, rowvar: bool = True, *, dtype: Any = None) -> Tensor:
    """cᵢⱼ / √(cᵢᵢ cⱼⱼ), where c is the covariance: the matrix of correlations, from −1 to 1."""
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return c / c
    deviation = sqrt(real(diagonal(c)))
    c = c / deviation[:, np.newaxis] / deviation
    if c.dtype.kind != "c":
        return clip(c, -1, 1)
    return clip(real(c), -1, 1) + 1j * clip(imag(c), -1, 1)
