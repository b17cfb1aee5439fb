"""graph_diff: what two runs have in common, and what one did and the other did not."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .aligning import aligned
from .building import graph
from .columns import alike
from .deferred import Deferred
from .model import Graph, GraphEdge, GraphNode

if TYPE_CHECKING:
    from ..render import difference

MOST_LINES = 12  # of a kind, in the summary


@dataclass(frozen=True, slots=True)
class Change:
    """A node that both graphs have, and in what it differs.

    before, after   as it is in the first graph, and in the second
    what            by name, what it was and what it is: {"shape": ((2, 3), (4, 3))}. Names are
                    "kind", "shape", "dtype", "params", "value" (of a number in the program),
                    "name" (of an input), "scope", "output" (whether it was asked for), "operands"
                    (names or operations, where others or in another order)
    """

    before: GraphNode
    after: GraphNode
    what: dict[str, tuple[Any, Any]]

    def __str__(self) -> str:
        changes = [f"{name} {_text(old)} → {_text(new)}" for name, (old, new) in self.what.items()]
        return f"{_place(self.before)} → {_words(self.after)}: {', '.join(changes)}"


class GraphDiff:
    """Two graphs, and which of their nodes correspond. True if they differ.

    a, b      the graphs
    pairs     ids of nodes that correspond, (in a, in b)
    Every node of a is in one of `removed`, `changed` and `same`, every node of b in one of `added`,
    `changed` and `same`. Nothing of it changes.
    """

    if TYPE_CHECKING:  # drawing, one floor up, hangs these on
        to_dot = difference.to_dot
        render = difference.render
        _repr_mimebundle_ = difference.mimebundle
    else:
        to_dot = Deferred("tinygraph.render.difference")
        render = Deferred("tinygraph.render.difference")
        _repr_mimebundle_ = Deferred("tinygraph.render.difference")

    def __init__(self, a: Graph, b: Graph, pairs: tuple[tuple[int, int], ...]) -> None:
        self.a, self.b, self.pairs = a, b, pairs

    @functools.cached_property
    def _to_b(self) -> dict[int, int]:
        return dict(self.pairs)

    @functools.cached_property
    def _to_a(self) -> dict[int, int]:
        return {j: i for i, j in self.pairs}

    @functools.cached_property
    def added(self) -> tuple[GraphNode, ...]:
        """Nodes that only b has."""
        return tuple([node for node in self.b.nodes if node.id not in self._to_a])

    @functools.cached_property
    def removed(self) -> tuple[GraphNode, ...]:
        """Nodes that only a has."""
        return tuple([node for node in self.a.nodes if node.id not in self._to_b])

    @functools.cached_property
    def changed(self) -> tuple[Change, ...]:
        """Nodes that both have, and that differ."""
        return tuple([change for change in self._compared if change.what])

    @functools.cached_property
    def same(self) -> tuple[tuple[GraphNode, GraphNode], ...]:
        """Nodes that are the same in both: in a, and in b."""
        return tuple([(c.before, c.after) for c in self._compared if not c.what])

    @functools.cached_property
    def _compared(self) -> tuple[Change, ...]:
        nodes = self.a.nodes, self.b.nodes
        return tuple(
            [Change(nodes[0][i], nodes[1][j], self._differences(i, j)) for i, j in self.pairs]
        )

    @functools.cached_property
    def removed_edges(self) -> tuple[GraphEdge, ...]:
        """Edges that only a has, with the ids of its nodes."""
        return _unlike(self.a, self.b, self._to_b)

    @functools.cached_property
    def added_edges(self) -> tuple[GraphEdge, ...]:
        """Edges that only b has, with the ids of its nodes."""
        return _unlike(self.b, self.a, self._to_a)

    def _differences(self, i: int, j: int) -> dict[str, tuple[Any, Any]]:
        a, b = self.a, self.b
        one, other = a.columns, b.columns
        found: dict[str, tuple[Any, Any]] = {}
        before, after = one.table[one.signatures[i]], other.table[other.signatures[j]]
        if one.kinds[i] != other.kinds[j]:
            found["kind"] = _kind(a.nodes[i]), _kind(b.nodes[j])
        if before != after:
            for name in ("shape", "dtype", "params"):
                old, new = getattr(before, name), getattr(after, name)
                if old != new:
                    found[name] = old, new
        if before.label is None:
            values = one.values.get(i), other.values.get(j)
            if before.dtype is None and after.dtype is None and not alike(*values):
                found["value"] = values
            names = one.names.get(i), other.names.get(j)
            if names[0] != names[1] and None not in names:
                found["name"] = names
        elif before.label != after.label:  # an index stands in it
            found["params"] = before.label, after.label
        for name, old, new in (
            ("scope", a.nodes[i].scope, b.nodes[j].scope),
            ("output", i in a.output_set, j in b.output_set),
        ):
            if old != new:
                found[name] = old, new
        if self._rewired(i, j):
            found["operands"] = _operands(a.nodes[i]), _operands(b.nodes[j])
        return found

    def _rewired(self, i: int, j: int) -> bool:
        """Whether it has other operands than before, of which none was added or removed."""
        before, after = _sources(self.a, i), _sources(self.b, j)
        if len(before) != len(after):
            return True
        return any(self._to_b.get(p, q) != q and q in self._to_a for p, q in zip(before, after))

    def __bool__(self) -> bool:
        return len(self.pairs) < max(len(self.a), len(self.b)) or bool(
            self.changed or self.added_edges or self.removed_edges
        )

    def __eq__(self, other: object) -> bool:
        if type(other) is not GraphDiff:
            return NotImplemented
        return (self.a, self.b, self.pairs) == (other.a, other.b, other.pairs)

    def __hash__(self) -> int:
        return hash((self.a, self.b, self.pairs))

    def __repr__(self) -> str:
        return f"<GraphDiff: {self._counts()}>"

    def _counts(self) -> str:
        counts = {"removed": len(self.removed), "added": len(self.added),
                  "changed": len(self.changed), "the same": len(self.same)}  # fmt: skip
        return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)

    def __str__(self) -> str:
        if not self:
            return f"The graphs are alike: {len(self.pairs):,} nodes"
        lines = [f"The graphs differ: {self._counts()}"]
        lines += _listed("−", self.removed, [_words(node) for node in self.removed[:MOST_LINES]])
        lines += _listed("+", self.added, [_words(node) for node in self.added[:MOST_LINES]])
        after = [change.after for change in self.changed]
        lines += _listed("~", after, [str(change) for change in self.changed[:MOST_LINES]])
        if len(lines) == 1:
            lines.append(f"{len(self.added_edges):,} edges lead elsewhere")
        return "\n".join(lines)


def graph_diff(a: Any, b: Any) -> GraphDiff:
    """What two computations have in common and in what they differ; to be printed, or drawn.

    a, b: graphs, or what `tg.graph` takes: tensors, also in lists, tuples and dicts.

    Nodes correspond that were computed in the same way, or lead to the same, by operation, name,
    scope and neighbours. Values of tensors make no difference, those of numbers in the program do.
    `graph_diff(b, a)` is the same with removed and added in each other's place. 10,000 nodes on
    either side take about a second.
    Raises ArgumentError for anything else.

    >>> x = tg.Variable(2.0, name="x")
    >>> print(tg.graph_diff(np.tanh(x) * 2, np.sin(x) * 3))
    The graphs differ: 1 removed, 1 added, 1 changed, 2 the same
    − 1 tanh () float64
    + 1 sin () float64
    ~ 2 → 2 number 3: value 2 → 3
    """
    graphs = [x if isinstance(x, Graph) else graph(x) for x in (a, b)]
    return GraphDiff(graphs[0], graphs[1], tuple(aligned(*graphs)))


def _sources(of: Graph, i: int) -> list[int]:
    first, last = of.columns.starts[i : i + 2].tolist()
    found: list[int] = of.columns.sources[first:last].tolist()
    return found


def _unlike(one: Graph, other: Graph, partner: dict[int, int]) -> tuple[GraphEdge, ...]:
    """The edges of a graph to which the other has none that corresponds."""
    found = []
    starts, sources = one.columns.starts.tolist(), one.columns.sources.tolist()
    for i in range(len(one)):
        first, last = starts[i], starts[i + 1]
        if first == last:
            continue
        there = _sources(other, partner[i]) if i in partner else []
        elsewhere = Counter(there) if len(there) != last - first else None
        for k in range(first, last):
            expected = partner.get(sources[k], -1)
            if elsewhere is None:
                kept = there[k - first] == expected
            else:
                kept = elsewhere[expected] > 0
                elsewhere[expected] -= kept
            if not kept:
                found.append(one.edges[k])
    return tuple(found)


# Words


def _kind(node: GraphNode) -> str:
    return "parameter" if node.is_parameter else node.kind


def _operands(node: GraphNode) -> tuple[str, ...]:
    nodes = [node._graph.nodes[edge.source] for edge in node.operands]
    return tuple([n.name or n.operation or n.label for n in nodes])


def _text(x: Any) -> str:
    if isinstance(x, tuple) and x and all(isinstance(item, str) for item in x):
        return f"({', '.join(x)})"
    return "none" if x in ("", None) else str(x)


def _place(node: GraphNode) -> str:
    return str(node.id)


def _words(node: GraphNode) -> str:
    """A node in a line, as in its repr."""
    parts = [str(node.id), node.operation or _kind(node)]
    if node.dtype is None:
        return f"{node.id} number {node.value}"
    if node.params:
        parts[1] += f"({node.params})"
    if node.name:
        parts.append(repr(node.name))
    parts.append(str(node.shape))
    if isinstance(node.dtype, str):
        parts.append(node.dtype)
    if node.scope:
        parts.append(f"in {node.scope}")
    if node.site is not None:
        parts.append(f"at {node.site.file}:{node.site.line}")
    return " ".join(parts)


def _listed(mark: str, nodes: Sequence[GraphNode], lines: list[str]) -> list[str]:
    """Some of them line by line, and of the others how many there are of each."""
    marked = [f"{mark} {line}" for line in lines]
    rest = nodes[len(lines) :]
    if rest:
        ranked = Counter(node.operation or _kind(node) for node in rest).most_common(4)
        most = ", ".join(f"{count:,} {what}" for what, count in ranked[:3])
        marked.append(f"{mark} … {len(rest):,} more: {most}{', …' * (len(ranked) > 3)}")
    return marked
