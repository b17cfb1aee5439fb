"""Derivatives in a graph of scalars: of each operation, and of the output by everything.

A graph holds numbers and names, but no residuals: backward may have released them, or it was read
from a file. So the operations are found by name and applied anew, each to the values that its
operands have in the graph; what comes out has to be the value that is there. Then the engine
itself goes back through what was computed.
"""

from __future__ import annotations

import ast
import contextvars
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backward import propagate
from ..errors import ArgumentError, GraphSizeError
from ..node import Node, clock
from ..node import leaf as leaf_of
from ..primitive import Primitive
from ..registry import REGISTRY
from .columns import alike
from .labels import number
from .model import Graph, GraphNode

MOST = 60  # nodes: more are not followed one by one
CLOSE = 1e-6  # relative: a long double is kept as a float, so its results may differ


@dataclass(frozen=True, slots=True)
class Local:
    """The derivative of an operation by one operand: what takes a cotangent back along the edge.

    c ↦ linear·c + conjugate·c̄, and of that the real part where the operand is real and the result
    is not. Between real numbers `linear` is the derivative and `conjugate` is 0.
    """

    linear: Any
    conjugate: Any = 0.0
    real_part: bool = False

    def __call__(self, ct: Any) -> Any:
        """What the operand gets of a cotangent of the result."""
        given = self.linear * ct
        if self.conjugate != 0:
            given += self.conjugate * complex(ct).conjugate()
        return complex(given).real if self.real_part else given


@dataclass(frozen=True)
class Derivatives:
    """What the chain rule is made of, as Python numbers.

    total  by node: the derivative of the output by it; dJ = Re(total · dz) where it is complex
    local  by position among the edges: that of the operation by this operand
    part   by position among the edges: what `total` of its source gets along it
    """

    output: int
    total: dict[int, Any]
    local: dict[int, Local]
    part: dict[int, Any]


def derivatives(graph: Graph) -> Derivatives:
    """Those of a graph of scalars by all that they depend on, whether backward was called or not.

    Raises ArgumentError for arrays in it, for several outputs or a complex one, and where an
    operation cannot be applied anew; GraphSizeError for more than 60 nodes.
    """
    _check(graph)
    # Away from tracers, and from modes that are on here: nothing of this is the user's.
    return contextvars.Context().run(_Replay(graph).derivatives)


def _check(graph: Graph) -> None:
    if len(graph) > MOST:
        raise GraphSizeError(
            f"steps: this graph has {len(graph):,} nodes, and steps are for graphs of at most "
            f"{MOST}; draw all of it with graph.render(path), or take steps of a smaller example"
        )
    outputs = set(graph.outputs)
    if len(outputs) != 1:
        raise ArgumentError(
            f"steps: this graph has {len(outputs)} outputs, and the way back begins at one; take "
            "them one by one: tg.graph(J).steps()"
        )
    for node in graph.nodes:
        if isinstance(node.dtype, tuple):
            raise _refused(node, "gives a tuple")
        if node.shape != ():
            raise _refused(node, f"has shape {node.shape}")
        if node.value is None:
            raise _refused(node, "has no known value")
    output = graph.nodes[graph.outputs[0]]
    if str(output.dtype).startswith("complex"):
        raise ArgumentError(
            f"steps: the output is complex, {output.value}, and the way back begins at a real "
            "number; make one with .real, .imag or abs()"
        )


def _refused(node: GraphNode, why: str) -> ArgumentError:
    return ArgumentError(
        f"steps are for graphs of scalars; {_words(node)} {why}; draw it with graph.render(path)"
    )


def _words(node: GraphNode) -> str:
    what = node.name or node.operation or node.kind
    return f"node {node.id} ({what})"


class _Replay:
    """The operations of a graph, applied anew."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._nodes: dict[int, Node] = {}
        self._values: dict[int, Any] = {}

    def derivatives(self) -> Derivatives:
        """All of them."""
        graph = self._graph
        with np.errstate(all="ignore"):
            for given in graph.nodes:
                self._enter(given)
            (output,) = set(graph.outputs)
            root = self._nodes[output]
            seed = {root: root.dtype.type(1)}
            found = propagate(
                seed, set(self._nodes.values()), retain_graph=True, create_graph=False, hooked=None
            )
            total = {i: number(found[node]) for i, node in self._nodes.items() if node in found}
            local, part = {}, {}
            for i, node in self._nodes.items():
                if node.pullback is not None and i in total:
                    for edge, parent, rule in self._locals(i, node):
                        local[edge] = rule
                        part[edge] = _part(rule, total[i], total[parent])
        return Derivatives(output, total, local, part)

    # Forward

    def _enter(self, node: GraphNode) -> None:
        if node.kind == "operation":
            self._apply(node)
            return
        value = node.value
        if node.dtype is not None:
            value = np.dtype(str(node.dtype)).type(value)
        self._values[node.id] = value
        if node.kind == "leaf":
            self._nodes[node.id] = leaf_of(np.asarray(value), None)

    def _apply(self, node: GraphNode) -> None:
        found = []
        for primitive in _named(node):
            static = _static(primitive, node)
            if static is None:
                continue
            values = self._operands(primitive, node) | static
            y, saved = _computed(primitive, values)
            if y is not None and str(y.dtype) == node.dtype and _close(number(y), node.value):
                found.append((primitive, values, y, saved))
        if len(found) != 1:
            raise ArgumentError(f"steps: {_words(node)} {self._why(node, len(found))}")
        primitive, values, y, saved = found[0]
        y = np.dtype(str(node.dtype)).type(node.value)  # as it was, to the last digit
        self._values[node.id] = y
        self._nodes[node.id] = self._node(node, primitive, {**values, **saved}, y)

    def _why(self, node: GraphNode, candidates: int) -> str:
        if candidates:
            return (
                f"may be any of {candidates} operations that are called {node.operation!r}; give "
                "them different names"
            )
        if not _named(node):
            return (
                f"is an operation {node.operation!r} that cannot be applied anew by its name: it "
                "is not declared with @tg.primitive in this program"
            )
        leaves = [e.source for e in node.operands if self._graph.nodes[e.source].kind == "leaf"]
        if leaves:
            named = " and ".join(_words(self._graph.nodes[i]) for i in dict.fromkeys(leaves))
            return (
                f"has the value {node.value}, which its operands do not give now; if {named} has "
                "changed since, for example by an optimiser's step, compute the output again and "
                "take its graph before the next change"
            )
        return (
            f"has the value {node.value}, which cannot be computed anew from its operands and "
            f"static arguments ({node.params})"
        )

    def _operands(self, primitive: Primitive, node: GraphNode) -> dict[str, Any]:
        given = [(edge.operand, self._values[edge.source]) for edge in node.operands]
        if not primitive.weak:
            given = [(name, np.asarray(value)) for name, value in given]
        if primitive.sequence:
            return {primitive.sequence: [value for _, value in given]}
        return dict.fromkeys(primitive.operands) | dict(given)

    def _node(self, node: GraphNode, primitive: Primitive, values: dict[str, Any], y: Any) -> Node:
        """A node as the operation's own function makes one."""
        edges = node.operands
        tracked = [edge for edge in edges if edge.source in self._nodes]
        parents = [self._nodes[edge.source] for edge in tracked]
        own = Node()
        static = tuple([values[name] for name in primitive.static])
        if primitive.sequence:
            pullback = primitive.pullback(primitive.sequence)
            static += (tuple([edge.position for edge in tracked]),)
        else:
            pullback = primitive.pullback(*[edge.operand for edge in tracked])
        known = {"y": y, "shapes": [()] * len(edges)} | values
        own.pullback, own.params = pullback, static
        pullback.fill(own, parents, known)
        own.shape, own.dtype, own.value = (), y.dtype, y
        own.order = next(clock)
        return own

    # Backward

    def _locals(self, i: int, node: Node) -> Iterator[tuple[int, int, Local]]:
        """For each tracked operand: its edge, its id, and the derivative by it."""
        edges = [e for e in self._graph.nodes[i].operands if e.source in self._nodes]
        first = int(self._graph.columns.starts[i])
        pull: Any = node.pullback
        one = [number(g) for _, g in pull.on_arrays(node, node.dtype.type(1))]
        turned = [None] * len(one)
        if node.dtype.kind == "c":
            turned = [number(g) for _, g in pull.on_arrays(node, node.dtype.type(1j))]
        for edge, along, across in zip(edges, one, turned, strict=True):
            is_real = self._nodes[edge.source].dtype.kind != "c"
            yield first + edge.position, edge.source, _local(along, across, is_real)


def _local(along: Any, across: Any, is_real: bool) -> Local:
    """From what the cotangents 1 and i become; of real results, only 1 is one."""
    if across is None:
        return Local(along)
    if is_real:
        return Local(_plain(complex(along, -across)), real_part=True)
    return Local(_plain((along - 1j * across) / 2), _plain((along + 1j * across) / 2))


def _plain(z: complex) -> complex:
    return z + 0  # no negative zeros


def _part(rule: Local, ct: Any, total: Any) -> Any:
    """What goes along an edge. Of a branch that was not taken nothing, though 0 · ∞ is NaN."""
    given = rule(ct)
    return 0.0 if given != given and ct == 0 and total == total else given


def _named(node: GraphNode) -> list[Primitive]:
    return [p for p in REGISTRY.values() if p.name == node.operation and not p.several]


def _static(primitive: Primitive, node: GraphNode) -> dict[str, Any] | None:
    """Its static arguments, from how they are written on the node; None if they cannot be read."""
    parameters = primitive.signature.parameters
    found = {name: parameters[name].default for name in primitive.static}
    needed = [name for name, default in found.items() if default is inspect.Parameter.empty]
    if "index" in needed:  # stands in the label; a scalar takes no other
        needed.remove("index")
        found["index"] = ()
    try:
        call: Any = ast.parse(f"f({node.params})", mode="eval").body
        written = dict(zip(needed, call.args, strict=True))
        written |= {keyword.arg: keyword.value for keyword in call.keywords}
        for name, value in written.items():
            found[name] = str(node.dtype) if name == "dtype" else ast.literal_eval(value)
    except (ValueError, SyntaxError):  # a function, say, or a list in short
        return None
    return found


def _computed(primitive: Primitive, values: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The value, an array's scalar, and what is saved beside it; None if they do not fit."""
    call = primitive.placed(values)
    try:
        y = primitive.implementation(*call.args, **call.kwargs)
    except (ValueError, TypeError, KeyError, IndexError, ArithmeticError):
        return None, {}
    y, *saved = y if primitive.saves else (y,)
    y = np.asarray(y)
    return (y[()] if y.shape == () else None), dict(zip(primitive.saves, saved))


def _close(one: Any, other: Any) -> bool:
    return alike(one, other) or abs(one - other) <= CLOSE * abs(other)
