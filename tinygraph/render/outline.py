"""What is drawn of a graph, before any picture: boxes, groups of boxes, and links between them.

Every node of the graph lies in one box at most; hidden constants lie in none. An edge is part of a
link between two boxes, or lies inside a box, or is hidden with its constant.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BoxKind: TypeAlias = Literal["node", "scope", "loop", "chain", "part", "whole"]
GroupKind: TypeAlias = Literal["scope", "loop"]


@dataclass(frozen=True, slots=True)
class Box:
    """One box of a picture.

    key      unique; of a box for a node "n" and its id
    kind     "node": one node, or one of each copy of a repeated part; closed boxes stand for all
             that is in a "scope", a turn of a "loop", a "chain", a "part" of a long computation,
             or the "whole"
    nodes    ids: those of the first copy, then those of the second, which are equal to them in
             structure, and so on
    held     ids of leaves and constants that are used nowhere else, in a closed box
    copies   how many of the same there are, over all groups around it
    times    how many in a row or side by side, inside the group it is drawn in
    group    position among the groups, or None
    scopes   of a closed scope, its id, or the ids of all that follow each other in the first copy
    inside   edges that lie in it
    """

    key: str
    kind: BoxKind
    nodes: tuple[int, ...]
    held: tuple[int, ...] = ()
    copies: int = 1
    times: int = 1
    group: int | None = None
    scopes: tuple[int, ...] = ()
    inside: int = 0

    @property
    def is_closed(self) -> bool:
        """Whether it hides a structure."""
        return self.kind != "node"


@dataclass(frozen=True, slots=True)
class Group:
    """A frame around boxes: an open scope, or a turn of a loop that stands for all of them.

    parent                    position of the group around it, smaller than its own, or None
    copies, times, scopes     as of a box
    """

    key: str
    kind: GroupKind
    parent: int | None
    copies: int = 1
    times: int = 1
    scopes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """Edges from one box to another, or from one copy in a box to the next.

    source, target     positions among the boxes
    position, operand  which operand of the target it is, where that is a node with a place for
                       each; else None, ""
    count              how many edges
    carried            from one copy of a repeated part to another: the state of a loop
    """

    source: int
    target: int
    position: int | None
    operand: str
    count: int = 1
    carried: bool = False


@dataclass(frozen=True)
class Outline:
    """What is drawn of a graph of so many nodes.

    boxes, groups, links   in topological order, as far as there is one
    hidden                 ids of constants that are not drawn
    hidden_edges           how many edges are not drawn with them
    """

    size: int
    boxes: tuple[Box, ...]
    groups: tuple[Group, ...]
    links: tuple[Link, ...]
    hidden: tuple[int, ...] = ()
    hidden_edges: int = 0

    @functools.cached_property
    def home(self) -> NDArray[Any]:
        """For each node of the graph the position of its box, -1 for none."""
        home = np.full(self.size, -1, np.int64)
        for i, box in enumerate(self.boxes):
            home[list(box.nodes)] = i
            home[list(box.held)] = i
        return home

    @functools.cached_property
    def copy(self) -> NDArray[Any]:
        """For each node which of its box's copies it is part of, -1 for none."""
        copy = np.full(self.size, -1, np.int64)
        for box in self.boxes:
            copy[list(box.nodes)] = np.arange(len(box.nodes)) * box.copies // len(box.nodes)
        return copy

    @property
    def is_whole(self) -> bool:
        """Whether each node has a box of its own."""
        return len(self.boxes) == self.size

    def groups_around(self, group: int | None) -> list[int]:
        """A group and all around it, innermost first."""
        found = []
        while group is not None:
            found.append(group)
            group = self.groups[group].parent
        return found
