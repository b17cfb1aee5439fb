"""Singular values and singular vectors.

What happens at equal singular values, and to a loss that depends on phases, stands in `degeneracy`.
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
from .hermitian import adjoint, conj, rounding, to_triangle, value_of
from .refusals import explain_matrices


class SVDResult(NamedTuple):
    """What `svd` returns."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def _is_zero(s: Any) -> Any:
    s = value_of(s)
    return s <= rounding(s, s.dtype)


def by_values(by_s: Any, u: Any, s: Any, vh: Any) -> Any:
    """The gradient of a loss of the singular values: equal ones share; derivative 0 at 0."""
    k = s.shape[-1]
    share = np.where(_is_zero(s), 0, shared(by_s, equal(s)))
    return (u[..., :k] * share[..., np.newaxis, :]) @ vh[..., :k, :]


def _svd(ct: Any, y: Any, a: Any, hermitian: bool) -> Any:
    u, s, vh = y
    if is_unused(ct[0]) and is_unused(ct[2]):
        g = by_values(ct[1], u, s, vh)
        return conj(to_triangle(g, a) if hermitian else g)
    v = adjoint(vh)
    by_u, by_s, by_v = conj(ct[0]), ct[1], adjoint(conj(ct[2]))
    k = s.shape[-1]
    size = np.maximum(size_of(by_u), size_of(by_v))
    u, by_u = _first(u, by_u, k)
    v, by_v = _first(v, by_v, k)
    same, zero = equal(s), _is_zero(s)
    of_u, of_v = adjoint(u) @ by_u, adjoint(v) @ by_v
    both, turn = of_u + of_v, of_u - of_v
    check_free(both, same, size, "svd")
    # With D = uᴴ dA v: du = u Ω and dv = v Ψ, where Ω + Ψ = (D + Dᴴ) / (sj − si) and
    # Ω − Ψ = (D − Dᴴ) / (sj + si).
    row, column = s[..., np.newaxis], s[..., np.newaxis, :]
    nothing = zero[..., np.newaxis] & zero[..., np.newaxis, :]
    _check_zeros(turn - adjoint(turn), nothing, size)
    first = np.where(same, 0, both / np.where(same, 1, column - row))
    second = turn / np.where(nothing, 1, column + row)
    inside = (first + adjoint(first) + second - adjoint(second)) * 0.5
    if not is_unused(ct[1]):
        inside = inside + within_groups(by_s, both, same, size, "svd")
        spread = zero & (value_of(np.abs(by_s)) > 0)
        if spread.any() and (a.shape[-1] != a.shape[-2] or a.dtype.kind == "c"):
            _refuse_zero()
    g = u @ inside @ adjoint(v)
    lengths = np.where(zero, 1, s)[..., np.newaxis, :]
    if a.shape[-2] > k:
        g = g + (_outside(u, by_u, zero, size) / lengths) @ adjoint(v)
    if a.shape[-1] > k:
        g = g + (u / lengths) @ adjoint(_outside(v, by_v, zero, size))
    return conj(to_triangle(g, a) if hermitian else g)


def _first(u: Any, by_u: Any, k: int) -> tuple[Any, Any]:
    """The first k vectors, and what they get; the others move so as to stay orthogonal to them."""
    if u.shape[-1] == k:
        return u, by_u
    rest, by_rest = u[..., k:], by_u[..., k:]
    u, by_u = u[..., :k], by_u[..., :k]
    inner = adjoint(rest) @ by_rest
    check_free(inner, np.ones(inner.shape, bool), size_of(by_rest), "svd")
    return u, by_u - rest @ (adjoint(by_rest) @ u)


def _outside(u: Any, by_u: Any, zero: Any, size: Any) -> Any:
    """The part of a cotangent that is orthogonal to all vectors."""
    part = by_u - u @ (adjoint(u) @ by_u)
    _check_zeros(part, zero[..., np.newaxis, :], size)
    return part


def _check_zeros(part: Any, nothing: Any, size: Any) -> None:
    """Refuse a part of the cotangent that would be divided by a singular value of 0."""
    tiny = np.finfo(size.dtype).eps ** 0.5 * size
    if ((np.abs(value_of(part)) > tiny) & nothing).any():
        _refuse_zero()


def _refuse_zero() -> None:
    raise AmbiguousGradient(
        "svd: a singular value is 0, and the loss depends on its vectors, so that its gradient is "
        "not determined; use the singular values alone (svdvals), only the vectors of the others, "
        "a function of the matrix itself (pinv, aᴴ a), or a matrix of full rank"
    )


@primitive(
    name="svd",
    several=True,
    a=_svd,
    samples=(
        sample((3, 3)),
        sample((3, 2)),
        sample((2, 3)),
        sample((2, 2, 2)),
        sample((3, 2), full_matrices=False),
        sample((2, 4), full_matrices=False),
        sample((3, 3), hermitian=True),
    ),
    explain=explain_matrices("svd", square=False),
    flops=cubic(22),
)
def singular_vectors(a: Operand, full_matrices: bool = True, hermitian: bool = False) -> Any:
    """u, s and vᴴ."""
    return tuple(np.linalg.svd(a, full_matrices=full_matrices, hermitian=hermitian))


def singular_values(a: Operand, hermitian: bool = False) -> Tensor:
    """Singular values alone."""
    a = as_tensor(a, "svd")
    if a.node is None or not recording():
        try:
            return untracked(np.linalg.svd(a.value, compute_uv=False, hermitian=hermitian))
        except REFUSALS:
            pass  # said better below
    # Values and vectors of one node, so that second derivatives see both.
    return singular_vectors(a, False, hermitian)[1]


@derived(numpy=np.linalg.svd)
def svd(
    a: Operand, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """Unitary U and Vh and descending S ≥ 0 with a = U diag(S) Vh; S alone if not compute_uv.

    full_matrices: all m columns of U and n rows of Vh, or only the first min(m, n).
    hermitian: a is Hermitian, and only its lower triangle is read.
    Raises AmbiguousGradient, in backward, if the loss depends on what is free: the basis of equal
    singular values or of the further columns, or phases. See `tinygraph.ops.degeneracy`.
    """
    if not compute_uv:
        return singular_values(a, hermitian)
    return SVDResult(*singular_vectors(a, full_matrices, hermitian))


@derived(numpy=np.linalg.svdvals)
def svdvals(x: Operand, /) -> Tensor:
    """Descending singular values. Equal ones share their cotangents equally; derivative 0 at 0."""
    return singular_values(x)


@derived(numpy=np.linalg.matrix_rank)
def matrix_rank(
    A: Operand, tol: Any = None, hermitian: bool = False, *, rtol: Any = None
) -> Tensor:
    """How many singular values exceed tol, or rtol times the largest: an integer, never tracked."""
    value = as_tensor(A, "matrix_rank").value
    tol, rtol = (x.value if type(x) is Tensor else x for x in (tol, rtol))
    return untracked(np.asarray(np.linalg.matrix_rank(value, tol, hermitian, rtol=rtol))[()])
