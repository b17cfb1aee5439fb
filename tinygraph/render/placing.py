"""From opened regions to an outline: boxes in groups, leaves beside what uses them, links."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph import Graph
from .folding import Region, Structure
from .outline import Box, Group, GroupKind, Link, Outline
from .repeats import mixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAF, PARAMETER, CONSTANT = range(3)
MOST_PLACES = 12  # operands that each enter an operation at a place of their own


def placed(structure: Structure, root: Region, constants: bool, most_leaves: int) -> Outline:
    """The outline of a graph whose regions are opened as they shall be.

    most_leaves: of boxes for leaves and constants, from which on they share boxes.
    """
    placing = _Placing(structure, root)
    placing.place_leaves(constants, most_leaves)
    return placing.outline()


class _Placing:
    def __init__(self, structure: Structure, root: Region) -> None:
        self.graph: Graph = structure.graph
        self._structure = structure
        self.boxes: list[Box] = []
        self.groups: list[Group] = []
        self.home = np.full(len(self.graph), -1, np.int64)
        self.copy = np.full(len(self.graph), -1, np.int64)
        self.hidden: tuple[int, ...] = ()
        self._enter(root)

    # Operations

    def _enter(self, root: Region) -> None:
        stack: list[tuple[Region, int | None]] = [(root, None)]
        while stack:
            region, group = stack.pop()
            if region.parts is None:
                self._box(region, group)
                continue
            if region.kind in ("scope", "loop"):
                group = self._group(region, group)
            stack += [(part, group) for part in reversed(region.parts)]

    def _group(self, region: Region, parent: int | None) -> int:
        kind: GroupKind = "loop" if region.kind == "loop" else "scope"
        key = f"cluster_{len(self.groups)}_{kind}_{region.ops[0, 0]}"
        self.groups.append(Group(key, kind, parent, len(region.ops), region.times, region.scopes))
        return len(self.groups) - 1

    def _box(self, region: Region, group: int | None) -> None:
        if not region.ops.size:
            return
        own = len(self.boxes)
        self.home[region.ops] = own
        self.copy[region.ops] = np.arange(len(region.ops))[:, None]
        letter = "n" if region.kind == "node" else "g"
        nodes = tuple(region.ops.ravel().tolist())
        key = f"{letter}{nodes[0]}"
        self.boxes.append(
            Box(key, region.kind, nodes, (), len(region.ops), region.times, group, region.scopes)
        )

    # Leaves and constants

    def place_leaves(self, constants: bool, most: int) -> None:
        """Give them homes: in the closed box that alone uses them, else in boxes of their own.

        Those that are used alike, one in each copy of a repeated part, share a box.
        """
        kinds = np.frombuffer(self.graph.columns.kinds, np.uint8)
        leaves = np.flatnonzero(~self._structure.is_op)
        if not constants:
            self.hidden = tuple(leaves[kinds[leaves] == CONSTANT].tolist())
            leaves = leaves[kinds[leaves] != CONSTANT]
        self._uses(leaves)
        outputs = np.zeros(len(self.graph), bool)
        outputs[list(self.graph.outputs)] = True
        self._hold(leaves[(kinds[leaves] != LEAF) & ~outputs[leaves]])
        free = leaves[self.home[leaves] < 0]
        keys = self._keys(free, outputs)
        for by_sort in (True, False):  # then wherever they enter, then of all shapes together
            if np.unique(keys).size > most:
                self._position[:] = 0
                keys = self._keys(free, outputs, by_sort)
        if np.unique(keys).size > most:
            keys = np.where(outputs[free], mixed(free), kinds[free].astype(np.uint64))
        order = np.argsort(keys, kind="stable")
        bounds = np.flatnonzero(np.diff(keys[order])) + 1
        stacks = np.split(free[order], bounds) if free.size else []
        for stack in sorted(stacks, key=lambda stack: int(stack[0])):
            self._leaf_box(stack)

    def _uses(self, leaves: NDArray[Any]) -> None:
        """Which boxes use each leaf, at which operand: triples, each once."""
        columns, size = self.graph.columns, len(self.graph)
        is_leaf = np.zeros(size, bool)
        is_leaf[leaves] = True
        edges = np.flatnonzero(is_leaf[columns.sources])
        targets = self.graph.targets[edges]
        home = self.home[targets]
        closed = np.array([box.is_closed for box in self.boxes] or [False])
        position = np.where(closed[home], 0, edges - columns.starts[targets])
        triples = np.stack([columns.sources[edges], home, position])
        order = np.lexsort(triples[::-1])
        triples = triples[:, order]
        fresh = np.r_[True, np.any(np.diff(triples), axis=0)][: triples.shape[1]]
        self._user, self._where, self._position = triples[:, fresh]

    def _hold(self, leaves: NDArray[Any]) -> None:
        """Put into closed boxes what only they use."""
        size = len(self.graph)
        count = np.bincount(self._user, minlength=size)
        only = np.zeros(size, np.int64)
        only[self._user] = self._where  # right where there is but one
        closed = np.array([box.is_closed for box in self.boxes] or [False])
        held = leaves[count[leaves] == 1]
        held = held[closed[only[held]]]
        self.home[held] = only[held]
        order = np.argsort(only[held], kind="stable")
        held = held[order]
        for group in np.split(held, np.flatnonzero(np.diff(only[held])) + 1):
            if group.size:
                own = int(only[group[0]])
                self.boxes[own] = replace(self.boxes[own], held=tuple(group.tolist()))

    def _keys(self, leaves: NDArray[Any], outputs: Any, by_sort: bool = True) -> NDArray[Any]:
        """Numbers that are the same for leaves that share a box."""
        use = mixed(self._where * 1048573 + self._position + 1)
        totals = np.zeros(len(self.graph), np.uint64)
        np.add.at(totals, self._user, use)
        kinds = np.frombuffer(self.graph.columns.kinds, np.uint8)
        sort = self._structure.sort if by_sort else kinds.astype(np.int64)
        keys = mixed(totals[leaves] + mixed(sort[leaves]) * np.uint64(3))
        alone = outputs[leaves] | (totals[leaves] == 0)
        found: NDArray[Any] = np.where(alone, mixed(leaves) * np.uint64(9), keys)
        return found

    def _leaf_box(self, stack: NDArray[Any]) -> None:
        own = len(self.boxes)
        self.home[stack] = own
        nodes = tuple(stack.tolist())
        group = self._group_of_leaves(nodes)
        around = 1 if group is None else self.groups[group].copies
        if len(nodes) > 1 and len(nodes) % around == 0:
            copies, times = len(nodes), len(nodes) // around
        else:
            copies, times = len(nodes), len(nodes)
        self.boxes.append(Box(f"n{nodes[0]}", "node", nodes, (), copies, times, group))

    def _group_of_leaves(self, nodes: tuple[int, ...]) -> int | None:
        """The innermost group around all that use them; no loop, unless each turn has its own."""
        if self.graph.columns.kinds[nodes[0]] == LEAF:
            return None
        first, last = np.searchsorted(self._user, [nodes[0], nodes[0] + 1])
        users = {self.boxes[i].group for i in self._where[first:last].tolist()}
        group = self._common(users)
        while group is not None and len(nodes) % self.groups[group].copies:
            group = self.groups[group].parent
        return group

    def _common(self, groups: set[int | None]) -> int | None:
        found = set(groups)
        while len(found) > 1:
            if None in found:
                return None
            deepest = max(i for i in found if i is not None)  # a parent comes before its children
            found.discard(deepest)
            found.add(self.groups[deepest].parent)
        return found.pop() if found else None

    # Links

    def outline(self) -> Outline:
        """All of it, in order."""
        self._sort()
        sources, targets = self.graph.columns.sources, self.graph.targets
        hidden = self.home[sources] < 0
        same_copy = self.copy[sources] == self.copy[targets]
        same_copy |= (self.copy[sources] < 0) | (self.copy[targets] < 0)
        inside = (self.home[sources] == self.home[targets]) & same_copy & ~hidden
        counts = np.bincount(self.home[targets[inside]], minlength=len(self.boxes)).tolist()
        boxes = [replace(box, inside=count) for box, count in zip(self.boxes, counts)]
        links = self._links(np.flatnonzero(~hidden & ~inside))
        return Outline(
            len(self.graph), tuple(boxes), tuple(self.groups), links, self.hidden, int(hidden.sum())
        )

    def _sort(self) -> None:
        """Put the boxes into the order of their first nodes."""
        order = sorted(range(len(self.boxes)), key=lambda i: self.boxes[i].nodes[0])
        self.boxes = [self.boxes[i] for i in order]
        place = np.full(len(order) + 1, -1, np.int64)  # the last for no box at all
        place[order] = np.arange(len(order))
        self.home = place[self.home]

    def _links(self, edges: NDArray[Any]) -> tuple[Link, ...]:
        columns = self.graph.columns
        sources, targets = columns.sources[edges], self.graph.targets[edges]
        one, other = self.home[sources], self.home[targets]
        closed = np.array([box.is_closed for box in self.boxes] or [False])
        operands = columns.starts[targets + 1] - columns.starts[targets]
        together = closed[other] | (operands > MOST_PLACES)
        position = np.where(together, -1, edges - columns.starts[targets])
        rows = np.stack([other, position, one, self._is_carried(sources, targets)])
        order = np.lexsort(rows[::-1])
        rows = rows[:, order]
        fresh = np.r_[True, np.any(np.diff(rows), axis=0)][: rows.shape[1]]
        counts = np.diff(np.r_[np.flatnonzero(fresh), len(order)])
        found = []
        for target, at, source, carried, edge, count in zip(
            *rows[:, fresh].tolist(), edges[order][fresh].tolist(), counts.tolist()
        ):
            place = None if at < 0 else at
            told = place is not None or (count == 1 and not closed[target])
            operand = self.graph.edges[edge].operand if told else ""
            found.append(Link(source, target, place, operand, count, bool(carried)))
        return tuple(found)

    def _is_carried(self, sources: NDArray[Any], targets: NDArray[Any]) -> NDArray[Any]:
        """Whether each edge leads from one copy of a repeated part to another."""
        size = len(self.boxes)
        pairs, inverse = np.unique(
            self.home[sources] * size + self.home[targets], return_inverse=True
        )
        around = np.array([self._copies_around(*divmod(p, size)) for p in pairs.tolist()] or [1])
        around = around[inverse.reshape(-1)]
        copies = np.array([box.copies for box in self.boxes] or [1])

        def turn(nodes: NDArray[Any]) -> NDArray[Any]:
            found: NDArray[Any] = self.copy[nodes] * around // copies[self.home[nodes]]
            return found

        both = (self.copy[sources] >= 0) & (self.copy[targets] >= 0) & (around > 1)
        carried: NDArray[Any] = both & (turn(sources) != turn(targets))
        return carried

    def _copies_around(self, one: int, other: int) -> int:
        """The copies of what is around two boxes."""
        if one == other:
            return self.boxes[one].copies
        group = self._common({self.boxes[one].group, self.boxes[other].group})
        return 1 if group is None else self.groups[group].copies
