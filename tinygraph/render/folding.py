"""The parts of a computation: its scopes, and what repeats in them, one inside the other."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph import Graph
from .outline import BoxKind
from .repeats import Run, Wires, mixed, repeats

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPERATION = 3
WORTH = 24  # boxes that folding single operations must save
WORTH_CROWDED = 8  # where there is little room, and where modules are folded: operations
FEW = 4  # outputs of an operation, if each is something else
EXTERNAL = -1  # a wire from outside its part


@dataclass(eq=False, slots=True)
class Region:
    """Operations that belong together, of several copies of equal structure.

    ops      ids, a row for each copy
    kind     as of a box; "node" for a single operation
    depth    scopes around its parts
    times    copies that follow each other in the region around it
    scopes   ids of those in the first copy of the region around it
    parts    what it is opened into, or None
    """

    ops: NDArray[Any]
    kind: BoxKind
    depth: int = 0
    times: int = 1
    scopes: tuple[int, ...] = ()
    parts: list[Region] | None = field(default=None)

    @property
    def is_closed(self) -> bool:
        """Whether there is more to see inside."""
        return self.kind != "node" and self.parts is None

    def shown(self) -> list[Region]:
        """The regions that get boxes, in order."""
        found, stack = [], [self]
        while stack:
            region = stack.pop()
            if region.parts is None:
                found.append(region)
            else:
                stack += reversed(region.parts)
        return found


class Structure:
    """A graph, prepared to be divided."""

    def __init__(self, graph: Graph) -> None:
        columns = graph.columns
        self.graph = graph
        self.is_op = np.frombuffer(columns.kinds, np.uint8) == OPERATION
        self.starts, self.sources = columns.starts, columns.sources
        self.scope = columns.scope
        table: dict[Any, int] = {}
        names = _kinds([signature.operation or "" for signature in columns.table])
        sorts = [
            table.setdefault((name, s.shape, s.dtype, len(s.operands)), len(table))
            for name, s in zip(names, columns.table)
        ]
        # Without labels and static arguments: x[0] and x[1] are alike.
        self.sort = np.array(sorts, np.int64)[columns.signatures]
        self.sort = self.sort * 4 + np.frombuffer(columns.kinds, np.uint8)

    def root(self) -> Region:
        """The whole, in one region."""
        return Region(np.flatnonzero(self.is_op)[None], "whole")

    @functools.cached_property
    def ancestors(self) -> NDArray[Any]:
        """For each depth from 0 and each scope, which scope of that depth lies around it, or -1.

        The last column is for nodes in no scope.
        """
        lines: list[list[int]] = []
        for scope in self.graph.scopes:
            around = [] if scope.parent is None else lines[scope.parent]
            lines.append([*around, scope.id])
        table = np.full((max(map(len, lines), default=0) + 1, len(lines) + 1), -1, np.int64)
        for i, line in enumerate(lines):
            table[: len(line), i] = line
        return table

    def divided(self, region: Region, *, folded: bool = True) -> Division:
        """The parts of a region; where folded, equal ones in a row together."""
        return Division(self, region, folded)


def _kinds(operations: list[str]) -> list[str]:
    """The operations, with "unstack[3]" as "unstack[]" where it has many outputs: pieces alike.

    Of few, as the values and vectors of a decomposition, each is something else.
    """
    pieces = Counter(name.partition("[")[0] for name in set(operations) if "[" in name)
    return [
        name.partition("[")[0] + "[]" if pieces[name.partition("[")[0]] > FEW else name
        for name in operations
    ]


class Division:
    """The parts of a region: inner scopes and single operations, in order, and runs of like parts.

    columns   of the region's `ops`, sorted by part
    bounds    those of part i are columns[bounds[i]:bounds[i + 1]]
    scopes    which scope each part is, or -1
    runs      what repeats
    """

    def __init__(self, structure: Structure, region: Region, folded: bool) -> None:
        self._structure, self.region = structure, region
        row = region.ops[0]
        own = structure.scope[row]
        depth = min(region.depth, len(structure.ancestors) - 1)
        inner = structure.ancestors[depth][own]
        keys = np.where(inner >= 0, inner, len(structure.graph.scopes) + np.arange(len(row)))
        _, first, part = np.unique(keys, return_index=True, return_inverse=True)
        place = np.empty(len(first), np.int64)
        place[np.argsort(first, kind="stable")] = np.arange(len(first))
        self._arrange(place[part.reshape(-1)], row, inner)
        if folded:
            order = self._beside_their_use()
            if np.any(order[1:] < order[:-1]):
                place[order] = np.arange(len(order))
                self._arrange(place[self.part], row, inner)
        self._found = repeats(self._tokens(row, own), self._wires()) if folded else []
        self.runs = [run for run in self._found if self._is_worth(run, WORTH)]

    def __len__(self) -> int:
        return len(self.scopes)

    def _arrange(self, part: NDArray[Any], row: NDArray[Any], inner: NDArray[Any]) -> None:
        """Sort by part; which scope each is; and what goes from one to another."""
        self.part = part
        self.columns = np.argsort(part, kind="stable")
        self.bounds = np.r_[0, np.cumsum(np.bincount(part))]
        self.scopes = inner[self.columns[self.bounds[:-1]]]
        self._read_edges(row)

    def _beside_their_use(self) -> NDArray[Any]:
        """The parts in an order in which single operations stand before the part they are for.

        Those with one operand and one use, as the pieces of a sequence that a loop goes through:
        made all at once, they would keep its turns from being alike. It is a topological order.
        """
        n = len(self)
        outer = self.source_part != self.target_part
        source, target = self.source_part[outer], self.target_part[outer]
        inside = source >= 0
        uses = np.bincount(source[inside], minlength=n)
        light = (np.diff(self.bounds) == 1) & (self.scopes < 0) & (uses == 1)
        light &= np.bincount(target, minlength=n) == 1
        use = np.arange(n)
        use[source[inside]] = target[inside]
        key = 2 * np.arange(n)
        for i in np.flatnonzero(light)[::-1].tolist():  # from the end on: the use has its key
            key[i] = key[use[i]] if light[use[i]] else 2 * use[i] - 1
        return np.lexsort((np.arange(n), key))

    def fold_more(self) -> None:
        """Fold also what saves little."""
        self.runs = [run for run in self._found if self._is_worth(run, WORTH_CROWDED)]

    def _is_worth(self, run: Run, least: int) -> bool:
        ops = int(self.bounds[run.stop] - self.bounds[run.start])
        modules = bool(np.any(self.scopes[run.start : run.stop] >= 0))
        return ops - ops // run.times >= (WORTH_CROWDED if modules else least)

    def _read_edges(self, row: NDArray[Any]) -> None:
        """The operand edges of the region's first copy, in the order of parts."""
        structure = self._structure
        nodes = row[self.columns]
        counts = structure.starts[nodes + 1] - structure.starts[nodes]
        self._edge_bounds = np.r_[0, np.cumsum(counts)]
        self._target = np.repeat(np.arange(len(nodes)), counts)  # among the sorted columns
        self._position = np.arange(len(self._target)) - self._edge_bounds[self._target]
        self.source = structure.sources[structure.starts[nodes][self._target] + self._position]
        found = np.minimum(np.searchsorted(row, self.source), len(row) - 1)
        inside = row[found] == self.source
        order = np.empty(len(row), np.int64)
        order[self.columns] = np.arange(len(row))
        self._from = np.where(inside, order[found], EXTERNAL)
        sorted_part = self.part[self.columns]
        self.source_part = np.where(inside, sorted_part[self._from], EXTERNAL)
        self.target_part = sorted_part[self._target]

    @property
    def _local(self) -> NDArray[Any]:
        """Where each column is in its part."""
        local: NDArray[Any] = np.arange(len(self.columns)) - self.bounds[self.part[self.columns]]
        return local

    def _tokens(self, row: NDArray[Any], own: NDArray[Any]) -> NDArray[Any]:
        """For each part a number that is the same for parts of the same structure."""
        local = self._local
        internal = self.source_part == self.target_part
        wire = np.where(internal, local[self._from], -1) * 65537 + self._position
        sums = np.r_[np.uint64(0), np.cumsum(mixed(wire), dtype=np.uint64)]
        wiring = sums[self._edge_bounds[1:]] - sums[self._edge_bounds[:-1]]
        sort = self._structure.sort[row[self.columns]] * 4096
        sort += self._names(own[self.columns])
        each = mixed(mixed(sort) + wiring * np.uint64(5) + mixed(local) * np.uint64(7))
        totals = np.add.reduceat(each, self.bounds[:-1]) if len(self) else each
        return np.unique(totals, return_inverse=True)[1].reshape(-1)

    def _names(self, own: NDArray[Any]) -> NDArray[Any]:
        """For each scope a number for its class and its names from the part's scope inward."""
        depth, scopes = self.region.depth, self._structure.graph.scopes
        table: dict[Any, int] = {(): 0}
        which, inverse = np.unique(own, return_inverse=True)
        numbers = []
        for i in which.tolist():
            words: list[Any] = []
            line = self._structure.ancestors[depth:, i].tolist() if i >= 0 else []
            for k, scope in enumerate(i for i in line if i >= 0):
                words += [scopes[scope].kind, scopes[scope].name if k else ""]
            numbers.append(table.setdefault(tuple(words), len(table)))
        return np.array(numbers, np.int64)[inverse.reshape(-1)]

    def _wires(self) -> Wires:
        """What comes to each part from outside it."""
        outer = np.flatnonzero(self.source_part != self.target_part)
        counts = np.bincount(self.target_part[outer], minlength=len(self))
        nodes, structure = self.source[outer], self._structure
        return Wires(
            np.r_[0, np.cumsum(counts)],
            nodes,
            self.source_part[outer],
            np.where(self._from[outer] >= 0, self._local[self._from[outer]], EXTERNAL),
            np.where(structure.is_op[nodes], -1, structure.sort[nodes]),
        )

    @functools.cached_property
    def pieces(self) -> list[Run]:
        """The runs, and as runs of one turn the parts between them."""
        found: list[Run] = []
        at = 0
        for run in [*self.runs, Run(len(self), 0, 0)]:
            found += [Run(i, 1, 1) for i in range(at, run.start)]
            if run.times:
                found.append(run)
            at = run.stop
        return found

    def cost(self, constants: bool) -> int:
        """How many boxes its parts would take, with the leaves and constants they use."""
        count = len(self) - sum(run.period * run.times - 1 for run in self.runs)
        kinds = np.frombuffer(self._structure.graph.columns.kinds, np.uint8)
        single = (self.scopes < 0) & (np.diff(self.bounds) == 1)
        for run in self.runs:
            if run.period == 1:
                single[run.start + 1 : run.stop] = False
            else:
                single[run.start : run.stop] = False
        leaves = self.source[single[self.target_part] & ~self._structure.is_op[self.source]]
        if not constants:
            leaves = leaves[kinds[leaves] != 2]
        return count + np.unique(leaves).size

    def regions(self) -> list[Region]:
        """The pieces as regions."""
        return [self.region_of(piece) for piece in self.pieces]

    def region_of(self, piece: Run) -> Region:
        """A piece as a region: a single operation, a scope, or a turn of a loop."""
        start, period, times = piece
        columns = self.columns[self.bounds[start] : self.bounds[piece.stop]].reshape(times, -1)
        if period > 1:
            # The order of creation, in which rows correspond as parts do.
            order = np.argsort(columns[0], kind="stable")
            return self._region(columns[:, order], "loop", self.region.depth, times)
        if self.scopes[start] >= 0:
            scopes = tuple(self.scopes[start : start + times].tolist())
            return self._region(columns, "scope", self.region.depth + 1, times, scopes)
        return self._region(columns, "node", self.region.depth, times)

    def joined(self, pieces: list[Run], kind: BoxKind) -> Region:
        """Several pieces in one closed region."""
        columns = [self.columns[self.bounds[p.start] : self.bounds[p.stop]] for p in pieces]
        return self._region(np.sort(np.concatenate(columns))[None], kind, self.region.depth)

    def _region(
        self,
        columns: NDArray[Any],
        kind: BoxKind,
        depth: int,
        times: int = 1,
        scopes: tuple[int, ...] = (),
    ) -> Region:
        ops = self.region.ops[:, columns].reshape(-1, columns.shape[1])
        return Region(ops, kind, depth, times, scopes)
