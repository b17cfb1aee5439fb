"""Windows that slide over the spatial axes of (batch, channels, *spatial): where they lie."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

import tinygraph as tg

from .validation import positive

Sizes: TypeAlias = int | Sequence[int]
Padding: TypeAlias = str | int | Sequence[int] | Sequence[Sequence[int]]
Pairs: TypeAlias = tuple[tuple[int, int], ...]

BLOCK = 1 << 20  # bytes of window contents that are laid out at once: about a processor's L2 cache
FEWEST = 512  # positions of a block at least, so that products with it are worth their overhead


class Windows(NamedTuple):
    """Where windows lie. One entry of each tuple for each spatial axis.

    inputs   size of what they slide over, without padding
    size     elements of a window
    stride   from one window to the next
    padding  how far the first and the last reach over the edge: (before, after)
    dilation from one element of a window to the next
    outputs  how many windows there are
    """

    inputs: tuple[int, ...]
    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Pairs
    dilation: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def padded(self) -> tuple[int, ...]:
        """The size with padding."""
        return tuple([n + sum(pair) for n, pair in zip(self.inputs, self.padding, strict=True)])

    @property
    def inside(self) -> tuple[Any, ...]:
        """The index of what is not padding, in an array with it."""
        pairs = zip(self.inputs, self.padding, strict=True)
        return (..., *[slice(before, before + n) for n, (before, _) in pairs])

    @property
    def overlap(self) -> bool:
        """Whether an element may lie in several windows."""
        widths = zip(self.size, self.stride, self.dilation, strict=True)
        return any(k > 1 and (k - 1) * d + 1 > s for k, s, d in widths)

    def pad(self, x: Any, value: Any = 0) -> Any:
        """The array with the value around it; itself where no padding is."""
        if not any(map(any, self.padding)):
            return x
        padded = np.full((*x.shape[:2], *self.padded), value, x.dtype)
        padded[self.inside] = x
        return padded

    def view(self, padded: Any) -> Any:
        """What windows of an array with padding see: (batch, channels, *size, *outputs)."""
        strides = padded.strides[2:]
        inner = [step * d for step, d in zip(strides, self.dilation, strict=True)]
        outer = [step * s for step, s in zip(strides, self.stride, strict=True)]
        return np.lib.stride_tricks.as_strided(
            padded,
            (*padded.shape[:2], *self.size, *self.outputs),
            (*padded.strides[:2], *inner, *outer),
        )

    def offsets(self) -> Iterator[tuple[Any, ...]]:
        """For each element of a window, the index of it in all windows of a padded array."""
        for place in np.ndindex(*self.size):
            axes = zip(place, self.stride, self.dilation, self.outputs, strict=True)
            yield (..., *[slice(i * d, i * d + (n - 1) * s + 1, s) for i, s, d, n in axes])

    def blocks(self, batch: int, bytes_of_window: int) -> Iterator[tuple[slice, slice]]:
        """Examples, and windows along the first spatial axis, to be worked on at once.

        All windows of some examples; or where those of one are too many, some of one.
        """
        first = self.outputs[0]
        row = math.prod(self.outputs[1:])
        windows = max(FEWEST, BLOCK // max(1, bytes_of_window))
        examples, rows = max(1, windows // (first * row)), min(first, max(1, windows // row))
        for i in range(0, batch, examples):
            for j in range(0, first, rows):
                yield slice(i, min(i + examples, batch)), slice(j, min(j + rows, first))


@functools.lru_cache(maxsize=1024)
def windows_over(
    operation: str,
    inputs: tuple[int, ...],
    size: tuple[int, ...],
    stride: tuple[int, ...],
    padding: str | Pairs,
    dilation: tuple[int, ...],
) -> Windows:
    """The windows of a size over axes of certain sizes; ShapeError where not one fits."""
    spans = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    pairs = _same(inputs, spans, stride) if isinstance(padding, str) else padding
    outputs = []
    for n, span, s, (before, after) in zip(inputs, spans, stride, pairs, strict=True):
        room = n + before + after
        if span > room or n < 1:
            dilated = "" if span in size else f" (dilated: {tuple(spans)})"
            raise tg.ShapeError(
                f"{operation}: a window of size {size}{dilated} over {inputs}, with padding "
                f"{pairs}; it needs to fit in, so take a smaller one, or padding='same'"
            )
        outputs.append((room - span) // s + 1)
    return Windows(inputs, size, stride, pairs, dilation, tuple(outputs))


def _same(inputs: tuple[int, ...], spans: Sequence[int], stride: tuple[int, ...]) -> Pairs:
    """The padding with which there are ⌈n / stride⌉ windows; an odd one goes after."""
    pairs = []
    for n, span, s in zip(inputs, spans, stride, strict=True):
        total = max(0, (-(-n // s) - 1) * s + span - n)
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs)


# What users write


def sizes(operation: str, name: str, given: Any, axes: int) -> tuple[int, ...]:
    """A positive integer for each spatial axis; a single one is for all of them."""
    if not isinstance(given, (tuple, list)):
        return (positive(operation, name, given),) * axes
    if len(given) != axes:
        raise tg.ArgumentError(
            f"{operation}: {name}={given!r}; it needs an integer, or {axes} of them, one for each "
            "spatial axis"
        )
    return tuple([positive(operation, name, number) for number in given])


def padding_from(operation: str, given: Any, axes: int) -> str | Pairs:
    """ "same", or (before, after) for each spatial axis."""
    if isinstance(given, str):
        if given == "same":
            return "same"
        if given == "valid":
            return ((0, 0),) * axes
    elif not isinstance(given, (tuple, list)):
        if _is_width(given):
            return ((int(given), int(given)),) * axes
    elif len(given) == axes:
        pairs = [p if isinstance(p, (tuple, list)) else (p, p) for p in given]
        if all(len(pair) == 2 and all(map(_is_width, pair)) for pair in pairs):
            return tuple([(int(before), int(after)) for before, after in pairs])
    one = "((before, after),)" if axes == 1 else "a pair (before, after) for each"
    raise tg.ArgumentError(
        f"{operation}: padding={given!r}; it needs 'same', 'valid', an integer of 0 or more, one "
        f"for each of {axes} spatial {'axis' if axes == 1 else 'axes'}, or {one}"
    )


def _is_width(given: Any) -> bool:
    whole = isinstance(given, (int, np.integer)) and not isinstance(given, bool)
    return bool(whole and given >= 0)


def check_axes(operation: str, x: Any, axes: int, channels: int | None = None) -> None:
    """Raise ShapeError unless x is (batch, channels, *spatial), with so many channels."""
    shape = x.shape
    names = "batch, channels, " + ("length" if axes == 1 else "height, width")
    if len(shape) == axes + 2:
        if channels is None or shape[1] == channels:
            return
        fix = f"the kernel needs {shape[1]} input channels, or the input {channels}"
        if shape[-1] == channels:
            fix = "the channels come before the spatial axes: np.moveaxis(x, -1, 1)"
        raise tg.ShapeError(
            f"{operation}: input of shape {shape}, {shape[1]} channels in axis 1, for {channels}; "
            f"it needs ({names}); {fix}"
        )
    if len(shape) == axes + 1:
        alone = channels is not None and channels > 1 and shape[0] == channels
        fix = (
            "x[np.newaxis] makes a batch of one example"
            if alone
            else "x[:, np.newaxis] gives examples one channel, x[np.newaxis] makes a batch of one"
        )
    elif len(shape) == axes:
        fix = "x[np.newaxis, np.newaxis] makes a batch of one example with one channel"
        if axes == 2:
            fix += "; flattened images need x.reshape(len(x), channels, height, width)"
    else:
        fix = f"it has {len(shape)} axes, not {axes + 2}"
    raise tg.ShapeError(f"{operation}: input of shape {shape}; it needs ({names}); {fix}")


def array_or_tensor(x: Any) -> Any:
    """x, if it has a shape; else, as a list, made a tensor."""
    return x if isinstance(x, (tg.Tensor, np.ndarray)) else tg.tensor(x)
