"""Drawing a long computation in few boxes, where nothing that repeats makes it short."""

from __future__ import annotations

from typing import Any

import numpy as np

from .folding import Division, Region

LONG = 8  # parts in a chain
ENDS = 2  # of them that are drawn, at each end
SUMMARIES = 6  # boxes for all that does not get one of its own


def abridged(division: Division, budget: int, outputs: Any, constants: bool) -> list[Region]:
    """The parts of a region in few boxes: long chains as one box each.

    Where that is too much still, what is near to outputs, and where it begins, and the rest in a
    few stretches, in the order of creation.

    outputs: for each node of the graph whether it is one.
    """
    flow = _Flow(division, outputs)
    chains = flow.chains()
    leaves = division.cost(constants) - len(division.pieces)
    if len(division.pieces) - sum(len(chain) - 1 for chain in chains) + leaves <= budget:
        return flow.regions(chains, "chain")
    return flow.regions(flow.stretches(budget), "part")


class _Flow:
    """What goes from piece to piece of a division."""

    def __init__(self, division: Division, outputs: Any) -> None:
        self.division = division
        count = self.count = len(division.pieces)
        whose = np.repeat(np.arange(count), [p.stop - p.start for p in division.pieces])
        inside = division.source_part >= 0
        source = whose[division.source_part[inside]]
        target = whose[division.target_part[inside]]
        pairs = np.unique((source * count + target)[source != target])
        self.source, self.target = pairs // count, pairs % count
        columns = outputs[division.region.ops].any(axis=0)[division.columns]
        self.is_output = np.zeros(count, bool)
        self.is_output[whose[division.part[division.columns][columns]]] = True

    def chains(self) -> list[list[int]]:
        """The inner parts of long chains: each is used by the next only, and uses only the last."""
        uses = np.bincount(self.source, minlength=self.count)
        operands = np.bincount(self.target, minlength=self.count)
        alone = (uses[self.source] == 1) & (operands[self.target] == 1)
        alone &= ~self.is_output[self.source]
        following = dict(zip(self.source[alone].tolist(), self.target[alone].tolist()))
        found = []
        for first in sorted(following.keys() - set(following.values())):
            chain = [first]
            while (piece := following.get(chain[-1])) is not None:
                chain.append(piece)
            if len(chain) >= LONG:
                found.append(chain[ENDS:-ENDS])
        return found

    def stretches(self, budget: int) -> list[list[int]]:
        """All but the neighbourhood of outputs and the beginning, in a few stretches."""
        shown = self._near_outputs(budget // 10) | set(range(min(budget // 15, self.count)))
        rest = [i for i in range(self.count) if i not in shown]
        count = max(1, min(SUMMARIES, budget - len(shown)))
        size = max(1, -(-len(rest) // count))
        return [rest[i : i + size] for i in range(0, len(rest), size)]

    def _near_outputs(self, most: int) -> set[int]:
        """Up to so many pieces from which outputs come the most directly."""
        starts = np.searchsorted(np.sort(self.target), np.arange(self.count + 1))
        sources = self.source[np.argsort(self.target, kind="stable")]
        found: dict[int, None] = {}
        queue = np.flatnonzero(self.is_output)[::-1].tolist()
        for piece in queue:
            if len(found) >= most:
                break
            if piece not in found:
                found[piece] = None
                queue += sources[starts[piece] : starts[piece + 1]][::-1].tolist()
        return set(found)

    def regions(self, groups: list[list[int]], kind: Any) -> list[Region]:
        """These groups of pieces in a closed region each, and all other pieces."""
        pieces = self.division.pieces
        at: dict[int, list[int]] = {group[0]: group for group in groups if len(group) > 1}
        joined = {i for group in at.values() for i in group}
        found = []
        for i, piece in enumerate(pieces):
            if i in at:
                found.append(self.division.joined([pieces[k] for k in at[i]], kind))
            elif i not in joined:
                found.append(self.division.region_of(piece))
        return found
