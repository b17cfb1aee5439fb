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


class _Side:
    """An array with a place for every leaf. There are two: a move goes from one to the other.

    parts    for each leaf its part of the array, shaped like it
    held     the array and those of its parts that are leaves' values, for counting their holders
    """

    __slots__ = ("array", "held", "parts")

    def __init__(self, array: NDArray[Any], parts: list[NDArray[Any]]) -> None:
        # This and no more, so that `is_free` knows how many there are of it.
        self.array, self.parts = array, parts
        self.held = [array, *(part for part in parts if part.ndim)]

    def is_free(self) -> bool:
        """Whether nobody else holds the array, or a part, or a view: no leaf, graph or user."""
        # Each is held by `held` and by one more; and the array by each part, as its base.
        alone = len(self.held) * (_ONCE + 1) + len(self.parts)
        return sum(map(_holders, self.held)) == alone


class _Place:
    """Where a leaf lies in the array of all, and what is known of it there.

    value      what the FlatLeaves made the leaf's value
    node       its node, if it is to move; else None
    gradient   the part of the gradients that is its own, shaped like it
    lent       whether that part was given away, to have a gradient written into it
    """

    __slots__ = (
        "_alone",
        "_held",
        "gradient",
        "index",
        "lent",
        "node",
        "shape",
        "start",
        "stop",
        "value",
    )

    value: Any
    gradient: NDArray[Any]
    node: Node | None

    def __init__(self, index: int, shape: tuple[int, ...], start: int, stop: int) -> None:
        self.index, self.shape, self.start, self.stop = index, shape, start, stop
        self.node = None

    def gradient_in(self, part: NDArray[Any], array: NDArray[Any], places: int) -> None:
        """Let the gradient be in this part of the array, which has so many places."""
        self.gradient, self.lent = part, False
        self._held = [part, array]
        # The part is held here twice; the array by the FlatLeaves, and by each place and part.
        self._alone = (_ONCE + 1) + (_ONCE + 2 * places)

    def is_free(self) -> bool:
        """Whether nobody else holds the part, nor a view that may show it."""
        return sum(map(_holders, self._held)) == self._alone

    def lend(self) -> NDArray[Any] | None:
        """The part, to have the gradient written into it; None where somebody holds it."""
        part = self.gradient  # held before it is looked at, so that no other thread gets it too
        if part.shape != self.shape or sum(map(_holders, self._held)) != self._alone + 1:
            return None
        self.lent = True
        return part


@final
class FlatLeaves:
    """Leaves of one dtype, side by side in one array that ufuncs move in place, all in one call.

    leaves: a list of leaves, none twice, that require grad. It is kept, not copied: another leaf of
    the same shape and dtype may take a place in it. A leaf's value is a view into the array from
    then on (where ndim is 0, a NumPy scalar, read anew after each move).

    There are two such arrays: a move writes the new values into the one, and leaves the old ones in
    the other, for the next move to write into. Tensors stay values all the same: an array that
    anyone else holds, through `detach()`, a view, `numpy()` or a graph, is left to them, and the
    next move goes into a new one. It is CPython's reference counts that tell. What is held keeps
    that whole array alive.
    A leaf that was given its value in another way, or by another FlatLeaves, is taken in again.

    The gradients lie side by side too. Where nobody holds that part, backward writes a product that
    is a leaf's gradient straight into its place.

    moving: how many leaves had a gradient at the last `gather`, and have not moved by it yet.

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
        "_gradient",
        "_other",  # the side that the next move goes to
        "_places",
        "_side",  # the side where the leaves' values are
        "dtype",
        "leaves",
        "moving",
        "size",
    )

    _side: _Side
    _other: _Side | None

    def __init__(self, leaves: list[Tensor]) -> None:
        if not leaves:
            raise ArgumentError("FlatLeaves: no leaves came; it needs at least one")
        for i, leaf in enumerate(leaves):
            if type(leaf) is not Tensor or not leaf.is_leaf:
                raise ArgumentError(f"FlatLeaves: it needs leaf tensors, but leaf {i} is {leaf!r}")
        self.leaves = leaves
        self.dtype: np.dtype[Any] = leaves[0].dtype
        self._places: list[_Place] = []
        self.size = 0
        for i, leaf in enumerate(leaves):
            self._places.append(_Place(i, leaf.shape, self.size, self.size + leaf.size))
            self.size += leaf.size
        if self.size == 1:
            # Held twice: NumPy takes 0.3 µs longer to change an array of one element in place.
            self.size = 2
        self.moving = 0
        self._new_gradient()
        self._take_in()

    def zeros(self) -> NDArray[Any]:
        """An array of zeros with a place for each element of the leaves."""
        return np.zeros(self.size, self.dtype)

    def split(self, array: NDArray[Any]) -> list[NDArray[Any]]:
        """Views of such an array, shaped like the leaves."""
        return [array[at.start : at.stop].reshape(at.shape) for at in self._places]

    def zero_grad(self) -> None:
        """Forget the leaves' gradients."""
        for leaf in self.leaves:
            node = leaf.node
            if node is not None and node.pullback is None:
                node._grad = None

    def gather(self) -> bool:
        """Copy the leaves' gradients side by side, for `move`; whether there is any.

        Raises BackwardError if a leaf has become a computed tensor.
        """
        leaves = self.leaves
        if len(leaves) != len(self._places):
            raise ArgumentError(
                f"FlatLeaves: {len(leaves)} leaves now, {len(self._places)} when it was made; "
                "make another one for other leaves"
            )
        self.moving = moving = 0
        for place in self._places:
            leaf = leaves[place.index]
            if leaf.value is not place.value:
                self._take_in()
                return self.gather()
            place.node = None
            node = leaf.node
            if node is not None:
                if node.pullback is not None:
                    raise BackwardError(f"FlatLeaves: {leaf.described()} is no longer a leaf")
                grad = node._grad
                if grad is not None:
                    if grad is not place.gradient:
                        if place.lent and not place.is_free():
                            self._new_gradient()
                            return self.gather()
                        # By [()], which for a scalar takes a fifth of the time that [...] takes.
                        place.gradient[()] = grad.value if type(grad) is Tensor else grad
                        node._room = place
                    place.node = node
                    moving += 1
        self.moving = moving
        return moving > 0

    def move(self, update: Callable[..., None], *state: NDArray[Any]) -> None:
        """Move the leaves that had a gradient at the last `gather`; the others stay.

        update: called as update(value, gradient, out, *state) with 1-d arrays, once for all leaves;
        where some have no gradient, or the array is very large, once for each run of neighbours.
        It leaves the new value in `out`, free to compute in; `value` and `gradient` are to be read.
        state: arrays as `zeros` makes them; they come in the same parts.

        Where it raises, no leaf has moved. Graphs that kept the old values refuse to go backward
        after a move (`StaleGraphError`).
        """
        if not self.moving:
            return
        side, other = self._side, self._other
        if other is None or not other.is_free():
            other = self._new_side()
        value, out = side.array, other.array
        if self.moving == len(self._places) and self.size <= LARGE:
            update(value, self._gradient, out, *state)
        else:
            out[...] = value
            for run in self._runs():
                parts = [kept[run] for kept in state]
                update(value[run], self._gradient[run], out[run], *parts)
        self.moving = 0  # the gradients are used up
        self._side, self._other = other, side
        now = next(clock)
        for leaf, place, part in zip(self.leaves, self._places, other.parts):
            leaf.value = place.value = part if part.ndim else out[place.start]
            node, place.node = place.node, None
            if node is not None:
                node.changed = now
                if not place.shape:
                    node.value = leaf.value

    def descend(self, rate: float) -> bool:
        """A lone scalar leaf moves to value − rate · gradient; False if it is not one with those.

        What `gather` and `move` come to, in a third of the time: as NumPy scalars, without arrays.
        They take the new value in when they are called.
        """
        leaf, scalar = self.leaves[0], self.dtype.type
        node = leaf.node
        if (
            node is None
            or node.pullback is not None
            or type(node._grad) is not scalar
            or type(leaf.value) is not scalar
            or not len(self.leaves) == len(self._places) == 1
        ):
            return False
        leaf.value = node.value = leaf.value - rate * node._grad
        node.changed = next(clock)
        return True

    def _runs(self) -> list[slice]:
        """Where the moving leaves lie: neighbours joined, what is very large cut into blocks."""
        runs = []
        for moves, neighbours in groupby(self._places, lambda place: place.node is not None):
            places = list(neighbours)
            start, stop = places[0].start, places[-1].stop
            step = max(1, stop - start) if stop - start <= LARGE else BLOCK
            if moves:
                runs += [slice(i, min(i + step, stop)) for i in range(start, stop, step)]
        return runs

    def _take_in(self) -> None:
        """Copy the leaves' values into an array of their own, and make views of it their values."""
        self._check()
        self._side, self._other = self._new_side(), None
        array = self._side.array
        for leaf, place, part in zip(self.leaves, self._places, self._side.parts, strict=True):
            part[...] = leaf.value
            leaf.value = place.value = part if part.ndim else part[()]
        array[self._places[-1].stop :] = array[:1]

    def _new_side(self) -> _Side:
        array = np.empty(self.size, self.dtype)
        return _Side(array, self.split(array))

    def _new_gradient(self) -> None:
        """Leave the gradients' array to those who hold a part of it, and go on in another."""
        self._gradient = self.zeros()
        for place, part in zip(self._places, self.split(self._gradient), strict=True):
            single = self.size > place.stop == 1
            place.gradient_in(self._gradient if single else part, self._gradient, len(self._places))

    def _check(self) -> None:
        if len({id(leaf) for leaf in self.leaves}) < len(self.leaves):
            raise ArgumentError("FlatLeaves: a leaf came twice; pass each once")
        for leaf, place in zip(self.leaves, self._places, strict=True):
            if leaf.shape != place.shape:
                raise ShapeError(
                    f"FlatLeaves: {leaf.described()} came in place of a leaf of shape {place.shape}"
                )
            if leaf.dtype != self.dtype:
                before = hasattr(self, "_side")
                raise DTypeError(
                    f"FlatLeaves: {leaf.described()} is {leaf.dtype}, the other leaves {self.dtype}"
                    + " when this was made; after a change of dtype make another optimizer" * before
                )

    def __reduce__(self) -> Any:
        # A copy's leaves are copies, so that it needs an array of its own.
        return FlatLeaves, (self.leaves,)
