"""Layer normalisation, as an operation and as a layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .module import Module
from .rows import column_sums, ones, plus, product, wide
from .validation import check_last_axes, floating, positive, small

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


def _as_rows(x: Any, gamma: Any) -> Any:
    """Each of the arrays that are normalised as one row."""
    return x.reshape((math.prod(x.shape[: x.ndim - gamma.ndim]), math.prod(gamma.shape)))


def _inverse(x: Any, gamma: Any, eps: float) -> Any:
    return 1 / np.sqrt(np.var(_as_rows(x, gamma), axis=1, keepdims=True) + eps)


def _normalised(x: Any, gamma: Any, eps: float) -> Any:
    rows = _as_rows(x, gamma)
    return (rows - np.mean(rows, axis=1, keepdims=True)) * _inverse(x, gamma, eps)


def _layer_norm(ct: Any, gamma: Any, normalised: Any, inverse: Any, needs: Any) -> Any:
    """Cotangents of x, γ and β; μ and σ depend on x too, which brings the two means."""
    shape, ct = ct.shape, _as_rows(ct, gamma)
    n = ct.shape[1]
    along = ct * normalised
    ct_gamma = column_sums(along).reshape(gamma.shape)
    ct_beta = column_sums(ct).reshape(gamma.shape)
    if not needs[0]:
        return None, ct_gamma, ct_beta
    scale = gamma.reshape((n,))
    along_mean, mean = along.dot(scale) / n, ct.dot(scale) / n
    shared = product(normalised, along_mean.reshape((-1, 1)), along)
    shared += mean.reshape((-1, 1))
    ct_x = ct * scale
    ct_x -= shared
    ct_x *= inverse
    return ct_x.reshape(shape), ct_gamma, ct_beta


@tg.primitive(
    label="layer norm",
    joint=(("x", "gamma", "beta"), _layer_norm),
    saves={"normalised": _normalised, "inverse": _inverse},
    samples=(
        tg.sample((4, 3), (3,), (3,)),
        tg.sample((3,), (3,), (3,), 1e-3),
        tg.sample((2, 2, 3), (3,), (3,), eps=1e-2),
        tg.sample((3, 2, 2), (2, 2), (2, 2)),
    ),
)
def layer_norm(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    """γ (x − μ) / √(σ² + ε) + β, with mean and variance of each example over its features.

    x: (…, *features).  gamma, beta: of shape features, one axis or more.
    Returns the shape of x. σ² is the biased variance, mean((x − μ)²).
    Raises ShapeError unless the last axes of x are those of gamma and beta.
    Ba, Kiros and Hinton 2016.
    """
    features = gamma.shape
    if not features or beta.shape != features or x.shape[-len(features) :] != features:
        raise tg.ShapeError(
            f"layer_norm: x of shape {x.shape}, gamma of shape {features} and beta of shape "
            f"{beta.shape}; the last axes of x need to be those of gamma and beta"
        )
    rows = _as_rows(wide(x, "layer_norm"), gamma)
    n = rows.shape[1]
    mean = rows.dot(ones(n, rows.dtype)) / n
    normalised = rows - mean[:, np.newaxis]
    variance = np.vecdot(normalised, normalised)
    variance /= n
    variance += eps
    inverse = (1 / np.sqrt(variance))[:, np.newaxis]
    normalised *= inverse
    y = plus(normalised * gamma.reshape(n), beta.reshape(n))
    if x.dtype == gamma.dtype == beta.dtype:
        y = y.astype(x.dtype, copy=False)
    return y.reshape(x.shape), normalised, inverse


class LayerNorm(Module):
    """γ x̂ + β with x̂ = (x − μ) / √(σ² + ε), over the features of each example.

    x: (…, features).  Returns the same shape. Training and evaluation are the same.

    features: the size of the last axis, or a tuple: the sizes of the last axes, which are
        normalised together.
    gamma, beta: parameters of that shape, begun at 1 and 0.
    dtype: of the parameters. Input of another dtype is not cast: float64 input gives float64
        results, by NumPy's promotion.

    >>> nn.LayerNorm(128)(np.zeros((64, 128), np.float32)).shape
    (64, 128)

    Raises ArgumentError for eps not above 0; when called, ShapeError if the last axes are not
    `features`.  Ba, Kiros and Hinton 2016.
    """

    gamma: tg.Tensor
    beta: tg.Tensor

    def __init__(
        self,
        features: int | tuple[int, ...] | list[int],
        eps: float = 1e-5,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        sizes = features if isinstance(features, (tuple, list)) else (features,)
        if not sizes:
            raise tg.ArgumentError("LayerNorm: features=(); it needs the size of an axis or more")
        self.features = tuple([positive("LayerNorm", "features", size) for size in sizes])
        self.eps = small("LayerNorm", "eps", eps)
        dtype = floating("LayerNorm", dtype)
        self.gamma = tg.tensor(np.ones(self.features), dtype, requires_grad=True)
        self.beta = tg.tensor(np.zeros(self.features), dtype, requires_grad=True)

    def forward(self, x: Any) -> tg.Tensor:
        """The normalised input."""
        check_last_axes(self, x, self.features)
        return layer_norm(x, self.gamma, self.beta, self.eps)

    def extra_repr(self) -> str:
        """The features, and what is not the default."""
        words = [str(self.features[0] if len(self.features) == 1 else self.features)]
        if self.eps != 1e-5:
            words.append(f"eps={self.eps}")
        return ", ".join(words)
