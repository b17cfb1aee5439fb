"""FlatLeaves: leaves side by side in one array, to be moved in place all at once."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING, Any, final

import numpy as np

from .errors import ArgumentError, BackwardError, DTypeError, ShapeError
from .node import Node, clock
from .tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How many hold an object. An interpreter that does not count them never proves an array unshared.
_holders: Callable[[Any], float] = getattr(sys, "getrefcount", lambda held: math.nan)
_ONCE = sum(map(_holders, [object()]))  # as counted, in this very way, of what one list holds

# Elements above which a move goes block by block, so that its passes find the block in the cache.
LARGE = 1 << 21
BLOCK = 1 << 17


@final
class FlatLeaves:
    """Leaves of one dtype, side by side in one array that ufuncs move in place, all in one call.

    leaves: a list of leaves, none twice, that require grad. It is kept, not copied: another leaf of
    the same shape and dtype may take a place in it. A leaf's value is a view into the array from
    then on (where ndim is 0, a NumPy scalar, read anew after each move).

    Tensors stay values all the same: an array that anyone else holds, through `detach()`, a view,
    `numpy()` or a graph, is left to them at the next move, and the leaves go on in a copy. It is
    CPython's reference counts that tell. What is held keeps that whole array alive.
    A leaf that was given its value in another way, or by another FlatLeaves, is taken in again.

    Raises ArgumentError for no leaves, one that comes twice or what is not a leaf; DTypeError for
    several dtypes.

    >>> w, b = tg.Variable([1.0, 2.0]), tg.Variable(3.0)
    >>> flat = tg.FlatLeaves([w, b])
    >>> (w * w).sum().backward()
    >>> flat.gather()
    True
    >>> flat.move(lambda value, gradient, out: np.subtract(value, gradient, out=out))
    >>> w, b
    (tensor([-1., -2.], requires_grad=True), tensor(3., requires_grad=True))
    """

    __slots__ = (
        "_alone",  # the sum of their counts while nobody else holds any
        "_gradient",
        "_held",  # the array, then the views into it that are the leaves' values
        "_moving",  # the node of each leaf that has a gradient, None for the others
        "_places",
        "_rooms",  # the parts of _gradient, shaped like the leaves
        "_scalars",
        "_shapes",
        "_values",  # what this object made the leaves' values
        "_whole",  # whether the next move is one call, for all leaves at once
        "dtype",
        "leaves",
        "size",
    )

    def __init__(self, leaves: list[Tensor]) -> None:
        if not leaves:
            raise ArgumentError("FlatLeaves: no leaves came; it needs at least one")
        for i, leaf in enumerate(leaves):
            if type(leaf) is not Tensor or not leaf.is_leaf:
                raise ArgumentError(f"FlatLeaves: it needs leaf tensors, but leaf {i} is {leaf!r}")
        self.leaves = leaves
        self.dtype: np.dtype[Any] = leaves[0].dtype
        self._shapes = [leaf.shape for leaf in leaves]
        self._scalars = [i for i, shape in enumerate(self._shapes) if not shape]
        self._places: list[slice] = []
        self.size = 0
        for leaf in leaves:
            self._places.append(slice(self.size, self.size + leaf.size))
            self.size += leaf.size
        if self.size == 1:
            # Held twice: NumPy takes 0.5 µs longer to change an array of one element in place.
            self.size = 2
        self._gradient = self.zeros()
        self._rooms = self.split(self._gradient)
        if self.size > self._places[-1].stop:
            self._rooms = [self._gradient]
        self._moving: list[Node | None] = []
        self._whole = False
        self._take_in()

    def zeros(self) -> NDArray[Any]:
        """An array of zeros with a place for each element of the leaves."""
        return np.zeros(self.size, self.dtype)

    def split(self, array: NDArray[Any]) -> list[NDArray[Any]]:
        """Views of such an array, shaped like the leaves."""
        pairs = zip(self._places, self._shapes, strict=True)
        return [array[place].reshape(shape) for place, shape in pairs]

    def gather(self) -> bool:
        """Copy the leaves' gradients side by side, for `move`; whether there is any.

        Raises BackwardError if a leaf has become a computed tensor.
        """
        if len(self.leaves) != len(self._places):
            raise ArgumentError(
                f"FlatLeaves: {len(self.leaves)} leaves now, {len(self._places)} when it was made; "
                "make another one for other leaves"
            )
        self._moving, self._whole = [], False
        moving: list[Node | None] = []
        ours = True
        for leaf, value, room in zip(self.leaves, self._values, self._rooms):
            if leaf.value is not value:
                ours = False
            node = leaf.node
            grad = None
            if node is not None:
                if node.pullback is not None:
                    raise BackwardError(f"FlatLeaves: {leaf.described()} is no longer a leaf")
                grad = node.grad
            if grad is None:
                node = None
            elif ours:
                room[...] = grad.value if type(grad) is Tensor else grad
            moving.append(node)
        if not ours:
            self._take_in()
            return self.gather()
        self._moving = moving
        self._whole = None not in moving and self.size <= LARGE
        return self._whole or any(moving)

    def move(self, update: Callable[..., None], *state: NDArray[Any]) -> None:
        """Move the leaves that had a gradient at the last `gather`; the others stay.

        update: called as update(value, gradient, out, *state) with 1-d arrays, once for all leaves;
        where some have no gradient, or the array is very large, once for each run of neighbours.
        It writes the new value into `out`, which is `value` itself; `gradient` is a copy, free to
        compute in.
        state: arrays as `zeros` makes them; they come in the same parts.

        Graphs that kept the old values refuse to go backward from then on (`StaleGraphError`).
        """
        if sum(map(_holders, self._held)) != self._alone:
            self._take_in()
        array = self._held[0]
        try:
            if self._whole:
                update(array, self._gradient, array, *state)
            else:
                for run in self._runs():
                    value = array[run]
                    update(value, self._gradient[run], value, *[kept[run] for kept in state])
        finally:
            now = next(clock)
            for node in self._moving:
                if node is not None:
                    node.changed = now
            for i in self._scalars:
                leaf = self.leaves[i]
                leaf.value = self._values[i] = array[self._places[i].start]
                if leaf.node is not None:
                    leaf.node.value = leaf.value
            self._moving, self._whole = [], False  # the gradients are used up

    def _runs(self) -> list[slice]:
        """Where the moving leaves lie: neighbours joined, what is very large cut into blocks."""
        runs = []
        for moves, pairs in groupby(
            zip(self._moving, self._places), lambda pair: pair[0] is not None
        ):
            places = [place for _, place in pairs]
            start, stop = places[0].start, places[-1].stop
            step = max(1, stop - start) if stop - start <= LARGE else BLOCK
            if moves:
                runs += [slice(i, min(i + step, stop)) for i in range(start, stop, step)]
        return runs

    def _take_in(self) -> None:
        """Copy the leaves' values into an array of their own, and make views of it their values."""
        self._check()
        array = np.empty(self.size, self.dtype)
        views = self.split(array)
        for leaf, view in zip(self.leaves, views, strict=True):
            view[...] = leaf.value
        array[self._places[-1].stop :] = array[:1]
        self._values = [view if view.ndim else view[()] for view in views]
        for leaf, value in zip(self.leaves, self._values, strict=True):
            leaf.value = value
        self._held = [array, *(view for view in views if view.ndim)]
        # Each is in _held; an array that is a value in _values and in its leaf too; and each of
        # those counts once more for the array whose part it shows.
        count = len(self._held)
        self._alone = count * _ONCE + (count - 1) * 3

    def _check(self) -> None:
        if len({id(leaf) for leaf in self.leaves}) < len(self.leaves):
            raise ArgumentError("FlatLeaves: a leaf came twice; pass each once")
        for leaf, shape in zip(self.leaves, self._shapes, strict=True):
            if leaf.shape != shape:
                raise ShapeError(
                    f"FlatLeaves: {leaf.described()} came in place of a leaf of shape {shape}"
                )
            if leaf.dtype != self.dtype:
                raise DTypeError(
                    f"FlatLeaves: {leaf.described()} is {leaf.dtype}, the other leaves {self.dtype}"
                )

    def __reduce__(self) -> Any:
        # A copy's leaves are copies, so that it needs an array of its own.
        return FlatLeaves, (self.leaves,)
