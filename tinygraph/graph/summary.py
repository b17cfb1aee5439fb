"""A graph in a table: how often each operation or scope, and what it costs."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from ..errors import ArgumentError
from .columns import OPERATION, PARAMETER
from .model import Graph, common

By: TypeAlias = Literal["operation", "scope"]


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """What the nodes of one operation, or of one scope, come to.

    nodes         how many operations
    elements      of its results; by scope, of the parameters that lie in it
    seconds       recorded, forward and backward together; None where nothing was
    """

    name: str
    nodes: int
    elements: int
    flops: int
    bytes_moved: int
    bytes_kept: int
    seconds: float | None


@dataclass(frozen=True, slots=True, repr=False)
class Summary:
    """A table of a graph: print it. `rows`, and `total`."""

    by: By
    rows: tuple[SummaryRow, ...]
    total: SummaryRow

    def __repr__(self) -> str:
        timed = self.total.seconds is not None
        elements = "elements" if self.by == "operation" else "parameters"
        heads = [self.by, "nodes", elements, "flops", "moved", "kept"] + ["seconds"] * timed
        lines = [heads, *(_cells(row, timed) for row in (*self.rows, self.total))]
        widths = [max(map(len, column)) for column in zip(*lines)]
        texts = [
            "  ".join([name.ljust(widths[0]), *map(str.rjust, numbers, widths[1:])])
            for name, *numbers in lines
        ]
        rule = "─" * (sum(widths) + 2 * len(widths) - 2)
        return "\n".join([texts[0], rule, *texts[1:-1], rule, texts[-1]])


def summary(self: Graph, by: By = "operation") -> Summary:
    """What the graph is made of, by operation, or by scope with all that lies inside it.

    Columns: operations; elements of their results, by scope those of parameters; floating-point
    operations (see `flops`); bytes read and written; bytes kept for backward; where `tg.record`
    measured them, seconds. Two calls of one module make one row.

    >>> w = tg.Variable(0.0, name="w")
    >>> print(tg.graph(w * w - 10 * w + 25).summary())
    operation  nodes  elements  flops  moved  kept
    ──────────────────────────────────────────────
    multiply       2         2      2   40 B   8 B
    …
    """
    if by not in ("operation", "scope"):
        raise ArgumentError(f"summary: by={by!r}; it is 'operation' or 'scope'")
    groups, keys = _by_operation(self) if by == "operation" else _by_scope(self)
    timed = any(r.seconds or r.seconds_backward for r in self.columns.records.values())
    length = int(keys.max(initial=0)) + 2  # from -1, no scope, on
    length = max(length, len(self.scopes) + 1)
    totals = [np.bincount(keys + 1, measure, length) for measure in _measures(self, by)]
    rows = [_row(name, np.array([*chosen]) + 1, totals, timed) for name, chosen in groups.items()]
    rows = [row for row in rows if row.nodes or row.elements]
    if by == "operation":
        rows.sort(key=lambda row: (-row.nodes, row.name))
    return Summary(by, tuple(rows), _row("total", slice(None), totals, timed))


def _by_operation(graph: Graph) -> tuple[dict[str, set[int]], Any]:
    """Signatures by their operation, all outputs of one that has several together."""
    groups: dict[str, set[int]] = {}
    for i, signature in enumerate(graph.columns.table):
        if signature.operation is not None:
            groups.setdefault(signature.operation, set()).add(i)
    return groups, graph.columns.signatures


def _by_scope(graph: Graph) -> tuple[dict[str, set[int]], Any]:
    """Scopes by their path, each with those inside it; last, what lies in none."""
    groups: dict[str, set[int]] = {}
    for scope in graph.scopes:
        own: int | None = scope.id
        groups.setdefault(scope.path, set())
        while own is not None:
            groups[graph.scopes[own].path].add(scope.id)
            own = graph.scopes[own].parent
    return groups | {"(no scope)": {-1}}, _with_shared_parameters(graph)


def _with_shared_parameters(graph: Graph) -> Any:
    """The scope of each node; of a parameter, also where several calls of its module use it."""
    firsts: dict[str, int] = {}
    same = [firsts.setdefault(scope.path, scope.id) for scope in graph.scopes]
    keys = graph.columns.scope.copy()
    for own in graph.parameters:
        if keys[own] == -1:
            targets = graph.targets[graph.edges_from(own)]
            users = {same[i] if i >= 0 else -1 for i in graph.columns.scope[targets].tolist()}
            keys[own] = functools.reduce(functools.partial(common, graph.scopes), users or {-1})
    return keys


def _measures(graph: Graph, by: By) -> list[Any]:
    columns = graph.columns
    kinds = np.frombuffer(columns.kinds, np.uint8)
    table, which = columns.table, columns.signatures
    sizes = np.array([_size(s.shape) for s in table], np.float64)[which]
    counted = kinds == (OPERATION if by == "operation" else PARAMETER)
    seconds = np.zeros(len(graph))
    for i, record in columns.records.items():
        seconds[i] = (record.seconds or 0) + (record.seconds_backward or 0)
    return [
        kinds == OPERATION,
        sizes * counted,
        np.array([s.flops for s in table], np.float64)[which],
        np.array([s.bytes_moved for s in table], np.float64)[which],
        columns.kept.astype(np.float64),
        seconds,
    ]


def _size(shape: Any) -> int:
    if any(isinstance(size, tuple) for size in shape):
        return sum(map(_size, shape))
    return int(np.prod(shape, dtype=np.int64))


def _row(name: str, chosen: Any, totals: list[Any], timed: bool) -> SummaryRow:
    *counts, seconds = [float(total[chosen].sum()) for total in totals]
    nodes, elements, flops, moved, kept = map(int, counts)
    return SummaryRow(name, nodes, elements, flops, moved, kept, seconds if timed else None)


def _cells(row: SummaryRow, timed: bool) -> list[str]:
    name = row.name if row.name.isprintable() else repr(row.name)
    cells = [name, f"{row.nodes:,}", f"{row.elements:,}", _scaled(row.flops)]
    cells += [_sized(row.bytes_moved), _sized(row.bytes_kept)]
    if timed and row.seconds is not None:
        cells.append(f"{row.seconds:.3g}")
    return cells


def _scaled(count: float) -> str:
    """A count in three or four digits: 950, 12.5 k, 3.21 G."""
    for unit in ("", " k", " M", " G", " T"):
        if abs(count) < 1000:
            return f"{count:.4g}{unit}"
        count /= 1000
    return f"{count:.4g} P"


def _sized(count: float) -> str:
    """Bytes: 40 B, 1.2 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.4g} {unit}"
        count /= 1000
    return f"{count:.4g} TB"


setattr(Graph, "summary", summary)  # noqa: B010 - to mypy it is a method there already
