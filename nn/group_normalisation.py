"""Group normalisation, as an operation and as a layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .module import Module
from .rows import column_sums, ones, plus, product, spread, wide
from .validation import check_axis, floating, index, positive, small

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


def _channels_second(x: Any, axis: int) -> Any:
    return x if axis == 1 else np.moveaxis(x, axis, 1)


def _channels_back(y: Any, axis: int) -> Any:
    return y if axis == 1 else np.moveaxis(y, 1, axis)


def _as_groups(x: Any, groups: int) -> Any:
    """Each group of each example as one row."""
    return x.reshape((x.shape[0] * groups, math.prod(x.shape[1:]) // groups))


def _inverse(x: Any, groups: int, eps: float, axis: int) -> Any:
    rows = _as_groups(_channels_second(x, axis), groups)
    return 1 / np.sqrt(np.var(rows, axis=1, keepdims=True) + eps)


def _normalised(x: Any, groups: int, eps: float, axis: int) -> Any:
    rows = _as_groups(_channels_second(x, axis), groups)
    return (rows - np.mean(rows, axis=1, keepdims=True)) * _inverse(x, groups, eps, axis)


def _group_norm(
    ct: Any, gamma: Any, normalised: Any, inverse: Any, groups: int, axis: int, needs: Any
) -> Any:
    """Cotangents of x, γ and β, from the sums of ct and of ct · x̂ over each example's channels."""
    ct = _channels_second(ct, axis)
    shape, channels = ct.shape, gamma.shape[0]
    inner = math.prod(shape[2:])
    lines = (shape[0] * channels, inner)
    ct = ct.reshape(normalised.shape)
    along = ct * normalised
    sums = [_line_sums(a.reshape(lines)).reshape(shape[:2]) for a in (ct, along)]
    ct_gamma, ct_beta = column_sums(sums[1]), column_sums(sums[0])
    if not needs[0]:
        return None, ct_gamma, ct_beta
    n = normalised.shape[1]
    mean, along_mean = (_line_sums(_as_groups(s * gamma, groups)) / n for s in sums)
    shared = product(normalised, along_mean.reshape((-1, 1)), along)
    shared += mean.reshape((-1, 1))
    ct_x = ct.reshape((shape[0], channels * inner)) * spread(gamma, inner)
    ct_x = ct_x.reshape(normalised.shape)
    ct_x -= shared
    ct_x *= inverse
    return _channels_back(ct_x.reshape(shape), axis), ct_gamma, ct_beta


def _line_sums(x: Any) -> Any:
    if not isinstance(x, np.ndarray):
        return np.sum(x, axis=1)
    return np.asarray(x).dot(ones(x.shape[1], x.dtype))


@tg.primitive(
    label="group norm",
    joint=(("x", "gamma", "beta"), _group_norm),
    saves={"normalised": _normalised, "inverse": _inverse},
    samples=(
        tg.sample((2, 4, 3), (4,), (4,), 2),
        tg.sample((3, 4), (4,), (4,), 2, 1e-3),
        tg.sample((2, 3, 2, 2), (3,), (3,), 1, eps=1e-2),
        tg.sample((2, 2, 3), (2,), (2,), 2, 1e-3),
        tg.sample((2, 3, 4), (4,), (4,), 2, 1e-3, axis=-1),
    ),
)
def group_norm(
    x: Any, gamma: Any, beta: Any, groups: int, eps: float = 1e-5, *, axis: int = 1
) -> Any:
    """γ (x − μ) / √(σ² + ε) + β, with mean and variance of each example over a group of channels.

    x: (examples, channels, …), or with the channels along another axis.
    gamma, beta: (channels,).  groups: how many, of channels that are next to each other; 1 takes
        all channels together, and as many as channels each by itself (instance normalisation).
    Returns the shape of x. σ² is the biased variance, mean((x − μ)²).
    Raises ShapeError unless the axis has the size of gamma and beta, ArgumentError if the channels
    cannot be divided into the groups.  Wu and He 2018.
    """
    axis = _checked(x, gamma, beta, groups, axis)
    moved = _channels_second(x, axis)
    shape = moved.shape
    rows = _as_groups(wide(moved, "group_norm"), groups)
    n = rows.shape[1]
    mean = rows.dot(ones(n, rows.dtype)) / n
    normalised = rows - mean[:, np.newaxis]
    variance = np.vecdot(normalised, normalised) / n
    inverse = (1 / np.sqrt(variance + eps))[:, np.newaxis]
    normalised *= inverse
    inner = math.prod(shape[2:])
    by_example = normalised.reshape((shape[0], shape[1] * inner))
    y = plus(by_example * spread(gamma, inner), spread(beta, inner))
    if x.dtype == gamma.dtype == beta.dtype:
        y = y.astype(x.dtype, copy=False)
    return _channels_back(y.reshape(shape), axis), normalised, inverse


def _checked(x: Any, gamma: Any, beta: Any, groups: Any, axis: Any) -> int:
    """The axis, counted from the front."""
    if x.ndim < 2:
        raise tg.ShapeError(
            f"group_norm: x of shape {x.shape}; it needs (examples, channels, …): for one example "
            "x[np.newaxis]"
        )
    front = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    if front == 0:
        raise tg.ArgumentError(
            f"group_norm: axis={axis}, which is that of the examples; channels are another axis"
        )
    if gamma.ndim != 1 or beta.shape != gamma.shape or x.shape[front] != gamma.size:
        raise tg.ShapeError(
            f"group_norm: x of shape {x.shape}, gamma of shape {gamma.shape} and beta of shape "
            f"{beta.shape}; axis {axis} of x, gamma and beta need the same size"
        )
    check_groups("group_norm", groups, gamma.size)
    if not x.size:
        raise tg.ShapeError(f"group_norm: x of shape {x.shape} has no numbers to average")
    return front


def check_groups(operation: str, groups: Any, channels: int) -> int:
    """The number of groups; ArgumentError unless the channels can be divided into so many."""
    number = positive(operation, "groups", groups)
    if channels % number:
        possible = [n for n in range(1, channels + 1) if channels % n == 0]
        raise tg.ArgumentError(
            f"{operation}: groups={number} for {channels} channels, which do not divide into so "
            f"many; it needs one of {', '.join(map(str, possible))}"
        )
    return number


class GroupNorm(Module):
    """γ x̂ + β with x̂ = (x − μ) / √(σ² + ε), over groups of each example's channels.

    x: (examples, channels, …), as images are; channels along `axis`.  Returns the same shape.
    Training and evaluation are the same, and so are batches of any size.

    groups: how many; it divides `channels`. 1 normalises all channels together, `channels` each
        by itself.
    gamma, beta: parameters of shape (channels,), begun at 1 and 0.
    dtype: of the parameters. Input of another dtype is not cast: float64 input gives float64
        results, by NumPy's promotion.

    >>> nn.GroupNorm(4, 16)(np.zeros((8, 16, 28, 28), np.float32)).shape
    (8, 16, 28, 28)

    Raises ArgumentError for groups that do not divide the channels, or eps not above 0; when
    called, ShapeError if the axis is not of size `channels`.  Wu and He 2018.
    """

    gamma: tg.Tensor
    beta: tg.Tensor

    def __init__(
        self,
        groups: int,
        channels: int,
        eps: float = 1e-5,
        *,
        axis: int = 1,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        self.channels = positive("GroupNorm", "channels", channels)
        self.groups = check_groups("GroupNorm", groups, self.channels)
        self.eps = small("GroupNorm", "eps", eps)
        self.axis = index("GroupNorm", "axis", axis)
        dtype = floating("GroupNorm", dtype)
        self.gamma = tg.tensor(np.ones(self.channels), dtype, requires_grad=True)
        self.beta = tg.tensor(np.zeros(self.channels), dtype, requires_grad=True)

    def forward(self, x: Any) -> tg.Tensor:
        """The normalised input."""
        check_axis(self, x, self.channels, self.axis)
        return group_norm(x, self.gamma, self.beta, self.groups, self.eps, axis=self.axis)

    def extra_repr(self) -> str:
        """Groups and channels, and what is not the default."""
        words = [str(self.groups), str(self.channels)]
        if self.eps != 1e-5:
            words.append(f"eps={self.eps}")
        if self.axis != 1:
            words.append(f"axis={self.axis}")
        return ", ".join(words)
