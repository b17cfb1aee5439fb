"""tg.graph: from tensors to the graph of what they were computed from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..containers import leaves
from ..errors import ArgumentError
from ..node import Node
from ..tensor import Tensor

if TYPE_CHECKING:
    from .model import Graph


def graph(*outputs: Any, names: Mapping[str, Any] | None = None) -> Graph:
    """The computation that led to these tensors, to walk, to ask or to draw.

    outputs: tensors that require grad, also in lists, tuples and dicts.
    names: what to call tensors in this graph, as names=locals(); also arrays and untracked tensors
        that a product keeps. Lists, tuples and dicts in it are looked into: "weights[0]".

    Gradients on it are what the last `backward()` left: leaves keep theirs, and so do scalars on
    the way. Arrays on the way do not, unless it ran inside `tg.record()`.
    Raises ArgumentError for anything but tensors that require grad.

    >>> w = tg.Variable(0.0, name="w")
    >>> J = w * w - 10 * w + 25
    >>> tg.graph(J)
    <Graph of +: 1 leaf, 2 constants, 4 operations>
    """
    return graph_of(_nodes_of(outputs), names)


def graph_of(roots: list[Node], names: Mapping[str, Any] | None = None) -> Graph:
    """The graph of tensors of which only the nodes are there."""
    from .composition import composed  # late: programs that train ask for no graph

    # Numbers grow as nodes are made: sorting by them puts operands before what uses them.
    nodes = sorted(_reachable(roots), key=lambda node: node.order)
    known = _Names(names)
    return composed(nodes, roots, known.nodes, known.arrays)


def _nodes_of(outputs: tuple[Any, ...]) -> list[Node]:
    found: list[tuple[str, Any]] = []
    for i, output in enumerate(outputs):
        if type(output) is Tensor:
            found.append(("", output))
        else:
            found += leaves(output, f"outputs[{i}]")
    if not found:
        raise ArgumentError("graph: nothing to draw; give it a result, as in tg.graph(loss)")
    nodes = []
    for path, output in found:
        where = f"{path} is " if path.count("[") > 1 else ""
        if type(output) is not Tensor:
            raise ArgumentError(
                f"graph: {where}{type(output).__name__} is not a Tensor; give it results of "
                "operations on tensors, as in tg.graph(loss), and several as tg.graph(*results)"
            )
        if output.node is None:
            raise ArgumentError(
                f"graph: {where}{output.described()} does not require grad: nothing it was "
                "computed from does, or it was computed under tg.no_grad(), or detached, so no "
                "graph was recorded; make the inputs with tg.Variable(...)"
            )
        nodes.append(output.node)
    return nodes


def _reachable(roots: Iterable[Node]) -> set[Node]:
    found = set(roots)
    stack = list(found)
    while stack:
        for parent in stack.pop().parents:
            if parent not in found:
                found.add(parent)
                stack.append(parent)
    return found


class _Names:
    """What the user calls tensors and arrays, for one graph."""

    def __init__(self, names: Mapping[str, Any] | None) -> None:
        self.nodes: dict[Node, str] = {}
        self.arrays: dict[int, str] = {}
        if names is None:
            return
        if not isinstance(names, Mapping):
            raise ArgumentError(
                f"graph: names is {type(names).__name__}; it needs a dict from names to tensors, "
                "as in names=locals() or names={'J': J}"
            )
        for name, value in names.items():
            for path, item in _named(str(name), value):
                if type(item) is Tensor and item.node is not None:
                    self.nodes.setdefault(item.node, path)
                elif type(item) is Tensor or type(item) is np.ndarray:
                    array = item.value if type(item) is Tensor else item
                    self.arrays.setdefault(id(array), path)


def _named(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if type(value) in (Tensor, np.ndarray):
        yield name, value
    elif type(value) in (list, tuple, dict):
        items = value.items() if type(value) is dict else enumerate(value)
        for key, item in items:
            if type(item) in (Tensor, np.ndarray):
                yield f"{name}[{key!r}]", item
