"""State from outside, checked before any of it is taken over."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import tinygraph as tg

if TYPE_CHECKING:
    from numpy.typing import NDArray

LISTED = 8  # names in a message


class Unmatched(NamedTuple):
    """What `load_state_dict` left out: names only the module has, and names only the state has."""

    missing: list[str]
    unexpected: list[str]


def checked_state(
    operation: str,
    current: Mapping[str, NDArray[Any]],
    state: Mapping[str, Any],
    *,
    strict: bool = True,
) -> tuple[dict[str, NDArray[Any]], Unmatched]:
    """Copies of the arrays in `state`, of the shapes and dtypes of the current ones, by name.

    strict: of exactly their names. Raises ArgumentError for other names, ShapeError or DTypeError
    for what does not fit.
    """
    if not isinstance(state, Mapping):
        raise tg.ArgumentError(
            f"{operation}: {type(state).__name__} came; it needs a dict of names and arrays, "
            "as state_dict() returns"
        )
    unmatched = Unmatched(
        [name for name in current if name not in state],
        [name for name in state if name not in current],
    )
    if strict and any(unmatched):
        raise tg.ArgumentError(
            f"{operation}: {described(unmatched, list(current))}; the state must come from one "
            "built the same way, and nothing has been loaded. strict=False takes over what fits"
        )
    new = {
        name: fitted(f"{operation}: {name!r}", old, state[name])
        for name, old in current.items()
        if name in state
    }
    if current and state and not new:
        raise tg.ArgumentError(
            f"{operation}: none of the names fits: {described(unmatched, list(current))}; "
            "nothing has been loaded"
        )
    return new, unmatched


def described(unmatched: Unmatched, own: Sequence[str]) -> str:
    """The names that have no counterpart, and what may be meant by them."""
    missing, unexpected = unmatched
    prefix = _prefix(unmatched, own)
    close = {} if prefix else _close(unmatched)
    words = []
    if missing:
        words.append(f"missing {_listed(missing, {})}")
    if unexpected:
        words.append(f"unexpected {_listed(unexpected, close)}")
    return "; ".join(words + ([prefix] if prefix else []))


def _listed(names: Sequence[str], close: Mapping[str, str]) -> str:
    words = [
        f"{name!r}" + (f" (did you mean {close[name]!r}?)" if name in close else "")
        for name in names[:LISTED]
    ]
    more = len(names) - LISTED
    return ", ".join(words) + (f" and {more} more" if more > 0 else "")


def _prefix(unmatched: Unmatched, own: Sequence[str]) -> str:
    """Whether one prefix, as of a model inside another, is all the difference."""
    missing, unexpected = unmatched
    if len(missing) != len(own) or not all(isinstance(name, str) for name in unexpected):
        return ""
    for longer, shorter, whose in ((unexpected, missing, "state"), (missing, unexpected, "module")):
        ends = [name for name in longer if name.endswith(f".{shorter[0]}")] if shorter else []
        for name in ends:
            prefix = name.removesuffix(shorter[0])
            if {f"{prefix}{rest}" for rest in shorter} == set(longer):
                return f"the names of the {whose} all have {prefix!r} in front, and fit without it"
    return ""


def _close(unmatched: Unmatched) -> dict[str, str]:
    """For unexpected names, the missing name that each may be."""
    left, found = list(unmatched.missing), {}
    for name in unmatched.unexpected[:LISTED]:
        match = difflib.get_close_matches(str(name), left, 1)
        if match:
            found[name] = match[0]
            left.remove(match[0])
    return found


def suggestion(given: str, known: Sequence[str]) -> str:
    """The name that may be meant, as the end of a message."""
    close = difflib.get_close_matches(given, known, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {_listed(known, {})}"


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
