"""The scopes of a graph, and which of them each node lies in."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..node import Node
from .builder import Builder
from .columns import CONSTANT, PARAMETER
from .model import GraphScope, common
from .scoping import Chain, chains_of, names_of


def scopes_of(nodes: list[Node], builder: Builder) -> tuple[Any, tuple[GraphScope, ...]]:
    """For each node the number of its scope, -1 for none; and the scopes."""
    chains = chains_of(nodes)
    own = [-1] * len(builder)
    if not chains:
        return np.full(len(builder), -1, np.int32), ()
    table = _Scopes()
    for node in nodes:
        if (chain := chains.get(node)) is not None:
            own[builder.ids[node]] = table.number(chain)
    _settle(own, builder, table.scopes)
    return np.array(own, np.int32), tuple(table.scopes)


class _Scopes:
    """Scopes in the order in which nodes lie in them, outer ones before inner ones."""

    def __init__(self) -> None:
        self.scopes: list[GraphScope] = []
        self._numbers: dict[int, int] = {}  # by when they began
        self._calls: dict[str, int] = {}

    def number(self, chain: Chain) -> int:
        """Which scope the innermost of a chain is."""
        found = self._numbers.get(chain.frame.began)
        if found is not None:
            return found
        parent = None if chain.outer is None else self.number(chain.outer)
        name = names_of(chain)[-1]
        path = name if parent is None else f"{self.scopes[parent].path}.{name}"
        call = self._calls[path] = self._calls.get(path, -1) + 1
        kind = chain.frame.kind.__name__ if chain.frame.kind else None
        own = self._numbers[chain.frame.began] = len(self.scopes)
        self.scopes.append(GraphScope(own, path, name, parent, kind, call))
        return own


def _settle(own: list[int], builder: Builder, scopes: list[GraphScope]) -> None:
    """Give parameters and constants the innermost scope around all that use them."""
    unset = -2
    settled: dict[int, int] = {}
    for target in range(len(own)):
        for source in builder.operands_of(target):
            kind = builder.kind(source)
            if kind == CONSTANT or (kind == PARAMETER and own[source] == -1):
                before = settled.get(source, unset)
                here = own[target]
                settled[source] = here if before == unset else common(scopes, before, here)
    for node, scope in settled.items():
        own[node] = scope
