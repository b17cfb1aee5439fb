"""Cholesky and QR: triangular factors."""

from typing import Any, NamedTuple

import numpy as np

from ..errors import AmbiguousGradient, ArgumentError, NotDifferentiable
from ..modes import recording
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor, untracked
from .counting import cubic
from .degeneracy import check_free, size_of
from .hermitian import adjoint, conj, diagonal, to_triangle, value_of
from .refusals import explain_matrices, is_not_positive


def _half_below(x: Any) -> Any:
    """The lower triangle with half of the diagonal."""
    n = x.shape[-1]
    return x * (np.tri(n) - 0.5 * np.eye(n)).astype(real_dtype(x))


def real_dtype(x: Any) -> Any:
    """The dtype of |x|."""
    return np.finfo(x.dtype).dtype


def _cholesky(ct: Any, y: Any, a: Any, upper: bool) -> Any:
    # dL = L·Φ(L⁻¹ dA L⁻ᴴ), Φ the lower triangle with half of the diagonal (Murray 2016).
    factor, g = (adjoint(y), adjoint(conj(ct))) if upper else (y, conj(ct))
    back = adjoint(np.linalg.inv(factor))
    return conj(to_triangle(back @ _half_below(adjoint(factor) @ g) @ adjoint(back), a, not upper))


@primitive(
    numpy=np.linalg.cholesky,
    a=_cholesky,
    samples=(
        sample((3, 3)),
        sample((2, 2, 2)),
        sample((3, 3), upper=True),
        sample((1, 1)),
        sample((0, 2, 2)),
    ),
    explain=explain_matrices(
        "cholesky",
        square=True,
        failed=is_not_positive,
        fix="is not positive definite; add a multiple of the identity to it, or use eigh, which "
        "takes every Hermitian matrix",
    ),
    flops=cubic(1 / 3),
)
def cholesky(a: Operand, /, *, upper: bool = False) -> Any:
    """The lower triangular L with a = L Lᴴ; upper: the U with a = Uᴴ U.

    Only that triangle of a is read. The gradient is Hermitian where a is; else it stands in the
    triangle that was read. Raises LinAlgError if a is not positive definite.
    """
    return np.linalg.cholesky(a, upper=upper)


class QRResult(NamedTuple):
    """What `qr` returns."""

    Q: Tensor
    R: Tensor


def _qr(ct: Any, y: Any, a: Any) -> Any:
    q, r = y
    by_q, by_r = map(conj, ct)
    rows, columns = a.shape[-2:]
    k = min(rows, columns)
    if q.shape[-1] > k:  # complete: further columns move so as to stay orthogonal to the first
        rest, by_rest = q[..., k:], by_q[..., k:]
        q, by_q = q[..., :k], by_q[..., :k]
        r, by_r = r[..., :k, :], by_r[..., :k, :]
        inner = adjoint(rest) @ by_rest
        check_free(inner, np.ones(inner.shape, bool), size_of(by_rest), "qr")
        by_q = by_q - rest @ (adjoint(by_rest) @ q)
    square, by_square = r[..., :k], by_r[..., :k]
    if columns > k:  # the columns that are left over are q times their part of r
        right, by_right = r[..., k:], by_r[..., k:]
        by_q = by_q + q @ right @ adjoint(by_right)
    pivots = np.abs(value_of(diagonal(square)))
    if not (
        pivots > k * np.finfo(pivots.dtype).eps * pivots.max(-1, keepdims=True, initial=0)
    ).all():
        raise AmbiguousGradient(
            "qr: the first columns of the matrix are linearly dependent, so that q is not "
            "determined and there is no gradient; use svd or pinv for such a matrix"
        )
    n = adjoint(by_q) @ q - square @ adjoint(by_square)
    turn = np.triu(n - adjoint(n), 1)
    if n.dtype.kind == "c":
        turn = turn + 1j * np.imag(diagonal(n))[..., np.newaxis, :] * np.eye(k)
    inside = adjoint(turn) + by_square @ adjoint(square)
    g = q @ (inside - adjoint(q) @ by_q) + by_q
    g = adjoint(np.linalg.solve(square, adjoint(g)))
    if columns > k:
        g = np.concatenate([g, q @ by_right], -1)
    return conj(g)


@primitive(
    name="qr",
    several=True,
    a=_qr,
    samples=(
        sample((3, 2)),
        sample((2, 2, 2)),
        sample((2, 3)),
        sample((2, 2, 3)),
        sample((3, 2), "complete"),
        sample((2, 3), "complete"),
    ),
    explain=explain_matrices("qr", square=False),
    flops=cubic(4),
)
def orthogonal_and_triangular(a: Operand, mode: Any = "reduced") -> Any:
    """q and r."""
    return tuple(np.linalg.qr(a, mode))


MODES = ("reduced", "complete", "r")


@derived(numpy=np.linalg.qr)
def qr(a: Operand, mode: str = "reduced") -> Any:
    """Q with orthonormal columns and R upper triangular, a = Q R.

    mode: "reduced" for the min(m, n) columns of Q that are needed, "complete" for all m, "r" for R
        alone. "raw", LAPACK's own form, has no gradient.
    The first min(m, n) columns need to be linearly independent. The further ones of "complete" are
    any that complete a basis: a loss that depends on which, if there are several, is refused.
    Raises AmbiguousGradient, in backward, where one of these does not hold.
    """
    if mode in MODES:
        q, r = orthogonal_and_triangular(a, "reduced" if mode == "r" else mode)
        return r if mode == "r" else QRResult(q, r)
    if mode != "raw":
        raise ArgumentError(f"qr: mode {mode!r}; it knows {', '.join(MODES)} and raw")
    a = as_tensor(a, "qr")
    if a.node is not None and recording():
        raise NotDifferentiable(
            "qr: mode 'raw' has no gradient rule; use mode 'reduced', or .detach() the matrix first"
        )
    return tuple(map(untracked, np.linalg.qr(a.value, "raw")))
