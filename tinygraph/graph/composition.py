"""The Graph of nodes that are known and in order."""

from __future__ import annotations

from ..node import Node
from .builder import Builder
from .model import Graph
from .scope_table import scopes_of


def composed(
    nodes: list[Node], roots: list[Node], names: dict[Node, str], arrays: dict[int, str]
) -> Graph:
    """Of these nodes, operands before what uses them, with what tensors and arrays are called."""
    builder = Builder(names, arrays)
    for node in nodes:
        builder.add(node)
    ids = builder.ids
    scope, scopes = scopes_of(nodes, builder)
    return Graph(builder.columns(scope), tuple([ids[root] for root in roots]), scopes)
