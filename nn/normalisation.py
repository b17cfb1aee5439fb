"""Batch normalisation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .module import Module
from .validation import check_features, floating, fraction, positive, real

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


def _examples(z: Any) -> tuple[int, ...]:
    """All axes but the last, over which a feature is averaged."""
    return tuple(range(z.ndim - 1))


def _deviation(z: Any, eps: float) -> Any:
    return tg.sqrt(tg.var(z, axis=_examples(z)) + eps)


def _normalised(z: Any, eps: float) -> Any:
    return (z - tg.mean(z, axis=_examples(z))) / _deviation(z, eps)


def _batch_norm(ct: Any, gamma: Any, normalised: Any, deviation: Any) -> Any:
    """Cotangents of z, γ and β; all that depends on the example is ct and ẑ."""
    ct, ct_mean, ct_variance = ct
    axes = _examples(ct)
    m = ct.size // ct.shape[-1]
    ct_beta = ct.sum(axes)
    ct_gamma = (ct * normalised).sum(axes)
    slope = gamma / deviation
    ct_z = ct * slope
    ct_z += normalised * ((2 * deviation * ct_variance - slope * ct_gamma) / m)
    ct_z += (ct_mean - slope * ct_beta) / m
    return ct_z, ct_gamma, ct_beta


@tg.primitive(
    joint=(("z", "gamma", "beta"), _batch_norm),
    saves={"normalised": _normalised, "deviation": _deviation},
    several=True,
    samples=(
        tg.sample((5, 3), (3,), (3,), 1e-5),
        tg.sample((2, 3, 4), (4,), (4,), 1e-3),
    ),
)
def batch_norm(z: Any, gamma: Any, beta: Any, eps: float) -> Any:
    """γ (z − μ) / √(σ² + ε) + β, and μ and σ² of each feature.

    z: (…, features).  gamma, beta: (features,).  σ² is the biased variance, mean((z − μ)²).
    """
    axes = _examples(z)
    mean = z.mean(axes)
    normalised = z - mean
    variance = np.square(normalised).mean(axes)
    deviation = np.sqrt(variance + eps)
    normalised /= deviation
    return (normalised * gamma + beta, mean, variance), normalised, deviation


class BatchNorm(Module):
    """z̃ = γ ẑ + β with ẑ = (z − μ) / √(σ² + ε), over the examples of a mini-batch.

    z: (m, features), or (…, features).  Returns the same shape.
    In training μ = mean(z) and σ² = mean((z − μ)²) of the batch, which needs two examples or more,
    and the running averages move: average ← momentum · average + (1 − momentum) · batch's.
    In evaluation μ and σ² are these averages.

    gamma, beta: parameters of shape (features,), begun at 1 and 0. The bias of a layer right
        before is redundant: `nn.Dense(…, bias=False)`.
    running_mean, running_var: buffers of shape (features,), begun at 0 and 1.
    dtype: of the parameters and buffers. Input of another dtype is not cast: float64 input gives
        float64 results, by NumPy's promotion.

    Raises ArgumentError for a momentum outside [0, 1) or eps not above 0; when called, ShapeError
    if the last axis is not `features`, or for a batch of one in training.
    Ioffe and Szegedy 2015; Course 2, week 3.
    """

    gamma: tg.Tensor
    beta: tg.Tensor
    running_mean: NDArray[Any]
    running_var: NDArray[Any]

    def __init__(
        self,
        features: int,
        momentum: float = 0.9,
        eps: float = 1e-5,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        self.features = positive("BatchNorm", "features", features)
        self.momentum = fraction("BatchNorm", "momentum", momentum, "the weight of the old average")
        self.eps = real(eps)
        if not self.eps > 0:
            raise tg.ArgumentError(f"BatchNorm: eps={eps!r}; it needs a small positive number")
        dtype = floating("BatchNorm", dtype)
        self.gamma = tg.tensor(np.ones(self.features), dtype, requires_grad=True)
        self.beta = tg.tensor(np.zeros(self.features), dtype, requires_grad=True)
        self.register_buffer("running_mean", np.zeros(self.features, dtype))
        self.register_buffer("running_var", np.ones(self.features, dtype))

    def forward(self, z: Any) -> tg.Tensor:
        """The normalised input; in training the running averages move."""
        shape = check_features(self, z, self.features)
        if not self.training:
            inverse = 1 / np.sqrt(self.running_var + self.eps)
            scaled: tg.Tensor = (z - self.running_mean) * (self.gamma * inverse) + self.beta
            return scaled
        if math.prod(shape[:-1]) < 2:
            raise tg.ShapeError(
                f"BatchNorm: input of shape {shape} in training, where each feature's "
                "variance needs two examples or more; use larger batches, or call .eval() to "
                "use the running averages"
            )
        out, mean, variance = batch_norm(z, self.gamma, self.beta, self.eps)
        old, new = self.momentum, 1 - self.momentum
        self.running_mean = old * self.running_mean + new * mean.numpy()
        self.running_var = old * self.running_var + new * variance.numpy()
        return out

    def extra_repr(self) -> str:
        """The number of features, and what is not the default."""
        words = [str(self.features)]
        if self.momentum != 0.9:
            words.append(f"momentum={self.momentum}")
        if self.eps != 1e-5:
            words.append(f"eps={self.eps}")
        return ", ".join(words)
