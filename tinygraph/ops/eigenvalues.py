"""Eigenvalues and eigenvectors, of Hermitian matrices and of any.

What happens at equal eigenvalues, and to a loss that depends on phases, stands in `degeneracy`.
"""

from typing import Any, NamedTuple

import numpy as np

from ..errors import AmbiguousGradient
from ..modes import recording
from ..outputs import is_unused
from ..primitive import Operand, derived, primitive, sample
from ..template import REFUSALS
from ..tensor import Tensor, as_tensor, untracked
from .counting import cubic
from .degeneracy import check_free, equal, shared, size_of, within_groups
from .hermitian import adjoint, conj, diagonal, real, to_triangle, transposed, value_of
from .refusals import explain_matrices


class EighResult(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def _eigh(ct: Any, y: Any, a: Any, UPLO: str) -> Any:
    w, v = y
    by_w, by_v = map(conj, ct)
    same = equal(w)
    if is_unused(ct[1]):
        inside = shared(by_w, same)[..., np.newaxis] * np.eye(w.shape[-1])
    else:
        x = adjoint(v) @ by_v
        size = size_of(by_v)
        check_free(x, same, size, "eigh")
        # dv = v Ω with Ω = vᴴ dA v / (wj − wi)
        gaps = np.where(same, 1, w[..., np.newaxis, :] - w[..., np.newaxis])
        inside = np.where(same, 0, x / gaps)
        if not is_unused(ct[0]):
            inside = inside + within_groups(by_w, x, same, size, "eigh")
    return conj(to_triangle(v @ inside @ adjoint(v), a, UPLO.upper() == "L"))


MATRICES = (sample((3, 3)), sample((2, 2, 2)), sample((3, 3), "U"), sample((1, 1)))


@primitive(
    name="eigh",
    several=True,
    a=_eigh,
    samples=MATRICES,
    explain=explain_matrices("eigh", square=True),
    flops=cubic(9),
)
def hermitian_eigenvectors(a: Operand, UPLO: Any = "L") -> Any:
    """Eigenvalues and eigenvectors."""
    return tuple(np.linalg.eigh(a, UPLO))


@derived(numpy=np.linalg.eigh)
def eigh(a: Operand, UPLO: str = "L") -> EighResult:
    """Ascending eigenvalues w and orthonormal eigenvectors v, a = v diag(w) vᴴ, of Hermitian a.

    UPLO: "L" to read the lower triangle only, "U" the upper. The gradient is Hermitian where a is;
        else it stands in the triangle that was read.
    Raises AmbiguousGradient, in backward, if the loss depends on what is free: the basis of equal
    eigenvalues, or the phase of complex vectors. See `tinygraph.ops.degeneracy`.
    """
    return EighResult(*hermitian_eigenvectors(a, UPLO))


@derived(numpy=np.linalg.eigvalsh)
def eigvalsh(a: Operand, UPLO: str = "L") -> Tensor:
    """Ascending eigenvalues of Hermitian a. Equal ones share their cotangents equally.

    UPLO: which triangle is read. The gradient is Hermitian where a is, as that of `eigh`.
    """
    a = as_tensor(a, "eigvalsh")
    if a.node is None or not recording():
        try:
            return untracked(np.linalg.eigvalsh(a.value, UPLO))  # type: ignore[call-overload]
        except REFUSALS:
            pass  # said better below
    # Values and vectors of one node, so that second derivatives see both.
    return hermitian_eigenvectors(a, UPLO)[0]


def _similar_back(ct: Any, a: Any, u: Any) -> Any:
    inverse = np.linalg.inv(u)
    by_a = transposed(inverse) @ ct @ transposed(u)
    middle = diagonal(a)
    rest = transposed(a * ~np.eye(a.shape[-1], dtype=bool))
    moved = (middle[..., np.newaxis] - middle[..., np.newaxis, :]) * by_a
    moved = moved + (rest @ by_a - by_a @ rest)
    return by_a, moved @ transposed(inverse)


@primitive(
    label="u⁻¹ a u",
    joint=(("a", "u"), _similar_back),
    samples=(sample((3, 3), (3, 3)), sample((2, 1, 2, 2), (2, 1, 2, 2)), sample((1, 1), (1, 1))),
    flops=cubic(14 / 3),
)
def similar(a: Operand, u: Operand) -> Any:
    """u⁻¹ a u, of square matrices of one shape.

    One operation, so that rounding does not look like a phase. If a is diagonal, the size and phase
    of u's rows do not matter: the diagonal of u ∂L/∂uᵀ is exactly 0, where those of a solution and
    of a product would cancel up to rounding only, and nothing may be left beside that.
    """
    return np.linalg.solve(u, a @ u)


class EigResult(NamedTuple):
    """What `eig` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def _close(w: Any) -> Any:
    """For each pair of eigenvalues, whether they are equal but for rounding."""
    w = value_of(w)
    size = np.max(np.abs(w), axis=-1, initial=0)[..., np.newaxis, np.newaxis]
    distance = np.abs(w[..., np.newaxis, :] - w[..., np.newaxis])
    return distance <= 32 * w.shape[-1] * np.finfo(w.dtype).eps * size


def _eig(ct: Any, y: Any, dtype: Any) -> Any:
    w, v = y
    by_w, by_v = map(conj, ct)
    same = _close(w)
    own = np.eye(w.shape[-1], dtype=bool)
    inside = shared(by_w, same)[..., np.newaxis] * own
    if not is_unused(ct[1]):
        if dtype.kind != "c" and w.dtype.kind == "c":
            # The vector of a real eigenvalue of a real matrix stays real where that moves: it has
            # no phase, and its imaginary part, which is 0, no derivative.
            stays = (value_of(w).imag == 0)[..., np.newaxis, :]
            by_v = np.where(stays, real(by_v), by_v)
        x = adjoint(v) @ by_v
        size = size_of(by_v)
        check_free(x, own & same, size, "eig")
        # dv = v Ω with Ω = v⁻¹ dA v / (wj − wi), and a diagonal that keeps |v| = 1
        x = x - (adjoint(v) @ v) * real(diagonal(x))[..., np.newaxis, :]
        tiny = np.finfo(size.dtype).eps ** 0.5 * size
        moved = np.abs(value_of(x)) > tiny
        if not is_unused(ct[0]):  # of functions of the matrix they would hide the derivative
            moved = moved | (np.abs(value_of(by_w)) > 0)[..., np.newaxis, :]
        if (moved & same & ~own).any():
            raise AmbiguousGradient(
                "eig: the loss depends on the vectors of equal eigenvalues, which are free, or on "
                "both, so that its gradient is not determined; use eigh if the matrix is "
                "Hermitian, functions of the matrix itself (inv, matrix_power), or move the equal "
                "values apart"
            )
        gaps = np.where(same, 1, w[..., np.newaxis, :] - w[..., np.newaxis])
        inside = inside + np.where(same, 0, x / conj(gaps))
    if v.size and (np.linalg.cond(value_of(v)) * np.finfo(w.dtype).eps > 1e-2).any():
        raise AmbiguousGradient(
            "eig: the matrix is defective, it has fewer eigenvectors than columns, and its "
            "eigenvalues have no gradient; use functions of the matrix itself (trace, det, inv, "
            "matrix_power), or svd"
        )
    return conj(similar(inside, adjoint(v)))


@primitive(
    name="eig",
    several=True,
    a=_eig,
    samples=(sample((3, 3)), sample((2, 2, 2)), sample((1, 1))),
    explain=explain_matrices("eig", square=True),
    flops=cubic(25),
)
def eigenvectors(a: Operand) -> Any:
    """Eigenvalues and eigenvectors."""
    return tuple(np.linalg.eig(a))


@derived(numpy=np.linalg.eig)
def eig(a: Operand) -> EigResult:
    """Eigenvalues w and eigenvectors v of unit length, a v = v diag(w).

    Both are complex, from NumPy 2.5 on; older ones make them real if no eigenvalue of a real a is
    complex.
    Raises AmbiguousGradient, in backward, if the loss depends on the phase of a complex vector or
    on the vectors of equal eigenvalues, or if a is defective. The vector of a real eigenvalue of a
    real a has no phase: it is real, whatever its dtype.
    """
    return EigResult(*eigenvectors(a))


@derived(numpy=np.linalg.eigvals)
def eigvals(a: Operand) -> Tensor:
    """The eigenvalues, in no particular order.

    They are complex, from NumPy 2.5 on; older ones make them real if none of a real a is complex.
    Equal ones share their cotangents equally. Raises AmbiguousGradient, in backward, if a is
    defective.
    """
    return eigenvectors(a)[0]
