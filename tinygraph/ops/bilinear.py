"""Products linear in both operands that no matrix product is: kron, cross, convolution."""

from typing import Any

import numpy as np

from ..errors import AxisError, DomainError, ShapeError
from ..numpy_version import since
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor
from .axes import checked_axis
from .counting import convolution
from .deprecation import warn_deprecated
from .elementwise import conjugate, multiply, negative, subtract
from .indexing import getitem
from .joining import stack
from .ranks import atleast_1d
from .shape import flip, moveaxis, reshape


@derived(numpy=np.kron)
def kron(a: Operand, b: Operand) -> Tensor:
    """Blocks aᵢ·b, laid out as the elements of a are."""
    a, b = as_tensor(a, "kron"), as_tensor(b, "kron")
    ndim = max(a.ndim, b.ndim)
    outer = (1,) * (ndim - a.ndim) + a.shape
    inner = (1,) * (ndim - b.ndim) + b.shape
    left = reshape(a, tuple([size for n in outer for size in (n, 1)]))
    right = reshape(b, tuple([size for n in inner for size in (1, n)]))
    return reshape(multiply(left, right), tuple([m * n for m, n in zip(outer, inner, strict=True)]))


@derived(numpy=np.cross)
def cross(
    a: Operand, b: Operand, axisa: int = -1, axisb: int = -1, axisc: int = -1,
    axis: int | None = None,
) -> Tensor:  # fmt: skip
    """a × b of vectors along an axis; other axes broadcast.

    Of vectors with two elements (deprecated in NumPy 2.0, gone in 2.5) the third is 0; of two such,
    that element alone.
    Raises ShapeError if there are not 3 elements along the axis, nor 2 before NumPy 2.5.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    vectors = []
    for x, at in ((as_tensor(a, "cross"), axisa), (as_tensor(b, "cross"), axisb)):
        at = checked_axis(at, x.ndim, "cross")
        if x.shape[at] != 3 and (x.shape[at] != 2 or since("2.5.0")):
            raise ShapeError(
                f"cross: {x.shape[at]} elements along axis {at} of shape {x.shape}; "
                "a vector has 3 here" + ("; give it a third, 0" if x.shape[at] == 2 else "")
            )
        vectors.append(moveaxis(x, at, -1))
    planar = [x.shape[-1] == 2 for x in vectors]
    if any(planar):
        warn_deprecated(
            "cross: vectors with 2 elements are deprecated since NumPy 2.0; give them a third"
        )
    (a0, a1, a2), (b0, b1, b2) = map(_components, vectors)
    third = subtract(multiply(a0, b1), multiply(a1, b0))
    if all(planar):
        return third
    if a2 is None:
        first, second = multiply(a1, b2), negative(multiply(a0, b2))
    elif b2 is None:
        first, second = negative(multiply(a2, b1)), multiply(a2, b0)
    else:
        first = subtract(multiply(a1, b2), multiply(a2, b1))
        second = subtract(multiply(a2, b0), multiply(a0, b2))
    return stack([first, second, third], checked_axis(axisc, third.ndim + 1, "cross"))


def _components(x: Tensor) -> list[Any]:
    found: list[Any] = [getitem(x, (..., i)) for i in range(x.shape[-1])]
    return found if len(found) == 3 else [*found, None]


@derived(numpy=np.linalg.cross)
def _cross_of_three(x1: Operand, x2: Operand, /, *, axis: int = -1) -> Tensor:
    """a × b of vectors with three elements along the axis."""
    for x in (x1, x2):
        shape = as_tensor(x, "cross").shape
        if not -len(shape) <= axis < len(shape):
            raise AxisError(f"cross: axis {axis} is out of bounds for shape {shape}")
        if shape[axis] != 3:
            raise ShapeError(f"cross: {shape[axis]} elements along axis {axis} of {shape}, not 3")
    return cross(x1, x2, axis=axis)


# Convolution. Of the longer vector a and the shorter v, "valid" is where v lies on a whole.


def _explain(error: Exception, a: Any, v: Any) -> str | None:
    if a.ndim != 1 or v.ndim != 1:
        return f"convolve: shapes {a.shape} and {v.shape}; both operands need to be vectors"
    if not a.size or not v.size:
        return f"convolve: shapes {a.shape} and {v.shape}; an empty vector has no convolution"
    return None


def _valid(a: Any, v: Any) -> Any:
    return convolve_valid(a, v)


@primitive(
    name="convolve",
    label="∗",
    a=lambda ct, v: _valid(ct, v[::-1]),
    v=lambda ct, a: _valid(ct, a[::-1]),
    samples=(sample((5,), (3,)), sample((2,), (4,)), sample((1,), (3,)), sample((3,), (3,))),
    explain=_explain,
    flops=convolution,
)
def convolve_full(a: Operand, v: Operand) -> Any:
    """Σᵢ aᵢ·v₍ₖ₋ᵢ₎ for every k at which there is something to sum."""
    return np.convolve(a, v)


@primitive(
    name="convolve",
    label="∗",
    a=lambda ct, v: convolve_full(ct, v[::-1]),
    v=lambda ct, a: _valid(a, ct[::-1])[::-1],
    samples=(sample((5,), (3,)), sample((4,), (1,)), sample((3,), (3,))),
    explain=_explain,
    flops=convolution,
)
def convolve_valid(a: Operand, v: Operand) -> Any:
    """Σᵢ aᵢ·v₍ₖ₋ᵢ₎ where all of v, which is not longer than a, counts."""
    return np.convolve(a, v, "valid")


MODES = ("valid", "same", "full")


def _mode(mode: Any, operation: str) -> str:
    """The mode by its name; NumPy takes its number too, or the first letter."""
    if isinstance(mode, str) and mode:
        for name in MODES:
            if mode == name or mode == name[0]:
                return name
    elif isinstance(mode, (int, np.integer)) and mode in (0, 1, 2):
        return MODES[mode]
    raise DomainError(f"{operation}: mode {mode!r}; it is 'full', 'same' or 'valid'")


def _centre(y: Tensor, start: int, size: int) -> Tensor:
    return getitem(y, (slice(start, start + size),))


@derived(numpy=np.convolve)
def convolve(a: Operand, v: Operand, mode: Any = "full") -> Tensor:
    """(a ∗ v)ₖ = Σᵢ aᵢ·v₍ₖ₋ᵢ₎ of two vectors.

    mode: "full", wherever they meet; "same", the middle of that, as long as the longer of them;
    "valid", where the shorter one lies on the longer one whole.
    """
    a, v = atleast_1d(as_tensor(a, "convolve")), atleast_1d(as_tensor(v, "convolve"))
    mode = _mode(mode, "convolve")
    if a.size < v.size:
        a, v = v, a
    if mode == "valid":
        return convolve_valid(a, v)
    y = convolve_full(a, v)
    return y if mode == "full" else _centre(y, (v.size - 1) // 2, a.size)


@derived(numpy=np.correlate)
def correlate(a: Operand, v: Operand, mode: Any = "valid") -> Tensor:
    """Σᵢ a₍ᵢ₊ₖ₎·v̄ᵢ of two vectors: the convolution with v conjugated and backwards.

    mode: as for `convolve`.
    """
    a, v = as_tensor(a, "correlate"), as_tensor(v, "correlate")
    if a.ndim != 1 or v.ndim != 1:
        raise ShapeError(f"correlate: shapes {a.shape} and {v.shape}; both need to be vectors")
    mode = _mode(mode, "correlate")
    v = flip(conjugate(v) if v.dtype.kind == "c" else v)
    if mode != "same":
        return convolve(a, v, mode)
    # Where the middle is not one place, NumPy takes the one that is on the left of the longer.
    short = min(a.size, v.size) - 1
    start = short // 2 if a.size >= v.size else short - short // 2
    return _centre(convolve_full(a, v), start, max(a.size, v.size))
