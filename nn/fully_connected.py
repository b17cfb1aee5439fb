"""Dense: the fully connected layer, and the operation it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .activation import Activation, activation_from
from .generator import Seed, generator_from
from .initialisers import Initializer, initial
from .module import Module
from .rows import as_rows, column_sums, one_minus, plus, zero_for
from .validation import check_features, floating, positive

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

SLOPE = 0.01  # of leaky_relu, as tg.leaky_relu has it


def _weighted(x: Any, weight: Any, bias: Any) -> Any:
    """X W + b, in an array of its own."""
    if not x.ndim:
        raise tg.ShapeError("dense: x of shape (); it needs (…, in_features)")
    if weight.ndim != 2:
        raise tg.ShapeError(
            f"dense: a weight of shape {weight.shape}; it needs (in_features, out_features)"
        )
    if x.ndim <= 2:
        z = x.dot(weight)
    else:
        z = as_rows(x).dot(weight).reshape((*x.shape[:-1], weight.shape[1]))
    if bias is None:
        return z
    if bias.shape != weight.shape[1:]:
        raise tg.ShapeError(
            f"dense: a bias of shape {bias.shape} for a weight of shape {weight.shape}; "
            f"it needs {weight.shape[1:]}, one number per output"
        )
    return plus(z, bias)


def _explain(error: Exception, x: Any, weight: Any, **_: Any) -> str | None:
    if x.shape[-1] != weight.shape[0]:
        return (
            f"dense: x of shape {x.shape} for a weight of shape {weight.shape}; the last axis of x "
            f"needs size {weight.shape[0]}, one example per row"
        )
    return None


def _to_input(ct: Any, weight: Any) -> Any:
    if ct.ndim <= 2:
        return ct.dot(weight.T)
    return as_rows(ct).dot(weight.T).reshape((*ct.shape[:-1], weight.shape[0]))


def _to_weight(ct: Any, x: Any, weight_out: Any) -> Any:
    if type(ct) is np.ndarray:
        return as_rows(x).T.dot(as_rows(ct), weight_out)
    return as_rows(x).T @ as_rows(ct)


def _multiplications(shape: Any, weight_shape: Any) -> int:
    # 2mnk as of a product; bias and activation are of lower order.
    return 2 * int(np.prod(shape, dtype=np.int64)) * int(weight_shape[0])


SHAPES = (
    tg.sample((4, 3), (3, 2), (2,)),
    tg.sample((4, 3), (3, 2)),
    tg.sample((3,), (3, 2), (2,)),
    tg.sample((1, 3), (3, 1), (1,)),
    tg.sample((2, 2, 3), (3, 4), (4,)),
    tg.sample((0, 3), (3, 2), (2,)),
)


@tg.primitive(
    name="dense",
    x=_to_input,
    weight=_to_weight,
    bias=lambda ct: column_sums(ct),
    explain=_explain,
    samples=SHAPES,
    flops=_multiplications,
)
def affine(x: Any, weight: Any, bias: Any = None) -> Any:
    """X W + b: dense without an activation."""
    return _weighted(x, weight, bias)


# Activations whose derivative follows from their value: in place, and the cotangent on its way back


def _relu(z: Any) -> Any:
    return np.maximum(z, zero_for(z), out=z)


def _leaky_relu(z: Any) -> Any:
    return np.maximum(z, SLOPE * z, out=z)


def _leaky_relu_back(ct: Any, y: Any) -> Any:
    # Not by `where`, which on random signs takes six times as long.
    return ct * (y > 0) + (SLOPE * ct) * (y <= 0)


def _sigmoid(z: Any) -> Any:
    np.negative(z, out=z)
    with np.errstate(over="ignore"):  # 1 / (1 + ∞) is 0, as it should be
        np.exp(z, out=z)
    z += 1
    return np.divide(1, z, out=z)


def _sigmoid_back(ct: Any, y: Any) -> Any:
    slope = 1 - y
    slope *= y
    slope *= ct
    return slope


def _tanh(z: Any) -> Any:
    return np.tanh(z, out=z)


def _tanh_back(ct: Any, y: Any) -> Any:
    slope = one_minus(y * y)
    slope *= ct
    return slope


FORWARD = {"relu": _relu, "leaky_relu": _leaky_relu, "sigmoid": _sigmoid, "tanh": _tanh}
BACK: dict[str, Callable[[Any, Any], Any]] = {
    "relu": lambda ct, y: ct * (y > 0),
    "leaky_relu": _leaky_relu_back,
    "sigmoid": _sigmoid_back,
    "tanh": _tanh_back,
}
FUSED: dict[Any, str] = {getattr(tg, name): name for name in FORWARD}


def _activated(
    ct: Any, y: Any, x: Any, weight: Any, weight_out: Any, activation: str, needs: Any
) -> Any:
    ct = BACK[activation](ct, y)
    return (
        _to_input(ct, weight) if needs[0] else None,
        _to_weight(ct, x, weight_out) if needs[1] else None,
        column_sums(ct) if needs[2] else None,
    )


@tg.primitive(
    label="dense",
    joint=(("x", "weight", "bias"), _activated),
    explain=_explain,
    samples=tuple(
        tg.sample(*s.args, activation=activation)
        for activation in FORWARD
        for s in (SHAPES if activation == "tanh" else SHAPES[:2])
    ),
    flops=_multiplications,
)
def activated_dense(x: Any, weight: Any, bias: Any = None, *, activation: str) -> Any:
    """g(X W + b)."""
    z = _weighted(x, weight, bias)
    kind = z.dtype.kind
    if kind != "f":
        if kind == "c" and activation.endswith("relu"):
            raise tg.DTypeError(
                f"dense: {activation} of complex numbers, which have no order; "
                "take .real, .imag or abs()"
            )
        z = z if kind == "c" else z.astype(np.float64)
    return FORWARD[activation](z)


def dense(x: Any, weight: Any, bias: Any = None, activation: Activation = None) -> tg.Tensor:
    """g(X W + b), one operation where g is None, relu, leaky_relu, sigmoid or tanh.

    x: (…, in_features), one example per row.  weight: (in_features, out_features).
    bias: (out_features,), or None.  activation: a name, or a function of a tensor.
    Returns (…, out_features), with the dtype of NumPy's promotion.
    Raises ShapeError where the sizes differ, ArgumentError for an unknown activation.
    """
    if activation is None:
        return affine(x, weight, bias)
    if type(activation) is not str or activation not in FORWARD:
        function: Any = activation_from(activation, "dense")
        if function is None:
            return affine(x, weight, bias)
        name = FUSED.get(function) if function.__hash__ else None
        if name is None:
            result: tg.Tensor = function(affine(x, weight, bias))
            return result
        activation = name
    return activated_dense(x, weight, bias, activation=activation)


class Dense(Module):
    """g(x W + b), the fully connected layer.

    x: (…, in_features), one example per row.  W, `weight`: (in_features, out_features), begun by
    the initializer.  b, `bias`: (out_features,), begun at 0.  Returns (…, out_features).

    activation: g, by name or as a function; None for the identity. With relu, leaky_relu, sigmoid
        or tanh the layer is one operation, `nn.dense`; any other is applied to its result.
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
        return dense(x, self.weight, self.bias, self.activation)

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
