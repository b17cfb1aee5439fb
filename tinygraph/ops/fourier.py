"""Discrete Fourier transforms: NumPy's `np.fft`.

With ω = e^(−2πi/n) the transform is y_k = Σ_j x_j ω^(jk), the inverse x_j = 1/n Σ_k y_k ω^(−jk).
Their matrices are symmetric: the cotangent of fft is fft of the cotangent, that of ifft is ifft.

norm   what divides the sums: "backward" (also None) n in the inverse, "forward" n in the forward
       transform, "ortho" √n in both
n, s   points along the axis, or each of the axes: longer input is cut off, shorter gets zeros
axes   transformed one after the other, the last of them first, each once for each time it stands
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from ..errors import DomainError, DTypeError, ShapeError
from ..numpy_version import since
from ..primitive import Operand, derived, primitive, sample
from ..tensor import Tensor, as_tensor, untracked
from .axes import checked_axis
from .conversion import cast
from .counting import fourier, inverse_fourier, real_fourier
from .deprecation import warn_deprecated
from .elementwise import conjugate
from .shape import roll

Norm: TypeAlias = Literal["backward", "ortho", "forward"] | None
# The norm with which the transform there multiplies as this one does on the way back.
OTHER_WAY: dict[Any, Norm] = {
    None: "forward",
    "backward": "forward",
    "ortho": "ortho",
    "forward": "backward",
}


def _other_way(norm: Any, operation: str) -> Norm:
    if norm not in OTHER_WAY:
        raise DomainError(
            f"{operation}: norm={norm!r}; it is 'backward' (or None), 'ortho' or 'forward'"
        )
    return OTHER_WAY[norm]


def _checked(a: Any, n: Any, axis: int, norm: Any, operation: str) -> None:
    checked_axis(operator.index(axis), np.ndim(a), operation)
    _other_way(norm, operation)
    if n is not None and operator.index(n) < 1:
        raise ShapeError(f"{operation}: n={n} points; there must be at least one")
    if n is None and not np.shape(a)[axis]:
        raise ShapeError(
            f"{operation}: no points along axis {axis} of shape {np.shape(a)}; give it some, or n="
        )


def _resized(ct: Any, size: int, axis: int) -> Any:
    """Cut off behind, or zeros added there, as the input was made n long: the way back of that."""
    missing = size - ct.shape[axis]
    axis %= ct.ndim
    if missing < 0:
        return ct[(slice(None),) * axis + (slice(size),)]
    if missing > 0:
        shape = (*ct.shape[:axis], missing, *ct.shape[axis + 1 :])
        return np.concatenate([ct, np.zeros(shape, ct.dtype)], axis)
    return ct


def _weights(ct: Any, n: int, axis: int) -> Any:
    """How many of the n points each one of a half spectrum stands for: 2, but at its ends."""
    weights = np.full(n // 2 + 1, 2, np.finfo(ct.dtype).dtype)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights.reshape((-1,) + (1,) * (ct.ndim - 1 - axis % ct.ndim))


# Along one axis

SAMPLES = (
    sample((4,)),
    sample((2, 3), 4),
    sample((2, 3), n=2),
    sample((4, 2), axis=0, norm="ortho"),
    sample((2, 3, 2), 5, -2, "forward"),
    sample((3,), 2, norm="backward"),
    sample((0, 3)),
    sample((1,)),
)


@primitive(
    numpy=np.fft.fft,
    a=lambda ct, shape, n, axis, norm: _resized(np.fft.fft(ct, n, axis, norm), shape[axis], axis),
    samples=SAMPLES,
    flops=fourier,
)
def fft(a: Operand, n: int | None = None, axis: int = -1, norm: Norm = None) -> Any:
    """y_k = Σ_j a_j e^(−2πi jk/n) along an axis."""
    _checked(a, n, axis, norm, "fft")
    return np.fft.fft(a, n, axis, norm)


@primitive(
    numpy=np.fft.ifft,
    a=lambda ct, shape, n, axis, norm: _resized(np.fft.ifft(ct, n, axis, norm), shape[axis], axis),
    samples=SAMPLES,
    flops=fourier,
)
def ifft(a: Operand, n: int | None = None, axis: int = -1, norm: Norm = None) -> Any:
    """y_j = 1/n Σ_k a_k e^(2πi jk/n) along an axis."""
    _checked(a, n, axis, norm, "ifft")
    return np.fft.ifft(a, n, axis, norm)


def _rfft(ct: Any, shape: Any, n: int | None, axis: int, norm: Norm) -> Any:
    # Re Σ_k c_k ω^(jk) is what irfft computes, but that it counts the inner points twice.
    points = shape[axis] if n is None else n
    half = np.conjugate(ct) / _weights(ct, points, axis)
    return _resized(np.fft.irfft(half, points, axis, OTHER_WAY[norm]), shape[axis], axis)


@primitive(
    numpy=np.fft.rfft,
    a=_rfft,
    samples=SAMPLES,
    flops=real_fourier,
)
def rfft(a: Operand, n: int | None = None, axis: int = -1, norm: Norm = None) -> Any:
    """The first n/2 + 1 points of `fft` of real numbers; the others are their conjugates."""
    _checked(a, n, axis, norm, "rfft")
    if np.iscomplexobj(a):
        raise DTypeError(f"rfft: complex numbers ({a.dtype}); use fft, or take .real")
    return np.fft.rfft(a, n, axis, norm)


def _irfft(ct: Any, shape: Any, axis: int, norm: Norm) -> Any:
    points = np.conjugate(np.fft.rfft(ct, None, axis, OTHER_WAY[norm]))
    return _resized(points * _weights(ct, ct.shape[axis], axis), shape[axis], axis)


@primitive(
    numpy=np.fft.irfft,
    a=_irfft,
    samples=(*SAMPLES[:-1], sample((1,), 1), sample((3,), 5), sample((4,), 3)),
    flops=inverse_fourier,
)
def irfft(a: Operand, n: int | None = None, axis: int = -1, norm: Norm = None) -> Any:
    """The n real numbers, 2(m − 1) if n is None, whose `rfft` the m points are.

    The imaginary part of point 0, and for even n of point n/2, does not matter: its derivative is
    0.
    """
    _checked(a, n, axis, norm, "irfft")
    if n is None and a.shape[axis] == 1:
        raise ShapeError("irfft: one point alone does not say how many numbers it is of; give n=1")
    return np.fft.irfft(a, n, axis, norm)


@derived(numpy=np.fft.hfft)
def hfft(a: Operand, n: int | None = None, axis: int = -1, norm: Norm = None) -> Tensor:
    """`fft` of the n numbers of which these m are the first half, the others their conjugates.

    It is real, of 2(m − 1) points if n is None.
    """
    return irfft(conjugate(a), n, axis, _other_way(norm, "hfft"))


@derived(numpy=np.fft.ihfft)
def ihfft(a: Operand, n: int | None = None, axis: int = -1, norm: Norm = None) -> Tensor:
    """The first n/2 + 1 numbers of `ifft` of real ones; the others are their conjugates."""
    return conjugate(rfft(a, n, axis, _other_way(norm, "ihfft")))


# Along several axes

Transform = Callable[..., Tensor]
Sizes = Sequence[int | None] | None
Axes = Sequence[int] | None


def _steps(a: Tensor, s: Sizes, axes: Axes, operation: str) -> list[tuple[int | None, int]]:
    """Points and axis of each transform; -1: as many as there are, None: as along one axis."""
    if axes is None:
        if s is not None:
            warn_deprecated(
                f"{operation}: s without axes is for the last {len(s)} axes; NumPy is to refuse "
                "that, so give the axes"
            )
        axes = range(-(a.ndim if s is None else len(s)), 0)
    places = [checked_axis(operator.index(axis), a.ndim, operation) for axis in axes]
    sizes: Sequence[int | None] = [None] * len(places) if s is None else list(s)
    if len(sizes) != len(places):
        raise ShapeError(
            f"{operation}: s has {len(sizes)} sizes and axes {len(places)}; "
            "there must be one for each axis"
        )
    pairs = zip(sizes, places, strict=True)
    return [(a.shape[axis] if n == -1 else n, axis) for n, axis in pairs]


def _last(steps: list[tuple[int | None, int]], operation: str) -> tuple[int | None, int]:
    if not steps:
        raise ShapeError(f"{operation}: no axes; it needs at least one, the last of which is real")
    return steps[-1]


def _transformed(
    a: Any, s: Sizes, axes: Axes, norm: Any, step: Transform, operation: str
) -> Tensor:
    y = as_tensor(a, operation)
    for n, axis in reversed(_steps(y, s, axes, operation)):
        y = step(y, n, axis, norm)
    return y


@derived(numpy=np.fft.fftn)
def fftn(a: Operand, s: Sizes = None, axes: Axes = None, norm: Norm = None) -> Tensor:
    """`fft` along each of the axes; None: all."""
    return _transformed(a, s, axes, norm, fft, "fftn")


@derived(numpy=np.fft.ifftn)
def ifftn(a: Operand, s: Sizes = None, axes: Axes = None, norm: Norm = None) -> Tensor:
    """`ifft` along each of the axes; None: all."""
    return _transformed(a, s, axes, norm, ifft, "ifftn")


@derived(numpy=np.fft.fft2)
def fft2(a: Operand, s: Sizes = None, axes: Axes = (-2, -1), norm: Norm = None) -> Tensor:
    """`fft` along two axes."""
    return _transformed(a, s, axes, norm, fft, "fft2")


@derived(numpy=np.fft.ifft2)
def ifft2(a: Operand, s: Sizes = None, axes: Axes = (-2, -1), norm: Norm = None) -> Tensor:
    """`ifft` along two axes."""
    return _transformed(a, s, axes, norm, ifft, "ifft2")


@derived(numpy=np.fft.rfftn)
def rfftn(a: Operand, s: Sizes = None, axes: Axes = None, norm: Norm = None) -> Tensor:
    """`rfft` along the last of the axes, then `fft` along the others; None: all."""
    y = as_tensor(a, "rfftn")
    steps = _steps(y, s, axes, "rfftn")
    y = rfft(y, *_last(steps, "rfftn"), norm)
    # The order decides on rounding; NumPy 2.0 begins with the first axis.
    for n, axis in reversed(steps[:-1]) if since("2.1.0") else steps[:-1]:
        y = fft(y, n, axis, norm)
    return y


@derived(numpy=np.fft.irfftn)
def irfftn(a: Operand, s: Sizes = None, axes: Axes = None, norm: Norm = None) -> Tensor:
    """`ifft` along the axes but the last, then `irfft` along that; None: all axes."""
    y = as_tensor(a, "irfftn")
    steps = _steps(y, s, axes, "irfftn")
    n, axis = _last(steps, "irfftn")
    for points, along in steps[:-1]:
        y = ifft(y, points, along, norm)
    return irfft(y, n, axis, norm)


@derived(numpy=np.fft.rfft2)
def rfft2(a: Operand, s: Sizes = None, axes: Axes = (-2, -1), norm: Norm = None) -> Tensor:
    """`rfftn` along two axes."""
    return rfftn(a, s, axes, norm)


@derived(numpy=np.fft.irfft2)
def irfft2(a: Operand, s: Sizes = None, axes: Axes = (-2, -1), norm: Norm = None) -> Tensor:
    """`irfftn` along two axes."""
    return irfftn(a, s, axes, norm)


# Frequencies


def _shifted(x: Any, axes: Any, way: int, operation: str) -> Tensor:
    t = as_tensor(x, operation)
    if axes is None:
        chosen: Sequence[Any] = range(t.ndim)
    else:
        chosen = [axes] if isinstance(axes, (int, np.integer)) else axes
    places = tuple([checked_axis(int(axis), t.ndim, operation) for axis in chosen])
    return roll(t, tuple([way * (t.shape[axis] // 2) for axis in places]), places)


@derived(numpy=np.fft.fftshift)
def fftshift(x: Operand, axes: int | Axes = None) -> Tensor:
    """Frequency 0 moved from the beginning to the middle of the axes; None: of all."""
    return _shifted(x, axes, 1, "fftshift")


@derived(numpy=np.fft.ifftshift)
def ifftshift(x: Operand, axes: int | Axes = None) -> Tensor:
    """Frequency 0 moved from the middle to the beginning of the axes: `fftshift` undone."""
    return _shifted(x, axes, -1, "ifftshift")


def fftfreq(
    n: int, d: Operand = 1.0, device: str | None = None, *, dtype: Any = None
) -> Tensor:  # fmt: skip
    """The frequencies k / (n·d) of the points of `fft`, 0 first; d: time between the numbers."""
    return _frequencies(np.fft.fftfreq, n, d, device, dtype)


def rfftfreq(
    n: int, d: Operand = 1.0, device: str | None = None, *, dtype: Any = None
) -> Tensor:  # fmt: skip
    """The frequencies k / (n·d) of the points of `rfft`, from 0; d: time between the numbers."""
    return _frequencies(np.fft.rfftfreq, n, d, device, dtype)


def _frequencies(function: Callable[..., Any], n: Any, d: Any, device: Any, dtype: Any) -> Tensor:
    if isinstance(n, (bool, float, Tensor)) or int(n) < 1:
        raise DomainError(f"{function.__name__}: n={n!r} points; it needs an integer of 1 or more")
    y = function(n, d, device)  # a tensor, and tracked, where d is
    y = y if type(y) is Tensor else untracked(y)
    return y if dtype is None else cast(y, np.dtype(dtype), function.__name__)
