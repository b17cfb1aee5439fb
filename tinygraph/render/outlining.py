"""Choosing what to draw of a graph: how far its parts are opened, so that one can read it."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from ..errors import ArgumentError, GraphSizeError
from ..graph import Graph
from .abridging import abridged
from .folding import Division, Region, Structure
from .outline import Outline
from .placing import placed

Depth: TypeAlias = int | Literal["all"] | None
READABLE = 120  # boxes
ASKED_FOR = 300  # boxes, where a depth is given
LIMIT = 1000  # nodes, where all are asked for: more takes long to lay out, and nobody reads it
FEW = 12  # boxes, below which a part that is long gets abridged rather than left closed


def outline(
    graph: Graph, *, depth: Depth = None, constants: bool = True, limit: int | None = None
) -> Outline:
    """What is drawn of a graph; equal graphs have equal outlines.

    depth: how many scopes, one inside the other, are opened: 0 draws one box, 1 a box for each of
        the outermost scopes. None opens as much as can be read; "all" draws each node.
        Unless all are asked for, what repeats three times or more is drawn once if not all of it
        can be read.
    constants: whether operands that are not differentiated are drawn.
    limit: the most boxes, by default 120; 300 where a depth is given. Of "all" the most nodes, by
        default 1,000.
    Raises ArgumentError for another depth or limit, GraphSizeError where "all" are too many.
    """
    _check(depth, limit)
    structure = Structure(graph)
    drawn = len(graph) if constants else len(graph) - len(graph.constants)
    root = structure.root()
    if depth == "all":
        most = limit or LIMIT
        if drawn > most:
            raise GraphSizeError(_too_large(drawn, most))
        _open_all(structure, root)
        most_leaves = drawn
    else:
        budget = limit or (READABLE if depth is None else ASKED_FOR)
        most_leaves = max(budget // 2, 1)
        if depth is None and drawn <= budget:
            _open_all(structure, root)
            most_leaves = drawn
        elif depth != 0:
            _Opening(structure, constants, budget, depth).open(root)
    return placed(structure, root, constants, most_leaves)


def _check(depth: Any, limit: Any) -> None:
    counted = type(depth) is int and depth >= 0
    if not (depth is None or counted or (isinstance(depth, str) and depth == "all")):
        raise ArgumentError(
            f'depth={depth!r}; it is a count of scopes, 0 and up, "all" for each node, or None'
        )
    if limit is not None and (type(limit) is not int or limit < 1):
        raise ArgumentError(f"limit={limit!r}; it is the most boxes to draw, 1 or more, or None")


def _too_large(drawn: int, most: int) -> str:
    return (
        f'depth="all" would draw {drawn:,} nodes, more than the {most:,} that are laid out in '
        "reasonable time; leave depth out for a picture one can read, give depth=1 for the "
        "outermost modules, draw a part, as graph.subgraph(scope=…), or, to draw all of it, give "
        f"limit={drawn}"
    )


def _open_all(structure: Structure, root: Region) -> None:
    stack = [root]
    while stack:
        region = stack.pop()
        division = structure.divided(region, folded=False)
        region.parts = division.regions()
        stack += [part for part in region.parts if part.is_closed]


class _Opening:
    """Opens regions, outer ones first, as long as the boxes stay few enough to read."""

    def __init__(
        self, structure: Structure, constants: bool, budget: int, depth: int | None
    ) -> None:
        self._structure, self._constants, self._depth = structure, constants, depth
        self.left = budget
        self._outputs = np.zeros(len(structure.graph), bool)
        self._outputs[list(structure.graph.outputs)] = True

    def open(self, root: Region) -> None:
        """Open it, and in it level by level, each as a whole if it can be, else in part."""
        if not root.ops.size:
            root.parts = []
            return
        total = self.left
        self._open(root, self._divided(root))
        level = [root]
        left_closed: list[tuple[Region, Division]] = []
        while level := [p for region in level for p in region.parts or () if self._may_open(p)]:
            divisions = [self._divided(region) for region in level]
            costs = [division.cost(self._constants) for division in divisions]
            whole = sum(costs) <= self.left
            if not whole and self.left < total * 3 // 4:
                left_closed += zip(level, divisions)
                break
            for region, division, cost in zip(level, divisions, costs):
                if cost <= self.left:
                    self._open(region, division)
                else:
                    left_closed.append((region, division))
        if total - self.left < FEW and left_closed:
            self._open(*max(left_closed, key=lambda entry: len(entry[1])))

    def _divided(self, region: Region) -> Division:
        division = self._structure.divided(region)
        if division.cost(self._constants) > self.left:
            division.fold_more()
        return division

    def _may_open(self, region: Region) -> bool:
        if region.kind == "scope":
            if self._depth is None:
                return bool(region.ops.shape[1] > 1)  # of one operation, the closed box says enough
            return region.depth < self._depth
        return region.kind == "loop"

    def _open(self, region: Region, division: Division) -> None:
        cost = division.cost(self._constants)
        if cost > self.left:
            region.parts = abridged(division, self.left, self._outputs, self._constants)
            self.left -= len(region.parts)
        else:
            region.parts = division.regions()
            self.left -= cost
