"""The computation graph as a value: `tg.graph`, and what can be asked of its result."""

import typing as _typing
from importlib import import_module as _import_module

from .building import graph, graph_of

# At first use: programs that train ask for no graph.
if _typing.TYPE_CHECKING:
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

_LATER = {
    "Graph": "model",
    "GraphEdge": "model",
    "GraphNode": "model",
    "GraphScope": "model",
    "Kind": "model",
    "Summary": "summary",
    "SummaryRow": "summary",
    "number": "labels",
}


def __getattr__(name: str) -> _typing.Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    globals()[name] = found = getattr(_import_module(f".{_LATER[name]}", __name__), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
