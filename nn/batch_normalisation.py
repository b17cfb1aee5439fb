"""Batch normalisation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .module import Module
from .rows import column_sums, plus, product, wide
from .validation import check_features, floating, fraction, positive, small

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


def _examples(z: Any) -> tuple[int, ...]:
    """All axes but the last, over which a feature is averaged."""
    return tuple(range(z.ndim - 1))


def _centred(z: Any) -> Any:
    return z - np.mean(z, axis=_examples(z))


def _deviation(z: Any, eps: float) -> Any:
    return np.sqrt(np.var(z, axis=_examples(z)) + eps)


def _batch_norm(ct: Any, gamma: Any, centred: Any, deviation: Any, needs: Any) -> Any:
    """Cotangents of z, γ and β; all that depends on the example is ct and z − μ."""
    ct, ct_mean, ct_variance = ct
    along = ct * centred
    ct_gamma = column_sums(along) / deviation
    ct_beta = column_sums(ct)
    if not needs[0]:
        return None, ct_gamma, ct_beta
    m = ct.size // ct.shape[-1]
    slope = gamma / deviation
    ct_z = ct * slope
    ct_z += product(centred, (2 * ct_variance - slope * ct_gamma / deviation) / m, along)
    ct_z += (ct_mean - slope * ct_beta) / m
    return ct_z, ct_gamma, ct_beta


@tg.primitive(
    label="batch norm",
    joint=(("z", "gamma", "beta"), _batch_norm),
    saves={"centred": _centred, "deviation": _deviation},
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
    z, dtype = wide(z, "batch_norm"), z.dtype
    m = z.size // z.shape[-1]
    mean = column_sums(z) / m
    centred = z - mean
    squares = centred * centred
    variance = column_sums(squares)
    variance /= m
    deviation = np.sqrt(variance + eps)
    y = plus(product(centred, gamma / deviation, squares), beta)
    if dtype == gamma.dtype == beta.dtype:
        y = y.astype(dtype, copy=False)
    return (y, mean, variance), centred, deviation


def _to_scale(ct: Any, z: Any, mean: Any, variance: Any, eps: float) -> Any:
    along = z - mean  # again, rather than kept
    return column_sums(product(along, ct, along)) / np.sqrt(variance + eps)


@tg.primitive(
    label="batch norm",
    z=lambda ct, gamma, variance, eps: ct * (gamma / np.sqrt(variance + eps)),
    gamma=_to_scale,
    beta=lambda ct: column_sums(ct),
    mean=None,
    variance=None,
    samples=(
        tg.sample((4, 3), (3,), (3,), np.array([0.5, -1.0, 0.0]), np.array([0.25, 1.0, 4.0]), 1e-5),
        tg.sample((2,), (2,), (2,), np.array([0.5, -1.0]), np.array([0.25, 0.0]), 1e-3),
        tg.sample((2, 2, 1), (1,), (1,), np.array([0.5]), np.array([0.25]), 1e-3),
    ),
)
def batch_norm_eval(z: Any, gamma: Any, beta: Any, mean: Any, variance: Any, eps: float) -> Any:
    """γ (z − μ) / √(σ² + ε) + β with μ and σ² given.

    z: (…, features); all others: (features,). Computed as z · scale + shift.
    """
    scale = gamma / np.sqrt(variance + eps)
    return plus(z * scale, beta - mean * scale)


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
        self.eps = small("BatchNorm", "eps", eps)
        dtype = floating("BatchNorm", dtype)
        self.gamma = tg.tensor(np.ones(self.features), dtype, requires_grad=True)
        self.beta = tg.tensor(np.zeros(self.features), dtype, requires_grad=True)
        self.register_buffer("running_mean", np.zeros(self.features, dtype))
        self.register_buffer("running_var", np.ones(self.features, dtype))

    def forward(self, z: Any) -> tg.Tensor:
        """The normalised input; in training the running averages move."""
        shape = check_features(self, z, self.features)
        if not self.training:
            return batch_norm_eval(
                z, self.gamma, self.beta, self.running_mean, self.running_var, self.eps
            )
        if math.prod(shape[:-1]) < 2:
            raise tg.ShapeError(
                f"BatchNorm: input of shape {shape} in training, where each feature's "
                "variance needs two examples or more; use larger batches, or call .eval() to "
                "use the running averages"
            )
        out, mean, variance = batch_norm(z, self.gamma, self.beta, self.eps)
        if not tg.is_recomputing():
            self._move("running_mean", mean)
            self._move("running_var", variance)
        return out

    def _move(self, name: str, batch: tg.Tensor) -> None:
        """Let an average follow. It becomes a new array: graphs may hold the old one."""
        old: NDArray[Any] = self.__dict__[name]
        new = self.momentum * old
        new += (1 - self.momentum) * batch.value
        # Past Module.__setattr__, whose checks of a buffer cost as much as all the rest here.
        self.__dict__[name] = new

    def extra_repr(self) -> str:
        """The number of features, and what is not the default."""
        words = [str(self.features)]
        if self.momentum != 0.9:
            words.append(f"momentum={self.momentum}")
        if self.eps != 1e-5:
            words.append(f"eps={self.eps}")
        return ", ".join(words)
