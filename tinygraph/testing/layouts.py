"""The same numbers in other memory layouts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .problem import Array


def _gaps(x: Array, shape: tuple[int, ...]) -> Array:
    """Room for more than the array, filled with what spoils every result it gets into."""
    spoiled = np.nan if x.dtype.kind in "fc" else 1 if x.dtype.kind == "b" else 99
    return np.full(shape, spoiled, x.dtype)


def _part(x: Array, along: slice) -> Array:
    """The slice along each axis; of an array without axes still an array."""
    index: Any = (..., *[along] * x.ndim)
    view: Array = x[index]
    return view


def _strided(x: Array) -> Array:
    """A view of every other element of a larger array."""
    room = _gaps(x, tuple(2 * n for n in x.shape))
    view = _part(room, slice(None, None, 2))
    view[...] = x
    return view


def _reversed(x: Array) -> Array:
    """A view with negative strides."""
    backwards = slice(None, None, -1)
    return _part(_part(x, backwards).copy(), backwards)


def _transposed(x: Array) -> Array:
    # Rotated, not reversed: of three axes this is neither C nor Fortran order.
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)


def _inner(x: Array) -> Array:
    """A view of the middle of a larger array."""
    room = _gaps(x, tuple(n + 2 for n in x.shape))
    view = _part(room, slice(1, -1))
    view[...] = x
    return view


def _read_only(x: Array) -> Array:
    copy = np.array(x)
    copy.flags.writeable = False
    return copy


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C": lambda x: np.array(x, order="C"),
    "F": lambda x: np.array(x, order="F"),
    "transposed": lambda x: _transposed(x) if x.ndim else x,
    "strided": _strided,
    "reversed": _reversed,
    "inner": _inner,
    "read-only": _read_only,
}
