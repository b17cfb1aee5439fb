"""Flatten: each example as one row of features."""

from __future__ import annotations

import math
import operator
from typing import Any

import tinygraph as tg

from .module import Module
from .windows import array_or_tensor


class Flatten(Module):
    """(batch, …) as (batch, features): axes from `start_axis` on become one, in C order.

    x: (batch, …).  Returns (batch, features); x itself where nothing changes.
    start_axis: the first that is taken in; 1 leaves the batch.

    >>> nn.Flatten()(np.zeros((64, 32, 7, 7), np.float32)).shape
    (64, 1568)

    Raises ArgumentError unless start_axis is an integer of 0 or more; when called, ShapeError if x
    has no such axis.
    """

    def __init__(self, start_axis: int = 1) -> None:
        super().__init__()
        try:
            self.start_axis = operator.index(start_axis)
        except TypeError:
            self.start_axis = -1
        if self.start_axis < 0 or isinstance(start_axis, bool):
            raise tg.ArgumentError(
                f"Flatten: start_axis={start_axis!r}; it needs an integer of 0 or more"
            )

    def forward(self, x: Any) -> Any:
        """The input with its last axes as one."""
        x = array_or_tensor(x)
        start = self.start_axis
        # A batch of numbers has one feature each.
        if x.ndim < start:
            raise tg.ShapeError(
                f"Flatten: input of shape {x.shape}; it needs {start} axes or more before those "
                "that are flattened, a batch of examples first"
            )
        if x.ndim == start + 1:
            return x
        return x.reshape((*x.shape[:start], math.prod(x.shape[start:])))

    def extra_repr(self) -> str:
        """The first axis, if it is not the default."""
        return "" if self.start_axis == 1 else f"start_axis={self.start_axis}"
