"""Convolutional layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import tinygraph as tg

from .activation import Activation, activation_from
from .convolution import convolved
from .generator import Seed, generator_from
from .initialisers import Initializer, initial
from .module import Module
from .transposed_convolution import output_padding_from, transposed
from .validation import floating, positive
from .windows import Padding, Sizes, padding_from, sizes

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


class Convolution(Module):
    """What the four layers are made of."""

    axes: ClassVar[int]
    kernel: tg.Tensor
    bias: tg.Tensor | None
    activation: Callable[..., Any] | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        *,
        stride: Sizes = 1,
        padding: Padding = "valid",
        dilation: Sizes = 1,
        groups: int = 1,
        activation: Activation = None,
        bias: bool = True,
        initializer: str | Initializer = "he",
        dtype: DTypeLike = np.float32,
        generator: Seed = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels = positive(name, "in_channels", in_channels)
        self.out_channels = positive(name, "out_channels", out_channels)
        self.kernel_size = sizes(name, "kernel_size", kernel_size, self.axes)
        self.stride = sizes(name, "stride", stride, self.axes)
        padding_from(name, padding, self.axes)
        self.padding = padding
        self.dilation = sizes(name, "dilation", dilation, self.axes)
        self.groups = positive(name, "groups", groups)
        for what in ("in_channels", "out_channels"):
            if getattr(self, what) % self.groups:
                raise tg.ArgumentError(
                    f"{name}: {what}={getattr(self, what)} for groups={groups}; it needs a "
                    "multiple of that"
                )
        self.activation = activation_from(activation, name)
        dtype = floating(name, dtype)
        # As initialisers have it, the inputs and outputs of one group after the kernel's axes.
        shape = (*self.kernel_size, self.in_channels // self.groups, self.out_channels)
        weights = initial(initializer, shape, generator_from(generator, name), name)
        self.kernel = tg.tensor(self._arranged(weights), dtype, requires_grad=True)
        zeros = np.zeros(self.out_channels)
        self.bias = tg.tensor(zeros, dtype, requires_grad=True) if bias else None

    def _arranged(self, weights: Any) -> Any:
        """(*size, in / groups, out) as (out, in / groups, *size)."""
        return np.moveaxis(np.asarray(weights), (-1, -2), (0, 1))

    def forward(self, x: Any) -> Any:
        """g(x ∗ kernel + bias)."""
        z = self._convolved(x)
        return z if self.activation is None else self.activation(z)

    def _convolved(self, x: Any) -> tg.Tensor:
        return convolved(
            type(self).__name__, self.axes, x, self.kernel, self.bias,
            self.stride, self.padding, self.dilation, self.groups,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The sizes, and what is not the default."""
        size = self.kernel_size
        same = len(set(size)) == 1
        words = [str(self.in_channels), str(self.out_channels), str(size[0] if same else size)]
        for name, default in (("stride", 1), ("dilation", 1), ("output_padding", 0)):
            value = getattr(self, name, default)
            value = value if isinstance(value, tuple) else (value,)
            if set(value) != {default}:
                words.append(f"{name}={value[0] if len(set(value)) == 1 else value}")
        if self.padding not in ("valid", 0):
            words.append(f"padding={self.padding!r}")
        if self.groups != 1:
            words.append(f"groups={self.groups}")
        if self.activation is not None and not isinstance(self.activation, Module):
            words.append(f"activation={getattr(self.activation, '__name__', self.activation)}")
        if self.bias is None:
            words.append("bias=False")
        if self.kernel.dtype != np.float32:
            words.append(f"dtype={self.kernel.dtype}")
        return ", ".join(words)


class Conv1D(Convolution):
    """g(x ∗ kernel + b) along one axis; see `nn.conv1d`.

    x: (batch, in_channels, length).  Returns (batch, out_channels, length').
    kernel: (out_channels, in_channels / groups, kernel_size). All else as for `nn.Conv2D`.
    """

    axes = 1


class Conv2D(Convolution):
    """g(x ∗ kernel + b), a convolution of images; see `nn.conv2d`.

    x: (batch, in_channels, height, width).  Returns (batch, out_channels, height', width').

    kernel: a parameter of shape (out_channels, in_channels / groups, *kernel_size), begun by the
        initializer for inputs = in_channels / groups · height · width of the kernel.
    bias: a parameter of shape (out_channels,), begun at 0; False leaves it out.
    kernel_size, stride, dilation: an integer, or (height, width).
    padding: "valid", "same", or numbers; as for `nn.conv2d`.
    activation: g, by name or as a function; None for the identity.
    initializer, dtype, generator: as for `nn.Dense`.

    >>> layer = nn.Conv2D(1, 16, 3, padding="same", activation="relu")
    >>> layer(np.zeros((64, 1, 28, 28), np.float32)).shape
    (64, 16, 28, 28)

    Raises ArgumentError for settings that make no sense, DTypeError for a dtype that is not
    floating; when called, ShapeError where x does not fit.
    """

    axes = 2


class TransposedConvolution(Convolution):
    """What the two layers of transposed convolution are made of."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        *,
        stride: Sizes = 1,
        padding: Padding = "valid",
        output_padding: Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        activation: Activation = None,
        bias: bool = True,
        initializer: str | Initializer = "he",
        dtype: DTypeLike = np.float32,
        generator: Seed = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size,
            stride=stride, padding=padding, dilation=dilation, groups=groups,
            activation=activation, bias=bias,
            initializer=initializer, dtype=dtype, generator=generator,
        )  # fmt: skip
        name = type(self).__name__
        self.output_padding = output_padding_from(name, output_padding, self.stride)

    def _arranged(self, weights: Any) -> Any:
        """(*size, in / groups, out) as (in, out / groups, *size), group by group."""
        *size, channels, out = np.shape(weights)
        parts = np.reshape(weights, (*size, channels, self.groups, out // self.groups))
        return np.moveaxis(parts, (-2, -3, -1), (0, 1, 2)).reshape(
            (self.in_channels, out // self.groups, *size)
        )

    def _convolved(self, x: Any) -> tg.Tensor:
        return transposed(
            type(self).__name__, self.axes, x, self.kernel, self.bias,
            self.stride, self.padding, self.output_padding, self.dilation, self.groups,
        )  # fmt: skip


class ConvTranspose1D(TransposedConvolution):
    """g(y + b) with y the transposed convolution of x along one axis; see `nn.conv_transpose1d`.

    x: (batch, in_channels, length).  Returns (batch, out_channels, length').
    kernel: (in_channels, out_channels / groups, kernel_size). All else as for `ConvTranspose2D`.
    """

    axes = 1


class ConvTranspose2D(TransposedConvolution):
    """g(y + b) with y the transposed convolution of the images x; see `nn.conv_transpose2d`.

    x: (batch, in_channels, height, width).  Returns (batch, out_channels, height', width').

    kernel: a parameter of shape (in_channels, out_channels / groups, *kernel_size).
    output_padding: how much larger the output is, at its end; less than the stride.
    All else as for `nn.Conv2D`; initialisers do not know of the stride, and count
    in_channels / groups · height · width of the kernel as inputs.

    >>> layer = nn.ConvTranspose2D(16, 1, 2, stride=2)
    >>> layer(np.zeros((64, 16, 14, 14), np.float32)).shape
    (64, 1, 28, 28)
    """

    axes = 2
