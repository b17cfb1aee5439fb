"""In which scopes the nodes of a graph were made, found from the marks at results (`scopes`).

A node lies in a call that a later node lies in which uses it, if it was made after that call began.
The calls of a node form a chain, innermost first; equal chains are one object, so that a million
nodes take one comparison each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..node import Node

ATTRIBUTE = "."  # what joins the parts of a path


class Frame:
    """A call, or a block, that nodes lie in; `ended` is None for a block."""

    __slots__ = ("began", "ended", "kind", "path")

    def __init__(self, began: int, ended: int | None, path: str, kind: type | None) -> None:
        self.began, self.ended, self.path, self.kind = began, ended, path, kind


class Chain:
    """Frames around a node: the innermost, and the chain of those around it."""

    __slots__ = ("frame", "length", "outer")

    def __init__(self, frame: Frame, outer: Chain | None) -> None:
        self.frame, self.outer = frame, outer
        self.length: int = 1 if outer is None else outer.length + 1


class Chains:
    """All chains of a graph, each once."""

    def __init__(self) -> None:
        self._chains: dict[tuple[int, int], Chain] = {}
        self._frames: dict[int, Frame] = {}

    def frame(self, began: int, ended: int | None, path: str, kind: type | None) -> Frame:
        """The frame that began then."""
        found = self._frames.get(began)
        if found is None:
            found = self._frames[began] = Frame(began, ended, path, kind)
        return found

    def chain(self, frame: Frame, outer: Chain | None) -> Chain:
        """The chain of a frame inside a chain."""
        key = frame.began, id(outer)
        found = self._chains.get(key)
        if found is None:
            found = self._chains[key] = Chain(frame, outer)
        return found

    def union(self, one: Chain | None, other: Chain | None) -> Chain | None:
        """The chain of all frames in either."""
        if one is other or other is None:
            return one
        if one is None:
            return other
        frames: list[Frame] = []
        while one is not None or other is not None:
            if one is other:
                break
            if other is None or (one is not None and one.frame.began >= other.frame.began):
                assert one is not None
                if other is not None and one.frame is other.frame:
                    other = other.outer
                frames.append(one.frame)
                one = one.outer
            else:
                frames.append(other.frame)
                other = other.outer
        for frame in reversed(frames):
            one = self.chain(frame, one)
        return one

    def canonical(self) -> dict[Chain, Chain]:
        """For each chain, the longest that its innermost frame has, as the one to use."""
        longest: dict[Frame, Chain] = {}
        for chain in self._chains.values():
            if chain.frame not in longest or chain.length > longest[chain.frame].length:
                longest[chain.frame] = chain
        return {chain: longest[chain.frame] for chain in self._chains.values()}


def chains_of(nodes: Sequence[Node]) -> dict[Node, Chain]:
    """The chain of each node that lies in a scope; the nodes in topological order."""
    chains = Chains()
    marked = {
        node: mark
        for node in nodes
        if node.pullback is not None and (mark := getattr(node, "_room", None)) is not None
    }
    if not marked:
        return {}
    found = _calls(nodes, marked, chains)
    for node, mark in marked.items():
        if (block := _block(mark)) is not None:
            found[node] = chains.union(found.get(node), _blocks(block, chains))
    canonical = chains.canonical()
    return {node: canonical[chain] for node, chain in found.items() if chain is not None}


def _block(mark: Any) -> Any:
    """The innermost block among the marks of a node."""
    while mark is not None:
        if mark[1] is None:
            return mark[0]
        mark = mark[4]
    return None


def _blocks(block: Any, chains: Chains) -> Chain:
    frames = []
    while block is not None:
        frames.append(chains.frame(block.began, None, block.name, None))
        block = block.outer
    chain = None
    for frame in reversed(frames):
        chain = chains.chain(frame, chain)
    assert chain is not None
    return chain


def _calls(
    nodes: Sequence[Node], marked: dict[Node, Any], chains: Chains
) -> dict[Node, Chain | None]:
    """The calls that nodes lie in.

    Back from results to what they come from; then forward, to what else was made of it while the
    call lasted, as a penalty that a module leaves in an attribute; then back from that.
    """
    found: dict[Node, Chain | None] = {}
    for node, mark in marked.items():
        own = None
        while mark is not None:
            if mark[1] is not None:
                own = chains.union(own, chains.chain(chains.frame(*mark[:4]), None))
            mark = mark[4]
        found[node] = own
    _back(nodes, found, chains)
    if _onward(nodes, found, chains):
        _back(nodes, found, chains)
    return found


def _back(nodes: Sequence[Node], found: dict[Node, Chain | None], chains: Chains) -> None:
    for node in reversed(nodes):
        chain = found.get(node)
        if chain is None:
            continue
        for parent in node.parents:
            inherited: Chain | None = chain
            while inherited is not None and inherited.frame.began > parent.order:
                inherited = inherited.outer
            if inherited is not None:
                found[parent] = chains.union(found.get(parent), inherited)


def _onward(nodes: Sequence[Node], found: dict[Node, Chain | None], chains: Chains) -> bool:
    changed = False
    for node in nodes:
        before = chain = found.get(node)
        for parent in node.parents:
            inherited = found.get(parent)
            while inherited is not None and (inherited.frame.ended or 0) < node.order:
                inherited = inherited.outer
            if inherited is not None:
                chain = chains.union(chain, inherited)
        if chain is not before:
            found[node], changed = chain, True
    return changed


def names_of(chain: Chain) -> list[str]:
    """The parts of its path that each frame adds, outermost first.

    A module inside another one adds what its attribute path has beyond the other's.
    """
    frames = []
    rest: Chain | None = chain
    while rest is not None:
        frames.append(rest.frame)
        rest = rest.outer
    names = []
    around: str | None = None
    for frame in reversed(frames):
        name = frame.path
        if frame.kind is not None:
            if not name:
                name = frame.kind.__name__
            elif around and frame.path.startswith(around + ATTRIBUTE):
                name = name[len(around) + 1 :]
            elif frame.path == around:  # it calls itself
                name = name.rpartition(ATTRIBUTE)[2]
            around = frame.path
        names.append(name)
    return names
