"""Inverses, solutions of linear equations, and powers of matrices."""

import operator
from typing import Any, NamedTuple

import numpy as np

from ..errors import AmbiguousGradient, ArgumentError, ShapeError
from ..outputs import is_unused
from ..primitive import Operand, derived, primitive, sample
from ..pullback import unbroadcast
from ..tensor import Tensor, as_tensor
from .counting import cubic, solution
from .degeneracy import equal
from .hermitian import (
    adjoint,
    conj,
    diagonal,
    mirrored,
    real,
    rounding,
    to_triangle,
    transposed,
    value_of,
)
from .joining import where
from .products import matmul
from .refusals import SINGULAR, explain_matrices, is_singular
from .shape import reshape, transpose
from .singular_values import by_values


@primitive(
    numpy=np.linalg.inv,
    label="⁻¹",
    a=lambda ct, y: -(transposed(y) @ ct @ transposed(y)),
    samples=(sample((3, 3)), sample((2, 1, 2, 2)), sample((1, 1)), sample((0, 2, 2))),
    explain=explain_matrices("inv", square=True, fix=SINGULAR, failed=is_singular),
    flops=cubic(2),
)
def inv(a: Operand) -> Any:
    """a⁻¹, of each square matrix along the last two axes. Raises LinAlgError if it is singular."""
    return np.linalg.inv(a)


def _solve(ct: Any, y: Any, a: Any, b: Any, needs: Any) -> Any:
    vector = b.ndim == 1
    columns = np.linalg.solve(transposed(a), ct[..., np.newaxis] if vector else ct)
    by_a = None
    if needs[0]:
        by_a = -(columns @ transposed(y[..., np.newaxis] if vector else y))
        by_a = by_a if by_a.shape == a.shape else unbroadcast(by_a, a.shape)
    by_b = columns[..., 0] if vector else columns
    return by_a, by_b if by_b.shape == b.shape else unbroadcast(by_b, b.shape)


def _explain_solve(error: Exception, a: Any, b: Any) -> str | None:
    if np.ndim(a) >= 2 and a.shape[-1] == a.shape[-2] and not isinstance(
        error, np.linalg.LinAlgError
    ) and getattr(a, "dtype", None) != np.float16:  # fmt: skip
        n = a.shape[-1]
        if np.ndim(b) == 0 or b.shape[-1 if b.ndim == 1 else -2] != n:
            return (
                f"solve: shapes {a.shape} and {np.shape(b)}: the right side needs {n} rows, shape "
                f"({n},) or (…, {n}, k); a stack of vectors is b[..., np.newaxis]"
            )
        return f"solve: shapes {a.shape} and {b.shape}: the axes before the last two must broadcast"
    return explain_matrices("solve", square=True, fix=SINGULAR, failed=is_singular)(error, a)


@primitive(
    numpy=np.linalg.solve,
    joint=(("a", "b"), _solve),
    samples=(
        sample((3, 3), (3,)),
        sample((3, 3), (3, 2)),
        sample((2, 2, 2), (2,)),
        sample((2, 1, 2, 2), (3, 2, 1)),
        sample((2, 2), (3, 2, 1)),
    ),
    explain=_explain_solve,
    flops=solution,
)
def solve(a: Operand, b: Operand) -> Any:
    """x with a x = b. A b with one axis is a vector; otherwise its columns are right sides.

    Raises LinAlgError if a is singular.
    """
    return np.linalg.solve(a, b)


@derived(numpy=np.linalg.tensorsolve)
def tensorsolve(a: Operand, b: Operand, axes: Any = None) -> Tensor:
    """x with tensordot(a, x, x.ndim) = b.

    axes: of a, to be moved to its end first.
    """
    a, b = as_tensor(a, "tensorsolve"), as_tensor(b, "tensorsolve")
    order = list(range(a.ndim))
    for axis in axes or ():
        if axis not in order:
            raise ShapeError(
                f"tensorsolve: axes={tuple(axes)} of shape {a.shape}; an axis is 0…{a.ndim - 1}"
            )
        order.remove(axis)
        order.append(axis)
    a = transpose(a, order) if axes else a
    free = a.shape[a.ndim - (a.ndim - b.ndim) :] if a.ndim > b.ndim else ()
    n = int(np.prod(free, dtype=int))
    if n * n != a.size or n != b.size:
        raise ShapeError(
            f"tensorsolve: shapes {a.shape} and {b.shape}: a's first {b.ndim} axes are those of b "
            "and its others those of the solution; both must have the same number of elements"
        )
    return reshape(solve(reshape(a, (n, n)), reshape(b, (n,))), free)


@derived(numpy=np.linalg.tensorinv)
def tensorinv(a: Operand, ind: int = 2) -> Tensor:
    """The inverse of a for tensordot(·, ·, ind): that of the matrix of the first `ind` axes."""
    a = as_tensor(a, "tensorinv")
    rows = int(np.prod(a.shape[:ind], dtype=int))
    columns = int(np.prod(a.shape[ind:], dtype=int))
    if ind <= 0 or rows != columns:
        raise ShapeError(
            f"tensorinv: shape {a.shape} with ind={ind}; the first ind axes and the others must "
            "have the same number of elements, and ind must be positive"
        )
    return reshape(inv(reshape(a, (rows, columns))), a.shape[ind:] + a.shape[:ind])


@derived(numpy=np.linalg.matrix_power)
def matrix_power(a: Operand, n: int) -> Tensor:
    """aⁿ, by squaring; the identity for n = 0, of a⁻¹ for n < 0."""
    a = as_tensor(a, "matrix_power")
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(
            f"matrix_power: shape {a.shape}; the last two axes must be equal, a square matrix"
        )
    try:
        n = operator.index(n)
    except TypeError:
        raise ArgumentError(
            f"matrix_power: an exponent {n!r}; it must be an integer. For others, use the "
            "eigenvectors: v * w**p @ v.conj().mT"
        ) from None
    if n == 0:
        one: Tensor = where(np.True_, np.eye(a.shape[-1], dtype=a.dtype), a)
        return one
    power, n = (inv(a), -n) if n < 0 else (a, n)
    result: Tensor | None = None
    while True:
        n, bit = divmod(n, 2)
        if bit:
            result = power if result is None else matmul(result, power)
        if not n:
            return result  # type: ignore[return-value]
        power = matmul(power, power)


# Pseudo-inverses and least squares


def _pinv(ct: Any, y: Any, a: Any, hermitian: bool) -> Any:
    # dA⁺ = −A⁺ dA A⁺ + A⁺A⁺ᴴ dAᴴ (1 − AA⁺) + (1 − A⁺A) dAᴴ A⁺ᴴA⁺  (Golub and Pereyra 1973)
    g, yh = conj(ct), adjoint(y)
    gh = adjoint(g)
    outside = gh @ y @ yh
    within = yh @ y @ gh
    read, a = a, mirrored(a) if hermitian else a
    total = outside - a @ (y @ outside) + within - (within @ y) @ a - yh @ g @ yh
    total = total + _cut_off(gh, y, a)
    return conj(to_triangle(total, read) if hermitian else total)


def _cut_off(gh: Any, y: Any, a: Any) -> Any:
    """What singular values of `a` that count as zero, and are not, add to the gradient.

    gh: the gradient at the adjoint of the pseudo-inverse y.
    A change of `a` mixes vectors of values s above the bound with those of values t below it: with
    D = uᴴ dA v, the pseudo-inverse changes by (D + t/s Dᴴ) / (s² − t²), in place of D / s².
    """
    plain, inverse = value_of(a), value_of(y)
    rank = np.real(np.sum(plain * transposed(inverse), axis=(-2, -1)))  # the trace of a projection
    if (rank > min(plain.shape[-2:]) - 0.5).all():
        return 0
    u, s, vh = np.linalg.svd(plain, full_matrices=False)
    above = real(diagonal(vh @ inverse @ u)) * s > 0.5
    below = ~above & (s > rounding(s, s.dtype))
    tracked = type(a) is Tensor
    if not tracked and not below.any():
        return 0
    rest = (u * np.where(below, s, 0)[..., np.newaxis, :]) @ vh
    if tracked:  # where all of them are 0, they may yet grow
        change = a - a @ (y @ a)
        rest = rest + (change - value_of(change))
    # What is of first power in t is t/s³ Dᴴ, for which no vectors are needed.
    g, cubed = adjoint(gh), adjoint(y) @ y @ adjoint(y)
    first = cubed @ g @ rest + rest @ g @ cubed
    if not below.any():
        return first
    if tracked:
        u, s, vh = np.linalg.svd(a, full_matrices=False)
    pairs = above[..., :, np.newaxis] & below[..., np.newaxis, :]
    return first + _of_higher_powers(gh, u, s, vh, pairs)


def _of_higher_powers(gh: Any, u: Any, s: Any, vh: Any, pairs: Any) -> Any:
    """What is of higher powers in t = s[j] for pairs i, j."""
    high, low = np.where(pairs, s[..., :, np.newaxis], 1), s[..., np.newaxis, :]
    ratio = np.where(pairs, low / high, 0)
    kept = ratio * ratio / np.where(pairs, (high - low) * (high + low), 1)
    kept, turned = (x + transposed(x) for x in (kept, kept * ratio))
    inside = adjoint(u) @ gh @ adjoint(vh)
    return u @ (kept * inside + turned * adjoint(inside)) @ vh


@primitive(
    name="pinv",
    a=_pinv,
    samples=(
        sample((3, 2), 1e-15),
        sample((2, 2, 3), 1e-15),
        sample((3, 3), 1e-15, True),
        sample((0, 2), 1e-15),
        sample((3, 2), 0.7),
        sample((2, 3, 3), 0.5),
        sample((3, 3), 0.5, True),
    ),
    explain=explain_matrices("pinv", square=False),
    flops=cubic(22),
)
def pinv_above(a: Operand, rcond: Any, hermitian: bool = False) -> Any:
    """The pseudo-inverse, of singular values above rcond times the largest."""
    return np.linalg.pinv(a, rcond, hermitian)


@derived(numpy=np.linalg.pinv)
def pinv(
    a: Operand, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue
) -> Tensor:
    """a⁺ (Moore and Penrose): for full rank, what solves least squares.

    rcond, or rtol: singular values of at most this times the largest count as zero; 1e-15, and
        with rtol=None the larger size times the precision of the dtype.
    hermitian: only the lower triangle is read.
    The gradient is that for changes after which as many of them are above the bound.
    """
    if rcond is None:
        if rtol is np._NoValue:
            rcond = 1e-15
        elif rtol is None:
            a = as_tensor(a, "pinv")
            rcond = max(a.shape[-2:], default=0) * np.finfo(a.dtype).eps
        else:
            rcond = rtol
    elif rtol is not np._NoValue:
        raise ArgumentError("pinv: both rcond and rtol came; they are one bound")
    return pinv_above(a, rcond, hermitian)


class LstsqResult(NamedTuple):
    """What `lstsq` returns; its names are those of NumPy's documentation."""

    x: Tensor
    residuals: Tensor
    rank: Tensor
    s: Tensor


def _lstsq(ct: Any, y: Any, a: Any, b: Any, rcond: Any) -> Any:
    by_x, by_residuals = map(conj, ct[:2])
    x = y[0]
    vector = b.ndim == 1
    if vector:
        x, by_x, b = x[:, np.newaxis], by_x[:, np.newaxis], b[:, np.newaxis]
    rtol = max(a.shape) * np.finfo(x.dtype).eps if rcond is None or rcond < 0 else rcond
    inverse = np.linalg.pinv(a, rtol)
    rest = b - a @ x
    by_b = adjoint(inverse) @ by_x
    by_a = (
        adjoint(inverse) @ x @ adjoint(by_x - adjoint(a) @ by_b)
        + rest @ adjoint(inverse @ by_b)
        - by_b @ adjoint(x)
        + _cut_off(b @ adjoint(by_x), inverse, a)
    )
    if by_residuals.size:
        # x is where Σ|b − a x|² is least, so that its own change does not count.
        along = rest * (2 * by_residuals)
        by_a = by_a - along @ adjoint(x)
        by_b = by_b + along
    by_a = conj(by_a)
    if not is_unused(ct[3]):
        if type(ct[3]) is Tensor and equal(y[3]).sum() > y[3].size:
            raise AmbiguousGradient(
                "lstsq: there are equal singular values, whose second derivative is not "
                "determined here; take them from linalg.svdvals"
            )
        by_a = by_a + conj(by_values(ct[3], *np.linalg.svd(a, full_matrices=False)))
    return by_a, conj(by_b[:, 0] if vector else by_b)


def _explain_lstsq(error: Exception, a: Any, b: Any, rcond: Any) -> str | None:
    if np.ndim(a) != 2 or np.ndim(b) not in (1, 2):
        return (
            f"lstsq: shapes {np.shape(a)} and {np.shape(b)}; it takes one matrix and one right "
            "side, of one or two axes; for stacks use linalg.pinv(a) @ b"
        )
    if len(a) != len(b):
        return f"lstsq: shapes {a.shape} and {b.shape}; both need the same number of rows"
    return explain_matrices("lstsq", square=False)(error, a)


@primitive(
    name="lstsq",
    several=True,
    joint=(("a", "b"), _lstsq),
    samples=(
        sample((4, 2), (4,)),
        sample((4, 2), (4, 3)),
        sample((2, 3), (2,)),
        sample((3, 3), (3, 1), 1e-10),
        sample((3, 3), (3,), 0.5),
    ),
    explain=_explain_lstsq,
    flops=cubic(22),
)
def least_squares(a: Operand, b: Operand, rcond: float | None = None) -> Any:
    """x, residuals, rank and singular values of a least-squares problem."""
    return np.linalg.lstsq(a, b, rcond)


@derived(numpy=np.linalg.lstsq)
def lstsq(a: Operand, b: Operand, rcond: float | None = None) -> LstsqResult:
    """x with the least |b − a x|², and of those the one with the least |x|.

    a: (m, n).  b: (m,) or (m, k).
    rcond: singular values below this times the largest count as zero; by default max(m, n) times
        the precision of the dtype.
    Returns x, the sums of squares |b − a x|² (none if the rank is below n or m ≤ n), the rank, and
    the singular values of a. All but the rank have gradients, for changes that leave it as it is.
    """
    return LstsqResult(*least_squares(a, b, rcond))
