"""Node: one entry of the computation graph."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from .errors import BackwardError
from .memory import LARGE, large

if TYPE_CHECKING:
    from .primitive import Primitive
    from .pullback import Pullback
    from .tracing import Trace

# Numbers nodes as they are made, so that creation order is a topological order. It is also the
# clock by which a leaf that changed after a node was made is found.
clock = itertools.count(1)


PARAMETER = ("parameter",)


class Released:
    """Stands in place of a node's residuals once backward has used and released them.

    Backward looks for it. It refuses any other use, for two threads that go back through one graph
    at once: the one may release what the other, having looked, is about to use.
    """

    __slots__ = ()

    def _refuse(self, *args: Any, **keywords: Any) -> Any:
        raise BackwardError(
            "backward: another thread went through this graph at the same time, and released what "
            "it needs; call backward in both with retain_graph=True"
        )

    __array__ = __array_ufunc__ = __array_function__ = __iter__ = __len__ = __bool__ = _refuse
    __getattr__ = __getitem__ = __float__ = __index__ = __neg__ = __abs__ = _refuse
    __add__ = __sub__ = __mul__ = __truediv__ = __pow__ = __matmul__ = _refuse
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = __rmatmul__ = _refuse


RELEASED: Any = Released()


class Node:
    """One entry of the graph: an operation that was applied, or a leaf.

    pullback   how to go back through it, or None: a leaf
    parents    the nodes of its tracked operands
    residuals  what its gradient rules need; `RELEASED` once they have been used
    params     its static arguments, then what is known of its untracked operands; of a leaf,
               `PARAMETER` if it belongs to a module
    shape      of its value; a tuple of shapes where the operation has several outputs
    dtype      of its value
    order      its number; parents have smaller ones
    value      its value where that is a scalar, for pictures; else None
    name       given by the user, or None
    grad       a leaf's accumulated gradient, an array; elsewhere the last scalar cotangent
    changed    of a leaf only: the time of its last change in place
    trace      where it was called and what else a tracer noted, a `tracing.Trace`; or None
    marks      the scopes that it is a result of, or was made in (`scopes`); or None

    A node never points to the tensor it belongs to: no cycles. Most operations have one or two
    parents and keep one or two arrays, which stand in slots of their own, `parent` and `parent2`,
    `kept` and `kept2`; more of them stand in `parent`, or in `kept`, as a tuple. Half as many
    objects are then made for an operation, and the garbage collector has half as much to look at.
    """

    __slots__ = (
        "_grad",
        "_hooks",
        "_name",
        "_room",
        "_trace",
        "changed",
        "dtype",
        "kept",
        "kept2",
        "order",
        "params",
        "parent",
        "parent2",
        "pullback",
        "shape",
        "value",
    )

    pullback: Pullback | None
    parent: Any
    parent2: Node
    kept: Any
    kept2: Any
    params: tuple[Any, ...]
    shape: Any
    dtype: Any
    order: int
    value: Any
    changed: int
    _name: str | None
    _grad: Any
    _trace: Trace
    _hooks: Any
    _room: Any  # of a leaf: who lends a place for its gradient, or None; else the marks

    @property
    def primitive(self) -> Primitive | None:
        """The operation, or None for a leaf."""
        return None if self.pullback is None else self.pullback.primitive

    @property
    def parents(self) -> tuple[Node, ...]:
        """The nodes of its tracked operands, in order."""
        count = 0 if self.pullback is None else self.pullback.parents_in_slots
        if count == 1:
            return (self.parent,)
        if count == 2:
            return (self.parent, self.parent2)
        return () if self.pullback is None else self.parent

    @property
    def residuals(self) -> tuple[Any, ...]:
        """What its gradient rules need, in the order of `pullback.keeps`."""
        if self.pullback is None or not self.pullback.keeps:
            return ()
        count = self.pullback.kept_in_slots
        if self.kept is RELEASED:
            return (RELEASED,) * len(self.pullback.keeps)
        if count == 0:
            every: tuple[Any, ...] = self.kept
            return every
        return (self.kept,) if count == 1 else (self.kept, self.kept2)

    # Written by few, and so not by each operation: what was never written reads as None.

    @property
    def name(self) -> str | None:
        """The name that the user gave it, or None."""
        try:
            return self._name
        except AttributeError:
            return None

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = name

    @property
    def grad(self) -> Any:
        """Of a leaf its accumulated gradient, of another scalar its last cotangent; or None."""
        try:
            return self._grad
        except AttributeError:
            return None

    @grad.setter
    def grad(self, grad: Any) -> None:
        self._grad = grad

    @property
    def trace(self) -> Trace | None:
        """What was noted of its call while someone listened, or None."""
        try:
            return self._trace
        except AttributeError:
            return None

    @property
    def marks(self) -> Any:
        """The scopes that an operation's node is a result of, or was made in, or None."""
        return None if self.pullback is None else getattr(self, "_room", None)

    @property
    def is_parameter(self) -> bool:
        """Whether it is a leaf that belongs to a module."""
        return self.pullback is None and self.params == PARAMETER

    @property
    def hooks(self) -> Any:
        """What waits here for the gradient (`hooks.Hooks`), or None."""
        try:
            return self._hooks
        except AttributeError:
            return None

    @hooks.setter
    def hooks(self, hooks: Any) -> None:
        self._hooks = hooks

    @property
    def operation(self) -> str | None:
        """How it was computed, for people: "multiply", or "split[1]" for one of several outputs."""
        if self.pullback is None:
            return None
        parents = self.parents
        if parents and isinstance(parents[0].dtype, tuple):
            return f"{parents[0].operation}[{self.params[0]}]"
        return self.pullback.primitive.name

    def __repr__(self) -> str:
        what = self.operation or "leaf"
        name = f" {self.name!r}" if self.name else ""
        return f"<Node {self.order} {what}{name} {self.dtype}{self.shape}>"


# One object for each shape of a leaf, so that operations can compare shapes by identity first.
_shapes: dict[Any, Any] = {}


def leaf(value: Any, name: str | None) -> Node:
    """The node of a leaf with this value."""
    if len(_shapes) > 1000:
        _shapes.clear()
    node = Node()
    node.pullback = None
    node.params = ()
    node.shape = _shapes.setdefault(value.shape, value.shape)
    node.dtype = value.dtype
    node.order = node.changed = next(clock)
    node.value = None if node.shape else value
    if value.nbytes >= LARGE:
        large.on = True
    node.name = name
    node._grad = node._room = None
    return node
