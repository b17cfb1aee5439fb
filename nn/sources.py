"""Where the batches of each epoch come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np

import tinygraph as tg

from .examples import as_examples, count, taken
from .minibatches import minibatches
from .validation import real

Source: TypeAlias = Callable[[], Iterable[Any]]

FORMS = "it needs a tuple (X, y), a list of batches (X, y), or a function that returns batches"


def batches_from(
    what: str,
    data: Any,
    size: int,
    epochs: int,
    rng: np.random.Generator | None,
) -> Source:
    """A function that gives the batches of one epoch; without a generator in their order.

    Raises ArgumentError for data of no form that has batches, or a generator that would be used up
    after the first of several epochs.
    """
    if isinstance(data, tuple):
        X, y = checked_pair(what, data)
        return lambda: minibatches(X, y, size, rng, shuffle=rng is not None)
    if isinstance(data, Iterator):
        if epochs > 1:
            raise tg.ArgumentError(
                f"{what} is a {type(data).__name__}, which is used up after one of the {epochs} "
                "epochs; pass a function that makes it anew, or list(…) of it"
            )
        return lambda: data
    if callable(data) and not isinstance(data, type):
        source: Source = data
        return source
    first = data[0] if isinstance(data, list) and data else None
    if isinstance(first, (np.ndarray, tg.Tensor)):
        raise tg.ArgumentError(f"{what} is a list of arrays; pass a tuple, (X, y)")
    if isinstance(data, (np.ndarray, tg.Tensor, dict, str)) or not isinstance(data, Iterable):
        raise tg.ArgumentError(f"{what} is {_described(data)}; {FORMS}")
    return lambda: data


def _described(data: Any) -> str:
    if isinstance(data, (np.ndarray, tg.Tensor)):
        return f"an array of shape {data.shape}"
    return f"the class {data.__name__}" if isinstance(data, type) else type(data).__name__


def checked_pair(what: str, data: tuple[Any, ...]) -> tuple[Any, Any]:
    """X and y, with as many examples each."""
    if len(data) != 2:
        raise tg.ArgumentError(f"{what} is a tuple of {len(data)}; it needs (X, y)")
    X, y = as_examples(what, "X", data[0]), as_examples(what, "y", data[1])
    count(what, X=X, y=y)
    return X, y


def pair_of(what: str, batch: Any) -> tuple[Any, Any]:
    """X and y of a batch that somebody else made."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        came = f"{len(batch)} things" if isinstance(batch, (tuple, list)) else _described(batch)
        raise tg.ArgumentError(f"{what}: a batch is {came}; it needs a pair (X, y)")
    return batch[0], batch[1]


def held_out(
    what: str, data: Any, fraction: Any, rng: np.random.Generator
) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """The examples that are trained on, and the fraction of them held out for validation."""
    if not 0 < real(fraction) < 1:
        raise tg.ArgumentError(
            f"{what}: validation={fraction!r}; as a fraction it needs a number between 0 and 1"
        )
    if not isinstance(data, tuple):
        raise tg.ArgumentError(
            f"{what}: validation={fraction!r} can be held out of data=(X, y) only; of batches, "
            "pass validation=(X_dev, y_dev)"
        )
    pair = checked_pair(f"{what}: data", data)
    m = count(what, X=pair[0], y=pair[1])
    if m < 2:
        raise tg.ShapeError(f"{what}: validation={fraction!r} of {m} example; it needs two or more")
    order = rng.permutation(m)
    k = min(max(1, round(m * fraction)), m - 1)
    return taken(pair, order[k:]), taken(pair, order[:k])
