"""Batch normalisation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .module import Module
from .rows import column_sums, from_axis, gathered, plus, product, spread, wide
from .validation import check_axis, floating, fraction, index, positive, small

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


def _centred(z: Any, gamma: Any, axis: int) -> Any:
    rows = from_axis(z, axis)
    inner = rows.shape[1] // gamma.shape[0]
    m = rows.shape[0] * inner
    return rows - spread(gathered(column_sums(rows), inner) / m, inner)


def _deviation(z: Any, gamma: Any, eps: float, axis: int) -> Any:
    centred = _centred(z, gamma, axis)
    inner = centred.shape[1] // gamma.shape[0]
    m = centred.shape[0] * inner
    return np.sqrt(gathered(column_sums(centred * centred), inner) / m + eps)


def _batch_norm(ct: Any, gamma: Any, centred: Any, deviation: Any, needs: Any) -> Any:
    """Cotangents of z, γ and β; all that depends on the example is ct and z − μ."""
    ct, ct_mean, ct_variance = ct
    shape, ct = ct.shape, ct.reshape(centred.shape)
    features = deviation.shape[0]
    inner = centred.shape[1] // features
    along = ct * centred
    ct_gamma = gathered(column_sums(along), inner) / deviation
    ct_beta = gathered(column_sums(ct), inner)
    if not needs[0]:
        return None, ct_gamma, ct_beta
    m = centred.shape[0] * inner
    slope = gamma / deviation
    per_distance = (2 * ct_variance - slope * ct_gamma / deviation) / m
    ct_z = ct * spread(slope, inner)
    ct_z += product(centred, spread(per_distance, inner), along)
    ct_z += spread((ct_mean - slope * ct_beta) / m, inner)
    return ct_z.reshape(shape), ct_gamma, ct_beta


@tg.primitive(
    label="batch norm",
    joint=(("z", "gamma", "beta"), _batch_norm),
    saves={"centred": _centred, "deviation": _deviation},
    several=True,
    samples=(
        tg.sample((5, 3), (3,), (3,), 1e-5),
        tg.sample((2, 3, 4), (4,), (4,), 1e-3),
        tg.sample((2, 3, 4), (3,), (3,), 1e-3, 1),
        tg.sample((3, 4), (3,), (3,), 1e-3, axis=0),
        tg.sample((2, 2, 1, 3), (2,), (2,), 1e-3, axis=-3),
    ),
)
def batch_norm(z: Any, gamma: Any, beta: Any, eps: float, axis: int = -1) -> Any:
    """γ (z − μ) / √(σ² + ε) + β, and μ and σ² of each feature.

    z: of any shape, features along the axis.  gamma, beta: (features,).
    σ² is the biased variance, mean((z − μ)²).
    """
    rows = from_axis(wide(z, "batch_norm"), axis)
    inner = rows.shape[1] // gamma.shape[0]
    m = rows.shape[0] * inner
    mean = gathered(column_sums(rows), inner) / m
    centred = rows - spread(mean, inner)
    squares = centred * centred
    variance = gathered(column_sums(squares), inner)
    variance /= m
    deviation = np.sqrt(variance + eps)
    y = product(centred, spread(gamma / deviation, inner), squares)
    y = plus(y, spread(beta, inner))
    if z.dtype == gamma.dtype == beta.dtype:
        y = y.astype(z.dtype, copy=False)
    return (y.reshape(z.shape), mean, variance), centred, deviation


def _times(x: Any, features: Any, axis: int) -> Any:
    """x, times a number for each feature."""
    rows = from_axis(x, axis)
    return (rows * spread(features, rows.shape[1] // features.shape[0])).reshape(x.shape)


def _feature_sums(x: Any, features: int, axis: int) -> Any:
    rows = from_axis(x, axis)
    return gathered(column_sums(rows), rows.shape[1] // features)


def _to_scale(ct: Any, z: Any, mean: Any, variance: Any, eps: float, axis: int) -> Any:
    rows, ct = from_axis(z, axis), from_axis(ct, axis)
    inner = rows.shape[1] // mean.shape[0]
    along = rows - spread(mean, inner)  # again, rather than kept
    sums = gathered(column_sums(product(along, ct, along)), inner)
    return sums / np.sqrt(variance + eps)


@tg.primitive(
    label="batch norm",
    z=lambda ct, gamma, variance, eps, axis: _times(ct, gamma / np.sqrt(variance + eps), axis),
    gamma=_to_scale,
    beta=lambda ct, shape, axis: _feature_sums(ct, shape[0], axis),
    mean=None,
    variance=None,
    samples=(
        tg.sample((4, 3), (3,), (3,), np.array([0.5, -1.0, 0.0]), np.array([0.25, 1.0, 4.0]), 1e-5),
        tg.sample((2,), (2,), (2,), np.array([0.5, -1.0]), np.array([0.25, 0.0]), 1e-3),
        tg.sample((2, 2, 1), (1,), (1,), np.array([0.5]), np.array([0.25]), 1e-3),
        tg.sample((3, 2, 4), (2,), (2,), np.array([0.5, -1.0]), np.array([0.25, 2.0]), 1e-3, 1),
        tg.sample((2, 4), (2,), (2,), np.array([0.5, -1.0]), np.array([0.25, 2.0]), 1e-3, axis=0),
    ),
)
def batch_norm_eval(
    z: Any, gamma: Any, beta: Any, mean: Any, variance: Any, eps: float, axis: int = -1
) -> Any:
    """γ (z − μ) / √(σ² + ε) + β with μ and σ² given.

    z: of any shape, features along the axis; all others: (features,). Computed as z · scale +
    shift.
    """
    rows = from_axis(z, axis)
    inner = rows.shape[1] // gamma.shape[0]
    scale = gamma / np.sqrt(variance + eps)
    y = plus(rows * spread(scale, inner), spread(beta - mean * scale, inner))
    return y.reshape(z.shape)


class BatchNorm(Module):
    """z̃ = γ ẑ + β with ẑ = (z − μ) / √(σ² + ε), over the examples of a mini-batch.

    z: of any shape, features along `axis`: (m, features), or with axis=1 images as
        (m, channels, height, width), each channel averaged over examples and places.
    Returns the same shape.
    In training μ = mean(z) and σ² = mean((z − μ)²) of the batch, which needs two numbers or more
    for each feature, and the running averages move: average ← momentum · average + (1 − momentum) ·
    batch's, momentum being the weight of the old value, and σ² the same biased variance.
    In evaluation μ and σ² are these averages.

    gamma, beta: parameters of shape (features,), begun at 1 and 0. The bias of a layer right
        before is redundant: `nn.Dense(…, bias=False)`.
    running_mean, running_var: buffers of shape (features,), begun at 0 and 1.
    dtype: of the parameters and buffers. Input of another dtype is not cast: float64 input gives
        float64 results, by NumPy's promotion.

    Raises ArgumentError for a momentum outside [0, 1) or eps not above 0; when called, ShapeError
    if the axis is not of size `features`, or for a batch of one in training.
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
        axis: int = -1,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        self.axis = index("BatchNorm", "axis", axis)
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
        shape = check_axis(self, z, self.features, self.axis)
        if not self.training:
            return batch_norm_eval(
                z, self.gamma, self.beta, self.running_mean, self.running_var, self.eps, self.axis
            )
        if math.prod(shape) < 2 * self.features:
            raise tg.ShapeError(
                f"BatchNorm: input of shape {shape} in training, where each feature's "
                "variance needs two examples or more; use larger batches, or call .eval() to "
                "use the running averages"
            )
        out, mean, variance = batch_norm(z, self.gamma, self.beta, self.eps, self.axis)
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
        if self.axis != -1:
            words.append(f"axis={self.axis}")
        return ", ".join(words)
