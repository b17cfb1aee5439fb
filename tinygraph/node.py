"""Node: one entry of the computation graph."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .primitive import Primitive
    from .pullback import Pullback

# Numbers nodes as they are made, so that creation order is a topological order. It is also the
# clock by which a leaf that changed after a node was made is found.
clock = itertools.count(1)

# What stands in place of a node's residuals once backward has used and released them.
RELEASED: Any = ("released by backward",)


class Node:
    """One entry of the graph: an operation that was applied, or a leaf.

    pullback   how to go back through it, or None: a leaf
    parents    the nodes of its tracked operands
    residuals  the arrays that its gradient rules need; `RELEASED` once they have been used
    params     its static arguments, then what is known of its untracked operands
    shape      of its value; a tuple of shapes where the operation has several outputs
    dtype      of its value
    order      its number; parents have smaller ones
    value      its value where that is a scalar, for pictures; else None
    name       given by the user, or None
    grad       a leaf's accumulated gradient, an array; elsewhere the last scalar cotangent
    changed    of a leaf only: the time of its last change in place

    A node never points to the tensor it belongs to: no cycles.
    """

    __slots__ = (
        "changed",
        "dtype",
        "grad",
        "name",
        "order",
        "params",
        "parents",
        "pullback",
        "residuals",
        "shape",
        "value",
    )

    pullback: Pullback | None
    parents: tuple[Node, ...]
    residuals: tuple[Any, ...]
    params: tuple[Any, ...]
    shape: Any
    dtype: Any
    order: int
    value: Any
    name: str | None
    grad: Any
    changed: int

    @property
    def primitive(self) -> Primitive | None:
        """The operation, or None for a leaf."""
        return None if self.pullback is None else self.pullback.primitive

    @property
    def operation(self) -> str | None:
        """How it was computed, for people: "multiply", or "split[1]" for one of several outputs."""
        if self.pullback is None:
            return None
        if self.parents and isinstance(self.parents[0].dtype, tuple):
            return f"{self.parents[0].operation}[{self.params[0]}]"
        return self.pullback.primitive.name

    def __repr__(self) -> str:
        what = self.operation or "leaf"
        name = f" {self.name!r}" if self.name else ""
        return f"<Node {self.order} {what}{name} {self.dtype}{self.shape}>"


def leaf(value: Any, name: str | None) -> Node:
    """The node of a leaf with this value."""
    node = Node()
    node.pullback = None
    node.parents = node.residuals = node.params = ()
    node.shape = value.shape
    node.dtype = value.dtype
    node.order = node.changed = next(clock)
    node.value = None if node.shape else value
    node.name = name
    node.grad = None
    return node
