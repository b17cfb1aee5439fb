"""Graphs as plain dicts, as JSON, and for NetworkX."""

from __future__ import annotations

import importlib
import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..recording import Record, Statistics
from ..tracing import Site
from .columns import CONSTANT, LEAF, OPERATION, PARAMETER, Columns, Signature
from .model import Graph, GraphScope

SCHEMA = "tinygraph.graph"
VERSION = 1
_KINDS = {LEAF: "leaf", PARAMETER: "parameter", CONSTANT: "constant", OPERATION: "operation"}
_CODES = {name: code for code, name in _KINDS.items()}


def to_dict(self: Graph, *, values: bool = False) -> dict[str, Any]:
    """The graph in lists, dicts, strings and numbers, as JSON has them; see docs/graph_schema.md.

    values: with the arrays that `tg.record(values=True)` kept, as nested lists.
    What a node does not have is left out. `Graph.from_dict` makes an equal graph of it.
    """
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "nodes": [_node(self, i, values) for i in range(len(self))],
        "edges": [asdict(edge) for edge in self.edges],
        "outputs": list(self.outputs),
        "scopes": [asdict(scope) for scope in self.scopes],
        "totals": {
            "flops": self.flops,
            "bytes_moved": self.bytes_moved,
            "bytes_kept": self.bytes_kept,
        },
    }


def to_json(
    self: Graph, path: str | os.PathLike[str] | None = None, *, values: bool = False
) -> str:
    """`to_dict` as JSON text; with a path, written there as well. Strict: no NaN, no Infinity."""
    import json  # late: few programs ask for it

    text = json.dumps(self.to_dict(values=values), ensure_ascii=False, allow_nan=False)
    if path is not None:
        Path(path).write_text(text, "utf-8")
    return text


def from_dict(given: Any) -> Graph:
    """The graph that `to_dict` wrote, from its dict; of JSON text, `json.loads` makes one.

    Raises ArgumentError for anything else, and for a version that is not known here.
    """
    if not isinstance(given, dict) or given.get("schema") != SCHEMA:
        raise ArgumentError(
            f"Graph.from_dict: {type(given).__name__} came; it needs the dict of graph.to_dict(), "
            "or json.loads(text) of graph.to_json()"
        )
    if given.get("version") != VERSION:
        raise ArgumentError(
            f"Graph.from_dict: version {given.get('version')!r} of the schema; this tinygraph "
            f"reads {VERSION}"
        )
    nodes, edges = given["nodes"], given["edges"]
    operands: list[list[str]] = [[] for _ in nodes]
    for edge in edges:
        operands[edge["target"]].append(edge["operand"])
    table: dict[Signature, int] = {}
    signatures = [
        table.setdefault(_signature(node, own), len(table)) for node, own in zip(nodes, operands)
    ]
    columns = Columns(
        kinds=bytes([_CODES[node["kind"]] for node in nodes]),
        table=tuple(table),
        signatures=np.array(signatures, np.int32),
        starts=np.concatenate([[0], np.cumsum([len(own) for own in operands])]).astype(np.int64),
        sources=np.array([edge["source"] for edge in edges], np.int64),
        scope=np.array([node.get("scope_id", -1) for node in nodes], np.int32),
        kept=np.array([node.get("bytes_kept", 0) for node in nodes], np.int64),
        order=np.zeros(len(nodes), np.int64),
        names={n["id"]: n["name"] for n in nodes if "name" in n},
        values={n["id"]: _number(n["value"]) for n in nodes if "value" in n},
        gradients={
            n["id"]: (_number(n.get("gradient")), _number(n["gradient_norm"]))
            for n in nodes
            if "gradient_norm" in n
        },
        sites={n["id"]: Site(**n["site"]) for n in nodes if "site" in n},
        records={n["id"]: _record(n["recorded"]) for n in nodes if "recorded" in n},
    )
    scopes = tuple([GraphScope(**scope) for scope in given["scopes"]])
    return Graph(columns, tuple(given["outputs"]), scopes)


def to_networkx(self: Graph) -> Any:
    """A `networkx.MultiDiGraph`: nodes by id, edges by operand position, what they have as data.

    Raises ImportError where NetworkX is not installed.
    """
    try:
        networkx: Any = importlib.import_module("networkx")
    except ImportError as error:
        raise ImportError(
            'to_networkx: NetworkX is not installed: pip install "tinygraph-autodiff[networkx]"'
        ) from error
    found = networkx.MultiDiGraph(outputs=self.outputs)
    for node in self.nodes:
        found.add_node(
            node.id,
            kind="parameter" if node.is_parameter else node.kind,
            label=node.label,
            operation=node.operation,
            name=node.name,
            shape=node.shape,
            dtype=node.dtype,
            scope=node.scope,
            value=node.value,
            gradient=node.gradient,
            flops=node.flops,
            bytes_kept=node.bytes_kept,
            is_output=node.is_output,
        )
    for edge in self.edges:
        found.add_edge(edge.source, edge.target, key=edge.position, operand=edge.operand)
    return found


# One way


def _node(graph: Graph, own: int, values: bool) -> dict[str, Any]:
    node, columns = graph.nodes[own], graph.columns
    signature = columns.table[columns.signatures[own]]
    gradient, norm = columns.gradients.get(own, (None, None))
    site = node.site
    entries: dict[str, Any] = {
        "id": own,
        "kind": _KINDS[columns.kinds[own]],
        "operation": signature.operation,
        "label": node.label,
        "params": signature.params or None,
        "name": node.name,
        "shape": _listed(signature.shape),
        "dtype": _listed(signature.dtype),
        "scope": node.scope or None,
        "scope_id": node.scope_id,
        "site": None if site is None else site._asdict(),
        "value": _plain(node.value),
        "gradient": _plain(gradient),
        "gradient_norm": _plain(norm),
        "flops": signature.flops or None,
        "bytes_moved": signature.bytes_moved or None,
        "bytes_kept": node.bytes_kept or None,
        "recorded": _recorded(columns.records.get(own), values),
    }
    return {name: entry for name, entry in entries.items() if entry is not None}


def _recorded(record: Record | None, values: bool) -> dict[str, Any] | None:
    if record is None:
        return None
    entries: dict[str, Any] = {}
    for name, entry in record._asdict().items():
        if isinstance(entry, Statistics):
            entries[name] = {key: _plain(x) for key, x in entry._asdict().items()}
        elif isinstance(entry, (np.ndarray, np.generic)):
            if values:
                array = np.asarray(entry)
                entries[name] = {"dtype": str(array.dtype), "shape": list(array.shape),
                                 "data": [_plain(x) for x in array.ravel().tolist()]}  # fmt: skip
        elif entry is not None:
            entries[name] = entry
    return entries


def _plain(x: Any) -> Any:
    """A number as JSON has it: "nan", "inf", "-inf" in words, a complex one in two parts."""
    if isinstance(x, complex):
        return {"re": _plain(x.real), "im": _plain(x.imag)}
    if isinstance(x, float) and not math.isfinite(x):
        return str(x)
    return x


def _listed(x: Any) -> Any:
    return [_listed(item) for item in x] if isinstance(x, tuple) else x


# And back


def _signature(node: dict[str, Any], operands: list[str]) -> Signature:
    return Signature(
        operation=node.get("operation"),
        label=node["label"] if node["kind"] == "operation" else None,
        shape=_tuple(node["shape"]),
        dtype=_tuple(node.get("dtype")),
        params=node.get("params", ""),
        operands=tuple(operands),
        flops=node.get("flops", 0),
        bytes_moved=node.get("bytes_moved", 0),
    )


def _tuple(x: Any) -> Any:
    return tuple([_tuple(item) for item in x]) if isinstance(x, list) else x


def _number(x: Any) -> Any:
    if isinstance(x, dict):
        return complex(_number(x["re"]), _number(x["im"]))
    return float(x) if isinstance(x, str) else x


def _record(given: dict[str, Any]) -> Record:
    entries: dict[str, Any] = {}
    for name, entry in given.items():
        if name.endswith("statistics"):
            entries[name] = Statistics(**{key: _number(x) for key, x in entry.items()})
        elif isinstance(entry, dict):
            data = [_number(x) for x in entry["data"]]
            entries[name] = np.array(data, entry["dtype"]).reshape(entry["shape"])
        else:
            entries[name] = entry
    return Record(**entries)


for function in (to_dict, to_json, to_networkx):
    setattr(Graph, function.__name__, function)
Graph.from_dict = staticmethod(from_dict)
