"""A model as it is used: predictions of many examples, and metrics of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

import tinygraph as tg

from .examples import arrays_of, as_examples, count, length, taken
from .module import Module
from .validation import positive

Metric: TypeAlias = Callable[[Any, Any], Any]


@contextlib.contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Evaluation mode, and nothing recorded; afterwards each module has the mode it had."""
    with kept_modes(model), tg.no_grad():
        if isinstance(model, Module):
            model.eval()
        yield


@contextlib.contextmanager
def kept_modes(model: Any) -> Iterator[None]:
    """Afterwards each module has the mode, training or evaluation, that it has now."""
    modules = list(model.modules()) if isinstance(model, Module) else []
    modes = [module.training for module in modules]
    try:
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def predict(model: Callable[[Any], Any], X: Any, *, batch_size: int = 256) -> Any:
    """model(X), in evaluation mode and without gradients, `batch_size` examples at a time.

    X: an array or tensor with one example per row, or a tuple or dict of such.
    Returns an array with one row per example; of a model that returns a tuple or dict, one of
    arrays. The mode of the model, and of each layer, is left as it was.
    Raises ShapeError for no examples, or a model that does not return one row for each.
    """
    operation = "predict"
    _check_model(operation, model)
    X = as_examples(operation, "X", X)
    m, size = count(operation, X=X), positive(operation, "batch_size", batch_size)
    parts = []
    with evaluating(model):
        for start in range(0, m, size):
            part = _as_arrays(model(taken(X, slice(start, start + size))))
            for name, array in arrays_of("result", part):
                if len(np.atleast_1d(array)) != min(size, m - start) or not np.ndim(array):
                    raise tg.ShapeError(
                        f"{operation}: of {min(size, m - start)} examples the model made a {name} "
                        f"of shape {np.shape(array)}; it needs one row per example"
                    )
            parts.append(part)
    return _joined(parts)


def _as_arrays(result: Any) -> Any:
    if isinstance(result, dict):
        return {key: _as_arrays(item) for key, item in result.items()}
    if isinstance(result, tuple):
        return tuple(_as_arrays(item) for item in result)
    return result.numpy() if isinstance(result, tg.Tensor) else np.asarray(result)


def _joined(parts: list[Any]) -> Any:
    first = parts[0]
    if isinstance(first, dict):
        return {key: _joined([part[key] for part in parts]) for key in first}
    if isinstance(first, tuple):
        return tuple(_joined([part[i] for part in parts]) for i in range(len(first)))
    return np.concatenate(parts)


def evaluate(
    model: Callable[[Any], Any],
    X: Any,
    y: Any,
    metrics: Metric | Mapping[str, Metric],
    *,
    batch_size: int = 256,
) -> Any:
    """metric(model(X), y), in evaluation mode and without gradients.

    metrics: a function of (outputs, y), such as `nn.accuracy` or a loss, that gives the mean over
        the examples of a batch; or several, by name.
    batch_size: the means of the batches are weighted by their lengths. For a metric that is no
        mean over examples, such as an area under a curve, pass len(X).
    Returns a float; of several metrics a dict of such, by name.
    Raises ShapeError if X and y differ in length or are empty.

    >>> model = nn.Dense(2, 3, initializer="zeros")
    >>> nn.evaluate(model, np.ones((4, 2)), np.array([0, 0, 0, 2]), nn.accuracy)
    0.75
    """
    operation = "evaluate"
    _check_model(operation, model)
    named = checked_metrics(operation, metrics if isinstance(metrics, Mapping) else {"": metrics})
    X, y = as_examples(operation, "X", X), as_examples(operation, "y", y)
    m, size = count(operation, X=X, y=y), positive(operation, "batch_size", batch_size)
    batches = (taken((X, y), slice(start, start + size)) for start in range(0, m, size))
    means = mean_metrics(operation, model, batches, named)
    return means if isinstance(metrics, Mapping) else means[""]


def mean_metrics(
    operation: str, model: Callable[[Any], Any], batches: Any, metrics: Mapping[str, Metric]
) -> dict[str, float]:
    """The mean of each metric over the examples of all batches."""
    sums = dict.fromkeys(metrics, 0.0)
    m = 0
    with evaluating(model):
        for X, y in batches:
            outputs = model(X)
            for name, metric in metrics.items():
                sums[name] += as_number(operation, name, metric(outputs, y)) * length(y)
            m += length(y)
    if not m:
        raise tg.ShapeError(f"{operation}: no batches came; it needs at least one example")
    return {name: total / m for name, total in sums.items()}


def as_number(operation: str, name: str, value: Any) -> float:
    """What a metric returned as a float; ShapeError if it is not a single number."""
    if np.ndim(value):
        raise tg.ShapeError(
            f"{operation}: the metric {name!r} returned shape {np.shape(value)}; it needs one "
            "number, the mean over the examples"
        )
    return float(value.item() if isinstance(value, tg.Tensor) else value)


def checked_metrics(operation: str, metrics: Any) -> dict[str, Metric]:
    """Metrics by name; ArgumentError for what cannot be called."""
    if callable(metrics):
        return {getattr(metrics, "__name__", type(metrics).__name__): metrics}
    if not isinstance(metrics, Mapping):
        raise tg.ArgumentError(
            f"{operation}: metrics is {metrics!r}; it needs functions by name, as in "
            "metrics={'accuracy': nn.accuracy}"
        )
    for name, metric in metrics.items():
        if not callable(metric):
            raise tg.ArgumentError(
                f"{operation}: the metric {name!r} is {metric!r}; it needs a function of "
                "(outputs, y), such as nn.accuracy"
            )
    return dict(metrics)


def _check_model(operation: str, model: Any) -> None:
    if isinstance(model, type) or not callable(model):
        raise tg.ArgumentError(
            f"{operation}: the model is {model!r}; it needs a module, or a function of a batch"
        )
