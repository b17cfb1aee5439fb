"""Examples in arrays, one per row: several arrays in a tuple or dict go together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import tinygraph as tg


def as_examples(operation: str, name: str, data: Any) -> Any:
    """The data with an array or tensor at every place; tuples and dicts stay what they are.

    Raises ShapeError for what has no first axis, DTypeError for what is no array.
    """
    if isinstance(data, dict):
        return {key: as_examples(operation, f"{name}[{key!r}]", it) for key, it in data.items()}
    if isinstance(data, tuple):
        return tuple(as_examples(operation, f"{name}[{i}]", it) for i, it in enumerate(data))
    if not isinstance(data, (np.ndarray, tg.Tensor)):
        data = _as_array(operation, name, data)
    if not data.ndim:
        raise tg.ShapeError(
            f"{operation}: {name} has shape () and so no examples; it needs an axis of them, and "
            "the arguments in the order X, y"
        )
    return data


def _as_array(operation: str, name: str, data: Any) -> Any:
    """Of a list, a data frame or the like."""
    came = type(data).__name__
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise tg.ShapeError(f"{operation}: {name} is a {came} that is no array; {error}") from None
    if array.dtype == object:
        fix = "pass its .toarray()" if hasattr(data, "toarray") else "pass an array of numbers"
        raise tg.DTypeError(f"{operation}: {name} is a {came}, and no array of numbers; {fix}")
    return array


def arrays_of(name: str, data: Any) -> Iterator[tuple[str, Any]]:
    """Each array of the data, with what to call it."""
    if isinstance(data, dict):
        for key, item in data.items():
            yield from arrays_of(f"{name}[{key!r}]", item)
    elif isinstance(data, tuple):
        for i, item in enumerate(data):
            yield from arrays_of(f"{name}[{i}]", item)
    else:
        yield name, data


def count(operation: str, **data: Any) -> int:
    """How many examples there are: the length that all these arrays have.

    Raises ShapeError if they differ, or are empty.
    """
    arrays = [pair for name, item in data.items() for pair in arrays_of(name, item)]
    if not arrays:
        raise tg.ShapeError(f"{operation}: no arrays came; it needs at least one example")
    first, array = arrays[0]
    m = len(array)
    for name, other in arrays[1:]:
        if len(other) != m:
            raise tg.ShapeError(
                f"{operation}: {first} of shape {array.shape} has {m} examples, and {name} of "
                f"shape {other.shape} has {len(other)}; examples are rows here"
                f"{_transposed(first, array, name, other)}"
            )
    if not m:
        raise tg.ShapeError(
            f"{operation}: {first} of shape {array.shape} is empty; it needs at least one example"
        )
    return m


def _transposed(first: str, x: Any, second: str, y: Any) -> str:
    """What to transpose if examples came in columns, as in the course."""
    if x.ndim > 1 and y.ndim > 1 and x.shape[-1] == y.shape[-1]:
        return f": pass {first}.T and {second}.T"
    if x.ndim > 1 and x.shape[-1] == len(y):
        return f": pass {first}.T"
    if y.ndim > 1 and y.shape[-1] == len(x):
        return f": pass {second}.T"
    return ""


def taken(data: Any, which: Any) -> Any:
    """The examples with these numbers, or in this slice."""
    if type(data) is np.ndarray:
        # `take` is twice as fast as data[which].
        return data[which] if type(which) is slice else data.take(which, axis=0)
    if isinstance(data, dict):
        return {key: taken(item, which) for key, item in data.items()}
    if isinstance(data, tuple):
        return tuple([taken(item, which) for item in data])
    return data[which]


def length(batch: Any) -> int:
    """How many examples a batch has, by its first array."""
    if type(batch) is np.ndarray and batch.ndim:
        return len(batch)
    for _, array in arrays_of("", batch):
        return len(array) if np.ndim(array) else 1
    return 0
