"""Inputs of mean 0 and variance 1, by the training set's statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

from .module import Module
from .rows import wide

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Normalize(Module):
    """(x − μ) / σ with the μ and σ of a training set; made by `nn.normalize`.

    mean_, scale_: μ and σ, broadcasting against x; buffers, so that with the model whose first
    layer this is they are saved and loaded.

    Called with an array it returns an array, with a tensor a tensor; floating x by NumPy's
    promotion, integers in the dtype of mean_. Raises ShapeError for x with other features.
    """

    mean_: NDArray[Any]
    scale_: NDArray[Any]

    def __init__(self, mean: NDArray[Any], scale: NDArray[Any]) -> None:
        super().__init__()
        self.register_buffer("mean_", mean)
        self.register_buffer("scale_", scale)

    def forward(self, x: Any) -> Any:
        """(x − μ) / σ."""
        x = self._checked(x)
        x = x - self.mean_
        if type(x) is np.ndarray:
            x /= self.scale_
            return x
        return x / self.scale_

    def inverse(self, x: Any) -> Any:
        """X σ + μ: what `forward` was given."""
        return self._checked(x) * self.scale_ + self.mean_

    def _checked(self, x: Any) -> Any:
        if not isinstance(x, (np.ndarray, tg.Tensor)):
            x = np.asarray(x)
        own = self.mean_.shape
        if x.ndim != len(own) or any(1 != n != size for n, size in zip(own, x.shape)):
            sizes = ", ".join("…" if n == 1 else str(n) for n in own)
            raise tg.ShapeError(
                f"Normalize: x of shape {x.shape}; it was fitted on ({sizes}), and needs the same "
                "axes and features"
            )
        if x.dtype.kind in "biu":
            x = x.astype(self.mean_.dtype)
        return x

    def extra_repr(self) -> str:
        """The shape of the statistics."""
        return str(self.mean_.shape)


def normalize(X_train: Any, axis: int | tuple[int, ...] = 0) -> Normalize:
    """x ↦ (x − μ) / σ, with μ = mean and σ² = mean of (x − μ)² over the training examples.

    Dev and test sets, and what the model is used on later, go through the same μ and σ:

    >>> X_train, X_dev = np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[2.0, 6.0]])
    >>> normalize = nn.normalize(X_train)
    >>> normalize(X_train).tolist(), normalize(X_dev).tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0]])

    X_train: floating, or integers, which are taken as float32.
    axis: along which the examples are: 0, one per row; 1 for the course's columns; (0, 2, 3) for
        one μ and σ per channel of images.
    Returns a module, which may also be the first layer of a model. A feature that is constant has
    σ = 1, so that it becomes 0.
    Raises DomainError if there is a NaN or infinity, ShapeError for no examples, DTypeError for
    what are no real numbers.
    scikit-learn's StandardScaler does the same to rows, in pipelines.  Course 2, week 1.
    """
    operation = "normalize"
    if isinstance(X_train, tg.Tensor):
        X_train = X_train.detach().numpy()
    X = np.asarray(X_train)
    if X.dtype.kind not in "biuf":
        raise tg.DTypeError(f"{operation}: X_train of dtype {X.dtype}; it needs real numbers")
    if X.dtype.kind != "f":
        X = X.astype(np.float32)
    if not X.ndim or not X.size:
        raise tg.ShapeError(f"{operation}: X_train of shape {X.shape}; it needs examples")
    low, high = X.min(axis, keepdims=True), X.max(axis, keepdims=True)
    finite = np.isfinite(low) & np.isfinite(high)  # NaN comes through as both
    if not finite.all():
        feature = tuple(map(int, np.argwhere(~finite)[0]))
        raise tg.DomainError(
            f"{operation}: X_train has a NaN or infinity among the values with statistics at "
            f"{feature}, of shape {finite.shape}; remove or replace these first"
        )
    mean = np.mean(X, axis, dtype=np.float64, keepdims=True)
    span = np.subtract(high, low, dtype=np.float64)
    span[span == 0] = 1
    # By the span, so that the squares neither overflow nor vanish.
    centred = wide(X, operation)
    centred = (centred - mean.astype(centred.dtype)) / span.astype(centred.dtype)
    centred *= centred
    scale: Any = span * np.sqrt(np.mean(centred, axis, dtype=np.float64, keepdims=True))
    scale[low == high] = 1  # rounding would give some constants a small σ
    return Normalize(mean.astype(X.dtype), scale.astype(X.dtype))
