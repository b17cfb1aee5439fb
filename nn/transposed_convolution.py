"""Transposed convolution: the gradient of a convolution's input, forward."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygraph as tg

from .convolution import check_bias, check_kernel, convolution_input
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


def conv_transpose1d(
    x: Any,
    kernel: Any,
    bias: Any = None,
    *,
    stride: Sizes = 1,
    padding: Padding = "valid",
    output_padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> tg.Tensor:
    """y[o, p·stride + i·dilation − before] gets x[c, p] · kernel[c, o, i], plus bias[o].

    x: (batch, in, length).  kernel: (in, out / groups, size).  bias: (out,), or None.
    Returns (batch, out, length'). All else as for `nn.conv_transpose2d`.
    """
    return transposed(
        "conv_transpose1d", 1, x, kernel, bias, stride, padding, output_padding, dilation, groups
    )


def conv_transpose2d(
    x: Any,
    kernel: Any,
    bias: Any = None,
    *,
    stride: Sizes = 1,
    padding: Padding = "valid",
    output_padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> tg.Tensor:
    """y[o, p·stride + i·dilation − before] gets x[c, p] · kernel[c, o, i], plus bias[o].

    Summed over all c, p and i. Exactly the gradient of the input of `nn.conv2d` with this kernel
    and these settings, where that of its output is x; the shapes of the two are each other's.

    x: (batch, in, height, width).  kernel: (in, out / groups, kernel height, kernel width).
    bias: (out,), or None.  Returns (batch, out, height', width'), of NumPy's promoted dtype, with
    height' = (height − 1)·stride + (kernel height − 1)·dilation + 1 − padding + output_padding.

    padding: what is cut off at each edge, written as for `nn.conv2d`; with "same" the output is
        `stride` times as large as x.
    output_padding: how much larger the output is, at its end. Less than the stride: convolutions
        of so many sizes have an output of the same size.

    Raises ShapeError where shapes or channels do not fit, ArgumentError for settings that make no
    sense.  Dumoulin and Visin 2016, chapter 4; Course 4, week 3.
    """
    return transposed(
        "conv_transpose2d", 2, x, kernel, bias, stride, padding, output_padding, dilation, groups
    )


def transposed(
    operation: str,
    axes: int,
    x: Any,
    kernel: Any,
    bias: Any,
    stride: Sizes,
    padding: Padding,
    output_padding: Sizes,
    dilation: Sizes,
    groups: int,
) -> tg.Tensor:
    """The transposed convolution over so many axes, checked in the operation's name."""
    x, kernel = array_or_tensor(x), array_or_tensor(kernel)
    bias = None if bias is None else array_or_tensor(bias)
    step = sizes(operation, "stride", stride, axes)
    groups = positive(operation, "groups", groups)
    check_kernel(operation, kernel, axes, "(in, out / groups, ")
    check_axes(operation, x, axes, len(kernel))
    if len(kernel) % groups:
        raise tg.ShapeError(
            f"{operation}: a kernel of shape {kernel.shape} for {groups} groups; its {len(kernel)} "
            f"input channels need to be a multiple of {groups}"
        )
    check_bias(operation, bias, kernel.shape[1] * groups)
    windows = _windows(
        operation, x.shape[2:], kernel.shape[2:], step, padding, output_padding, dilation
    )
    y: tg.Tensor = convolution_input(x, kernel, windows=windows, groups=groups)
    return y if bias is None else y + bias.reshape((-1,) + (1,) * axes)


def _windows(
    operation: str,
    outputs: tuple[int, ...],
    size: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Padding,
    output_padding: Sizes,
    dilation: Sizes,
) -> Windows:
    """Those of the convolution that has this output."""
    axes = len(size)
    spread = sizes(operation, "dilation", dilation, axes)
    around = padding_from(operation, padding, axes)
    more = output_padding_from(operation, output_padding, stride)
    if isinstance(around, str):
        if any(more):
            raise tg.ArgumentError(
                f"{operation}: output_padding={output_padding!r} beside padding='same', which "
                "settles the size of the output; give the padding in numbers"
            )
        inputs = [n * s for n, s in zip(outputs, stride, strict=True)]
    else:
        inputs = [
            (n - 1) * s + (k - 1) * d + 1 - sum(pair) + extra
            for n, s, k, d, pair, extra in zip(
                outputs, stride, size, spread, around, more, strict=True
            )
        ]
        if min(inputs) < 1:
            raise tg.ShapeError(
                f"{operation}: a kernel of size {size} on {outputs} with padding={padding!r} has "
                f"an output of size {tuple(inputs)}; it needs less padding"
            )
    return windows_over(operation, tuple(inputs), size, stride, around, spread)


def output_padding_from(operation: str, given: Any, stride: tuple[int, ...]) -> tuple[int, ...]:
    """An integer below the stride for each spatial axis."""
    more = tuple(given) if isinstance(given, (tuple, list)) else (given,) * len(stride)
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in more)
    if len(more) != len(stride) or not whole or any(not 0 <= n < s for n, s in zip(more, stride)):
        raise tg.ArgumentError(
            f"{operation}: output_padding={given!r} at stride {stride}; it needs an integer, or "
            "one for each spatial axis, from 0 up to below the stride"
        )
    return tuple(map(int, more))
