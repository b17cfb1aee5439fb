"""Determinants, and their derivatives: exact at singular matrices too."""

from typing import Any, NamedTuple

import numpy as np

from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor
from .counting import cubic
from .hermitian import adjoint, conj, diagonal, transposed, value_of
from .refusals import explain_matrices, inverted


def _without_two(s: Any) -> Any:
    """Πₖ s over all k but i and j, for each i and j; 0 where i = j."""
    n = s.shape[-1]
    ones = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([ones, s[..., :-1]], -1), -1)  # before[i] = s0 … s(i−1)
    after = np.cumprod(np.concatenate([ones, s[..., :0:-1]], -1), -1)[..., ::-1]
    later = np.arange(n) > np.arange(n)[:, np.newaxis]
    # between[i, j] = s(i+1) … s(j−1)
    upto = np.cumprod(np.where(later, s[..., np.newaxis, :], 1), -1)
    between = np.concatenate([np.broadcast_to(ones[..., np.newaxis], (*s.shape, 1)),
                              upto[..., :-1]], -1)  # fmt: skip
    upper = np.where(later, before[..., np.newaxis] * between * after[..., np.newaxis, :], 0)
    return upper + transposed(upper)


def _turned(u: Any, vh: Any) -> Any:
    """det u · det vᴴ, of modulus 1, with two axes of size 1."""
    return (np.linalg.det(u) * np.linalg.det(vh))[..., np.newaxis, np.newaxis]


def _second(ct: Any, a: Any) -> Any:
    return moved_cofactors(ct, a)


def _third(ct: Any, move: Any, a: Any) -> Any:
    """Of det a, symmetric in both and in what a moves by; it needs an inverse."""
    if not a.size or a.shape[-1] < 3:  # of two rows the determinant is quadratic
        return np.zeros_like(a)
    inverse = inverted("det, in its third derivative", a)
    e, f = inverse @ move, inverse @ ct
    one, two = _trace(e), _trace(f)
    both = np.sum(e * transposed(f), axis=(-2, -1), keepdims=True)
    found = (one * two - both) * inverse - (one * f + two * e) @ inverse
    found = found + (e @ f + f @ e) @ inverse
    return transposed(np.linalg.det(a)[..., np.newaxis, np.newaxis] * found)


def _trace(x: Any) -> Any:
    return np.sum(diagonal(x), axis=-1)[..., np.newaxis, np.newaxis]


@primitive(
    move=_second,
    a=_third,
    samples=(sample((3, 3), (3, 3)), sample((2, 4, 4), (2, 4, 4)), sample((1, 1), (1, 1))),
    flops=cubic(40),
)
def moved_cofactors(move: Operand, a: Operand) -> Any:
    """By how much the cofactors of a change as a moves; exact at singular matrices too.

    Second derivatives do not hang on their order, so it is its own transpose.
    """
    # In the bases of the singular vectors the adjugate of a diagonal matrix is what changes.
    u, s, vh = np.linalg.svd(a)
    products = _without_two(s)
    inside = adjoint(u) @ move @ adjoint(vh)
    changed = -inside * products
    along = np.sum(products * diagonal(inside)[..., np.newaxis, :], axis=-1)
    changed = changed + along[..., np.newaxis] * np.eye(s.shape[-1], dtype=s.dtype)
    return transposed(_turned(u, vh) * (adjoint(vh) @ changed @ adjoint(u)))


@primitive(
    a=_second,
    samples=(sample((3, 3)), sample((2, 3, 3)), sample((1, 1))),
    explain=explain_matrices("det", square=True),
    flops=cubic(22),
)
def cofactors(a: Operand) -> Any:
    """The derivative of det a: det a · a⁻ᵀ, and its limit where a is singular.

    With a = u s vᴴ it is det u · det vᴴ · (u Πs vᴴ) conjugated, Πs the products of all singular
    values but one (Stewart 1998, On the adjugate matrix).
    """
    u, s, vh = np.linalg.svd(a)
    ones = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([ones, s[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([ones, s[..., :0:-1]], -1), -1)[..., ::-1]
    return _turned(u, vh) * conj((u * (before * after)[..., np.newaxis, :]) @ vh)


@primitive(
    numpy=np.linalg.det,
    a=lambda ct, a: ct[..., np.newaxis, np.newaxis] * cofactors(a),
    samples=(sample((3, 3)), sample((2, 1, 2, 2)), sample((1, 1)), sample((0, 2, 2))),
    explain=explain_matrices("det", square=True),
    flops=cubic(2 / 3),
)
def det(a: Operand) -> Any:
    """det a, of each square matrix along the last two axes.

    Its derivative, the cofactors, and its second are exact where det a = 0 too.
    """
    return np.linalg.det(a)


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: Tensor
    logabsdet: Tensor


def _slogdet(ct: Any, y: Any, a: Any) -> Any:
    by_sign, by_log = ct
    total = by_log
    if y[0].dtype.kind == "c":
        # A change of the logarithm of det turns the sign by its imaginary part.
        total = by_log + np.imag(by_sign * y[0]) * 1j
    # A singular matrix that no loss depends on, as where `where` chose the other branch.
    unused = (value_of(y[0]) == 0) & (value_of(total) == 0)
    if unused.any():
        a = np.where(unused[..., np.newaxis, np.newaxis], np.eye(a.shape[-1]), a)
    inverse = inverted("slogdet: log|det| is −∞; det has a gradient", a)
    return total[..., np.newaxis, np.newaxis] * transposed(inverse)


@primitive(
    name="slogdet",
    several=True,
    a=_slogdet,
    samples=(sample((3, 3)), sample((2, 2, 2)), sample((1, 1))),
    explain=explain_matrices("slogdet", square=True),
    flops=cubic(2 / 3),
)
def sign_and_log(a: Operand) -> Any:
    """det a / |det a| and log |det a|."""
    return tuple(np.linalg.slogdet(a))


@derived(numpy=np.linalg.slogdet)
def slogdet(a: Operand) -> SlogdetResult:
    """sign = det a / |det a| and logabsdet = log |det a|, without overflow.

    A singular matrix has sign 0 and logabsdet −∞, and no gradient: LinAlgError.
    """
    return SlogdetResult(*sign_and_log(a))
