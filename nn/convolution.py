"""Convolution over one or two spatial axes.

Three operations, each linear in both of its operands, are each other's gradients: the convolution
y of x with a kernel, the gradient of x made of that of y and the kernel, and that of the kernel
made of that of y and x. The second one is also the transposed convolution.

All come down to products of matrices with what the windows see, laid out as columns, some 1 MB at a
time: that stays in the processor's cache, and nothing of it is kept for the way back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

import tinygraph as tg

from .rows import ones
from .validation import positive
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


def _computing(*operands: Any) -> np.dtype[Any]:
    """The dtype that NumPy promotes to; for half precision single, in which sums are exact."""
    dtype = np.result_type(*[x for x in operands if x is not None])
    return np.dtype(np.float32) if dtype.char == "e" else dtype


def _narrowed(y: Any, *operands: Any) -> Any:
    """y with the dtype that NumPy promotes to."""
    return y.astype(np.result_type(*[x for x in operands if x is not None]), copy=False)


def _patches(x: Any, windows: Windows, itemsize: int) -> Iterator[tuple[slice, slice, Any]]:
    """Blocks of examples and rows of windows, with what these see: (m, channels, *size, *rows)."""
    n, channels = x.shape[:2]
    blocks = windows.blocks(n, channels * math.prod(windows.size) * itemsize)
    if not any(map(any, windows.padding)):
        seen, before = windows.view(x), (slice(None),) * (2 + len(windows.size))
        for examples, rows in blocks:
            yield examples, rows, seen[examples][(*before, rows)]
        return
    padded, filled = None, None
    for examples, rows in blocks:
        m = examples.stop - examples.start
        if padded is None:
            padded = np.zeros((m, channels, *windows.padded), x.dtype)
            inside, seen = padded[windows.inside], windows.view(padded)
            before = (slice(None),) * (2 + len(windows.size))
        if examples != filled:
            inside[:m] = x[examples]
            filled = examples
        yield examples, rows, seen[:m][(*before, rows)]


class _Memory:
    """Room for an array of one block after the other."""

    __slots__ = ("dtype", "memory")

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.memory = np.empty(0, dtype)

    def laid_out(self, patches: Any, shape: Ints) -> Any:
        """The patches as an array of this shape."""
        columns = self.like(shape)
        np.copyto(columns.reshape(patches.shape), patches)
        return columns

    def like(self, shape: Ints) -> Any:
        """An array of this shape, of whatever was there."""
        size = math.prod(shape)
        if self.memory.size < size:
            self.memory = np.empty(size, self.dtype)
        return self.memory[:size].reshape(shape)


def _places(windows: Windows, rows: slice) -> slice:
    """The windows of these rows, counted through."""
    row = math.prod(windows.outputs[1:])
    return slice(rows.start * row, rows.stop * row)


def _convolved(x: Any, kernel: Any, bias: Any, windows: Windows, groups: int, dtype: Any) -> Any:
    """Σ over channels and elements of the window, plus a bias, for each output channel."""
    n, channels, out = len(x), x.shape[1], len(kernel)
    depth = channels // groups * math.prod(windows.size)
    y = np.empty((n, out, *windows.outputs), dtype)
    flat = y.reshape((n, groups, out // groups, math.prod(windows.outputs)))
    weights = kernel.reshape((groups, out // groups, depth)).astype(dtype, copy=False)
    points = set(windows.size) == set(windows.stride) == {1}
    columns = _Memory(dtype)
    for examples, rows, patches in _patches(x, windows, dtype.itemsize):
        places = _places(windows, rows)
        shape = (len(patches), groups, depth, places.stop - places.start)
        seen = patches.reshape(shape) if points else columns.laid_out(patches, shape)
        room = flat[examples, :, :, places]
        np.matmul(weights, seen, out=room)
        if bias is not None:
            room += bias.reshape((groups, out // groups, 1))
    return y


def _scattered(ct: Any, kernel: Any, windows: Windows, groups: int, dtype: Any) -> Any:
    """To each input, Σ over the outputs that it went into."""
    n, out = ct.shape[:2]
    channels = kernel.shape[1] * groups
    depth = kernel.shape[1] * math.prod(windows.size)
    x = np.empty((n, channels, *windows.inputs), dtype)
    flat = ct.reshape((n, groups, out // groups, math.prod(windows.outputs)))
    weights = kernel.reshape((groups, out // groups, depth)).swapaxes(1, 2).astype(dtype)
    columns, padded = _Memory(dtype), _Memory(dtype)
    for examples, rows in windows.blocks(n, groups * depth * dtype.itemsize):
        m, places = examples.stop - examples.start, _places(windows, rows)
        seen = columns.like((m, groups, depth, places.stop - places.start))
        np.matmul(weights, flat[examples, :, :, places], out=seen)
        sums = padded.like((m, channels, *windows.padded))
        if not rows.start:
            sums.fill(0)
        span = (m, channels, *windows.size, rows.stop - rows.start, *windows.outputs[1:])
        seen = seen.reshape(span)
        there = windows.view(sums)
        for place in np.ndindex(*windows.size):
            index = (slice(None), slice(None), *place)
            there[(*index, rows)] += seen[index]
        if rows.stop == windows.outputs[0]:
            x[examples] = sums[windows.inside]
    return x


def _kernel_sums(ct: Any, x: Any, windows: Windows, groups: int, dtype: Any) -> Any:
    """For each element of the kernel, Σ over examples and windows of input times output."""
    n, out = ct.shape[:2]
    channels = x.shape[1] // groups
    depth, places = channels * math.prod(windows.size), math.prod(windows.outputs)
    flat = ct.reshape((n, groups, out // groups, places))
    total = np.zeros((groups, depth, out // groups), dtype)
    columns, others = _Memory(dtype), _Memory(dtype)
    # With few elements, a product for each example; else one for all, their windows side by side.
    few, axes = depth <= places, len(windows.size)
    together = (*range(1, 2 + axes), 0, *range(2 + axes, 2 + 2 * axes))
    for examples, rows, patches in _patches(x, windows, dtype.itemsize):
        part = flat[examples, :, :, _places(windows, rows)]
        m, width = len(part), part.shape[-1]
        if few:
            seen = columns.laid_out(patches, (m, groups, depth, width))
            total += np.add.reduce(seen @ part.swapaxes(2, 3), 0)
        else:
            seen = columns.laid_out(patches.transpose(together), (groups, depth, m * width))
            part = others.laid_out(part.transpose((1, 2, 0, 3)), (groups, out // groups, m * width))
            total += seen @ part.swapaxes(1, 2)
    return total.swapaxes(1, 2).reshape((out, channels, *windows.size))


def _channel_sums(ct: Any) -> Any:
    """Σ over all axes but the channels'."""
    if type(ct) is not np.ndarray:
        return np.sum(ct, axis=(0, *range(2, ct.ndim)))
    if ct.dtype.char == "e":
        ct = ct.astype(np.float32)
    n, channels = ct.shape[:2]
    places = math.prod(ct.shape[2:])
    sums = ct.reshape((n * channels, places)).dot(ones(places, ct.dtype))
    return ones(n, ct.dtype).dot(sums.reshape((n, channels)))


def _samples(first: str, second: str, *rest: Any) -> tuple[Any, ...]:
    """For the tests, of every kind of geometry: 2 examples, 2 channels and 2 filters."""
    found = []
    for inputs, size, stride, padding, dilation, groups in (
        ((3, 3), (3, 2), (1, 1), ((1, 1), (0, 1)), (1, 1), 1),
        ((4, 4), (2, 3), (2, 3), ((0, 1), (1, 1)), (1, 1), 1),
        ((3, 5), (2, 2), (1, 2), ((1, 0), (2, 0)), (2, 1), 2),
        ((2, 3), (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
        ((2, 2), (1, 1), (1, 1), ((1, 1), (2, 0)), (1, 1), 2),
        ((5,), (2,), (2,), ((0, 0),), (2,), 1),
    ):
        windows = windows_over("conv", inputs, size, stride, padding, dilation)
        shapes = {
            "x": (2, 2, *inputs),
            "kernel": (2, 2 // groups, *size),
            "z": (2, 2, *windows.outputs),
        }
        found.append(
            tg.sample(shapes[first], shapes[second], *rest, windows=windows, groups=groups)
        )
    return tuple(found)


PLAIN = windows_over("conv", (3, 2), (2, 2), (1, 1), ((0, 0), (0, 0)), (1, 1))


def _to_input(ct: Any, kernel: Any, windows: Windows, groups: int) -> Any:
    return convolution_input(ct, kernel, windows=windows, groups=groups)


def _to_kernel(ct: Any, x: Any, windows: Windows, groups: int) -> Any:
    return convolution_kernel(ct, x, windows=windows, groups=groups)


@tg.primitive(
    name="conv",
    x=_to_input,
    kernel=_to_kernel,
    bias=lambda ct: _channel_sums(ct),
    samples=(
        *_samples("x", "kernel", (2,)),
        tg.sample((1, 3, 3, 2), (4, 3, 2, 2), windows=PLAIN, groups=1),
        tg.sample((0, 1, 3, 2), (2, 1, 2, 2), (2,), windows=PLAIN, groups=1),
    ),
)
def convolution(x: Any, kernel: Any, bias: Any = None, *, windows: Windows, groups: int) -> Any:
    """Σ over each window of x · kernel, plus a bias: nn.conv1d and nn.conv2d."""
    y = _convolved(x, kernel, bias, windows, groups, _computing(x, kernel, bias))
    return _narrowed(y, x, kernel, bias)


@tg.primitive(
    name="conv_transpose",
    z=lambda ct, kernel, windows, groups: convolution(ct, kernel, windows=windows, groups=groups),
    kernel=lambda ct, z, windows, groups: _to_kernel(z, ct, windows, groups),
    samples=(
        *_samples("z", "kernel"),
        tg.sample((1, 3, 2, 1), (3, 4, 2, 2), windows=PLAIN, groups=1),
    ),
)
def convolution_input(z: Any, kernel: Any, *, windows: Windows, groups: int) -> Any:
    """The gradient of a convolution's input, if z is that of its output.

    At stride 1 it is the convolution of z with the kernel turned round.
    """
    dtype = _computing(z, kernel)
    back = _turned(windows)
    if back is None:
        x = _scattered(z, kernel, windows, groups, dtype)
    else:
        x = _convolved(z, _turned_kernel(kernel, groups), None, back, groups, dtype)
    return _narrowed(x, z, kernel)


def _turned(windows: Windows) -> Windows | None:
    """The windows of outputs that an input went into, if they are such at all."""
    if set(windows.stride) != {1}:
        return None
    spans = [(k - 1) * d for k, d in zip(windows.size, windows.dilation, strict=True)]
    padding = tuple(
        [(n - before, n - after) for n, (before, after) in zip(spans, windows.padding, strict=True)]
    )
    if min(map(min, padding)) < 0:
        return None
    return windows._replace(inputs=windows.outputs, padding=padding, outputs=windows.inputs)


def _turned_kernel(kernel: Any, groups: int) -> Any:
    """(out, in / groups, *size) as (in, out / groups, *size), backwards along spatial axes."""
    out, channels, *size = kernel.shape
    parts = kernel.reshape((groups, out // groups, channels, *size)).swapaxes(1, 2)
    turned = parts.reshape((groups * channels, out // groups, *size))
    return turned[(..., *[slice(None, None, -1)] * len(size))]


@tg.primitive(
    name="conv_kernel",
    z=lambda ct, x, windows, groups: convolution(x, ct, windows=windows, groups=groups),
    x=lambda ct, z, windows, groups: _to_input(z, ct, windows, groups),
    samples=(
        *_samples("z", "x"),
        tg.sample((1, 4, 2, 1), (1, 3, 3, 2), windows=PLAIN, groups=1),
    ),
)
def convolution_kernel(z: Any, x: Any, *, windows: Windows, groups: int) -> Any:
    """The gradient of a convolution's kernel, if z is that of its output."""
    return _narrowed(_kernel_sums(z, x, windows, groups, _computing(z, x)), z, x)


def conv1d(
    x: Any,
    kernel: Any,
    bias: Any = None,
    *,
    stride: Sizes = 1,
    padding: Padding = "valid",
    dilation: Sizes = 1,
    groups: int = 1,
) -> tg.Tensor:
    """y[o, p] = Σ x[c, p·stride + i·dilation − before] · kernel[o, c, i] + bias[o], over c and i.

    x: (batch, in, length).  kernel: (out, in / groups, size).  bias: (out,), or None.
    Returns (batch, out, length'). All else as for `nn.conv2d`.
    """
    return convolved("conv1d", 1, x, kernel, bias, stride, padding, dilation, groups)


def conv2d(
    x: Any,
    kernel: Any,
    bias: Any = None,
    *,
    stride: Sizes = 1,
    padding: Padding = "valid",
    dilation: Sizes = 1,
    groups: int = 1,
) -> tg.Tensor:
    """y[o, p] = Σ x[c, p·stride + i·dilation − before] · kernel[o, c, i] + bias[o], over c and i.

    The pixel p and the place i in the kernel are pairs of numbers, before the padding above and on
    the left. The kernel is not turned round: mathematics calls this a correlation.

    x: (batch, in, height, width).  kernel: (out, in / groups, kernel height, kernel width).
    bias: (out,), or None.
    Returns (batch, out, height', width'), with the dtype of NumPy's promotion.

    stride, dilation: an integer, or one for each spatial axis; dilation is the step between the
        elements of a window.
    padding: how many zeros stand around x: "valid", none; an integer; one for each spatial axis; or
        (before, after) for each. "same": so many that the output has size ⌈n / stride⌉, where an
        odd number has one more after, as in TensorFlow. (PyTorch has "same" for stride 1 only.)
    groups: input and output channels are split into so many parts, each with kernels of its own;
        with groups = in, each channel has its own filters.

    Raises ShapeError where shapes or channels do not fit, ArgumentError for settings that make no
    sense.  Dumoulin and Visin 2016 draw them all; Course 4, week 1.
    """
    return convolved("conv2d", 2, x, kernel, bias, stride, padding, dilation, groups)


def convolved(
    operation: str,
    axes: int,
    x: Any,
    kernel: Any,
    bias: Any,
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    groups: int,
) -> tg.Tensor:
    """The convolution over so many spatial axes, its arguments checked in the operation's name."""
    x, kernel = array_or_tensor(x), array_or_tensor(kernel)
    bias = None if bias is None else array_or_tensor(bias)
    step = sizes(operation, "stride", stride, axes)
    spread = sizes(operation, "dilation", dilation, axes)
    around = padding_from(operation, padding, axes)
    groups = positive(operation, "groups", groups)
    check_kernel(operation, kernel, axes, "(out, in / groups, ")
    out, channels = kernel.shape[:2]
    check_axes(operation, x, axes, channels * groups)
    if out % groups:
        raise tg.ShapeError(
            f"{operation}: a kernel of shape {kernel.shape} for {groups} groups; its {out} output "
            f"channels need to be a multiple of {groups}"
        )
    check_bias(operation, bias, out)
    windows = windows_over(operation, x.shape[2:], kernel.shape[2:], step, around, spread)
    return convolution(x, kernel, bias, windows=windows, groups=groups)


def check_kernel(operation: str, kernel: Any, axes: int, channels: str) -> None:
    """Raise ShapeError unless the kernel has two axes for channels and the spatial ones."""
    if kernel.ndim != axes + 2:
        size = "size)" if axes == 1 else "height, width)"
        raise tg.ShapeError(
            f"{operation}: a kernel of shape {kernel.shape}; it needs {channels}{size}"
        )


def check_bias(operation: str, bias: Any, out: int) -> None:
    """Raise ShapeError unless it is one number for each output channel."""
    if bias is not None and bias.shape != (out,):
        raise tg.ShapeError(
            f"{operation}: a bias of shape {bias.shape} for {out} output channels; it needs "
            f"({out},)"
        )
