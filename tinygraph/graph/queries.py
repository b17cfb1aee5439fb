"""Asking a graph: nodes by what they are, what leads to them and from them, parts of it."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from ..errors import ArgumentError
from ..tensor import Tensor
from .columns import OPERATION, Columns
from .model import Graph, GraphNode, GraphScope

# A node, its id, the tensor that it stands for, or what `find` finds it by.
Place: TypeAlias = GraphNode | int | Tensor | str


def find(
    self: Graph, pattern: str | None = None, *, scope: str | None = None
) -> tuple[GraphNode, ...]:
    """The nodes whose operation, label or name is this; in topological order.

    pattern: "matmul", "@" or "encoder.*.weight", with * and ? as in file names.
    scope: of these only those that lie in a scope, or in one inside it: its path, with or without
        the name of the outermost module; also with * and ?.

    >>> w = tg.Variable(3.0, name="w")
    >>> [node.id for node in tg.graph(w * w + 1).find("multiply")]
    [1]
    """
    for what, given in (("pattern", pattern), ("scope", scope)):
        if given is not None and not isinstance(given, str):
            raise ArgumentError(
                f"find: {what} is {type(given).__name__}; it needs a string: find('matmul')"
            )
    candidates = range(len(self)) if scope is None else _within(self, scope)
    found = candidates if pattern is None else _matching(self, pattern, candidates)
    return tuple([self.nodes[i] for i in found])


def _matching(graph: Graph, pattern: str, candidates: Iterable[int]) -> list[int]:
    columns, fits = graph.columns, _matcher(pattern)
    by_signature = [
        fits(s.operation) or fits(s.label) or fits((s.operation or "").partition("[")[0])
        for s in columns.table
    ]
    signatures = columns.signatures.tolist()
    named = {i for i, name in columns.names.items() if fits(name)}
    return [i for i in candidates if by_signature[signatures[i]] or i in named]


def _matcher(pattern: str) -> Callable[[str | None], bool]:
    # Labels such as "[ ]" and names such as "w[0]" stand for themselves.
    escaped = pattern.replace("[", "[[]")
    return lambda text: text is not None and (text == pattern or fnmatch.fnmatchcase(text, escaped))


def _within(graph: Graph, pattern: str) -> list[int]:
    """The nodes that lie in a scope of this path, or further in."""
    fits, inside = _matcher(pattern), set()
    for scope in graph.scopes:
        below = scope.path.partition(".")[2] if graph.scopes[_root(graph, scope)].kind else ""
        if scope.parent in inside or fits(scope.path) or (below and fits(below)):
            inside.add(scope.id)
    return np.flatnonzero(np.isin(graph.columns.scope, list(inside))).tolist()


def _root(graph: Graph, scope: GraphScope) -> int:
    while scope.parent is not None:
        scope = graph.scopes[scope.parent]
    return scope.id


def upstream(self: Graph, place: Place) -> tuple[GraphNode, ...]:
    """All that a node was computed from, not itself; in topological order.

    place: a node, its id, its tensor, or a name or operation that only one node has.
    """
    start = _one(self, place)
    reached = _backward(self, [start])
    reached[start] = False
    return tuple([self.nodes[i] for i in np.flatnonzero(reached).tolist()])


def downstream(self: Graph, place: Place) -> tuple[GraphNode, ...]:
    """All that was computed from a node, not itself; in topological order."""
    start = _one(self, place)
    reached = _forward(self, [start])
    reached[start] = False
    return tuple([self.nodes[i] for i in np.flatnonzero(reached).tolist()])


def _backward(graph: Graph, targets: Iterable[int]) -> Any:
    reached = np.zeros(len(graph), bool)
    starts, sources = graph.columns.starts.tolist(), graph.columns.sources.tolist()
    stack = list(targets)
    reached[stack] = True
    flags = bytearray(reached.tobytes())
    while stack:
        own = stack.pop()
        for source in sources[starts[own] : starts[own + 1]]:
            if not flags[source]:
                flags[source] = 1
                stack.append(source)
    return np.frombuffer(flags, bool).copy()


def _forward(graph: Graph, sources: Iterable[int]) -> Any:
    flags = bytearray(len(graph))
    for own in sources:
        flags[own] = 1
    starts, before = graph.columns.starts.tolist(), graph.columns.sources.tolist()
    for target in range(min(sources, default=0), len(graph)):
        if not flags[target]:
            for source in before[starts[target] : starts[target + 1]]:
                if flags[source]:
                    flags[target] = 1
                    break
    return np.frombuffer(flags, bool).copy()


def subgraph(
    self: Graph,
    *,
    between: tuple[Any, Any] | None = None,
    scope: str | None = None,
    nodes: Iterable[Place] | None = None,
) -> Graph:
    """A part of the graph, as a graph of its own with ids of its own.

    between: (a, b): what lies on a way from a to b, both included. Each is a node, an id, a tensor,
        a string for all nodes that `find` finds by it, or a list of such.
    scope: the nodes of a scope and of those inside it, as in `find`, with the leaves and constants
        they use.
    nodes: just these.
    What the part was computed from beyond itself is left out, with its edges: an operation there
    may have fewer operands. Outputs are those that lie in it, and what is used outside of it.
    Raises ArgumentError where nothing is found, or there is no way from a to b.
    """
    given = [name for name, x in (("between", between), ("scope", scope), ("nodes", nodes))
             if x is not None]  # fmt: skip
    if len(given) != 1:
        raise ArgumentError(
            "subgraph: it needs one of between=(a, b), scope='encoder' and nodes=[…]; "
            f"{' and '.join(given) or 'nothing'} came"
        )
    if between is not None:
        if not isinstance(between, (tuple, list)) or len(between) != 2:
            raise ArgumentError("subgraph: between needs two ends, as in between=(x, loss)")
        ends = [_places(self, end) for end in between]
        chosen = _forward(self, ends[0]) & _backward(self, ends[1])
        if not chosen.any():
            raise ArgumentError(
                f"subgraph: no way leads from {between[0]!r} to {between[1]!r}; is it the other "
                "way round? The first is what the second was computed from"
            )
    elif scope is not None:
        inside = _within(self, scope)
        if not inside:
            paths = ", ".join(dict.fromkeys([s.path for s in self.scopes][:8])) or "none"
            raise ArgumentError(
                f"subgraph: no node lies in the scope {scope!r}; scopes here: {paths}"
            )
        chosen = np.zeros(len(self), bool)
        chosen[inside] = True
        used = self.columns.sources[chosen[self.targets]]
        kinds = np.frombuffer(self.columns.kinds, np.uint8)
        chosen[used[kinds[used] != OPERATION]] = True
    else:
        assert nodes is not None
        chosen = np.zeros(len(self), bool)
        chosen[[i for place in nodes for i in _places(self, place)]] = True
    return _part(self, chosen)


def _part(graph: Graph, chosen: Any) -> Graph:
    """The nodes that are chosen, and the edges between them."""
    columns = graph.columns
    old = np.flatnonzero(chosen)
    new = np.cumsum(chosen) - 1
    inner = chosen[graph.targets] & chosen[columns.sources]
    crossing = ~chosen[graph.targets] & chosen[columns.sources]
    is_output = np.zeros(len(graph), bool)
    is_output[columns.sources[crossing]] = True
    kinds = np.frombuffer(columns.kinds, np.uint8)
    is_output &= kinds == OPERATION
    listed = [i for i in graph.outputs if chosen[i]]
    listed += [i for i in np.flatnonzero(is_output).tolist() if i not in set(listed)]
    counts = np.bincount(new[graph.targets[inner]], minlength=len(old))
    table, signatures = _fewer_operands(graph, inner, old)
    scope, scopes = _fewer_scopes(graph, columns.scope[old])
    ids = {int(i): k for k, i in enumerate(old)}

    def kept(entries: dict[int, Any]) -> dict[int, Any]:
        return {ids[i]: entry for i, entry in entries.items() if i in ids}

    part = Columns(
        kinds=kinds[old].tobytes(),
        table=table,
        signatures=signatures,
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        sources=new[columns.sources[inner]],
        scope=scope,
        kept=columns.kept[old],
        order=columns.order[old],
        names=kept(columns.names),
        values=kept(columns.values),
        gradients=kept(columns.gradients),
        sites=kept(columns.sites),
        records=kept(columns.records),
    )
    return Graph(part, tuple([ids[i] for i in listed]), scopes)


def _fewer_operands(graph: Graph, inner: Any, old: Any) -> tuple[Any, Any]:
    """Signatures in which operands that are left out no longer stand."""
    columns = graph.columns
    signatures = columns.signatures[old].copy()
    table = {signature: i for i, signature in enumerate(columns.table)}
    cut = np.unique(graph.targets[~inner])
    positions = {int(i): k for k, i in enumerate(old)}
    for target in cut.tolist():
        if target in positions:
            first, last = columns.starts[target : target + 2]
            signature = columns.table[columns.signatures[target]]
            names = tuple([n for n, k in zip(signature.operands, inner[first:last]) if k])
            signature = signature._replace(operands=names)
            signatures[positions[target]] = table.setdefault(signature, len(table))
    used = np.unique(signatures)
    every = list(table)
    return tuple([every[i] for i in used.tolist()]), np.searchsorted(used, signatures)


def _fewer_scopes(graph: Graph, scope: Any) -> tuple[Any, tuple[GraphScope, ...]]:
    needed: set[int] = set()
    for found in np.unique(scope).tolist():
        own: int | None = found if found >= 0 else None
        while own is not None and own not in needed:
            needed.add(own)
            own = graph.scopes[own].parent
    ids = {old: new for new, old in enumerate(sorted(needed))}
    ids_array = np.array([ids.get(i, -1) for i in range(len(graph.scopes))] + [-1], np.int32)
    scopes = [
        replace(s, id=ids[s.id], parent=None if s.parent is None else ids[s.parent])
        for s in graph.scopes
        if s.id in ids
    ]
    return ids_array[scope], tuple(scopes)


def _places(graph: Graph, place: Any) -> list[int]:
    """The ids that are meant; at least one."""
    if isinstance(place, (list, tuple)):
        return [i for item in place for i in _places(graph, item)]
    if isinstance(place, str):
        found = [node.id for node in find(graph, place)]
        if not found:
            raise ArgumentError(
                f"graph: no node has {place!r} for its name, operation or label; operations here: "
                f"{', '.join(list(graph.counts)[:8])}"
            )
        return found
    return [_one(graph, place)]


def _one(graph: Graph, place: Any) -> int:
    """The id of a single node."""
    if isinstance(place, GraphNode):
        place = place.id
    if isinstance(place, (int, np.integer)) and not isinstance(place, bool):
        if not 0 <= place < len(graph):
            raise ArgumentError(f"graph: no node has the id {place}; there are {len(graph):,}")
        return int(place)
    if type(place) is Tensor:
        if place.node is not None:
            own = np.flatnonzero(graph.columns.order == place.node.order)
            if len(own):
                return int(own[0])
        raise ArgumentError(f"graph: {place.described()} is not part of this graph")
    if isinstance(place, str):
        found = _places(graph, place)
        if len(found) == 1:
            return found[0]
        raise ArgumentError(
            f"graph: {len(found)} nodes have {place!r} for their name, operation or label; one is "
            "needed: give one of graph.find(…), or its id"
        )
    raise ArgumentError(
        f"graph: {type(place).__name__} stands for no node; give a node, its id, its tensor, or a "
        "name"
    )


for function in (find, upstream, downstream, subgraph):
    setattr(Graph, function.__name__, function)
