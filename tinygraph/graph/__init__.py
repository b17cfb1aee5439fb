"""The computation graph as a value: `tg.graph`, and what can be asked of its result."""

from . import exchange as _exchange  # noqa: F401 - these hang methods on Graph
from . import queries as _queries  # noqa: F401
from .building import graph, graph_of
from .labels import number
from .model import Graph, GraphEdge, GraphNode, GraphScope, Kind
from .summary import Summary, SummaryRow

__all__ = [
    "Graph",
    "GraphEdge",
    "GraphNode",
    "GraphScope",
    "Kind",
    "Summary",
    "SummaryRow",
    "graph",
    "graph_of",
    "number",
]
