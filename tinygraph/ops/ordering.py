"""NumPy's `sort` and `argsort` of arrays, with `descending=`, which it has from 2.5 on."""

from typing import Any

import numpy as np

from ..numpy_version import since


def _argsort(
    a: Any,
    axis: int | None = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: bool | None = None,
    descending: bool | None = None,
) -> Any:
    """The indices that sort along the axis; NaN is last in both directions."""
    if not descending or np.ndim(a) == 0:
        return np.argsort(a, axis, kind, order, stable=stable)
    a = np.asarray(a)
    if axis is None:
        a, axis = a.reshape(-1), 0
    # Turned round before and after, so that equal elements stay as they were.
    turned = np.argsort(np.flip(a, axis), axis, kind, order, stable=stable)
    found = np.flip(a.shape[axis] - 1 - turned, axis)
    missing = 2 * np.isnan(a.real) + np.isnan(a.imag)
    if not missing.any():
        return found
    last = np.argsort(np.take_along_axis(missing, found, axis), axis, stable=True)
    return np.take_along_axis(found, last, axis)


def _sort(
    a: Any,
    axis: int | None = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: bool | None = None,
    descending: bool | None = None,
) -> Any:
    """The elements in that order."""
    if not descending:
        return np.sort(a, axis, kind, order, stable=stable)
    places = _argsort(a, axis, kind, order, stable=stable, descending=True)
    return np.take_along_axis(a, places, axis)


argsort: Any = np.argsort if since("2.5.0") else _argsort
sort: Any = np.sort if since("2.5.0") else _sort
