"""Dense: the fully connected layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .activation import Activation, activation_from
from .generator import Seed, generator_from
from .initialisers import Initializer, initial
from .module import Module
from .validation import check_features, floating, positive

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


class Dense(Module):
    """g(x W + b), the fully connected layer.

    x: (…, in_features), one example per row.  W, `weight`: (in_features, out_features), begun by
    the initializer.  b, `bias`: (out_features,), begun at 0.  Returns (…, out_features).

    activation: g, by name or as a function; None for the identity.
    bias: False leaves b out, as before a batch normalisation, which has its own.
    initializer: a name ("he", "xavier", "lecun", "normal", "zeros") or a function of
        (shape, generator).
    dtype: of the parameters. Input of another dtype is not cast: float64 input gives float64
        results, by NumPy's promotion, so pass float32 data for float32 speed.
    generator: an integer seed or NumPy generator to draw from; else that of `nn.seed`.

    >>> layer = nn.Dense(784, 128, activation="relu")
    >>> layer(np.zeros((64, 784), np.float32)).shape
    (64, 128)

    Raises ArgumentError for settings that make no sense, DTypeError for a dtype that is not
    floating; when called, ShapeError if the last axis of x is not in_features.
    """

    weight: tg.Tensor
    bias: tg.Tensor | None
    activation: Callable[..., Any] | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: Activation = None,
        *,
        bias: bool = True,
        initializer: str | Initializer = "he",
        dtype: DTypeLike = np.float32,
        generator: Seed = None,
    ) -> None:
        super().__init__()
        self.in_features = positive("Dense", "in_features", in_features)
        self.out_features = positive("Dense", "out_features", out_features)
        self.activation = activation_from(activation, "Dense")
        dtype = floating("Dense", dtype)
        shape = (self.in_features, self.out_features)
        weight = initial(initializer, shape, generator_from(generator, "Dense"), "Dense")
        self.weight = tg.tensor(weight, dtype, requires_grad=True)
        self.bias = tg.tensor(np.zeros(shape[1:]), dtype, requires_grad=True) if bias else None

    def forward(self, x: Any) -> tg.Tensor:
        """g(x W + b)."""
        check_features(self, x, self.in_features)
        z = tg.matmul(x, self.weight)
        if self.bias is not None:
            z = z + self.bias
        return z if self.activation is None else self.activation(z)

    def extra_repr(self) -> str:
        """The sizes, and what is not the default."""
        words = [str(self.in_features), str(self.out_features)]
        if self.activation is not None and not isinstance(self.activation, Module):
            words.append(f"activation={getattr(self.activation, '__name__', self.activation)}")
        if self.bias is None:
            words.append("bias=False")
        if self.weight.dtype != np.float32:
            words.append(f"dtype={self.weight.dtype}")
        return ", ".join(words)
