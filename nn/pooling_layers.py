"""Pooling layers."""

from __future__ import annotations

from typing import Any, ClassVar

import tinygraph as tg

from .module import Module
from .pooling import (
    avg_pool1d,
    avg_pool2d,
    global_avg_pool,
    global_max_pool,
    max_pool1d,
    max_pool2d,
)
from .windows import Padding, Sizes, array_or_tensor, check_axes, padding_from, sizes


class Pooling(Module):
    """Windows of a size over spatial axes."""

    axes: ClassVar[int]

    def __init__(self, size: Sizes, stride: Sizes | None = None, *, padding: Padding = 0) -> None:
        super().__init__()
        name = type(self).__name__
        self.size = sizes(name, "size", size, self.axes)
        self.stride = self.size if stride is None else sizes(name, "stride", stride, self.axes)
        padding_from(name, padding, self.axes)
        self.padding = padding

    def extra_repr(self) -> str:
        """The size, and what is not the default."""
        words = [str(self.size[0] if len(set(self.size)) == 1 else self.size)]
        if self.stride != self.size:
            same = len(set(self.stride)) == 1
            words.append(f"stride={self.stride[0] if same else self.stride}")
        if self.padding not in (0, "valid"):
            words.append(f"padding={self.padding!r}")
        return ", ".join(words)


class MaxPool1D(Pooling):
    """The largest of each window along one axis; see `nn.max_pool1d`.

    x: (batch, channels, length).  Returns (batch, channels, length').
    """

    axes = 1

    def forward(self, x: Any) -> tg.Tensor:
        """The largest of each window."""
        return max_pool1d(x, self.size, stride=self.stride, padding=self.padding)


class MaxPool2D(Pooling):
    """The largest pixel of each window; see `nn.max_pool2d`.

    x: (batch, channels, height, width).  Returns (batch, channels, height', width').
    size, stride: an integer, or (height, width); stride is `size` unless given.
    padding: as for `nn.conv2d`.

    >>> nn.MaxPool2D(2)(np.zeros((64, 16, 28, 28), np.float32)).shape
    (64, 16, 14, 14)
    """

    axes = 2

    def forward(self, x: Any) -> tg.Tensor:
        """The largest pixel of each window."""
        return max_pool2d(x, self.size, stride=self.stride, padding=self.padding)


class AveragePooling(Pooling):
    """Windows, and whether their mean counts padding."""

    def __init__(
        self,
        size: Sizes,
        stride: Sizes | None = None,
        *,
        padding: Padding = 0,
        count_padding: bool = True,
    ) -> None:
        super().__init__(size, stride, padding=padding)
        self.count_padding = bool(count_padding)

    def extra_repr(self) -> str:
        """The size, and what is not the default."""
        return super().extra_repr() + ("" if self.count_padding else ", count_padding=False")


class AvgPool1D(AveragePooling):
    """The mean of each window along one axis; see `nn.avg_pool1d`.

    x: (batch, channels, length).  Returns (batch, channels, length').
    """

    axes = 1

    def forward(self, x: Any) -> tg.Tensor:
        """The mean of each window."""
        return avg_pool1d(
            x,
            self.size,
            stride=self.stride,
            padding=self.padding,
            count_padding=self.count_padding,
        )


class AvgPool2D(AveragePooling):
    """The mean of each window of pixels; see `nn.avg_pool2d`.

    x: (batch, channels, height, width).  Returns (batch, channels, height', width').
    size, stride: an integer, or (height, width); stride is `size` unless given.
    padding: as for `nn.conv2d`; count_padding: whether its zeros count as pixels.
    """

    axes = 2

    def forward(self, x: Any) -> tg.Tensor:
        """The mean of each window."""
        return avg_pool2d(
            x,
            self.size,
            stride=self.stride,
            padding=self.padding,
            count_padding=self.count_padding,
        )


class GlobalMaxPool2D(Module):
    """The largest pixel of each channel: (batch, channels, height, width) to (batch, channels)."""

    def forward(self, x: Any) -> tg.Tensor:
        """The largest pixel of each channel."""
        return global_max_pool(_images(self, x))


class GlobalAvgPool2D(Module):
    """The mean of each channel: (batch, channels, height, width) to (batch, channels).

    Lin, Chen and Yan 2013.
    """

    def forward(self, x: Any) -> tg.Tensor:
        """The mean of each channel."""
        return global_avg_pool(_images(self, x))


def _images(layer: Module, x: Any) -> Any:
    x = array_or_tensor(x)
    check_axes(type(layer).__name__, x, 2)
    return x
