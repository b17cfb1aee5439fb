"""The same array in other memory layouts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .problem import Array


def _strided(x: Array) -> Array:
    """A view of every other element of a larger array."""
    if not x.ndim:
        return x
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def _backward(x: Array) -> Array:
    """A view with negative strides."""
    every = (slice(None, None, -1),) * x.ndim
    return np.array(x[every])[every]


def _read_only(x: Array) -> Array:
    copy = np.array(x)
    copy.flags.writeable = False
    return copy


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "Fortran-ordered": lambda x: np.array(x, order="F"),
    "strided": _strided,
    "reversed": _backward,
    "read-only": _read_only,
}
