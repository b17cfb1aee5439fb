"""Sliding windows over an array, and what undoes them: adding windows where they overlap."""

from typing import Any

import numpy as np

from ..primitive import Operand, primitive, sample
from .axes import Axis

_view: Any = np.lib.stride_tricks.sliding_window_view


def _add_up(*arguments: Any) -> Any:
    return overlap_add(*arguments)


@primitive(
    numpy=_view,
    label="windows",
    x=lambda ct, shape, window_shape, axis: _add_up(ct, shape, window_shape, axis),
    samples=(
        sample((5,), 3),
        sample((3, 4), (2, 2)),
        sample((3, 4), 2, axis=0),
        sample((2, 5), (2, 2), axis=(1, 1)),
        sample((2, 3), 1, -1),
    ),
    flops=0,
)
def sliding_window_view(
    x: Operand, window_shape: Any, axis: Axis = None, *, subok: bool = False,
    writeable: bool = False,
) -> Any:  # fmt: skip
    """Every window of this shape, in new axes at the end; its place in the old ones."""
    return _view(x, window_shape, axis)


@primitive(
    windows=lambda ct, window_shape, axis: sliding_window_view(ct, window_shape, axis),
    samples=(
        sample((3, 3), (5,), 3, None),
        sample((2, 3, 2, 2), (3, 4), (2, 2), None),
        sample((2, 3, 2, 2), (2, 5), (2, 2), (1, 1)),
    ),
)
def overlap_add(
    windows: Operand, shape: tuple[int, ...], window_shape: Any, axis: Axis = None
) -> Any:
    """An array of this shape: at each place the sum of the windows' elements that lie on it."""
    sizes = tuple(window_shape) if np.ndim(window_shape) else (int(window_shape),)
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    out = np.zeros(shape, windows.dtype)
    for offset in np.ndindex(*sizes):
        start = [0] * len(shape)
        for i, o in zip(axes, offset, strict=True):
            start[i] += o
        places = [slice(s, s + n) for s, n in zip(start, windows.shape, strict=False)]
        out[tuple(places)] += windows[(..., *offset)]
    return out
