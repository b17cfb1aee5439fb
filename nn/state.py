"""State from outside, checked before any of it is taken over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import tinygraph as tg

if TYPE_CHECKING:
    from numpy.typing import NDArray


def checked_state(
    operation: str, current: Mapping[str, NDArray[Any]], state: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    """Copies of the arrays in `state`, of exactly the names, shapes and dtypes of the current ones.

    Raises ArgumentError for other names, ShapeError or DTypeError for what does not fit.
    """
    if not isinstance(state, Mapping):
        raise tg.ArgumentError(
            f"{operation}: {type(state).__name__} came; it needs a dict of names and arrays, "
            "as state_dict() returns"
        )
    missing = [name for name in current if name not in state]
    unexpected = [name for name in state if name not in current]
    if missing or unexpected:
        problems = [
            f"{word} {', '.join(map(repr, names))}"
            for word, names in (("missing", missing), ("unexpected", unexpected))
            if names
        ]
        raise tg.ArgumentError(
            f"{operation}: {'; '.join(problems)}; the state must come from one built the same "
            "way, and nothing has been loaded"
        )
    return {
        name: fitted(f"{operation}: {name!r}", old, state[name]) for name, old in current.items()
    }


def fitted(where: str, old: NDArray[Any], value: Any) -> NDArray[Any]:
    """A copy of the value as an array of the old one's shape and dtype."""
    if type(value) is tg.Tensor:
        value = value.numpy()
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise tg.ShapeError(f"{where}: {error}") from None
    if array.shape != old.shape:
        raise tg.ShapeError(f"{where} has shape {old.shape}, the new value {array.shape}")
    if not np.can_cast(array.dtype, old.dtype, "same_kind"):
        raise tg.DTypeError(
            f"{where} has dtype {old.dtype}, and a value of dtype {array.dtype} does not cast "
            "to it without loss; convert it with .astype first"
        )
    return np.array(array, dtype=old.dtype)
