"""Graph: a computation as nodes and edges, a value to walk, compare and draw.

A graph of a million nodes is kept in columns. Its nodes and edges are made when they are asked for:
`graph.nodes[3]` is a view of row 3, and equal to every other view of it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ..recording import NOTHING, Record
from ..tracing import Site
from .columns import CONSTANT, LEAF, PARAMETER, Columns, Rows, Signature, alike
from .deferred import Deferred

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..render import picture, steps, viewer
    from . import exchange, queries, summary

Kind: TypeAlias = Literal["leaf", "constant", "operation"]
KINDS: tuple[Kind, ...] = ("leaf", "leaf", "constant", "operation")


@dataclass(frozen=True, slots=True)
class GraphScope:
    """One call of a module or of a function with a scope, or one entry of a `with tg.scope` block.

    id       its position in `Graph.scopes`, larger than its parent's
    path     names from the outermost scope to this one, joined by dots: "Model.encoder.0"
    name     what it adds to its parent's path
    parent   id of the scope around it, or None
    kind     a module's class, "Dense"; else None
    call     how many scopes in this graph have the same path and come before: 0 for the first
    """

    id: int
    path: str
    name: str
    parent: int | None
    kind: str | None
    call: int


def common(scopes: Sequence[GraphScope], one: int, other: int) -> int:
    """The innermost scope around both; -1 stands for none."""
    while one != other:
        if one > other:  # a parent has the smaller number
            one, other = other, one
        if other == -1:
            return -1
        parent = scopes[other].parent
        other = -1 if parent is None else parent
    return one


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """A value on its way: from the node that made it to an operand of the node that uses it.

    position, operand: which operand it is, counted from 0, and its name.
    """

    source: int
    target: int
    position: int
    operand: str


class GraphNode:
    """One node of a `Graph`: a leaf, an operation, or an operand that is not differentiated."""

    __slots__ = ("_graph", "id")

    id: int

    def __init__(self, graph: Graph, id: int) -> None:
        self._graph, self.id = graph, id

    # What it is

    @property
    def kind(self) -> Kind:
        """One of "leaf": gradients are kept here; "constant": none flow here; "operation"."""
        return KINDS[self._graph.columns.kinds[self.id]]

    @property
    def is_parameter(self) -> bool:
        """Whether it is a leaf that belongs to a module."""
        return self._graph.columns.kinds[self.id] == PARAMETER

    @property
    def is_output(self) -> bool:
        """Whether it is one of the tensors that were asked for."""
        return self.id in self._graph.output_set

    @property
    def is_tracked(self) -> bool:
        """Whether gradients flow to it: it is no constant."""
        return self._graph.columns.kinds[self.id] != CONSTANT

    @property
    def operation(self) -> str | None:
        """How it was computed, "multiply" or "split[1]"; None unless kind is "operation"."""
        return self._signature.operation

    @property
    def label(self) -> str:
        """What stands on the picture: an operation's symbol; else name, value or shape."""
        signature = self._signature
        if signature.label is not None:
            return signature.label
        return self.name or str(signature.shape if self.value is None else self.value)

    @property
    def params(self) -> str:
        """The static arguments that differ from their defaults: "axis=0"."""
        return self._signature.params

    @property
    def name(self) -> str | None:
        """Given by the user or a module, or None."""
        return self._graph.columns.names.get(self.id)

    @property
    def shape(self) -> Any:
        """Of the value; a tuple of shapes where an operation has several outputs."""
        return self._signature.shape

    @property
    def dtype(self) -> str | tuple[str, ...] | None:
        """Its name, likewise; None for a Python number, which adapts to what it meets."""
        return self._signature.dtype

    # Where it comes from

    @property
    def scope(self) -> str:
        """The dotted path of the scope it was made in, "Model.encoder.0"; "" for none."""
        own = self.scope_id
        return "" if own is None else self._graph.scopes[own].path

    @property
    def scope_id(self) -> int | None:
        """Which of `Graph.scopes` it was made in: two calls of one module are two scopes.

        Of a parameter or a constant, the innermost scope around all that use it.
        """
        own = int(self._graph.columns.scope[self.id])
        return None if own < 0 else own

    @property
    def site(self) -> Site | None:
        """The user's call: file, line and function, where it was recorded (`tg.record`)."""
        return self._graph.columns.sites.get(self.id)

    @property
    def operands(self) -> tuple[GraphEdge, ...]:
        """The edges to it, in the order of its operands."""
        columns = self._graph.columns
        first, last = int(columns.starts[self.id]), int(columns.starts[self.id + 1])
        return tuple([self._graph.edges[i] for i in range(first, last)])

    @property
    def uses(self) -> tuple[GraphEdge, ...]:
        """The edges from it, in the order of those that use it."""
        return tuple([self._graph.edges[i] for i in self._graph.edges_from(self.id)])

    # What it holds

    @property
    def value(self) -> Any:
        """Of a scalar, a Python number; else None."""
        return self._graph.columns.values.get(self.id)

    @property
    def gradient(self) -> Any:
        """Of a scalar, a Python number; None elsewhere, and where it was not computed."""
        return self._graph.columns.gradients.get(self.id, (None, None))[0]

    @property
    def gradient_norm(self) -> float | None:
        """Euclidean norm of the gradient, of any shape; None where it is not known.

        Known of leaves and scalars after `backward()`, of all others if that was recorded.
        """
        norm = self._graph.columns.gradients.get(self.id, (None, None))[1]
        if norm is None and self.recorded.gradient_statistics is not None:
            return self.recorded.gradient_statistics.norm
        return norm

    @property
    def recorded(self) -> Record:
        """What `tg.record` kept of it: values or statistics, forward and backward; seconds."""
        return self._graph.columns.records.get(self.id, NOTHING)

    # What it costs

    @property
    def bytes_kept(self) -> int:
        """Of the arrays that it keeps for backward; of one kept by several, the first counts it.

        Not those of leaves, which are there anyway. 0 once backward has released them.
        """
        return int(self._graph.columns.kept[self.id])

    @property
    def flops(self) -> int:
        """Floating-point operations of its forward call, an estimate: see `Graph.flops`."""
        return self._signature.flops

    @property
    def bytes_moved(self) -> int:
        """Of the arrays that its forward call reads and writes, each once."""
        return self._signature.bytes_moved

    @property
    def _signature(self) -> Signature:
        columns = self._graph.columns
        return columns.table[int(columns.signatures[self.id])]

    def _state(self) -> tuple[Any, ...]:
        return (self.id, self._signature, self.kind, self.is_parameter, self.is_output, self.name,
                self.value, self.gradient, self.gradient_norm, self.scope, self.scope_id,
                self.bytes_kept, self.site)  # fmt: skip

    def __eq__(self, other: object) -> bool:
        if type(other) is not GraphNode:
            return NotImplemented
        same = self._graph is other._graph and self.id == other.id
        return same or alike(self._state(), other._state())

    def __hash__(self) -> int:
        return hash((self.id, self._signature))

    def __repr__(self) -> str:
        what = self.operation or ("parameter" if self.is_parameter else self.kind)
        name = f" {self.name!r}" if self.name else ""
        value = "" if self.value is None else f" = {self.value}"
        scope = f" in {self.scope}" if self.scope else ""
        dtype = f" {self.dtype}" if isinstance(self.dtype, str) else ""
        return f"<GraphNode {self.id} {what}{name} {self.shape}{dtype}{value}{scope}>"


class Graph:
    """What some tensors were computed from, as it was when `tg.graph` was called.

    nodes    in topological order; `nodes[i].id == i`
    edges    one per use of a value, by target and position: `w * w` has two
    outputs  ids of the tensors that were asked for, in that order
    scopes   the calls of modules and the `tg.scope`s in which nodes lie, outer ones first

    Nothing of it changes: after `backward()`, take a new one. It holds no array, but those that
    `tg.record(values=True)` kept.
    """

    if TYPE_CHECKING:  # drawing, one floor up, hangs these on
        to_dot = picture.to_dot
        render = picture.render
        _repr_mimebundle_ = picture.mimebundle
        to_html = viewer.to_html
        steps = steps.steps
        # and these the files beside this one
        find = queries.find
        subgraph = queries.subgraph
        upstream = queries.upstream
        downstream = queries.downstream
        summary = summary.summary
        to_dict = exchange.to_dict
        to_json = exchange.to_json
        to_networkx = exchange.to_networkx
        from_dict = staticmethod(exchange.from_dict)
    else:
        to_dot = Deferred("tinygraph.render.picture")
        render = Deferred("tinygraph.render.picture")
        _repr_mimebundle_ = Deferred("tinygraph.render.picture")
        to_html = Deferred("tinygraph.render.viewer")
        steps = Deferred("tinygraph.render.steps")
        find = Deferred("tinygraph.graph.queries")
        subgraph = Deferred("tinygraph.graph.queries")
        upstream = Deferred("tinygraph.graph.queries")
        downstream = Deferred("tinygraph.graph.queries")
        summary = Deferred("tinygraph.graph.summary")
        to_dict = Deferred("tinygraph.graph.exchange")
        to_json = Deferred("tinygraph.graph.exchange")
        to_networkx = Deferred("tinygraph.graph.exchange")
        from_dict = Deferred("tinygraph.graph.exchange")

    def __init__(
        self, columns: Columns, outputs: tuple[int, ...], scopes: tuple[GraphScope, ...]
    ) -> None:
        self.columns, self.outputs, self.scopes = columns, outputs, scopes

    @functools.cached_property
    def nodes(self) -> Rows[GraphNode]:
        """All nodes, operands before what uses them."""
        return Rows(len(self), functools.partial(GraphNode, self))

    @functools.cached_property
    def edges(self) -> Rows[GraphEdge]:
        """All edges, by target and position."""
        return Rows(len(self.columns.sources), self._edge)

    def _edge(self, index: int) -> GraphEdge:
        columns = self.columns
        target = int(self.targets[index])
        position = index - int(columns.starts[target])
        operand = columns.table[columns.signatures[target]].operands[position]
        return GraphEdge(int(columns.sources[index]), target, position, operand)

    @functools.cached_property
    def targets(self) -> NDArray[Any]:
        """The target of each edge, in their order; as `columns.sources` has their sources."""
        return np.repeat(np.arange(len(self)), np.diff(self.columns.starts))

    @functools.cached_property
    def output_set(self) -> frozenset[int]:
        """The outputs, to look one up in."""
        return frozenset(self.outputs)

    @functools.cached_property
    def _by_source(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The edges sorted by source, and where each node's begin."""
        sources = self.columns.sources
        order = np.argsort(sources, kind="stable")
        counts = np.bincount(sources, minlength=len(self))
        return order, np.concatenate([[0], np.cumsum(counts)])

    def edges_from(self, node: int) -> list[int]:
        """Positions among the edges of those that leave a node."""
        order, starts = self._by_source
        found: list[int] = order[starts[node] : starts[node + 1]].tolist()
        return found

    def _ids(self, *kinds: int) -> tuple[int, ...]:
        codes = np.frombuffer(self.columns.kinds, np.uint8)
        return tuple(np.flatnonzero(np.isin(codes, kinds)).tolist())

    @functools.cached_property
    def inputs(self) -> tuple[int, ...]:
        """Ids of all leaves: what the outputs can be differentiated with respect to."""
        return self._ids(LEAF, PARAMETER)

    @functools.cached_property
    def parameters(self) -> tuple[int, ...]:
        """Ids of the leaves that belong to modules."""
        return self._ids(PARAMETER)

    @functools.cached_property
    def constants(self) -> tuple[int, ...]:
        """Ids of operands that are not differentiated: numbers and arrays, one for each use."""
        return self._ids(CONSTANT)

    @functools.cached_property
    def counts(self) -> dict[str, int]:
        """How many nodes come of each operation, by name, the most frequent first."""
        ids, counts = np.unique(self.columns.signatures, return_counts=True)
        totals: dict[str, int] = {}
        for i, count in zip(ids.tolist(), counts.tolist()):
            operation = self.columns.table[i].operation
            if operation is not None:
                totals[operation] = totals.get(operation, 0) + count
        return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))

    # What it costs

    @functools.cached_property
    def flops(self) -> int:
        """Floating-point operations of the forward computation, an estimate.

        Each operation declares its own (`flops=` of `tg.primitive`): 2mnk for a product of (m, k)
        and (k, n), 2/3 n³ and the like for factorisations, 5 n log2 n for an FFT, 0 where data is
        only moved. Else it is one for each element of the result if it works element by element,
        also where that is an exponential; and one for each element of the largest array if not, as
        for a sum. Backward takes about twice as many.
        """
        return self._total([signature.flops for signature in self.columns.table])

    @functools.cached_property
    def bytes_moved(self) -> int:
        """Of the arrays that operations read and write, each once for each operation."""
        return self._total([signature.bytes_moved for signature in self.columns.table])

    @functools.cached_property
    def bytes_kept(self) -> int:
        """Of all arrays that are kept for backward, each counted once, leaves not counted."""
        return int(self.columns.kept.sum())

    def _total(self, each: list[int]) -> int:
        counts = np.bincount(self.columns.signatures, minlength=len(each)).tolist()
        return sum(count * size for count, size in zip(counts, each))

    # As a value

    def __len__(self) -> int:
        return len(self.columns.kinds)

    def __eq__(self, other: object) -> bool:
        if type(other) is not Graph:
            return NotImplemented
        return self is other or (
            self.outputs == other.outputs
            and self.scopes == other.scopes
            and self.columns.same(other.columns)
        )

    def __hash__(self) -> int:
        return hash((self.columns.kinds, self.outputs, self.columns.sources.tobytes()))

    def __repr__(self) -> str:
        counts = {"leaf": len(self.inputs), "constant": len(self.constants)}
        counts["operation"] = len(self) - sum(counts.values())
        plurals = {"leaf": "leaves"}
        words = [
            f"{n:,} {kind if n == 1 else plurals.get(kind, kind + 's')}"
            for kind, n in counts.items()
            if n
        ]
        outputs = ", ".join(self.nodes[i].name or self.nodes[i].label for i in self.outputs)
        return f"<Graph of {outputs}: {', '.join(words)}>"
