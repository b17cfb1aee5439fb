"""Pooling: the largest or the mean of what windows see, over one or two spatial axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygraph as tg

from .windows import (
    Padding,
    Sizes,
    Windows,
    array_or_tensor,
    check_axes,
    padding_from,
    sizes,
    windows_over,
)

Ints = tuple[int, ...]


def _along_each(ufunc: Any, padded: Any, windows: Windows) -> Any:
    """The ufunc's reduction of each window, one axis after the other."""
    axes = zip(windows.size, windows.stride, windows.outputs, strict=True)
    for axis, (k, s, n) in enumerate(axes, 2):
        before = (slice(None),) * axis
        parts = [padded[(*before, slice(i, i + (n - 1) * s + 1, s))] for i in range(k)]
        padded = parts[0].copy() if k == 1 else ufunc(parts[0], parts[1])
        for part in parts[2:]:
            ufunc(padded, part, out=padded)
    return padded


def _spread(z: Any, windows: Windows, reached: Any = None) -> Any:
    """To each input, Σ of z over the windows it lies in, or in which it is among those reached."""
    covers = not windows.overlap and windows.size == windows.stride
    room = (np.empty if covers else np.zeros)((*z.shape[:2], *windows.padded), z.dtype)
    for i, index in enumerate(windows.offsets()):
        there = room[index]
        if windows.overlap:
            there += z if reached is None else z * reached[i]
        elif reached is None:
            there[...] = z
        else:
            np.multiply(z, reached[i], out=there)
    if covers:
        # What no window sees, at the end of each axis.
        for axis, (k, n) in enumerate(zip(windows.size, windows.outputs, strict=True), 2):
            room[(slice(None),) * axis + (slice(n * k, None),)] = 0
    return room[windows.inside]


# The largest


def _lowest(dtype: np.dtype[Any]) -> Any:
    """What no number of the dtype is below."""
    if dtype.kind == "c":
        raise tg.DTypeError(
            f"max_pool: complex numbers ({dtype}) have no order; take .real, .imag or abs()"
        )
    return np.iinfo(dtype).min if dtype.kind in "iu" else False if dtype.kind == "b" else -np.inf


def _reached(x: Any, top: Any, windows: Windows) -> tuple[list[Any], Any]:
    """For each element of a window, where it is the largest; and how many are, or None: one."""
    padded = windows.pad(x, np.nan)  # equal to nothing
    reached = [padded[index] == top for index in windows.offsets()]
    ties = reached[0].astype(np.min_scalar_type(len(reached)))
    for each in reached[1:]:
        ties += each.view(np.uint8)
    if ties.size and ties.min() == ties.max() == 1:
        return reached, None
    return reached, np.maximum(ties, 1).astype(x.dtype)


def _to_largest(ct: Any, x: Any, y: Any, windows: Windows) -> Any:
    if type(x) is tg.Tensor:  # which are the largest, has no derivative
        x, y = x.detach(), y.detach()
    return shared_by_largest(ct, x, y, windows=windows)


def _of_largest(ct: Any, x: Any, top: Any, windows: Windows) -> Any:
    return mean_of_largest(ct, x, top, windows=windows)


def _to_each(ct: Any, windows: Windows, count_padding: bool) -> Any:
    return mean_shared(ct, windows=windows, count_padding=count_padding)


def _windows(inputs: Ints, size: Ints, stride: Ints, padding: Any = "valid") -> Windows:
    pairs = padding_from("pool", padding, len(size))
    return windows_over("pool", inputs, size, stride, pairs, (1,) * len(size))


SAMPLES = (
    tg.sample((2, 2, 4, 4), windows=_windows((4, 4), (2, 2), (2, 2))),
    tg.sample((1, 2, 5, 3), windows=_windows((5, 3), (2, 2), (2, 2))),
    tg.sample((1, 2, 3, 4), windows=_windows((3, 4), (2, 3), (2, 2), [(1, 0), (1, 2)])),
    tg.sample((1, 1, 3, 5), windows=_windows((3, 5), (1, 1), (1, 2))),
    tg.sample((2, 1, 5), windows=_windows((5,), (3,), (1,))),
    tg.sample((0, 1, 5), windows=_windows((5,), (2,), (2,))),
)
# With ties, inside a window and across two that overlap; the largest elements; the windows.
TIED = np.array([[[[0.5, 2, -1, 2], [2, 2, 0, 1], [-1, 3, 1.5, -2], [0, 0, 1, 1]]]])
TIES = (
    (TIED, np.array([[[[2.0, 2.0], [3.0, 1.5]]]]), _windows((4, 4), (2, 2), (2, 2))),
    (TIED, np.array([[[[3.0, 3.0], [3.0, 3.0]]]]), _windows((4, 4), (3, 3), (1, 1))),
    (TIED, np.array([[[[2.0, 2.0], [3.0, 1.5]]]]), _windows((4, 4), (3, 3), (2, 2), "same")),
)


@tg.primitive(
    x=_to_largest,
    samples=SAMPLES,
)
def max_pool(x: Any, *, windows: Windows) -> Any:
    """The largest element of each window: nn.max_pool1d and nn.max_pool2d."""
    return _along_each(np.maximum, windows.pad(x, _lowest(x.dtype)), windows)


@tg.primitive(
    name="max_pool",
    z=_of_largest,
    x=None,
    top=None,
    samples=tuple(tg.sample(top.shape, x, top, windows=windows) for x, top, windows in TIES),
)
def shared_by_largest(z: Any, x: Any, top: Any, *, windows: Windows) -> Any:
    """z of each window, shared equally by the elements that are its largest, top."""
    reached, ties = _reached(x, top, windows)
    return _spread(z if ties is None else z / ties, windows, reached)


@tg.primitive(
    name="max_pool",
    z=lambda ct, x, top, windows: shared_by_largest(ct, x, top, windows=windows),
    x=None,
    top=None,
    samples=tuple(tg.sample(x.shape, x, top, windows=windows) for x, top, windows in TIES),
)
def mean_of_largest(z: Any, x: Any, top: Any, *, windows: Windows) -> Any:
    """The mean of z where x is the largest of a window."""
    reached, ties = _reached(x, top, windows)
    padded = windows.pad(z)
    total = np.zeros(top.shape, z.dtype)
    for index, there in zip(windows.offsets(), reached, strict=True):
        total += padded[index] * there
    return total if ties is None else total / ties


# The mean


def _counts(windows: Windows, count_padding: bool, dtype: np.dtype[Any]) -> Any:
    """How many elements a window's mean is of."""
    if count_padding or not any(map(any, windows.padding)):
        return math.prod(windows.size)
    inside = windows.pad(np.ones((1, 1, *windows.inputs), dtype))
    return _along_each(np.add, inside, windows)


@tg.primitive(
    x=_to_each,
    samples=(
        *[tg.sample(*s.args, **s.kwargs, count_padding=True) for s in SAMPLES],
        tg.sample(*SAMPLES[2].args, **SAMPLES[2].kwargs, count_padding=False),
    ),
)
def avg_pool(x: Any, *, windows: Windows, count_padding: bool) -> Any:
    """The mean of each window: nn.avg_pool1d and nn.avg_pool2d."""
    whole, half = x.dtype.kind in "biu", x.dtype.char == "e"
    if whole or half:
        x = x.astype(np.float64 if whole else np.float32)
    means = _along_each(np.add, windows.pad(x), windows)
    means /= _counts(windows, count_padding, means.dtype)
    return means.astype(np.float16) if half else means


@tg.primitive(
    name="avg_pool",
    z=lambda ct, windows, count_padding: avg_pool(ct, windows=windows, count_padding=count_padding),
    samples=(
        tg.sample((1, 1, 2, 1), windows=SAMPLES[1].kwargs["windows"], count_padding=True),
        tg.sample((1, 2, 2, 3), windows=SAMPLES[2].kwargs["windows"], count_padding=False),
    ),
)
def mean_shared(z: Any, *, windows: Windows, count_padding: bool) -> Any:
    """z of each window, shared by its elements: the gradient of the mean."""
    return _spread(z / _counts(windows, count_padding, z.dtype), windows)


# What users call


def pooled(
    operation: str, axes: int, x: Any, size: Sizes, stride: Sizes | None, padding: Padding
) -> tuple[Any, Windows]:
    """x, and the windows of a pooling over so many spatial axes, in the operation's name."""
    x = array_or_tensor(x)
    window = sizes(operation, "size", size, axes)
    step = window if stride is None else sizes(operation, "stride", stride, axes)
    around = padding_from(operation, padding, axes)
    check_axes(operation, x, axes)
    windows = windows_over(operation, x.shape[2:], window, step, around, (1,) * axes)
    if any(max(pair) >= k for pair, k in zip(windows.padding, window, strict=True)):
        raise tg.ArgumentError(
            f"{operation}: padding={padding!r} for windows of size {window}; it needs to be "
            "smaller than they are, so that each sees some of the input"
        )
    return x, windows


def max_pool1d(
    x: Any, size: Sizes, stride: Sizes | None = None, *, padding: Padding = 0
) -> tg.Tensor:
    """y[p] = maxᵢ x[p·stride + i − before], along one axis.

    x: (batch, channels, length).  Returns (batch, channels, length'). As `nn.max_pool2d`.
    """
    x, windows = pooled("max_pool1d", 1, x, size, stride, padding)
    return max_pool(x, windows=windows)


def max_pool2d(
    x: Any, size: Sizes, stride: Sizes | None = None, *, padding: Padding = 0
) -> tg.Tensor:
    """y[p] = maxᵢ x[p·stride + i − before]: the largest pixel of each window, channel by channel.

    x: (batch, channels, height, width).  Returns (batch, channels, height', width'), of x's dtype.
    size, stride: an integer, or (height, width); stride is `size` unless given.
    padding: as for `nn.conv2d`; padding is never the largest. Rows and columns at the end that
        make no whole window are left out, unless there is padding="same".

    Gradient: to the largest pixel; where several are equal, they share equally, as everywhere in
    tinygraph. (PyTorch gives all to the first.) A NaN is the largest; its window has gradient 0.

    Raises ShapeError where no window fits, ArgumentError for settings that make no sense,
    DTypeError for complex numbers.  Course 4, week 1.
    """
    x, windows = pooled("max_pool2d", 2, x, size, stride, padding)
    return max_pool(x, windows=windows)


def avg_pool1d(
    x: Any,
    size: Sizes,
    stride: Sizes | None = None,
    *,
    padding: Padding = 0,
    count_padding: bool = True,
) -> tg.Tensor:
    """y[p] = meanᵢ x[p·stride + i − before], along one axis.

    x: (batch, channels, length).  Returns (batch, channels, length'). As `nn.avg_pool2d`.
    """
    x, windows = pooled("avg_pool1d", 1, x, size, stride, padding)
    return avg_pool(x, windows=windows, count_padding=bool(count_padding))


def avg_pool2d(
    x: Any,
    size: Sizes,
    stride: Sizes | None = None,
    *,
    padding: Padding = 0,
    count_padding: bool = True,
) -> tg.Tensor:
    """y[p] = meanᵢ x[p·stride + i − before]: the mean of each window, channel by channel.

    x: (batch, channels, height, width).  Returns (batch, channels, height', width'), of x's
    floating dtype.
    size, stride, padding: as for `nn.max_pool2d`.
    count_padding: whether the zeros around x count as pixels, as in PyTorch; with False the mean is
        of the pixels inside, as in TensorFlow.

    Raises ShapeError where no window fits, ArgumentError for settings that make no sense.
    """
    x, windows = pooled("avg_pool2d", 2, x, size, stride, padding)
    return avg_pool(x, windows=windows, count_padding=bool(count_padding))


def global_max_pool(x: Any) -> tg.Tensor:
    """The largest element of each channel: (batch, channels, *spatial) to (batch, channels).

    Where several are equal, they share the gradient.  Raises ShapeError without a spatial axis.
    """
    x = _spatial("global_max_pool", x)
    return tg.max(x, axis=tuple(range(2, x.ndim)))


def global_avg_pool(x: Any) -> tg.Tensor:
    """The mean of each channel: (batch, channels, *spatial) to (batch, channels).

    Raises ShapeError without a spatial axis.  Lin, Chen and Yan 2013.
    """
    x = _spatial("global_avg_pool", x)
    return tg.mean(x, axis=tuple(range(2, x.ndim)))


def _spatial(operation: str, x: Any) -> Any:
    x = array_or_tensor(x)
    if x.ndim < 3:
        raise tg.ShapeError(
            f"{operation}: input of shape {x.shape}; it needs (batch, channels, *spatial), with an "
            "axis or more to pool over"
        )
    return x
