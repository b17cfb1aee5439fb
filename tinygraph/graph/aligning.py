"""Which nodes of two graphs correspond to each other.

First what is equal together with all that it was computed from and all that it leads to; then what
is equal in one of these directions; and the same again without shapes and static arguments. From
the pairs that are found it goes on to their neighbours, as long as these are the same operation.
What is left is compared as two sequences. Each round is linear in the size of the graphs, but for
sorting, and nothing recurs.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any

from .columns import CONSTANT, OPERATION
from .model import Graph

MOST_CANDIDATES = 200_000  # pairs that are looked at when sequences are compared
SEVERAL = 4  # operations in a row that are taken for the same, though nothing else tells
EXACT, LOOSE, KIND = range(3)


class Side:
    """One of the two graphs, in lists."""

    def __init__(self, graph: Graph, number: dict[Any, int]) -> None:
        columns = graph.columns
        self.graph, self.number = graph, number
        self.kinds, self.names = columns.kinds, columns.names
        starts, sources = columns.starts.tolist(), columns.sources.tolist()
        self.operands = [sources[i:j] for i, j in itertools.pairwise(starts)]
        self.uses: list[list[tuple[int, int]]] = [[] for _ in self.kinds]
        for target, operands in enumerate(self.operands):
            for position, source in enumerate(operands):
                self.uses[source].append((target, position))
        self.named = set(columns.names.values())
        paths = [scope.path for scope in graph.scopes]
        scope = columns.scope.tolist()
        self.paths = [paths[own] if own >= 0 else "" for own in scope]
        self.scopes = set(self.paths) - {""}
        table, self.operation = columns.table, [""] * len(self.kinds)
        self.keys: list[list[int]] = [[], [], []]
        for i, own in enumerate(columns.signatures.tolist()):
            signature = table[own]
            self.operation[i] = signature.operation or ""
            for level, key in enumerate(self._keys(i, signature)):
                self.keys[level].append(self._number(key))

    def _keys(self, i: int, signature: Any) -> Iterator[Any]:
        """What a node is by itself: in all detail, without its sizes, and roughly."""
        name = self.names.get(i)
        if self.kinds[i] == OPERATION:
            yield signature, self.paths[i], name
            yield signature.operation, self.paths[i], name
            yield signature.operation
            return
        literal = signature.dtype is None
        value = repr(self.graph.columns.values.get(i)) if literal else None
        yield self.kinds[i], signature.shape, signature.dtype, name, value
        yield "input", name
        yield "input"

    def _number(self, key: Any) -> int:
        return self.number.setdefault(key, len(self.number))

    def __len__(self) -> int:
        return len(self.kinds)

    def contents(self) -> tuple[Any, ...]:
        """All that the outcome hangs on, to be sorted by."""
        table = [repr(signature) for signature in self.graph.columns.table]
        signatures = [table[i] for i in self.graph.columns.signatures.tolist()]
        values = [repr(item) for item in sorted(self.graph.columns.values.items(), key=_first)]
        return (
            len(self), len(self.graph.outputs), self.graph.outputs, self.operands, self.kinds,
            signatures, self.paths, sorted(self.names.items()), values,
        )  # fmt: skip

    def calls(self, operations: list[int], level: int) -> list[Any]:
        """Of operations, what they are, with the inputs that they take."""
        keys, kinds = self.keys[level], self.kinds
        return [
            (keys[i], *[keys[p] for p in self.operands[i] if kinds[p] != OPERATION])
            for i in operations
        ]

    def upward(self, level: int) -> list[int]:
        """By node, a number that is equal where it was computed equally."""
        found: list[int] = []
        for key, operands in zip(self.keys[level], self.operands):
            found.append(self._number(("up", key, *[found[i] for i in operands])))
        return found

    def downward(self, level: int) -> list[int]:
        """By node, a number that is equal where it is used equally, all the way."""
        outputs: dict[int, list[int]] = {}
        for position, output in enumerate(self.graph.outputs):
            outputs.setdefault(output, []).append(position)
        found = [0] * len(self)
        for i in range(len(self) - 1, -1, -1):
            uses = sorted([(found[target], position) for target, position in self.uses[i]])
            own = self.keys[level][i]
            found[i] = self._number(("down", own, tuple(outputs.get(i, ())), *uses))
        return found


def _first(item: tuple[int, Any]) -> int:
    return item[0]


def aligned(one: Graph, other: Graph) -> list[tuple[int, int]]:
    """Pairs of ids that correspond, by the first; the same, turned round, for (other, one)."""
    number: dict[Any, int] = {}
    a, b = Side(one, number), Side(other, number)
    if a.contents() > b.contents():  # so that it makes no difference which comes first
        return sorted((i, j) for j, i in _Alignment(b, a).pairs())
    return _Alignment(a, b).pairs()


class _Alignment:
    def __init__(self, a: Side, b: Side) -> None:
        self.a, self.b = a, b
        self.to_b = [-1] * len(a)
        self.to_a = [-1] * len(b)
        self._fresh: list[tuple[int, int]] = []  # pairs whose neighbours were not looked at

    def pairs(self) -> list[tuple[int, int]]:
        """All pairs."""
        for level in (EXACT, LOOSE):
            up = self.a.upward(level), self.b.upward(level)
            down = self.a.downward(level), self.b.downward(level)
            both = tuple(list(zip(*each)) for each in zip(up, down))
            for numbers in (both, up, down):
                self._match(*numbers)
        self._spread()
        for level in (EXACT, LOOSE, KIND):
            self._match_sequences(level)
        self._match(*both, inputs=True)
        return [(i, j) for i, j in enumerate(self.to_b) if j >= 0]

    def _pair(self, i: int, j: int) -> None:
        self.to_b[i], self.to_a[j] = j, i
        self._fresh.append((i, j))

    # What is equal

    def _match(self, of_a: list[Any], of_b: list[Any], *, inputs: bool = False) -> None:
        """Pair those of equal numbers, in order, where there are as many here as there.

        inputs: also those without a name, which else wait for what uses them to be paired.
        """
        groups: dict[Any, tuple[list[int], list[int]]] = {}
        for k, (side, numbers, partner) in enumerate(
            ((self.a, of_a, self.to_b), (self.b, of_b, self.to_a))
        ):
            for i, found in enumerate(numbers):
                known = inputs or side.kinds[i] == OPERATION or i in side.names
                if partner[i] < 0 and known:
                    groups.setdefault(found, ([], []))[k].append(i)
        for here, there in groups.values():
            if len(here) == len(there):
                for i, j in zip(here, there):
                    self._pair(i, j)

    # Neighbours

    def _spread(self) -> None:
        """Go from pairs to their operands and uses, and on from there."""
        queue, self._fresh = self._fresh, []
        while queue:
            queue.sort()
            for i, j in queue:
                self._match_operands(i, j)
            for i, j in queue:
                self._match_uses(i, j)
            queue, self._fresh = self._fresh, []

    def _match_operands(self, i: int, j: int) -> None:
        for p, q in zip(self.a.operands[i], self.b.operands[j]):
            if self._fit(p, q):
                self._pair(p, q)

    def _match_uses(self, i: int, j: int) -> None:
        here, there = self._free_uses(self.a, self.to_b, i), self._free_uses(self.b, self.to_a, j)
        for key, targets in here.items():
            others = there.get(key, [])
            if len(targets) == len(others):
                for p, q in zip(targets, others):
                    if self._fit(p, q):
                        self._pair(p, q)

    @staticmethod
    def _free_uses(side: Side, partner: list[int], i: int) -> dict[tuple[str, int], list[int]]:
        found: dict[tuple[str, int], list[int]] = {}
        for target, position in side.uses[i]:
            if partner[target] < 0:
                found.setdefault((side.operation[target], position), []).append(target)
        return found

    def _fit(self, p: int, q: int) -> bool:
        """Whether they are free, and may be the same operation or the same input."""
        a, b = self.a, self.b
        if self.to_b[p] >= 0 or self.to_a[q] >= 0:
            return False
        if a.kinds[p] == OPERATION or b.kinds[q] == OPERATION:
            if a.operation[p] != b.operation[q]:
                return False
            one, other = a.paths[p], b.paths[q]
            return one == other or (one not in b.scopes and other not in a.scopes)
        one, other = a.names.get(p), b.names.get(q)
        if one is None or other is None:
            # A tensor and a number that stands in the program are not one and the same.
            return (a.kinds[p] == CONSTANT) == (b.kinds[q] == CONSTANT) or one == other
        return one == other or (one not in b.named and other not in a.named)

    # Sequences

    def _match_sequences(self, level: int) -> None:
        """Pair what is left of operations, in an order that both have, if it hangs together."""
        here, there = self._left(self.a, self.to_b), self._left(self.b, self.to_a)
        found = common(self.a.calls(here, level), self.b.calls(there, level))
        proposed = ((here[k], there[m]) for k, m in found)
        waiting = {i: j for i, j in proposed if not self._contradicts(i, j)}
        for part in self._parts(waiting):
            if len(part) >= SEVERAL or any(self._hangs_on(i, waiting[i]) for i in part):
                for i in part:
                    self._pair(i, waiting[i])
        self._spread()

    def _parts(self, waiting: dict[int, int]) -> Iterator[list[int]]:
        """Of pairs those together that are neighbours in both graphs."""
        seen: set[int] = set()
        for first in waiting:
            if first in seen:
                continue
            seen.add(first)
            part = [first]
            for i in part:  # which grows
                there = {*self.b.operands[waiting[i]], *[t for t, _ in self.b.uses[waiting[i]]]}
                for n in (*self.a.operands[i], *[target for target, _ in self.a.uses[i]]):
                    if n not in seen and waiting.get(n, -1) in there:
                        seen.add(n)
                        part.append(n)
            yield part

    @staticmethod
    def _left(side: Side, partner: list[int]) -> list[int]:
        return [i for i, j in enumerate(partner) if j < 0 and side.kinds[i] == OPERATION]

    def _hangs_on(self, i: int, j: int) -> bool:
        """Whether pairs around it, or its scope, tell that it is the same."""
        a, b = self.a, self.b
        if a.paths[i] and a.paths[i] == b.paths[j]:
            return True
        operands = [self.to_b[p] for p in a.operands[i]]
        if operands == b.operands[j]:
            return True
        computed = {q for q in operands if q >= 0 and b.kinds[q] == OPERATION}
        if not computed.isdisjoint(b.operands[j]):
            return True
        uses = {self.to_b[target] for target, _ in a.uses[i]} - {-1}
        return not uses.isdisjoint(target for target, _ in b.uses[j])

    def _contradicts(self, i: int, j: int) -> bool:
        """Whether pairs around it tell that it is in another place."""
        a, b = self.a, self.b
        if any(
            self.to_b[p] >= 0 and self.to_a[q] >= 0 and self.to_b[p] != q
            for p, q in zip(a.operands[i], b.operands[j])
        ):
            return True
        here = {self.to_b[target] for target, _ in a.uses[i]}
        there = {target for target, _ in b.uses[j]}
        known = bool(here and there) and -1 not in here and all(self.to_a[t] >= 0 for t in there)
        return known and here.isdisjoint(there)


def common(one: list[Any], other: list[Any]) -> Iterable[tuple[int, int]]:
    """A longest common subsequence, as pairs of positions (Hunt & Szymanski 1977).

    Of long sequences only items of which nearly as many equal ones come before are compared.
    """
    positions: dict[Any, list[int]] = {}
    for j, key in enumerate(other):
        positions.setdefault(key, []).append(j)
    reach = max(MOST_CANDIDATES // max(len(one), 1), 1)
    seen: dict[Any, int] = {}
    last: list[int] = []  # for each length, the least position at which such a sequence ends
    ends: list[Any] = []  # that sequence, from its end: (i, j, rest)
    for i, key in enumerate(one):
        rank = seen[key] = seen.get(key, -1) + 1
        candidates = positions.get(key, [])[max(rank - reach, 0) : rank + reach + 1]
        for j in reversed(candidates):
            k = bisect_left(last, j)
            entry = (i, j, ends[k - 1] if k else None)
            last[k : k + 1], ends[k : k + 1] = [j], [entry]
    found = []
    rest = ends[-1] if ends else None
    while rest is not None:
        i, j, rest = rest
        found.append((i, j))
    return found[::-1]
