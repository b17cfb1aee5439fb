"""Two graphs as one: nodes of both once, those of one beside them, and what need not be seen.

What is the same and far from any difference is summed up; so is what differs, where there is too
much of it to be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from ..graph import GraphNode
from ..graph.difference import Change, GraphDiff

State: TypeAlias = Literal["removed", "added", "changed", "same"]
READABLE = 120  # boxes
STRETCHES = 8  # in which what cannot be drawn is summed up
NEIGHBOURS = 2  # how far from a difference what is the same is drawn


@dataclass(frozen=True, slots=True)
class Entry:
    """A node of either graph, or of both. `node` is as it is in b, unless it was removed."""

    state: State
    node: GraphNode
    change: Change | None = None


class Arrow(NamedTuple):
    """An edge of either graph, or of both, between positions of entries."""

    source: int
    target: int
    state: State
    operand: str


@dataclass(frozen=True, slots=True)
class Part:
    """One box: an entry, or many of one state that hang together."""

    state: State
    entries: tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """What is drawn of a difference."""

    entries: tuple[Entry, ...]
    parts: tuple[Part, ...]
    arrows: tuple[tuple[int, int, State, int], ...]  # between parts, and how many

    @property
    def folded(self) -> int:
        """How many entries have no box of their own."""
        return sum(len(part.entries) for part in self.parts if len(part.entries) > 1)


def comparison(diff: GraphDiff, context: int | None, limit: int) -> Comparison:
    """What to draw: `context` steps around each difference; None: all, or 2 of what is larger.

    Of more differences than the limit the first ones are drawn, and the rest in a few stretches.
    """
    union = _Union(diff)
    size = len(union.entries)
    whole = size <= limit and context is None
    for reach in [size] if whole else _reaches(context):
        shown = [True] * size if whole else union.near(reach)
        parts = union.parts(shown, size)
        if len(parts) <= limit:
            break
    else:
        drawn = limit
        while len(parts) > limit:
            drawn //= 2
            ranked = [i for i, is_shown in enumerate(shown) if is_shown]
            parts = union.parts(shown, ranked[drawn], min(STRETCHES, limit))
    return Comparison(tuple(union.entries), tuple(parts), tuple(union.between(parts)))


def _reaches(context: int | None) -> list[int]:
    return list(range(NEIGHBOURS if context is None else context, -1, -1))


class _Union:
    def __init__(self, diff: GraphDiff) -> None:
        self.entries: list[Entry] = []
        self._of_a, self._of_b = [-1] * len(diff.a), [-1] * len(diff.b)
        self._enter(diff)
        self._sort(self._edges(diff))
        self._before: list[list[int]] = [[] for _ in self.entries]
        self._after: list[list[int]] = [[] for _ in self.entries]
        for arrow in self.arrows:
            self._before[arrow.target].append(arrow.source)
            self._after[arrow.source].append(arrow.target)

    def _sort(self, arrows: list[Arrow]) -> None:
        """Put inputs before what uses them first."""
        first_use = list(range(len(self.entries)))
        is_input = [entry.node.kind != "operation" for entry in self.entries]
        for arrow in sorted(arrows, key=lambda arrow: -arrow.target):
            if is_input[arrow.source]:
                first_use[arrow.source] = arrow.target
        order = sorted(range(len(first_use)), key=lambda i: (first_use[i], not is_input[i], i))
        place = {i: k for k, i in enumerate(order)}
        self.entries = [self.entries[i] for i in order]
        self.arrows = [
            arrow._replace(source=place[arrow.source], target=place[arrow.target])
            for arrow in arrows
        ]

    def _enter(self, diff: GraphDiff) -> None:
        """All nodes in b's order, what was removed before what comes after it in a."""
        changes = {change.after.id: change for change in diff.changed}
        partner = {j: i for i, j in diff.pairs}
        removed = [node.id for node in diff.removed]
        at = 0
        for node in diff.b.nodes:
            i = partner.get(node.id, -1)
            while at < len(removed) and removed[at] < i:
                self._remove(diff, removed[at])
                at += 1
            self._of_b[node.id] = len(self.entries)
            if i < 0:
                self.entries.append(Entry("added", node))
                continue
            self._of_a[i] = len(self.entries)
            change = changes.get(node.id)
            self.entries.append(Entry("changed" if change else "same", node, change))
        for i in removed[at:]:
            self._remove(diff, i)

    def _remove(self, diff: GraphDiff, i: int) -> None:
        self._of_a[i] = len(self.entries)
        self.entries.append(Entry("removed", diff.a.nodes[i]))

    def _edges(self, diff: GraphDiff) -> list[Arrow]:
        added = {(edge.target, edge.position) for edge in diff.added_edges}
        found = [
            Arrow(
                self._of_b[edge.source],
                self._of_b[edge.target],
                "added" if (edge.target, edge.position) in added else "same",
                edge.operand,
            )
            for edge in diff.b.edges
        ]
        return found + [
            Arrow(self._of_a[edge.source], self._of_a[edge.target], "removed", edge.operand)
            for edge in diff.removed_edges
        ]

    # What is shown

    def near(self, reach: int) -> list[bool]:
        """Which entries differ, or are so near to one that does, or give these an operand."""
        shown = [entry.state != "same" for entry in self.entries]
        for arrow in self.arrows:
            if arrow.state != "same":
                shown[arrow.source] = shown[arrow.target] = True
        edge = [i for i, is_shown in enumerate(shown) if is_shown]
        for _ in range(reach):
            around = {n for i in edge for n in (*self._before[i], *self._after[i]) if not shown[n]}
            for n in around:
                shown[n] = True
            if not around:
                break
            edge = sorted(around)
        for i, is_shown in enumerate(list(shown)):
            if is_shown and reach:
                for n in self._before[i]:
                    if self.entries[n].node.kind != "operation":
                        shown[n] = True
        return shown

    def parts(self, shown: Sequence[bool], end: int, stretches: int = 1) -> list[Part]:
        """A box for each entry that is shown; the others together, so that no way leads back.

        Entries from `end` on are not shown, but summed up in so many stretches.
        """
        level = self._levels(shown, end)
        self._part_of = part_of = [-1] * len(self.entries)
        found: list[list[int]] = []
        for first in range(end):
            if part_of[first] >= 0:
                continue
            part_of[first] = len(found)
            members = [first]
            for i in [] if shown[first] else members:  # which grows
                for n in (*self._before[i], *self._after[i]):
                    fits = n < end and not shown[n] and level[n] == level[first]
                    if fits and part_of[n] < 0:
                        part_of[n] = part_of[first]
                        members.append(n)
            found.append(sorted(members))
        length = -(-(len(self.entries) - end) // stretches)
        for first in range(end, len(self.entries), max(length, 1)):
            members = list(range(first, min(first + length, len(self.entries))))
            for i in members:
                part_of[i] = len(found)
            found.append(members)
        return [Part(self._state(own), tuple(own)) for own in found]

    def _state(self, members: list[int]) -> State:
        states = {self.entries[i].state for i in members}
        return states.pop() if len(states) == 1 else "changed"

    def _levels(self, shown: Sequence[bool], end: int) -> list[int]:
        """How often a way to an entry goes in and out of what is summed up, at most."""
        level = [0] * end
        for i in range(end):
            for p in self._before[i]:
                if p < i:
                    level[i] = max(level[i], level[p] + (shown[p] or shown[i]))
        for i in range(end - 1, -1, -1):
            if not self._before[i] and not shown[i]:  # an input goes with what uses it first
                uses = [level[n] for n in self._after[i] if n < end and not shown[n]]
                level[i] = min(uses, default=0)
        return level

    def between(self, parts: Sequence[Part]) -> list[tuple[int, int, State, int]]:
        """The arrows between boxes; those between the same two, in the same state, once."""
        counts: dict[tuple[int, int, State, str], int] = {}
        for arrow in self.arrows:
            source, target = self._part_of[arrow.source], self._part_of[arrow.target]
            if source == target:
                continue
            single = len(parts[source].entries) == len(parts[target].entries) == 1
            key = source, target, arrow.state, arrow.operand if single else ""
            counts[key] = counts.get(key, 0) + 1
        return [(source, target, state, n) for (source, target, state, _), n in counts.items()]
